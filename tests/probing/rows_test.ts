import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { songMean } from "@lib/metrics/class_scores.ts";
import { scorer } from "@lib/metrics/task_scores.ts";
import {
  clusterCount,
  collector,
  drawnScores,
  isBaseline,
  isOf,
  lineOf,
  majorityLine,
  takeBars,
  tokenCountLine,
  untrainedLine,
} from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { meta } from "../support/planted_tables.ts";

const study = recipe("sound", "smoke", { probing: { bootstraps: 100, clusters: 12, clusterShare: 0.2 } });
const place = { labels: "true", task: "MV", protocol: "sound", split: "test", rows: 5, songs: 3 } as const;
const scores = { resampled: songMean("rmse", Float64Array.of(1, 2, 6)), fixed: { other: 0.5 } };

Deno.test("scores become rows with their place; test rows have intervals and keep headlines' resamplings", () => {
  const { rows, collect, add } = collector(meta, study, { replicates: true });
  collect(place, scores, { alpha: 10 });
  collect({ ...place, split: "validation" }, scores);
  add(place, "r2", { value: 1, low: 0, high: 2 }, { k: 4 });
  assertEquals(rows.map(({ split, metric, value, alpha, k }) => [split, metric, value, alpha, k]), [
    ["test", "rmse", 3, 10, null],
    ["test", "other", 0.5, 10, null],
    ["validation", "rmse", 3, null, null],
    ["validation", "other", 0.5, null, null],
    ["test", "r2", 1, null, 4],
  ]);
  const [rmse, other, validation] = rows;
  assertEquals(
    { ...meta, ...place, std: null, draw: null },
    Object.fromEntries(
      Object.entries(rmse).filter(([name]) => name in { ...meta, ...place } || name === "std" || name === "draw"),
    ) as never,
  );
  assert(rmse.low! >= 1 && rmse.low! < 3 && rmse.high! > 3 && rmse.high! <= 6);
  assertEquals([rmse.replicates!.length, other.low, validation.low, validation.replicates], [
    100,
    null,
    null,
    undefined,
  ]);
  const bare = collector(meta, study);
  bare.collect(place, scores);
  assertEquals(bare.rows[0].replicates, undefined);
});

Deno.test("drawings give their mean with its population deviation, and each drawing's score", () => {
  const { rows, collectDrawn } = collector(meta, study);
  const drawn = (songs: number[], ...values: number[]) => ({
    ...{ rows: 2 * songs.length, songs },
    scores: { resampled: songMean("rmse", Float64Array.from(values)), fixed: {} },
  });
  // Songs 4 and 9 score 1 and 3 in one drawing, songs 9 and 2 score 5 and 7 in the other.
  collectDrawn({ task: "MV", labels: "true" }, [drawn([4, 9], 1, 3), drawn([9, 2], 5, 7)], { alpha: 100 });
  assertEquals(rows.map(({ draw, value, std, rows, songs, alpha }) => [draw, value, std, rows, songs, alpha]), [
    [null, 4, 2, 4, 3, 100],
    [0, 2, null, 4, 2, 100],
    [1, 6, null, 4, 2, 100],
  ]);
  assert(rows.every(({ protocol, split }) => protocol === "authors" && split === "test"));
  assert(rows[0].low! < 4 && rows[0].high! > 4);
  const control = collector(meta, study);
  control.collectDrawn({ task: "MV", labels: "control" }, [drawn([4, 9], 1, 3)]);
  assertEquals(control.rows.map(({ value, std, low }) => [value, std, low]), [[2, null, null]]);
});

Deno.test("a song's weight goes to its own bars in every drawing", () => {
  const { rows, collectDrawn } = collector(meta, study, { replicates: true });
  const drawn = (songs: number[], values: number[]) => ({
    ...{ rows: 2, songs },
    scores: { resampled: songMean("rmse", Float64Array.from(values)), fixed: {} },
  });
  // The same songs in another order, with the same scores: at each resampling both drawings agree.
  collectDrawn({ task: "MV", labels: "true" }, [drawn([4, 9], [1, 3]), drawn([9, 4], [3, 1])]);
  assertEquals(new Set(rows[0].replicates), new Set([1, 2, 3]));
});

Deno.test("a drawing's scores have the songs of its bars, numbered as in the table", async () => {
  const bar = { chords: [], groove: [0], instruments: [0], tempoBin: 3, meanDuration: 1, meanDurationQuarters: 1 };
  const table = {
    labels: [10, 20, 30, 40].map((meanVelocity) => ({ ...bar, meanVelocity })),
    songs: Int32Array.of(7, 7, 3, 5),
  };
  const taken = takeBars(table, Int32Array.of(3, 1));
  assertEquals([taken.labels.map(({ meanVelocity }) => meanVelocity), [...taken.songs]], [[40, 20], [5, 7]]);
  const score = scorer(taken, { task: "MV", name: "meanVelocity", metric: "rmse" }, [], 0);
  const { rows, songs, scores: { resampled } } = await drawnScores(score, taken, () => Float64Array.of(41, 23));
  assertEquals([rows, songs], [2, [5, 7]]);
  assertEquals([resampled(Float64Array.of(1, 0)), resampled(Float64Array.of(0, 1))], [{ rmse: 1 }, { rmse: 3 }]);
});

Deno.test("clusters are the recipe's, but at most its share of the bars, and at least one", () => {
  assertEquals([1000, 60, 59, 4].map((rows) => clusterCount(study, rows)), [12, 12, 11, 1]);
  assertAlmostEquals(clusterCount(recipe("sound", "smoke", { probing: { clusters: 9, clusterShare: 0.5 } }), 10), 5, 0);
});

Deno.test("a row belongs to the line that it agrees with in model, input, layers and labels", () => {
  const lines = [
    lineOf("BERT", { labels: "permuted" }),
    lineOf("BERT"),
    lineOf("BERT-aug", { labels: "permuted" }),
    lineOf("BERT", { labels: "permuted", layers: "weighted" }),
    lineOf("BERT", { labels: "permuted", input: "untrained" }),
  ];
  assertEquals(lines.map((line) => isOf(lines[0], line)), [true, false, false, false, false]);
  const all = [lineOf("BERT"), lineOf("BERT", { layers: "weighted" }), lines[0], lineOf("BERT", { labels: "control" })];
  assertEquals(all.map(isBaseline), [false, false, true, true]);
  assertEquals([untrainedLine, tokenCountLine, majorityLine].map(isBaseline), [true, true, true]);
});
