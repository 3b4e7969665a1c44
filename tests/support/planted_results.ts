/**
 * Results of a study whose rows are planted, with a few made-up evaluations and curves.
 * @module
 */
import { modelNames } from "@lib/bert/variants.ts";
import { lineOf, type ProbeRow } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { Results } from "@lib/study/results/results.ts";
import { fromSteps, toSteps } from "@lib/probing/results.ts";
import type { Evaluation } from "@lib/training/evaluation.ts";
import { plantedRows } from "./planted_rows.ts";

/** Rows with their resamplings rounded, as a run's are once they were stored; all four models where asked. */
export function storedRows(options: Parameters<typeof plantedRows>[0] = {}): ProbeRow[] {
  return plantedRows(options).map((row) => {
    const steps = row.replicates && toSteps(row.value, row.replicates.filter((_, i) => i % 10 === 5));
    return steps ? { ...row, replicates: fromSteps(row.value, steps) } : row;
  });
}

const score = (accuracy: number) => ({
  ...{ loss: 2 - accuracy, accuracy, kinds: [{ kind: "Pitch" as const, count: 40, accuracy }] },
  songs: Array.from({ length: 12 }, (_, song) => ({ song, correct: Math.round(40 * accuracy) + song % 3, count: 40 })),
});

/** An evaluation of a training; every seed is a little better than the one before it. */
export function evaluationOf(model: (typeof modelNames)[number], seed: number): Evaluation {
  const place = modelNames.indexOf(model),
    contrast = (accuracy: number, order: "song-disjoint" | "song-order") => ({
      ...{
        loss: 1,
        accuracy,
        chance: 1 / 47,
        rows: 24,
        batches: 4,
        songs: 12,
        identical: order === "song-order" ? 0.2 : 0,
      },
      ...{ perBatch: [accuracy, accuracy, accuracy - 0.01, accuracy + 0.01], order },
    });
  return {
    ...{ model, seed, seconds: 60 + place },
    mlm: { train: { ...score(0.7), songs: [] }, validation: score(0.5 + 0.02 * place + 0.01 * seed) },
    contrast: model === "BERT" ? null : {
      ...{ train: contrast(0.9, "song-disjoint"), validation: contrast(0.6, "song-disjoint") },
      otherOrder: contrast(0.08, "song-order"),
      dropping: model === "BERT-dropout" ? contrast(0.97, "song-disjoint") : null,
    },
  };
}

/** Results of a study at smoke scale with so many seeds, of some models. */
export function plantedResults(
  { seeds = 2, models = modelNames.slice(0, 2) as (typeof modelNames)[number][] } = {},
): Results {
  const chosen = recipe("sound", "smoke", { training: { seeds }, probing: { level: 0.05, keptResamplings: 200 } });
  const trainings = models.flatMap((model) => Array.from({ length: seeds }, (_, seed) => ({ model, seed })));
  const leak = { testBars: 10, testInTrain: 1, trainBars: 40, trainInTest: 2 };
  return {
    recipe: chosen,
    corpus: {
      ...{ source: "songs", checksum: "c0ffee" },
      summary: {
        ...{ files: 60, songs: 50, bars: 900, kept: 800, notKept: 100, tokens: 160_000, rejected: { "not-4/4": 10 } },
        leak: { tokens: { split: leak, byFile: leak }, notes: { split: leak, byFile: leak } },
      },
      splits: [
        { split: "train", songs: 30, bars: 500, tokens: 1e5, tokensPerBar: 200 },
        { split: "validation", songs: 11, bars: 210, tokens: 4e4, tokensPerBar: 190 },
        { split: "test", songs: 9, bars: 90, tokens: 2e4, tokensPerBar: 222 },
      ],
      guess: { loss: 3, accuracy: 0.25, kinds: [{ kind: "Pitch", count: 40, accuracy: 0.25 }] },
    },
    rows: storedRows({ seeds, poolings: ["bar"] }).filter(({ model, input }) =>
      input !== "trained" || models.some((name) => name === model)
    ),
    evaluations: trainings.map(({ model, seed }) => evaluationOf(model, seed)),
    curves: trainings.map(({ model, seed }) => ({
      ...{ model, seed },
      training: {
        ...{ step: [1, 2, 3], tokens: [100, 200, 300], seconds: [1, 2, 3] },
        ...{ masked: [6, 5 - seed, 4], accuracy: [0.1, 0.2, 0.3], contrast: model === "BERT" ? [0, 0, 0] : [3, 2, 1] },
      },
      validation: { step: [3], tokens: [300], seconds: [3], loss: [4 + seed], accuracy: [0.3] },
    })),
    layers: {
      names: ["BERT 1", "BERT 2", "untrained 1"],
      ...{ bars: 40, triangle: [1, 0.5, 1, 0.25, 0.125, 1] },
    },
    mixes: [{ model: lineOf("BERT").model, seed: 0, tasks: ["C"], weights: [0, 0.25, 0.75] }],
    retrieval: { bars: 30, rows: [{ model: "BERT", groove: 0.5, instruments: 0.25, chords: 0.125, tempo: 0.75 }] },
    jobs: trainings.map(({ model, seed }, i) => ({
      job: seed === 0 ? `train ${model}` : `train ${model} seed ${seed}`,
      ...{ finished: `2026-01-0${i + 1}T00:00:00.000Z`, seconds: 60 },
      ...{
        machine: { processor: "A", cores: 2, threads: 1 },
        engine: { engine: "libtensorflow", precision: "float32" },
      },
    })),
  };
}
