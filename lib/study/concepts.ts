/**
 * Which concepts of known truth a run's models hold, as notebook 4 shows it.
 * @module
 */
import { bertConfig } from "../bert/config.ts";
import { createBert, type Model } from "../bert/parameters.ts";
import type { ModelName } from "../bert/variants.ts";
import { removeIfThere } from "../base/files.ts";
import { type Split, splits } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { progress, stopSignal } from "../notebook/notebook.ts";
import { composeConcepts, type ConceptBars } from "../probing/concepts/compose.ts";
import { allBars, type ConceptLayer, type ConceptRow, probeConcepts } from "../probing/concepts/probe_concepts.ts";
import { barFeatures, tokenCounts } from "../probing/controls.ts";
import { embedLayers, type EmbedOptions } from "../probing/embed.ts";
import { alignEmbeddings, type AlignOptions, type EmbeddingFile } from "../probing/embeddings/align.ts";
import { handFeatures } from "../probing/hand_features.ts";
import { handFeatureLine, type Line, lineOf, tokenCountLine, untrainedLine } from "../probing/rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { givenChecksum, openGiven } from "./given_models.ts";
import { conceptStep, fileName, once } from "./jobs/steps.ts";
import type { Study } from "./study.ts";
import { probingPrecision, trained } from "./training_steps.ts";

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
  options: Pick<EmbedOptions, "precision" | "folder" | "signal" | "onProgress">,
): Promise<ConceptLayer[]> {
  const [pooling] = recipe.probing.poolings, bars = Array.from({ length: corpus.bars }, (_, bar) => bar);
  const { layers, columns } = await embedLayers(model, corpus, bars, recipe, { ...options, poolings: [pooling] });
  return layers.map((source, layer) => ({
    meta: { model: name, input, seed: recipe.seed, layer, layers: "one", pooling },
    features: () => allBars(source, columns),
  }));
}

/** The layers of models whose embeddings of composed bars are in files, on the bars that all files have. */
export async function givenConceptLayers(
  files: readonly EmbeddingFile[],
  { corpus }: ConceptBars,
  { seed }: Recipe,
  options: AlignOptions,
): Promise<{ layers: ConceptLayer[]; notes: string[] }> {
  const [train, validation, test] = splits.map((split: Split) => corpus.barsOf(split));
  const { bars, models, notes } = await alignEmbeddings(files, corpus, { train, validation, test }, options);
  const places = new Int32Array(corpus.bars).fill(-1);
  splits.flatMap((split) => Array.from(bars[split])).forEach((bar, row) => places[bar] = row);
  const layers = models.flatMap(({ model, layers }) =>
    layers.map(({ layer, columns, source }): ConceptLayer => ({
      meta: { model, input: "trained", seed, layer, layers: layer === null ? "none" : "one", pooling: "none" },
      features: () => ({ source, columns, rowOf: (bar) => places[bar] }),
    }))
  );
  return { layers, notes };
}

/** Probes layers for every concept, with a bar of progress. */
async function probeLayersOf(
  name: string,
  layers: readonly ConceptLayer[],
  composed: ConceptBars,
  recipe: Recipe,
): Promise<ConceptRow[]> {
  const meter = progress({ label: `Concepts in ${name}`, total: layers.length, unit: "layers" });
  const onDone = (done: number) => void meter.update(done);
  const rows = await probeConcepts(layers, composed, recipe, { signal: stopSignal(), onDone });
  await meter.done();
  return rows;
}

/**
 * Probes a model, or the baselines, for concepts, once for the same recipe, songs and `more`; `work` has a folder for
 * embeddings, which is removed.
 */
function conceptsOnce<T>(
  study: Study,
  name: string,
  work: (folder: string) => Promise<T>,
  more: object = {},
): Promise<T> {
  const folder = `${study.folder}/probes/concepts-${fileName(name)}`;
  return once(study, conceptStep(study, name, more), async () => {
    try {
      return await work(folder);
    } finally {
      await removeIfThere(folder);
    }
  });
}

/** Concepts in given models, their lines, and what to say of each file. */
export type GivenConcepts = { rows: ConceptRow[]; lines: Line[]; notes: string[] };

/**
 * Probes the models of files of embeddings of the composed bars for every concept, each once for the same file, on the
 * bars that it has.
 *
 * @returns nothing if `probing.conceptBars` is 0
 * @throws {UserError} if a file cannot be read, or its model has the name of one of the run's
 */
export async function probeGivenConcepts(study: Study, files: readonly string[]): Promise<GivenConcepts> {
  const { recipe } = study, { conceptBars, memory } = recipe.probing;
  const given: GivenConcepts = { rows: [], lines: [], notes: [] };
  for (const path of conceptBars > 0 ? files : []) {
    const file = await openGiven(path, given.lines), { model } = file, signal = stopSignal();
    const work = async (folder: string) => {
      const composed = composeConcepts(recipe);
      const { layers, notes } = await givenConceptLayers([file], composed, recipe, { folder, memory, signal });
      return { rows: await probeLayersOf(model, layers, composed, recipe), notes };
    };
    const { rows, notes } = await conceptsOnce(study, model, work, { checksum: givenChecksum(path) });
    given.rows.push(...rows);
    given.lines.push(lineOf(model, { layers: rows.some(({ layer }) => layer !== null) ? "one" : "none" }));
    given.notes.push(...notes);
  }
  return given;
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
  const { recipe } = study, rows: ConceptRow[] = [];
  if (recipe.probing.conceptBars === 0) return rows;
  let composed: ConceptBars | undefined;
  const step = (name: string, layersOf: (composed: ConceptBars, folder: string) => Promise<ConceptLayer[]>) =>
    conceptsOnce(study, name, async (folder) => {
      const layers = await layersOf(composed ??= composeConcepts(recipe), folder);
      return await probeLayersOf(name, layers, composed, recipe);
    });
  const ofModel = (line: Line, open: () => Promise<Model> | Model) =>
    step(line.model, async (composed, folder) => {
      const model = await open(), precision = await probingPrecision(study);
      try {
        return await conceptLayers(model, line, composed, recipe, { precision, folder, signal: stopSignal() });
      } finally {
        model.weights.dispose();
      }
    });
  for (const name of models) rows.push(...await ofModel(lineOf(name), () => trained(study, corpus, name)));
  rows.push(...await ofModel(untrainedLine, () => createBert(bertConfig(recipe), recipe.seed)));
  rows.push(...await step("baselines", (composed) => Promise.resolve(conceptBaselines(composed, recipe))));
  return rows;
}
