import { assertEquals } from "@std/assert";
import { tableRows } from "@lib/findings/table_rows.ts";
import { seedTable } from "@lib/findings/words/seed_table.ts";
import { lineOf, untrainedLine } from "@lib/probing/rows.ts";
import { plantedRows } from "../../support/planted_rows.ts";

const lines = [lineOf("BERT"), lineOf("BERT-aug")];

Deno.test("a model's best layer has the score of every seed, in their order", () => {
  const rows = tableRows(plantedRows({ seeds: 3, poolings: ["bar"] }).reverse(), "bar");
  const [bert, aug] = seedTable(rows, lines);
  // 120 and 210 points, and 6 more of each further seed (planted_rows.ts).
  assertEquals(bert["C: AUC of scores ↑"], "0.320, 0.326 and 0.332 (layer 2)");
  assertEquals(aug["MV: RMSE, velocity ↓"], "17.86, 17.80 and 17.74 (layer 1)");
});

Deno.test("models of one seed have no row", () => {
  assertEquals(seedTable(tableRows(plantedRows({ poolings: ["bar"] }), "bar"), [...lines, untrainedLine]), []);
});
