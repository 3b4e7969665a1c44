/**
 * The study's probing as notebook 04 takes it: each encoder and each baseline once, results in the run's folder.
 * @module
 */
import { baselineRows } from "../probing/baselines.ts";
import { ckaMatrix } from "../matrix/cka.ts";
import { bertConfig } from "../bert/config.ts";
import { createBert, type Model } from "../bert/parameters.ts";
import { barType, tokenCounts, withControls } from "../probing/controls.ts";
import type { Split } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { embeddingMemory, embedLayers } from "../probing/embed.ts";
import { removeIfThere, writeFile } from "../base/files.ts";
import { mixesOf, mixLayers } from "../probing/layer_mix.ts";
import { progress, stopSignal } from "../notebook/notebook.ts";
import { createNpy } from "../matrix/npy.ts";
import { pieceBytes, readRows, type RowSource, sliceRows } from "../matrix/rows.ts";
import type { ModelName } from "../bert/variants.ts";
import type { Task } from "../metrics/tasks.ts";
import { type LayerJob, probeLayers } from "../probing/probe_layers.ts";
import {
  type BarTables,
  lineOf,
  type ProbeMeta,
  type ProbeRow,
  type ProbeTables,
  tokenCountLine,
  untrainedLine,
} from "../probing/rows.ts";
import { sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { toLatex } from "../notebook/latex.ts";
import { loadReplicates, storeReplicates, toCsv } from "../probing/results.ts";
import { readSafetensors, writeSafetensors } from "../matrix/safetensors.ts";
import type { Evaluation } from "../training/evaluation.ts";
import { trained, trainingInputs } from "./training_steps.ts";
import type { Study } from "./study.ts";

const splitNames = ["train", "validation", "test"] as const;

/**
 * Indices of a split's bars to probe, ascending within each song: all of them, or at most `probing.trainBarsPerSong`
 * (train) or `testBarsPerSong` (validation, test) of each song, drawn by the recipe's seed.
 */
export function probeBars(corpus: Corpus, split: Split, { probing, seed }: Recipe): Int32Array {
  const most = split === "train" ? probing.trainBarsPerSong : probing.testBarsPerSong;
  if (most === 0) return corpus.barsOf(split);
  return Int32Array.from(corpus.songs.flatMap(({ split: own, firstBar, bars }, song) => {
    if (own !== split) return [];
    const all = Array.from({ length: bars }, (_, i) => firstBar + i);
    return sample(all, most, stream(seed, "probe bars", song)).sort((a, b) => a - b);
  }));
}

const perSplit = <T>(of: (split: typeof splitNames[number]) => T): Record<typeof splitNames[number], T> => ({
  train: of("train"),
  validation: of("validation"),
  test: of("test"),
});

/**
 * What the probes are asked: labels and songs of the bars of {@link probeBars}, split by split; with them the drawings of
 * bars that the authors' protocol repeats its scores on, and the same bars with permuted and with control labels, where
 * the recipe wants those controls.
 */
export function probeTables(corpus: Corpus, recipe: Recipe): ProbeTables {
  const bars = perSplit((split) => Array.from(probeBars(corpus, split, recipe)));
  const tables: BarTables = perSplit((split) => ({
    labels: bars[split].map(corpus.labels),
    songs: Int32Array.from(bars[split], (bar) => corpus.song(bar)),
  }));
  const { controlType } = recipe.probing;
  const types = perSplit((split) =>
    controlType === "none" ? [] : bars[split].map((bar) => barType(corpus.tokens(bar), controlType))
  );
  return withControls(tables, types, recipe);
}

/** Places among a study's test bars of those that layers are compared by. */
const ckaPlaces = (testBars: number, { probing, seed }: Recipe): number[] =>
  sample(Array(testBars).keys(), probing.ckaBars, stream(seed, "cka bars")).sort((a, b) => a - b);

const ckaFile = (study: Study, model: string): string =>
  study.path("probes", `${model.replace(/[^\w.-]/g, "-")}.layers.safetensors`);

/**
 * How alike the layers of all models are: linear CKA (Kornblith et al. 2019) of each pair of layers on the same test
 * bars, `probing.ckaBars` at most, as cells of a heat map named like `BERT 3`. From 0 to 1, which is the same but for a
 * rotation and a scale. Layer 0 is left out: there the `Bar` token is the same in every bar. Done once.
 *
 * @param models of {@link probe}, which has to be done before: it keeps those bars' embeddings
 */
export async function compareLayers(
  study: Study,
  models: readonly string[],
): Promise<{ cells: { x: string; y: string; value: number }[]; bars: number }> {
  return await study.once("compare layers", { ...study.recipe, data: study.data, models }, async () => {
    const names: string[] = [], layers: Float32Array[] = [];
    let bars = 0;
    for (const model of models) {
      for (const [name, { shape, data }] of readSafetensors(await Deno.readFile(ckaFile(study, model)))) {
        const layer = Number(name.replace(/^layer\//, ""));
        if (layer === 0) continue; // the Bar token's own embedding does not vary
        names.push(`${model} ${layer}`);
        layers.push(data as Float32Array);
        bars = shape[0];
      }
    }
    const matrix = ckaMatrix(layers, bars);
    return { cells: names.flatMap((y, i) => names.map((x, j) => ({ x, y, value: matrix[i][j] }))), bars };
  });
}

/** What a model's probes found, and what each layer weighed in all layers together. */
interface Probed {
  rows: ProbeRow[];
  mixes: { model: string; seed: number; tasks: Task[]; weights: number[] }[];
}

/** Does a probing once; resamplings are kept beside the step's record. */
async function probedOnce(study: Study, name: string, work: () => Promise<Probed>): Promise<ProbeRow[]> {
  const path = study.path("probes", `${name.replace(/[^\w.-]/g, "-")}.safetensors`);
  const { rows } = await study.once(`probe ${name}`, { ...study.recipe, data: study.data, name }, async () => {
    const { rows, mixes } = await work();
    await storeReplicates(path, rows);
    return { rows: rows.map(({ replicates: _, ...row }) => row), mixes };
  });
  return await loadReplicates(path, rows);
}

/**
 * Probes every layer of a model of the study, or of untrained encoders (`probing.untrainedSeeds` of them); a model not
 * yet trained is trained first. Done once: the rows are kept in the run's folder.
 *
 * @returns a row for each layer, pooling, task, metric, protocol, split and drawing, controls and all layers together
 * among them; the test scores with their resamplings
 * @throws {DOMException} AbortError if the cell is stopped; the model's probes are then begun anew
 */
export async function probe(study: Study, corpus: Corpus, name: ModelName | "untrained"): Promise<ProbeRow[]> {
  const { recipe } = study;
  const guesses = await probeBaselines(study, corpus);
  return await probedOnce(study, name, async () => {
    const tables = probeTables(corpus, recipe), found: Probed = { rows: [], mixes: [] };
    const seeds = name === "untrained" ? recipe.probing.untrainedSeeds : 1;
    for (let i = 0; i < seeds; i++) {
      const seed = recipe.seed + i;
      const model = name === "untrained" ? createBert(bertConfig(recipe), seed) : await trained(study, corpus, name);
      const { input } = name === "untrained" ? untrainedLine : lineOf(name);
      try {
        const { rows, mixes } = await probeModel(
          model,
          { model: name, input, seed },
          corpus,
          tables,
          guesses,
          recipe,
          {
            keep: i === 0 ? ckaFile(study, name) : undefined,
            folder: `${study.folder}/probes/embeddings-${name}`,
            poolings: name === "untrained" ? recipe.probing.poolings.slice(0, 1) : recipe.probing.poolings,
            controls: i === 0,
          },
        );
        found.rows.push(...rows);
        found.mixes.push(...mixes);
      } finally {
        model.weights.dispose();
      }
    }
    return found;
  });
}

/** A model's probing as it is asked for. */
interface ModelProbing {
  /** Where the embeddings of some test bars are kept, to compare the layers of models by. */
  keep?: string;
  /** Where embeddings lie meanwhile that do not fit `recipe.probing.memory`. */
  folder: string;
  poolings: Recipe["probing"]["poolings"];
  controls: boolean;
}

/** As {@link probeEmbedded}, and leaves no file behind. */
async function probeModel(...args: Parameters<typeof probeEmbedded>): Promise<Probed> {
  const { folder } = args[6];
  await removeIfThere(folder); // of a process that was killed
  try {
    return await probeEmbedded(...args);
  } finally {
    await removeIfThere(folder);
  }
}

/** Embeds the bars and probes every layer, in every pooling, and all layers together. */
async function probeEmbedded(
  model: Model,
  named: Pick<ProbeMeta, "model" | "input" | "seed">,
  corpus: Corpus,
  tables: ProbeTables,
  guesses: readonly ProbeRow[],
  recipe: Recipe,
  { keep, folder, poolings, controls }: ModelProbing,
): Promise<Probed> {
  const signal = stopSignal(), { layerMix } = recipe.probing;
  const bars = splitNames.map((split) => Array.from(probeBars(corpus, split, recipe)));
  const what = `${named.model}${named.seed === recipe.seed ? "" : `, seed ${named.seed}`}`;
  const mebibytes = embeddingMemory(model.config, bars.flat().length, { poolings: poolings.length });
  const inFiles = mebibytes > recipe.probing.memory, place = inFiles ? ` (${mebibytes.toFixed(0)} MiB, in files)` : "";
  const bar = progress({ label: `Embedding with ${what}${place}`, total: bars.flat().length, unit: "bars" });
  const onProgress = (done: number) => void bar.update(done);
  const embedded = await embedLayers(model, corpus, bars.flat(), recipe, { signal, onProgress, poolings, folder });
  const { layers, pooled, columns } = embedded;
  await bar.done();
  const cut = (source: RowSource) => {
    const part = (split: number) => sliceRows(source, columns, bars.slice(0, split).flat().length, bars[split].length);
    return { columns, train: part(0), validation: part(1), test: part(2) };
  };
  if (keep !== undefined) {
    const places = Int32Array.from(ckaPlaces(bars[2].length, recipe)), width = String(layers.length - 1).length;
    const tensors = layers.map((source, layer): [string, { shape: number[]; data: Float32Array }] => {
      const data = readRows(cut(source).test, columns, places);
      return [`layer/${String(layer).padStart(width, "0")}`, { shape: [places.length, columns], data }];
    });
    await writeFile(keep, writeSafetensors(new Map(tensors), { what: "embeddings of test bars, bars × width" }));
  }
  const all = poolings.flatMap((pooling, place) =>
    pooled.get(pooling)!.map((data, layer): LayerJob => ({
      meta: { ...named, layer, layers: "one", pooling },
      features: () => cut(data),
      asked: place === 0
        ? { replicates: true, labels: controls ? undefined : ["true"] }
        : { replicates: true, protocols: ["sound"], labels: ["true"] },
    }))
  );
  const meter = progress({ label: `Probing ${what}`, total: all.length, unit: "layers" });
  const onDone = (done: number) => void meter.update(done);
  const rows = await probeLayers(all, tables, recipe, { signal, onDone });
  await meter.done();
  if (layerMix === "none") return { rows, mixes: [] };
  const own = rows.filter((row) => row.pooling === poolings[0]);
  const mixes = mixesOf(own, guesses, layerMix);
  const reading = { pieceBytes: pieceBytes(recipe.probing.memory, 2 * layers.length) };
  const mixed = (i: number) =>
    inFiles ? createNpy(`${folder}/mix-${i}.npy`, bars.flat().length, columns, reading) : undefined;
  const weighted = mixes.map(({ tasks, weights }, i): LayerJob => ({
    meta: { ...named, layer: null, layers: "weighted", pooling: poolings[0] },
    features: () => cut(mixLayers(layers, weights, bars[0].length, columns, mixed(i))),
    asked: { tasks, protocols: ["sound"], labels: ["true"], replicates: true },
  }));
  rows.push(...await probeLayers(weighted, tables, recipe, { signal }));
  return { rows, mixes: mixes.map((mix) => ({ model: named.model, seed: named.seed, ...mix })) };
}

/**
 * The two baselines that need no encoder, as rows through the same metrics: `majority`, the best guess that sees nothing
 * of a bar (most common class, training mean; see baselines.ts), and a probe on token counts (how often each of the 560 ids stands in a bar). Done once.
 */
export function probeBaselines(study: Study, corpus: Corpus): Promise<ProbeRow[]> {
  const { recipe } = study;
  return probedOnce(study, "guesses", async () => {
    const tables = probeTables(corpus, recipe);
    const features = tokenCounts(perSplit((split) => Array.from(probeBars(corpus, split, recipe), corpus.tokens)));
    const { labels: _, ...counts } = tokenCountLine;
    const bag = await probeLayers(
      [{
        meta: { ...counts, seed: recipe.seed, layer: null, pooling: "none" },
        features,
        asked: { labels: ["true"], replicates: true },
      }],
      tables,
      recipe,
      { signal: stopSignal() },
    );
    return { rows: [...baselineRows(tables, recipe), ...bag], mixes: [] };
  });
}

/** Writes tables into the run's folder `tables`, as `name.csv` and `name.tex` (for LaTeX, labelled `tab:name`). */
export async function writeTables(
  study: Study,
  named: Record<string, { caption: string; rows: readonly object[] }>,
): Promise<void> {
  for (const [name, { caption, rows }] of Object.entries(named)) {
    const columns = [...new Set(rows.flatMap(Object.keys))];
    await writeFile(study.path("tables", `${name}.csv`), toCsv(rows, columns));
    await writeFile(study.path("tables", `${name}.tex`), toLatex(rows, { caption, label: `tab:${name}` }));
  }
}

/**
 * What {@link train} of steps.ts measured of the models (MLM and NT-Xent accuracies), for Table 1 and the claims about
 * training; nothing is trained for it, and a model that was not evaluated is left out.
 */
export function evaluationsOf(study: Study, models: readonly ModelName[]): Evaluation[] {
  return models.flatMap((model) =>
    study.done<Evaluation>(`evaluate ${model}`, { ...trainingInputs(study), model })?.info ?? []
  );
}
