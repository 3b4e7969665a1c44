import { assertEquals } from "@std/assert";
import { recipe, type RecipeChanges, recipeDifferences, type Scale } from "@lib/recipe/recipe.ts";

const scales: Scale[] = ["smoke", "demo", "small", "base"];

/** What the authors' preset changes where the sound one trains by Muon: the paper has AdamW. */
const adamW: Record<string, string[]> = { demo: ["learningRate", "optimizer"], small: ["learningRate", "optimizer"] };

Deno.test("base is the paper's model and training, in both presets", () => {
  // The numbers of the paper's text and tables, as STUDY 0, 4.6, 7, 8, 9 and 10 report them.
  const paper: RecipeChanges = {
    tokens: { maxTokens: 512, minNotes: 6 },
    model: { layers: 12, hidden: 768, heads: 12, intermediate: 3072 },
    masking: { rate: 0.15, mask: 0.8, random: 0.1 },
    views: { pitchShift: 6, velocityShift: 3, dropout: 0.1 },
    contrast: { temperature: 0.1, weight: 0.1, every: 1, validationRows: 24 },
    training: {
      ...{ batchRows: 24, learningRate: 1e-4, warmupSteps: 10_000, decay: "inverse-sqrt", beta1: 0.9, beta2: 0.999 },
      ...{ epsilon: 1e-8, weightDecay: 0.01, clipNorm: 0, keep: "best" },
    },
    split: { train: 0.8, validation: 0.1 },
    probing: { draws: 5, drawnTrainBars: 5, drawnTestBars: 10, drawnAlpha: 100, chordThreshold: -0.8, clusters: 1000 },
  };
  for (const preset of ["sound", "authors"] as const) {
    const base = recipe(preset, "base");
    assertEquals(recipeDifferences(base, recipe(preset, "base", paper)), []);
  }
});

Deno.test("the authors' preset differs from the sound one where their code does, and in nothing else", () => {
  for (const scale of scales) {
    const sound = recipe("sound", scale), authors = recipe("authors", scale);
    const fields = recipeDifferences(sound, authors).map((line) => line.split(":")[0]);
    const expected = [
      ...["preset", "midi.reading", "midi.metaTracks", "midi.clock", "midi.missingMeter"],
      ...["midi.meters", "midi.zeroLength", "midi.controllers", "midi.drums"],
      ...["tokens.quantise", "tokens.barTempo", "tokens.tempoBin", "tokens.cut", "labels.chords", "labels.notes"],
      ...["duplicates.exact", "duplicates.near", "split.by", "model.encoder", "model.layerNormEps", "model.init"],
      ...["masking.replacements", "masking.validation", "views.neighborSelf", "views.dropoutPlace", "contrast.batches"],
      ...(["demo", "small"].includes(scale) ? ["model.initStd", "model.positions"] : []), // of our encoder alone
      ...(adamW[scale] ?? []).map((field) => `training.${field}`), // as the paper says
      ...(sound.contrast.every === 1 ? [] : ["contrast.every", "views.dropoutSteps"]), // the paper: NT-Xent in each step
      ...(sound.training.packing === "none" ? [] : ["training.packing"]), // pads of theirs take part
    ];
    assertEquals(fields.toSorted(), expected.toSorted());
  }
});

Deno.test("scales grow: layers, width, steps and resamplings never fall from one to the next", () => {
  const sizes = scales.map((scale) => {
    const { model, training, probing } = recipe("sound", scale);
    return [model.layers, training.steps, training.batchTokens, training.validationBars, probing.bootstraps];
  });
  for (const [i, size] of sizes.slice(1).entries()) {
    assertEquals(size.map((value, k) => value >= sizes[i][k]), size.map(() => true), scales[i + 1]);
  }
});
