import { assertEquals } from "@std/assert";
import { differenceTable, selectivityTable } from "@lib/findings/difference_tables.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { lineOf, untrainedLine } from "@lib/probing/rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

const rows = tableRows(plantedRows(), "bar"), bert = lineOf("BERT"), aug = lineOf("BERT-aug");
const cells = (table: Record<string, string>[]) =>
  table.map((row) => Object.values(row).map((text) => text.replaceAll("\u00a0", " ")));

Deno.test("differences of best layers are above 0 where the first line is better, and their intervals are paired", () => {
  // BERT-aug's layer 1 has 210 points, BERT's layer 2 has 120; their spreads are 40 and 20 points, paired 20: ± 19.
  assertEquals(cells(differenceTable(rows, [aug], () => bert)), [[
    ...["BERT-aug", "+0.090 [+0.071, +0.109]", "+0.090 [+0.071, +0.109]", "+0.090 [+0.071, +0.109]"],
    ...["+0.090 [+0.071, +0.109]", "+0.90 [+0.71, +1.09]", "+0.90 [+0.71, +1.09]", "+0.090 [+0.071, +0.109]"],
  ]]);
  // The untrained encoder's best layer, 3, has 30 points, 100 more at T, 300 more at SC; spread 60.
  assertEquals(cells(differenceTable(rows, [bert, aug], () => untrainedLine)), [[
    ...["BERT", "+0.090 [+0.052, +0.128]", "+0.090 [+0.052, +0.128]", "+0.090 [+0.052, +0.128]"],
    ...["−0.010 [−0.048, +0.028]", "+0.90 [+0.52, +1.28]", "+0.90 [+0.52, +1.28]", "−0.210 [−0.248, −0.172]"],
  ], [
    ...["BERT-aug", "+0.180 [+0.161, +0.199]", "+0.180 [+0.161, +0.199]", "+0.180 [+0.161, +0.199]"],
    ...["+0.080 [+0.061, +0.099]", "+1.80 [+1.61, +1.99]", "+1.80 [+1.61, +1.99]", "−0.120 [−0.139, −0.101]"],
  ]]);
});

Deno.test("each line is compared with its own other line", () => {
  const [all] = cells(differenceTable(rows, [lineOf("BERT", { layers: "weighted" })], ({ model }) => lineOf(model)));
  assertEquals(all.slice(0, 2), ["BERT, all layers", "+0.030 [+0.011, +0.049]"]); // 150 − 120 points, spread 20
  const [none] = cells(differenceTable(rows, [bert], () => lineOf("nobody")));
  assertEquals(none.slice(1), Array(7).fill("–"));
});

Deno.test("selectivity compares a best layer with the control task at the same layer, values by R²", () => {
  const [own, other] = selectivityTable(rows, [bert, aug]);
  assertEquals(Object.keys(own).slice(1), [
    ...["C: AUC of scores ↑", "GP: AUC of scores ↑", "I: AUC of scores ↑", "T: accuracy ↑", "MV: R² ↑", "MD: R² ↑"],
  ]);
  // At layer 2: 120 points against the control's 20 + 20, in R² both 7 more; spreads 20 and 40 points.
  const [cell] = cells([own]);
  assertEquals(cell.slice(1, 5), Array(4).fill("+0.080 (2) [+0.061, +0.099]"));
  const [value] = cells([own]).map((row) => row.slice(5));
  assertEquals(value.map((text) => text.split(" [")[0]), ["+0.08 (2)", "+0.08 (2)"]);
  assertEquals(Object.values(other).slice(1), Array(6).fill("–")); // it has no control task
  const worse = rows.map((row) => {
    if (row.labels !== "control" || row.layer !== 2) return row;
    return {
      ...row,
      bySeed: new Map([...row.bySeed].map(([seed, one]) => [seed, { ...one, value: one.value - 0.05 }])),
    };
  });
  assertEquals(selectivityTable(worse, [bert])[0]["C: AUC of scores ↑"].split(" [")[0], "+0.130 (2)");
});

Deno.test("of three seeds, selectivity compares those alone that have a control task", () => {
  // Each seed has 6 points more than the one before it, so the mean over seeds would be 6 points too good.
  const some = plantedRows({ seeds: 3 }).filter(({ labels, seed }) => labels === "true" || seed === 0);
  assertEquals(selectivityTable(tableRows(some, "bar"), [bert]), selectivityTable(rows, [bert]));
  const bare = tableRows(some.map((row) => ({ ...row, replicates: undefined })), "bar");
  assertEquals(selectivityTable(bare, [bert])[0]["C: AUC of scores ↑"], "+0.080");
});
