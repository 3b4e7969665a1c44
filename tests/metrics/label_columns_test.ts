import { assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { type LabelColumns, packLabels, takeLabels } from "@lib/metrics/label_columns.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";
import { labelsAt } from "../support/planted_tables.ts";

const random = stream(3, "label columns"),
  some = (most: number, of: number) => Array.from({ length: random.integer(most + 1) }, () => random.integer(of));
/** Bars of which some have no chord, no note, or a list of many; repeats are kept. */
const bars = Array.from({ length: 700 }, (): BarLabels => {
  const isSilent = random.uniform() < 0.1, mean = () => isSilent ? null : 100 * random.uniform();
  return {
    ...{ chords: some(3, 84), groove: some(48, 48), instruments: some(5, 129), tempoBin: random.integer(32) },
    ...{ meanVelocity: mean(), meanDuration: mean(), meanDurationQuarters: mean() },
  };
});
const columns = packLabels(bars.length, (row) => bars[row]);
const all = (labels: LabelColumns) => Array.from({ length: labels.length }, (_, row) => labelsAt(labels, row));

Deno.test("labels in columns are those of the bars", () => assertEquals(all(columns), bars));

Deno.test("rows are taken, and taken again, with chords of their own, of others, or none, as from a list", () => {
  const draw = (count: number, of: number, least = 0) =>
    Int32Array.from({ length: count }, () => least + random.integer(of - least));
  const rows = draw(300, bars.length), donors = draw(300, bars.length, -1), again = draw(50, 300);
  const others = draw(50, 300, -1);
  for (const [first, second] of [[undefined, undefined], [donors, undefined], [undefined, others], [donors, others]]) {
    const taken = takeLabels(columns, rows, first), listed = takeLabels(bars, rows, first);
    assertEquals(all(taken), listed);
    assertEquals(all(takeLabels(taken, again, second)), takeLabels(listed, again, second));
  }
  assertEquals(takeLabels(bars, Int32Array.of(4), Int32Array.of(-1)), [{ ...bars[4], chords: [] }]);
});

Deno.test("a worker that is sent columns has no copy of them", () => {
  const { rows, tempoBin, chords, meanVelocity } = takeLabels(columns, Int32Array.of(2, 5));
  const sent = structuredClone({ rows, tempoBin, chords, meanVelocity });
  meanVelocity[5] = -1;
  assertEquals(sent.meanVelocity[5], -1);
  for (const { buffer } of [rows!, tempoBin, chords.ids, chords.starts, meanVelocity]) {
    assertEquals(buffer instanceof SharedArrayBuffer, true);
  }
});
