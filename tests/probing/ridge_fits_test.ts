import { assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { predictRows } from "@lib/matrix/layer_ridge.ts";
import { fitLayer } from "@lib/probing/ridge_fits.ts";
import { takeBars } from "@lib/probing/rows.ts";
import { largestDifference, transpose } from "../support/npy.ts";
import { expected, fixture, goldenFeatures, goldenTable } from "../support/probe_fixtures.ts";

const [train, test] = [await goldenTable("train"), await goldenTable("test")];
const [x, z] = [await goldenFeatures("train"), await goldenFeatures("test")];
const trained = {
  C: new Set(train.labels.flatMap(({ chords }) => chords)),
  GP: new Set(train.labels.flatMap(({ groove }) => groove)),
  T: new Set(train.labels.map(({ tempoBin }) => tempoBin)),
};

Deno.test("fits of all tasks predict what scikit-learn's ridge predicts, classes in order of their ids", async () => {
  const { fitted: [fitted], scale } = await fitLayer(x, 40, [train], ["C", "GP", "T", "MV", "MD"], [1, 100]);
  assertEquals(fitted.map(({ question: { task } }) => task), ["C", "GP", "T", "T", "MV", "MD", "MD"]);
  const { featureMean, featureStd } = expected.probes.groove_pattern; // of all training bars
  assertLess(largestDifference(scale.mean, featureMean), 1e-6);
  assertLess(largestDifference(scale.std, featureStd), 1e-6);
  const all = Int32Array.from({ length: z.length / 40 }, (_, r) => r);
  const withChord = all.filter((r) => test.labels[r].chords.length > 0);
  const asked = [["C", "chord", withChord], ["GP", "groove_pattern", all], ["T", "tempo", all]] as const;
  for (const [task, name, rows] of asked) {
    const { live, fits } = fitted.find(({ question }) => question.task === task)!;
    const [, predicted] = await predictRows(fits, z, rows),
      { data, shape: [n, classes] } = await fixture(`score_${name}`);
    const want = transpose(data, n, classes), ids = expected.columns[name];
    assertEquals(live, ids.filter((id) => trained[task].has(id))); // others are in no training bar
    live.forEach((id, k) => {
      const theirs = want.subarray(ids.indexOf(id) * n, (ids.indexOf(id) + 1) * n);
      assertLess(largestDifference(predicted.subarray(k * n, (k + 1) * n), theirs), 1e-9);
    });
  }
  for (const [at, name] of [[4, "mean_velocity"], [5, "mean_duration"]] as const) {
    const [, predicted] = await predictRows(fitted[at].fits, z, all);
    assertLess(largestDifference(predicted, (await fixture(`pred_${name}`)).data), 1e-9);
  }
});

Deno.test("tables fitted together have the fits of each alone", async () => {
  const doubled = {
    ...train,
    labels: train.labels.map((bar) => ({
      ...bar,
      meanVelocity: 2 * bar.meanVelocity! + 1,
      tempoBin: 31 - bar.tempoBin,
    })),
  };
  const { fitted: [first, second] } = await fitLayer(x, 40, [train, doubled], ["C", "T", "MV"], [10]);
  const rows = Int32Array.of(0, 7),
    of = async (fits: typeof first, at: number) => (await predictRows(fits[at].fits, z, rows))[0];
  const [velocity, twice] = [await of(first, 3), await of(second, 3)];
  velocity.forEach((value, i) => assertAlmostEquals(twice[i], 2 * value + 1, 1e-9));
  assertEquals(second[1].live, first[1].live.map((bin) => 31 - bin).reverse());
  const [tempo, turned] = [await of(first, 1), await of(second, 1)], n = first[1].live.length;
  for (let k = 0; k < n; k++) assertAlmostEquals(turned[2 * k + 1], tempo[2 * (n - 1 - k) + 1], 1e-9);
  assertLess(largestDifference(await of(second, 0), await of(first, 0)), 1e-12);
});

Deno.test("no chord in training is no question; bars without notes, or chords of other bars, are refused", async () => {
  const some = takeBars(train, Int32Array.of(0, 1, 2, 3)), y = x.subarray(0, 160);
  const without = { ...some, labels: some.labels.map((bar) => ({ ...bar, chords: [] })) };
  const { fitted: [none] } = await fitLayer(y, 40, [without], ["C", "MV"], [1]);
  assertEquals(none.map(({ question: { task } }) => task), ["MV"]);
  const silent = { ...some, labels: some.labels.map((bar, r) => r === 2 ? { ...bar, meanVelocity: null } : bar) };
  await assertRejects(() => fitLayer(y, 40, [silent], ["MV"], [1]), RangeError, "no meanVelocity");
  const [first, ...rest] = some.labels, moved = { ...some, labels: [{ ...first, chords: [] }, ...rest] };
  const with0 = { ...some, labels: [{ ...first, chords: [1] }, ...rest] };
  await assertRejects(() => fitLayer(y, 40, [with0, moved], ["C"], [1]), RangeError, "chords to the same bars");
});
