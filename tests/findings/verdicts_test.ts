import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { claims, type Comparison } from "@lib/findings/claims.ts";
import { bootstrap } from "@lib/metrics/intervals.ts";
import { paperModels } from "@lib/findings/paper.ts";
import { type Task, tasks } from "@lib/metrics/tasks.ts";
import { lineOf, type ProbeRow } from "@lib/probing/rows.ts";
import { headlines, lowerIsBetter } from "@lib/metrics/task_scores.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { songMean } from "@lib/metrics/class_scores.ts";
import { pairedDifference } from "@lib/findings/significance.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { judgeClaims } from "@lib/findings/verdicts.ts";

const study = recipe("sound", "demo", { probing: { bootstraps: 2200 } });
const songs = 20, depth = 6;

/** How much better a model's layer is at a task than 0.5 (or less wrong than 5), in truth. */
type Truth = (model: string, layer: number, task: Task) => number;

/** A results table whose scores are means over songs: a song's own level, the truth, and noise of the cell. */
function planted(
  truth: Truth,
  { noise = 0.01, seed = 0, of = tasks }: { noise?: number; seed?: number; of?: readonly Task[] } = {},
): ProbeRow[] {
  return of.flatMap((task) => {
    const metric = headlines.sound[task], sign = lowerIsBetter(metric) ? -1 : 1;
    const level = stream(seed, "songs", task), own = Array.from({ length: songs }, () => 0.3 * level.uniform());
    return paperModels.flatMap((model) =>
      Array.from({ length: depth }, (_, i) => i + 1).flatMap((layer) => {
        const random = stream(seed, "cell", task, model, layer);
        const perSong = Float64Array.from(own, (song) =>
          song + 0.5 + sign * truth(model, layer, task) + noise * (random.uniform() - 0.5));
        const { score } = bootstrap(songMean("score", perSong), songs, {
          resamplings: study.probing.bootstraps,
          seed: study.seed,
          keep: ["score"],
        });
        const row = { ...lineOf(model), seed: 0, layer, pooling: "bar", task, metric } as const;
        const rest = { draw: null, std: null, rows: 100, songs, alpha: 1, threshold: 0, skippedClasses: 0, k: null };
        const { replicates, value, low, high } = score;
        return (["authors", "sound"] as const).flatMap((protocol): ProbeRow[] => {
          const of = { ...row, ...rest, protocol, metric: headlines[protocol][task], value };
          return [
            { ...of, split: "test", low, high, replicates },
            { ...of, split: "validation", low: null, high: null },
          ];
        });
      })
    );
  });
}

const verdicts = (truth: Truth, seed = 0) =>
  new Map(
    judgeClaims(claims, planted(truth, { seed }), [], "sound", study).map(({ claim, verdict }) => [claim, verdict]),
  );

/** What the paper claims, made true: better models and layers are 0.1 better. */
const asClaimed: Truth = (model, layer, task) => {
  const last = layer === depth, middle = layer === 2 || layer === 3 || layer === 4;
  if (task === "GP" || task === "I") {
    const peak = middle ? 0.1 : 0;
    return peak + (task === "I" && model === "BERT-aug" && last ? 0.05 : 0) - (model === "BERT-dropout" ? 0.05 : 0);
  }
  if (task === "T") return model === "BERT-neighbor" ? (layer > 2 ? 0.2 : 0) : layer <= 2 ? 0.1 : -0.1;
  if (task === "MV") {
    const early = layer === 1 ? 0.1 : 0;
    const models: Record<string, number> = { "BERT": 0.05, "BERT-neighbor": 0.05, "BERT-dropout": 0, "BERT-aug": -0.1 };
    return early + models[model] + (model === "BERT-neighbor" && last ? 0.05 : 0);
  }
  const best: Record<string, string> = { C: "BERT", MD: "BERT-aug", SC: "BERT-neighbor" };
  return best[task] === model ? 0.1 : task === "C" && model === "BERT-aug" ? -0.1 : 0;
};

/** Claims about probes; the last two are about training. */
const aboutProbes = claims.filter(({ comparisons }) => comparisons.every(({ kind }) => kind === "probe"));

Deno.test("claims planted in a table are held, and reversed ones are not", () => {
  assertEquals([claims.length, aboutProbes.length], [14, 12]);
  const held = verdicts(asClaimed), turned = verdicts((...cell) => -asClaimed(...cell));
  for (const { text } of aboutProbes) {
    assertEquals(held.get(text), "held", text);
    assertEquals(turned.get(text), "not", text);
  }
});

Deno.test("noise decides no claim, more often than the level allows", () => {
  // 12 tables of noise: at a level of 0.05 each, 4 or more with a false verdict have a chance below 0.003.
  const wrong = Array.from({ length: 12 }, (_, seed) => {
    const found = judgeClaims(claims, planted(() => 0, { seed, noise: 0.3, of: ["C", "I", "MD"] }), [], "sound", study);
    return found.some(({ evidence }) => evidence.some(({ verdict }) => verdict !== "undecided"));
  }).filter(Boolean).length;
  assert(wrong < 4, `${wrong} of 12 tables of noise have a verdict`);
});

Deno.test("a small difference in every song is found though the songs differ far more", () => {
  const rows = tableRows(planted((model) => model === "BERT" ? 0.02 : 0), "bar").filter((
    { task, layer, split, protocol },
  ) => task === "C" && layer === 1 && split === "test" && protocol === "sound");
  const [a, b] = ["BERT", "BERT-aug"].map((name) => rows.find(({ model }) => model === name)!);
  assertGreater(b.high!, a.low!); // each alone, their intervals overlap
  const { difference, low, p } = pairedDifference(a, b);
  assertAlmostEquals(difference, 0.02, 0.005);
  assertGreater(low!, 0);
  assertAlmostEquals(p, 2 / 2201, 1e-12); // no resampling is on the other side
});

Deno.test("a claim that holds for one training is undecided where other seeds disagree, and held where they agree", () => {
  const claim = claims.filter(({ text }) => text.startsWith("BERT is best at chords"));
  const judged = (...aug: number[]) => {
    const rows = aug.flatMap((luck, seed) =>
      planted((model) => model === "BERT" ? 0.1 : model === "BERT-aug" ? luck : 0, { of: ["C"] })
        .map((row) => ({ ...row, seed }))
    );
    const [{ verdict, evidence }] = judgeClaims(claim, rows, [], "sound", study);
    return [verdict, evidence.every(({ training }) => training)];
  };
  assertEquals(judged(0), ["held", false]);
  assertEquals(judged(0, 0, 0), ["held", true]);
  assertEquals(judged(0, 0.2, 0), ["undecided", true]); // on average BERT is better in every song
});

/**
 * Rows of three seeds of each model, whose scores are a song's own level, the truth, the seed's luck at every layer, the
 * luck of the training at the layer, and noise; few resamplings, drawn once.
 */
function luckyRows(truth: Truth, luck: number, seed: number, of: readonly Task[]): ProbeRow[] {
  const random = stream(seed, "luck"), resamplings = 150;
  const draws = stream(1, "draws"),
    drawn = Array.from({ length: resamplings }, () => {
      return Array.from({ length: songs }, () => draws.integer(songs));
    });
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  return of.flatMap((task) => {
    const metric = headlines.sound[task], level = Array.from({ length: songs }, () => 0.3 * random.uniform());
    const blocks = Array.from({ length: 3 }, () => luck * normal());
    return paperModels.flatMap((model) =>
      blocks.flatMap((block, seed) =>
        Array.from({ length: depth }, (_, i) => i + 1).flatMap((layer): ProbeRow[] => {
          const better = truth(model, layer, task) + block + luck * normal();
          const sign = lowerIsBetter(metric) ? -1 : 1;
          const scores = level.map((song) => song + 0.5 + sign * better + 0.01 * normal());
          const value = scores.reduce((sum, score) => sum + score / songs, 0);
          const replicates = Float32Array.from(
            drawn,
            (draw) => draw.reduce((sum, at) => sum + scores[at] / songs, 0),
          );
          const rest = { draw: null, std: null, rows: 100, songs, alpha: 1, threshold: 0, skippedClasses: 0, k: null };
          const row = {
            ...lineOf(model),
            seed,
            layer,
            pooling: "bar",
            task,
            metric,
            protocol: "sound",
            ...rest,
          } as const;
          return [
            { ...row, value, low: null, high: null, split: "test", replicates },
            { ...row, value, low: null, high: null, split: "validation" },
          ];
        })
      )
    );
  });
}

Deno.test("luck of training decides no claim, more often than the level allows", () => {
  // Of claims on one layer, where no choice of the best one on validation songs favours a side.
  const last = claims.filter(({ text }) => text.endsWith("(last layer)"));
  for (const [seedSpread, most] of [["pooled", 9], ["own", 9]] as const) { // of 60 at 0.05: 10 or more in 1 of 1000
    const wrong = Array.from({ length: 60 }, (_, seed) => {
      const rows = luckyRows(() => 0, 0.02, seed, ["C", "I", "MV"]);
      const judged = judgeClaims(last, rows, [], "sound", recipe("sound", "demo", { probing: { seedSpread } }));
      return judged.some(({ verdict }) => verdict !== "undecided");
    }).filter(Boolean).length;
    assert(wrong <= most, `${seedSpread}: ${wrong} of 60 tables of luck have a verdict`);
  }
});

Deno.test("three seeds of four models decide what three seeds of two do not", () => {
  const last = claims.filter(({ text }) => text.endsWith("(last layer)"));
  const truth: Truth = (model, _, task) =>
    ({ C: "BERT", I: "BERT-aug", MV: "BERT-neighbor" })[task as string] === model ? 0.1 : 0;
  const decided = (seedSpread: "pooled" | "own") =>
    Array.from({ length: 10 }, (_, seed) =>
      judgeClaims(
        last,
        luckyRows(truth, 0.02, seed, ["C", "I", "MV"]),
        [],
        "sound",
        recipe("sound", "demo", { probing: { seedSpread } }),
      ).filter(({ verdict }) => verdict === "held").length).reduce((sum, count) => sum + count);
  // Differences are six times the deviation of their mean: far out for 6 degrees of freedom, not for 2 and three claims.
  assertGreater(decided("pooled"), 24);
  assertLess(decided("own"), 12);
});

Deno.test("without resamplings, or for layers that are not there, nothing is decided", () => {
  const rows = planted(asClaimed).map(({ replicates: _, ...row }) => row);
  assert(judgeClaims(claims, rows, [], "sound", study).every(({ verdict }) => verdict === "undecided"));
  const shallow = planted(asClaimed).filter(({ layer }) => layer! <= 2);
  const tempo = judgeClaims(claims, shallow, [], "sound", study).find(({ claim }) => claim.startsWith("tempo"))!;
  assertEquals(tempo.verdict, "undecided");
  assert(tempo.weakest.what.includes("none"));
});

Deno.test("the layer is chosen on validation songs under sound, on test songs by the authors", () => {
  // Layer 2 wins on validation, layer 3 on test.
  const rows = planted((_, layer) => layer === 3 ? 0.1 : 0).map((row) =>
    row.split === "validation" && row.layer === 2 ? { ...row, value: lowerIsBetter(row.metric) ? -9 : 9 } : row
  );
  const chosen = (protocol: "sound" | "authors") =>
    judgeClaims(claims, rows, [], protocol, study).find(({ claim }) => claim === "BERT-aug is worst at chords")!
      .evidence[0].what;
  assertEquals(chosen("sound"), "C: BERT (2) − BERT-aug (2)");
  assertEquals(chosen("authors"), "C: BERT (3) − BERT-aug (3)");
});

/** An evaluation: of each of thirty songs, how many of two masked tokens are right; and NT-Xent's accuracy by batch. */
const evaluation = (
  model: string,
  right: (song: number) => number,
  { seed, nt }: { seed?: number; nt?: number } = {},
) => ({
  ...{ model, seed },
  mlm: { validation: { songs: Array.from({ length: 30 }, (_, song) => ({ song, correct: right(song), count: 2 })) } },
  contrast: nt === undefined ? null : { validation: { perBatch: Array(20).fill(nt), chance: 1 / 47 } },
});
const { equalMlm, nearChance } = study.probing;
const weakest = (comparison: Comparison, evaluations: ReturnType<typeof evaluation>[]) =>
  judgeClaims([{ text: "", comparisons: [comparison] }], [], evaluations as never, "sound", study)[0].weakest;
const equal: Comparison = { kind: "equal MLM", models: ["BERT", "BERT-aug"] };
const chance: Comparison = { kind: "NT-Xent near chance", model: "BERT-neighbor" };

Deno.test("the interval of an MLM comparison is that of resampled songs", () => {
  // BERT is right in every other song, BERT-aug half right everywhere: their difference of 0 has a standard error of
  // 0.5/√30; 95% of it lie within 1.96 of that.
  const evaluations = [evaluation("BERT", (song) => 2 * (song % 2)), evaluation("BERT-aug", () => 1)];
  const { what, difference, low, high, p, training } = weakest(equal, evaluations);
  assertEquals(what, `MLM: BERT = BERT-aug ± ${equalMlm}`);
  assertAlmostEquals(difference, equalMlm, 1e-9);
  assertAlmostEquals(low!, equalMlm - 1.96 * 0.5 / Math.sqrt(30), 0.03);
  assertAlmostEquals(high!, equalMlm, 1e-9);
  assertEquals(training, false);
  assertGreater(p, 0.5); // the truth may well lie outside of the margin
});

Deno.test("MLM accuracies are equal if both one-sided tests say so, and unequal by the nearer one", () => {
  const of = (a: number, b: number) => weakest(equal, [evaluation("BERT", () => a), evaluation("BERT-aug", () => b)]);
  for (const [a, b] of [[1, 1], [1, 1 + equalMlm], [1 + equalMlm, 1]]) { // halves of it, as each song has two tokens
    const { difference, low, high, verdict } = of(a, b);
    for (const end of [difference, low!, high!]) assertAlmostEquals(end, equalMlm - Math.abs(a - b) / 2, 1e-6);
    assertEquals(verdict, "held");
  }
  for (const [a, b] of [[1, 0.5], [0.5, 1]]) {
    const { difference, low, high, verdict } = of(a, b);
    for (const end of [difference, low!, high!]) assertAlmostEquals(end, equalMlm - 0.25, 1e-6);
    assertEquals(verdict, "not");
  }
});

Deno.test("a difference a little beyond the margin is undecided, on either side", () => {
  // 1.3 margins, with a standard error of half a margin over thirty songs of two tokens.
  const varied = (song: number) => 1 + 2 * equalMlm * (1.3 + (song % 2 ? 0.5 : -0.5) * Math.sqrt(30));
  for (const [a, b] of [[varied, () => 1], [() => 1, varied]]) {
    const { difference, p, verdict } = weakest(equal, [evaluation("BERT", a), evaluation("BERT-aug", b)]);
    assertAlmostEquals(difference, -0.3 * equalMlm, 1e-9);
    assertGreater(p, 0.3);
    assertEquals(verdict, "undecided");
  }
});

Deno.test("claims on training count the luck of training where there are several seeds", () => {
  const trained = (model: string, luck: number[], nt?: number[]) =>
    luck.map((more, seed) => evaluation(model, () => 1 + more, { seed, nt: nt?.[seed] }));
  const agreed = weakest(equal, [...trained("BERT", [0.2, 0.4, 0]), ...trained("BERT-aug", [0.2, 0.4, 0])]);
  assertEquals([agreed.verdict, agreed.training], ["held", true]);
  // Differences of 0, 0.1 and −0.1 by seed: none on average, ± 4.303 · 0.1/√3.
  const apart = weakest(equal, [...trained("BERT", [0.2, 0.4, 0]), ...trained("BERT-aug", [0.2, 0.2, 0.2])]);
  assertAlmostEquals(apart.low!, equalMlm - 4.303 * 0.1 / Math.sqrt(3), 1e-4);
  assertEquals([apart.high, apart.verdict, apart.training], [equalMlm, "undecided", true]);
  const near = weakest(chance, trained("BERT-neighbor", [0, 0, 0], [0.02, 0.04, 0.06]));
  assertAlmostEquals(near.difference, 1 / 47 + nearChance - 0.04, 1e-6);
  assertAlmostEquals(near.difference - near.low!, 4.303 * 0.02 / Math.sqrt(3), 1e-4);
  assertEquals(near.training, true);
});

Deno.test("the weakest comparison is the one whose difference is the fewest widths of its interval", () => {
  const batches = (model: string, even: number, odd: number) => {
    const one = evaluation(model, () => 1, { nt: 0 });
    return {
      ...one,
      contrast: { validation: { chance: 1 / 47, perBatch: Array.from({ length: 20 }, (_, i) => i % 2 ? odd : even) } },
    };
  };
  const evaluations = [batches("BERT-aug", 0.05, 0.051), batches("BERT-neighbor", 0, 0.04)]; // the second is lower, but wide
  const models = ["BERT-aug", "BERT-neighbor"] as const;
  for (const order of [models, models.toReversed()]) {
    const comparisons = order.map((model): Comparison => ({ kind: "NT-Xent near chance", model }));
    const [result] = judgeClaims([{ text: "", comparisons }], [], evaluations as never, "sound", study);
    assert(result.weakest.what.includes("BERT-neighbor"), result.weakest.what);
  }
});

Deno.test("a claim on training without its evaluation is undecided", () => {
  for (const evaluations of [[], [evaluation("BERT", () => 1)]]) {
    for (const comparison of [equal, chance]) {
      const { difference, verdict, p } = weakest(comparison, evaluations);
      assertEquals([difference, verdict, p], [NaN, "undecided", 1]);
    }
  }
});

Deno.test("claims on training are judged over songs and batches", () => {
  const judged = (shares: number[], nt: number) => {
    const evaluations = paperModels.map((model, i) => evaluation(model, () => 2 * shares[i], { nt }));
    return judgeClaims(claims.slice(-2), [], evaluations as never, "sound", study).map(({ verdict }) => verdict);
  };
  assertEquals(judged([0.869, 0.869, 0.868, 0.868], 0.03), ["held", "held"]);
  assertEquals(judged([0.869, 0.869, 0.868, 0.8], 0.5), ["not", "not"]);
});
