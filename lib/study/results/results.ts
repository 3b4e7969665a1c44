/**
 * What a study found, without its weights and songs: all that its tables, figures, verdicts and page are made of.
 * @module
 */
import { basename } from "node:path";
import { readTextIfThere } from "../../base/files.ts";
import { checksumOf, type CorpusSummary, readManifest } from "../../corpus/store.ts";
import { openCorpus } from "../../corpus/store_reader.ts";
import { lastDraw } from "../../findings/best_layer.ts";
import { headlines } from "../../metrics/task_scores.ts";
import type { Task } from "../../metrics/tasks.ts";
import { splitRows } from "../../notebook/corpus_tables.ts";
import { loadReplicates } from "../../probing/results.ts";
import type { ProbeRow } from "../../probing/rows.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import type { Evaluation } from "../../training/evaluation.ts";
import type { MlmAccuracy } from "../../training/masked_evaluation.ts";
import { commonRows, type SimilarBars } from "../similar_bars.ts";
import { readJson, type StepRecord } from "../step_records.ts";
import type { Study } from "../study.ts";
import { compareStep, doneStep, fileName, probeStep, probingNames, trainingsOf } from "../jobs/steps.ts";
import { mostCommonGuess, trainingCurves } from "../training_steps.ts";
import type { TrainingCurve } from "./curves.ts";

/** The songs of a study in numbers, the sizes of the splits, and the guess of the most common token of each kind. */
export type CorpusFacts = {
  source: string;
  checksum: string;
  summary: Pick<CorpusSummary, "files" | "songs" | "bars" | "kept" | "notKept" | "tokens" | "rejected" | "leak">;
  splits: ReturnType<typeof splitRows>;
  guess: Omit<MlmAccuracy, "songs">;
};

/** The weights of a model's layers in a mix of all layers, of the tasks that share them. */
export type LayerMix = { model: string; seed: number; tasks: Task[]; weights: number[] };

/** Linear CKA of every pair of layers, named as `BERT 3`, on so many test bars; the lower triangle, row by row. */
export type LayerSimilarity = { names: string[]; bars: number; triangle: number[] };

/** How much a bar and its nearest neighbor have in common by each model, and a random other bar, over so many bars. */
export type Retrieval = { bars: number; rows: ReturnType<typeof commonRows> };

/**
 * A job of the study: its step, when it ended (an ISO date), its seconds (of a training all sittings together), and where
 * and how it ran, as far as it was recorded: the machine; of a training also the engine and the precision of its products.
 */
export type JobStamp = {
  job: string;
  finished: string;
  seconds: number;
  machine?: Record<string, string | number>;
  engine?: Record<string, unknown>;
  threads?: number[];
};

/**
 * What a study found; `rows` have their resamplings, `notes` are what whoever ran it wrote into the run's `NOTES.md`, such
 * as on which machines.
 */
export type Results = {
  notes?: string;
  recipe: Recipe;
  corpus: CorpusFacts;
  rows: ProbeRow[];
  evaluations: Evaluation[];
  curves: TrainingCurve[];
  layers: LayerSimilarity | null;
  mixes: LayerMix[];
  retrieval: Retrieval | null;
  jobs: JobStamp[];
};

/** A number with so many significant digits. */
const rounded = (value: number, digits = 5): number => Number(value.toPrecision(digits));

/**
 * Whether a table, figure or verdict needs a row: headline scores of test and validation songs, of the authors' draws the
 * mean and the last one, and R² of test songs.
 */
function isShown(row: ProbeRow, draw: number | null): boolean {
  const { metric, task, protocol, split, labels } = row;
  if (row.draw !== null && row.draw !== draw) return false;
  return metric === headlines[protocol][task] || metric === "r2" && split === "test" && labels !== "permuted";
}

/** Whether a row's resamplings are needed: not those of controls that no model is compared with, nor R² without one. */
const isCompared = ({ labels, metric, task, seed }: ProbeRow, recipe: Recipe): boolean =>
  labels !== "permuted" && (metric !== "r2" || task === "T" || seed === recipe.seed);

/** The rows of a whole table that results keep, in its order. */
export function shownRows(rows: readonly ProbeRow[], recipe: Recipe): ProbeRow[] {
  const draw = lastDraw(rows, "authors");
  return rows.filter((row) => isShown(row, draw)).map((row) => {
    if (isCompared(row, recipe)) return row;
    const { replicates: _, ...bare } = row;
    return bare;
  });
}

type ProbeInfo = { rows: ProbeRow[]; mixes?: LayerMix[] };

/** The rows of the probings that are done, with their resamplings, and the mixes' weights. */
async function probed(study: Study): Promise<Pick<Results, "rows" | "mixes">> {
  const rows: ProbeRow[] = [], mixes: LayerMix[] = [];
  for (const name of probingNames(study)) {
    const done = doneStep<ProbeInfo>(study, probeStep(study, name));
    if (!done) continue;
    const path = `${study.folder}/probes/${fileName(name)}.safetensors`;
    rows.push(...await loadReplicates(path, done.info.rows));
    for (const mix of done.info.mixes ?? []) mixes.push({ ...mix, weights: mix.weights.map((one) => rounded(one)) });
  }
  return { rows: shownRows(rows, study.recipe), mixes };
}

/** A comparison of layers as a triangle; `cells` are those of a square map, row by row. */
export function layerTriangle(
  { cells, bars }: { cells: readonly { x: string; y: string; value: number }[]; bars: number },
): LayerSimilarity {
  const names = [...new Set(cells.map(({ x }) => x))];
  const triangle = names.flatMap((_, i) =>
    names.slice(0, i + 1).map((_, j) => rounded(cells[i * names.length + j].value))
  );
  return { names, bars, triangle };
}

/** The cells of a square map of a comparison of layers. */
export function layerCells({ names, triangle }: LayerSimilarity): { x: string; y: string; value: number }[] {
  const at = (i: number, j: number) => i >= j ? triangle[i * (i + 1) / 2 + j] : triangle[j * (j + 1) / 2 + i];
  return names.flatMap((y, i) => names.map((x, j) => ({ x, y, value: at(i, j) })));
}

/** The engine of a training and the threads of its sittings, as its last saved state has them. */
function trainedBy(dir: string): Pick<JobStamp, "engine" | "threads"> {
  try {
    const states = Array.from(Deno.readDirSync(`${dir}/training`), ({ name }) => name).filter((name) =>
      /^step-\d+$/.test(name)
    );
    const last = states.sort().at(-1), state = readJson(`${dir}/training/${last}/state.json`);
    const { run } = (state ?? {}) as { run?: { began: { engine: Record<string, unknown> }; threads?: number[] } };
    return { ...(run && { engine: run.began.engine }), ...(run?.threads && { threads: run.threads }) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

/** The stamps of all steps that are recorded, in the order in which they ended. */
function jobsOf(study: Study): JobStamp[] {
  const folder = `${study.folder}/steps`,
    trainings = new Map(trainingsOf(study).map(({ train, dir }) => [train.step, dir]));
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.endsWith(".json"));
  const jobs = names.map((name): JobStamp => {
    const { step, finished, seconds, info, ...record } = readJson(`${folder}/${name}`) as StepRecord<
      { seconds?: number } | null
    >;
    const { machine } = record as Pick<JobStamp, "machine">, dir = trainings.get(step);
    const whole = dir === undefined ? seconds : info?.seconds ?? seconds;
    return { job: step, finished, seconds: rounded(whole), ...(machine && { machine }), ...(dir && trainedBy(dir)) };
  });
  return jobs.sort((a, b) => a.finished < b.finished ? -1 : 1);
}

async function corpusFacts(study: Study): Promise<CorpusFacts> {
  const dir = `${study.folder}/corpus`, corpus = await openCorpus(dir);
  try {
    const { files, songs, bars, kept, notKept, tokens, rejected, leak } = corpus.summary;
    const { songs: _, ...guess } = mostCommonGuess(study, corpus);
    return {
      source: basename(study.data),
      checksum: checksumOf(await readManifest(dir)),
      summary: { files, songs, bars, kept, notKept, tokens, rejected, leak },
      splits: splitRows(corpus),
      guess,
    };
  } finally {
    corpus.close();
  }
}

/** An evaluation without what no table shows: the counts by song of training songs. */
const withoutTrainingSongs = (evaluation: Evaluation): Evaluation => {
  const { train, validation } = evaluation.mlm;
  return { ...evaluation, mlm: { train: { ...train, songs: [] }, validation } };
};

/**
 * What a study's run has found so far: of the models and seeds that are trained, evaluated or probed. Nothing is computed
 * for it but the guess without a model.
 *
 * @throws {UserError} if the run has no store of bars, or a probing's resamplings are missing
 */
export async function resultsOf(study: Study): Promise<Results> {
  const { recipe } = study, corpus = await corpusFacts(study);
  const evaluations = trainingsOf(study).flatMap(({ seed, evaluate }) => {
    const done = doneStep<Evaluation>(study, evaluate);
    return done ? [withoutTrainingSongs({ ...done.info, seed })] : [];
  });
  const compared = doneStep<Parameters<typeof layerTriangle>[0]>(study, compareStep(study));
  const notes = (await readTextIfThere(`${study.folder}/NOTES.md`))?.trim();
  const alike = readJson(`${study.folder}/steps/alike.json`) as StepRecord<SimilarBars> | undefined;
  return {
    ...(notes && { notes }),
    recipe,
    corpus,
    ...await probed(study),
    evaluations,
    curves: await trainingCurves(study),
    layers: compared ? layerTriangle(compared.info) : null,
    retrieval: alike ? { bars: alike.info.bars.length, rows: commonRows(alike.info) } : null,
    jobs: jobsOf(study),
  };
}
