/** Probes' inputs with the scores of scikit-learn and of the authors' functions (tests/golden/probes). @module */
import { assertEquals } from "@std/assert";
import type { BarTable } from "@lib/metrics/tasks.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";
import { readJsonGz, readNpy, transpose } from "./npy.ts";

interface F1Case {
  macro: number;
  micro: number;
  weighted: number;
  perClass: number[];
}

interface ClassCase {
  threshold: number;
  nPredictedPositive: number;
  paperWeightedHardAuc: number;
  perClassHardAuc: number[];
  support: number[];
  aucWeighted: number;
  aucMacro: number;
  aucPerClass: number[];
  apWeighted: number;
  apMacro: number;
  apMicro: number;
  apPerClass: number[];
  f1_atThreshold: F1Case;
  f1_atZero: F1Case;
  exactRow: number;
  argmax: number[];
  argmaxAccuracy: number;
  balancedAccuracy: number;
  rmse: number;
  mae: number;
  r2: number;
  featureMean: number[];
  featureStd: number[];
}

interface Expected {
  authors_f64: Record<string, number>;
  columns: Record<string, number[]>;
  probes: Record<string, ClassCase>;
  songClustering: { K: number; given: number[]; entropy: number; keptRows: number[]; entropyKeptRows: number }[];
}

const folder = new URL("../golden/probes/", import.meta.url);

/** An array of the fixtures. */
export const fixture = (name: string) => readNpy(new URL(`${name}.npy`, folder));

/** What the reference programs found. */
export const expected: Expected = await readJsonGz<Expected>(new URL("expected.json.gz", folder));

/** Decision values and labels of scikit-learn's probe for the test rows with a label, each of a song of its own. */
export async function decisions(task: string) {
  const score = await fixture(`score_${task}`), y = await fixture(`y_${task}_test`), [rows, classes] = score.shape;
  const labelled = [...Array(y.shape[0]).keys()]
    .filter((r) => y.data.subarray(r * classes, (r + 1) * classes).includes(1));
  const labels = y.shape[0] === rows
    ? y.data
    : Float64Array.from(labelled.flatMap((r) => [...y.data.subarray(r * classes, (r + 1) * classes)]));
  assertEquals(labels.length, rows * classes);
  return {
    scores: transpose(score.data, rows, classes),
    once: new Float64Array(rows).fill(1),
    table: {
      ...{ classes, rows, songCount: rows, songs: Int32Array.from({ length: rows }, (_, r) => r) },
      labels: Uint8Array.from(transpose(labels, rows, classes)),
    },
  };
}

/** Songs and labels of the fixtures' bars. */
export async function goldenTable(split: "train" | "test"): Promise<BarTable<BarLabels[]>> {
  const songs = Int32Array.from((await fixture(`song_${split}`)).data), ids = expected.columns;
  const y: Record<string, Float64Array> = {};
  for (const task of ["chord", "groove_pattern", "inst", "tempo", "mean_velocity", "mean_duration"]) {
    y[task] = (await fixture(`y_${task}_${split}`)).data;
  }
  const set = (task: string, r: number) => ids[task].filter((_, c) => y[task][r * ids[task].length + c] === 1);
  const labels = Array.from(songs, (_, r): BarLabels => ({
    chords: set("chord", r),
    groove: set("groove_pattern", r),
    instruments: set("inst", r),
    tempoBin: set("tempo", r)[0],
    meanVelocity: y.mean_velocity[r],
    meanDuration: y.mean_duration[r],
    meanDurationQuarters: y.mean_duration[r],
  }));
  return { labels, songs };
}

/** The fixtures' features, bars × 40. */
export const goldenFeatures = async (split: "train" | "test") => Float32Array.from((await fixture(`X_${split}`)).data);
