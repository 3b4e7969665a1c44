/**
 * The study's probing, as notebook 4 does it: each encoder and each baseline once, with results in the run's folder.
 * @module
 */
import { basename, dirname } from "node:path";
import { baselineRows } from "../probing/baselines.ts";
import { ckaMatrix } from "../matrix/cka.ts";
import { bertConfig } from "../bert/config.ts";
import { createBert, type Model } from "../bert/parameters.ts";
import { tokenCounts } from "../probing/controls.ts";
import { handFeatures } from "../probing/hand_features.ts";
import type { Corpus } from "../corpus/store.ts";
import { embeddingMemory, embedLayers } from "../probing/embed.ts";
import { removeIfThere, removeTemporaries, sha256, writeFile } from "../base/files.ts";
import { withLock } from "../base/lock.ts";
import { mixesOf, mixLayers } from "../probing/layer_mix.ts";
import { progress, stopSignal } from "../notebook/notebook.ts";
import { createNpy } from "../matrix/npy.ts";
import { pieceBytes, readRows, type RowSource } from "../matrix/rows.ts";
import { type ModelName, modelNames } from "../bert/variants.ts";
import type { Task } from "../metrics/tasks.ts";
import { type LayerJob, probeLayers } from "../probing/probe_layers.ts";
import {
  handFeatureLine,
  type Line,
  lineOf,
  type ProbeMeta,
  type ProbeRow,
  tokenCountLine,
  untrainedLine,
} from "../probing/rows.ts";
import { sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { toLatex } from "../notebook/latex.ts";
import { loadReplicates, storeReplicates, toCsv, writeResults } from "../probing/results.ts";
import { readSafetensors, writeSafetensors } from "../matrix/safetensors.ts";
import { openParts, partsFolder } from "./probing_parts.ts";
import { featureJob, probeTables, type StackedBars, stackedBars } from "./probe_bars.ts";
import {
  compareStep,
  fileName,
  once,
  probeStep,
  resultsStep,
  type Step,
  trainingOf,
  trainingSeeds,
} from "./jobs/steps.ts";
import { probingPrecision, trained } from "./training_steps.ts";
import type { Study } from "./study.ts";
import { prepareWorstBars } from "./worst_bars.ts";

/** A file of the run's folder `probes`; its name has the step's or model's. */
const probeFile = (study: Study, name: string, end: string): string => study.path("probes", fileName(name) + end);

const ckaFile = (study: Study, model: string): string => probeFile(study, model, ".layers.safetensors");

type LayerCells = { cells: { x: string; y: string; value: number }[]; bars: number };

/**
 * Linear CKA (Kornblith et al. 2019) of every pair of layers of models that {@link probe} was called for, on the same
 * `probing.ckaBars` test bars at most, as cells of a heat map with names like `BERT 3`; done once. It is 1 if two
 * layers differ only by a rotation and a scale. Layer 0 is left out, as the `Bar` token is the same in every bar there.
 */
export function compareLayers(study: Study, models: readonly string[]): Promise<LayerCells> {
  return once(study, compareStep(study, models), async () => {
    const layers: { name: string; data: Float32Array }[] = [];
    let bars = 0;
    for (const model of models) {
      for (const [name, { shape, data }] of readSafetensors(await Deno.readFile(ckaFile(study, model)))) {
        const layer = Number(name.replace(/^layer\//, ""));
        if (layer > 0) layers.push({ name: `${model} ${layer}`, data: data as Float32Array });
        bars = shape[0];
      }
    }
    const matrix = ckaMatrix(layers.map(({ data }) => data), bars), names = layers.map(({ name }) => name);
    return { cells: names.flatMap((y, i) => names.map((x, j) => ({ x, y, value: matrix[i][j] }))), bars };
  });
}

/** Rows of a model's probes, and the weights of its layers in the mixes of all layers. */
export type Probed = { rows: ProbeRow[]; mixes: { model: string; seed: number; tasks: Task[]; weights: number[] }[] };

/**
 * Does a probing once; its resamplings are kept in a file of their own, its parts ({@link partsFolder}) removed.
 *
 * @param step the step, if it does not depend on recipe, songs and name alone
 * @returns the rows with their resamplings, and all that `work` gave, whose rows have none
 */
export async function probedOnce<T extends Probed>(
  study: Study,
  name: string,
  work: () => Promise<T>,
  step: Step = probeStep(study, name),
): Promise<{ rows: ProbeRow[]; info: T }> {
  const path = probeFile(study, name, ".safetensors");
  const info = await once(study, step, async () => {
    const { rows, ...more } = await work();
    await removeTemporaries(dirname(path), `${basename(path)}.`);
    await storeReplicates(path, rows);
    return { rows: rows.map(({ replicates: _, ...row }) => row), ...more } as T;
  });
  await removeIfThere(partsFolder(study, name)); // also after a process that was killed before it could
  return { rows: await loadReplicates(path, info.rows), info };
}

/** Keeps a model's embeddings of the test bars by which layers are compared, see {@link compareLayers}. */
export async function writeComparedBars(
  study: Study,
  model: string,
  layers: readonly { layer: number | null; columns: number; source: RowSource }[],
  bars: StackedBars,
): Promise<void> {
  const { seed, probing: { ckaBars } } = study.recipe;
  const drawn = sample(bars.of.test.keys(), ckaBars, stream(seed, "cka bars"));
  const places = Int32Array.from(drawn).sort(), width = String(layers.at(-1)!.layer ?? 0).length;
  const tensors = layers.map(({ layer, columns, source }): [string, { shape: number[]; data: Float32Array }] => {
    const data = readRows(bars.cut(source, columns).test, columns, places);
    return [`layer/${String(layer ?? 0).padStart(width, "0")}`, { shape: [places.length, columns], data }];
  });
  const bytes = writeSafetensors(new Map(tensors), { what: "embeddings of test bars, bars × width" });
  await writeFile(ckaFile(study, model), bytes);
}

/**
 * Probes every layer of a model's `training.seeds` trainings, or of `probing.untrainedSeeds` untrained encoders; trains
 * a model first if it is not. Done once: the rows are kept in the run's folder.
 *
 * @param seeds of a model's trainings, if not of all
 * @returns a row for each layer, pooling, task, metric, protocol, split and drawing, for the controls and for all
 * layers together; the test scores with their resamplings
 * @throws {DOMException} AbortError if the cell is stopped; the model's probing then goes on after the last layer done
 */
export async function probe(
  study: Study,
  corpus: Corpus,
  name: ModelName | "untrained",
  seeds: readonly number[] = trainingSeeds(study.recipe),
): Promise<ProbeRow[]> {
  const { recipe } = study, { poolings, untrainedSeeds } = recipe.probing;
  const context = { study, corpus, guesses: await probeGuesses(study, corpus) };
  if (name === "untrained") {
    const { rows } = await probedOnce(study, name, async () => {
      const all = await Array.fromAsync({ length: untrainedSeeds }, (_, i) => {
        const seed = recipe.seed + i, named = { model: name, input: untrainedLine.input, seed };
        return probeModel(createBert(bertConfig(recipe), seed), named, poolings.slice(0, 1), {
          ...context,
          step: name,
        });
      });
      return { rows: all.flatMap(({ rows }) => rows), mixes: all.flatMap(({ mixes }) => mixes) };
    });
    return rows;
  }
  const rows = await Array.fromAsync(seeds, (seed) => {
    const named = { model: name, input: lineOf(name).input, seed }, step = trainingOf(study, name, seed).name;
    const work = async () =>
      await probeModel(await trained(study, corpus, name, seed), named, poolings, { ...context, step });
    return probedOnce(study, step, work);
  });
  return rows.flatMap(({ rows }) => rows);
}

/**
 * Embeds the bars by an encoder, disposes it, and probes every layer, in every pooling, and all layers together. What of
 * it is done is kept with the step of that name.
 */
async function probeModel(
  model: Model,
  named: Pick<ProbeMeta, "model" | "input" | "seed">,
  poolings: Recipe["probing"]["poolings"],
  { study, corpus, guesses, step }: { study: Study; corpus: Corpus; guesses: readonly ProbeRow[]; step: string },
): Promise<Probed> {
  const { recipe } = study, { layerMix, memory } = recipe.probing, signal = stopSignal();
  // The recipe's own seed has the controls, and embeddings of some test bars by which layers are compared.
  const isFirst = named.seed === recipe.seed, what = named.model + (isFirst ? "" : `, seed ${named.seed}`);
  const folder = `${partsFolder(study, step)}/seed-${named.seed}`;
  const tables = probeTables(corpus, recipe), bars = stackedBars(corpus, recipe), total = bars.all.length;
  const mebibytes = embeddingMemory(model.config, total, { poolings: poolings.length }), inFiles = mebibytes > memory;
  try {
    const { buffer, byteOffset, byteLength } = await model.weights.data<"float32">();
    const weights = await sha256(new Uint8Array(buffer, byteOffset, byteLength));
    const keeperOf = await openParts(folder, `${study.key(probeStep(study, step).inputs)} ${weights}`);
    const place = inFiles ? ` (${mebibytes.toFixed(0)} MiB, in files)` : "";
    const bar = progress({ label: `Embedding with ${what}${place}`, total, unit: "bars" });
    const precision = await probingPrecision(study), onProgress = (done: number) => void bar.update(done);
    const options = { signal, onProgress, poolings, precision, folder, keep: true };
    const { layers, pooled, columns } = await embedLayers(model, corpus, bars.all, recipe, options);
    await bar.done();
    if (isFirst) {
      const given = layers.map((source, layer) => ({ layer, columns, source }));
      await writeComparedBars(study, named.model, given, bars);
    }
    const jobs = poolings.flatMap((pooling, i) =>
      pooled.get(pooling)!.map((source, layer): LayerJob => ({
        meta: { ...named, layer, layers: "one", pooling },
        features: () => bars.cut(source, columns),
        asked: i === 0
          ? { replicates: true, labels: isFirst ? undefined : ["true"] }
          : { replicates: true, protocols: ["sound"], labels: ["true"] },
      }))
    );
    const meter = progress({ label: `Probing ${what}`, total: jobs.length, unit: "layers" });
    const onDone = (done: number) => void meter.update(done);
    const rows = await probeLayers(jobs, tables, recipe, { signal, onDone, keeper: keeperOf("layer") });
    await meter.done();
    if (isFirst && named.input === "trained") {
      const ofFirst = rows.filter((row) => row.pooling === poolings[0]);
      await prepareWorstBars(study, corpus, ofFirst, named.model, { layers, columns });
    }
    if (layerMix === "none") return { rows, mixes: [] };
    const mixes = mixesOf(rows.filter((row) => row.pooling === poolings[0]), guesses, layerMix);
    const pieces = { pieceBytes: pieceBytes(memory, 2 * layers.length) };
    const weighted = mixes.map(({ tasks, weights }, i): LayerJob => ({
      meta: { ...named, layer: null, layers: "weighted", pooling: poolings[0] },
      features: () => {
        const into = inFiles ? createNpy(`${folder}/mix-${i}.npy`, total, columns, pieces) : undefined;
        return bars.cut(mixLayers(layers, weights, bars.of.train.length, columns, into), columns);
      },
      asked: { tasks, protocols: ["sound"], labels: ["true"], replicates: true },
    }));
    rows.push(...await probeLayers(weighted, tables, recipe, { signal, keeper: keeperOf("mix") }));
    return { rows, mixes: mixes.map((mix) => ({ model: named.model, seed: named.seed, ...mix })) };
  } finally {
    model.weights.dispose();
  }
}

/** Probes features of each bar that need no encoder. */
async function probeFeatures(
  study: Study,
  corpus: Corpus,
  line: Line,
  describe: (tokens: ArrayLike<number>) => Float32Array,
): Promise<ProbeRow[]> {
  const { recipe } = study, path = probeFile(study, line.model, ".npy");
  try {
    const job = featureJob(corpus, stackedBars(corpus, recipe), line, describe, recipe, path);
    return await probeLayers([job], probeTables(corpus, recipe), recipe, { signal: stopSignal() });
  } finally {
    await removeIfThere(path);
  }
}

/** The guess without features, and the probe on token counts, once. */
export async function probeGuesses(study: Study, corpus: Corpus): Promise<ProbeRow[]> {
  const { recipe } = study;
  const { rows } = await probedOnce(study, "guesses", async () => {
    const rows = await probeFeatures(study, corpus, tokenCountLine, tokenCounts);
    return { rows: [...await baselineRows(probeTables(corpus, recipe), recipe), ...rows], mixes: [] };
  });
  return rows;
}

/** The probe on hand-made features, once. */
export async function probeHandFeatures(study: Study, corpus: Corpus): Promise<ProbeRow[]> {
  const work = async () => ({ rows: await probeFeatures(study, corpus, handFeatureLine, handFeatures), mixes: [] });
  return (await probedOnce(study, handFeatureLine.model, work)).rows;
}

/**
 * Three baselines without an encoder, scored like the models, once: `majority`, the best guess that ignores the bar
 * (most common class, training mean), a probe on token counts (how often each of the 560 ids is in a bar), and one on
 * hand-made features.
 */
export async function probeBaselines(study: Study, corpus: Corpus): Promise<ProbeRow[]> {
  return [...await probeGuesses(study, corpus), ...await probeHandFeatures(study, corpus)];
}

/** Probes what is not probed yet, and writes the results table of all models and seeds, `results.jsonl` and others. */
export async function storeResults(study: Study, corpus: Corpus): Promise<void> {
  const rows = [await probeBaselines(study, corpus), await probe(study, corpus, "untrained")];
  for (const model of modelNames) rows.push(await probe(study, corpus, model));
  await once(study, resultsStep(study), async () => {
    await removeTemporaries(study.folder, "results.");
    await writeResults(study.path("results"), rows.flat());
  });
}

/** Writes tables into the run's folder `tables`, as `name.csv` and as `name.tex` with the label `tab:name`. */
export async function writeTables(study: Study, named: Record<string, { caption: string; rows: readonly object[] }>) {
  await withLock(study.path("tables", "lock"), async () => {
    await removeTemporaries(study.path("tables"));
    for (const [name, { caption, rows }] of Object.entries(named)) {
      const columns = [...new Set(rows.flatMap(Object.keys))];
      await writeFile(study.path("tables", `${name}.csv`), toCsv(rows, columns));
      await writeFile(study.path("tables", `${name}.tex`), toLatex(rows, { caption, label: `tab:${name}` }));
    }
  });
}
