/**
 * Which concepts of known truth a run's models hold, as notebook 4 shows it.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { createBert, type Model } from "../bert/parameters.ts";
import type { ModelName } from "../bert/variants.ts";
import { removeIfThere } from "../base/files.ts";
import type { Corpus } from "../corpus/store.ts";
import { progress, stopSignal } from "../notebook/notebook.ts";
import { composeConcepts, type ConceptBars } from "../probing/concepts/compose.ts";
import { allBars, type ConceptLayer, type ConceptRow, probeConcepts } from "../probing/concepts/probe_concepts.ts";
import { barFeatures, tokenCounts } from "../probing/controls.ts";
import { embedLayers } from "../probing/embed.ts";
import { handFeatures } from "../probing/hand_features.ts";
import { handFeatureLine, type Line, lineOf, tokenCountLine, untrainedLine } from "../probing/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { once } from "./jobs/steps.ts";
import type { Study } from "./study.ts";
import { trained } from "./training_steps.ts";

/** The two baselines without an encoder on composed bars: hand-made features, and token counts. */
export function conceptBaselines({ corpus }: ConceptBars, { seed }: Recipe): ConceptLayer[] {
  const every = Math.max(1, corpus.bars), places = { rows: corpus.bars, fitted: every };
  const features = ([[handFeatureLine, handFeatures], [tokenCountLine, tokenCounts]] as const).map(
    ([line, describe]) => ({ line, ...barFeatures(corpus.tokens, places, describe) }),
  );
  return features.map(({ line: { labels: _, ...line }, source, columns }) => ({
    meta: { ...line, seed, layer: null, pooling: "none" },
    features: () => allBars(source, columns),
  }));
}

/** The layers of an encoder on composed bars. */
export async function conceptLayers(
  model: Model,
  { model: name, input }: Pick<Line, "model" | "input">,
  { corpus }: ConceptBars,
  recipe: Recipe,
  options: { folder: string; signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
): Promise<ConceptLayer[]> {
  const [pooling] = recipe.probing.poolings, bars = Array.from({ length: corpus.bars }, (_, bar) => bar);
  const { layers, columns } = await embedLayers(model, corpus, bars, recipe, { ...options, poolings: [pooling] });
  return layers.map((source, layer) => ({
    meta: { model: name, input, seed: recipe.seed, layer, layers: "one", pooling },
    features: () => allBars(source, columns),
  }));
}

/**
 * Probes models of a run, an untrained encoder and the two baselines for every concept, each once; the recipe's own seed
 * of a model stands for it.
 *
 * @returns no rows if `probing.conceptBars` is 0
 */
export async function probeConceptsOf(
  study: Study,
  corpus: Corpus,
  models: readonly ModelName[],
): Promise<ConceptRow[]> {
  const { recipe, data } = study, { conceptBars } = recipe.probing, rows: ConceptRow[] = [];
  if (conceptBars === 0) return rows;
  let composed: ConceptBars | undefined;
  const step = (name: string, layersOf: (composed: ConceptBars, folder: string) => Promise<ConceptLayer[]>) =>
    once(
      study,
      { step: `concepts ${name}`, inputs: { ...recipe, data, concepts: { conceptBars }, name } },
      async () => {
        const folder = `${study.folder}/probes/concepts-${name.replace(/[^\w.-]+/g, "-")}`, signal = stopSignal();
        try {
          const layers = await layersOf(composed ??= composeConcepts(recipe), folder);
          const meter = progress({ label: `Concepts in ${name}`, total: layers.length, unit: "layers" });
          const onDone = (done: number) => void meter.update(done);
          const rows = await probeConcepts(layers, composed, recipe, { signal, onDone });
          await meter.done();
          return rows;
        } finally {
          await removeIfThere(folder);
        }
      },
    );
  const ofModel = (line: Line, open: () => Promise<Model> | Model) =>
    step(line.model, async (composed, folder) => {
      const model = await open();
      try {
        return await conceptLayers(model, line, composed, recipe, { folder, signal: stopSignal() });
      } finally {
        model.weights.dispose();
      }
    });
  for (const name of models) rows.push(...await ofModel(lineOf(name), () => trained(study, corpus, name)));
  rows.push(...await ofModel(untrainedLine, () => createBert(bertConfig(recipe), recipe.seed)));
  rows.push(...await step("baselines", (composed) => Promise.resolve(conceptBaselines(composed, recipe))));
  return rows;
}
