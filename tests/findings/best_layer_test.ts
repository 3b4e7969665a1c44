import { assertEquals } from "@std/assert";
import {
  bestLayer,
  bestTestRow,
  better,
  headlineRows,
  lastDraw,
  lastTestRow,
  layerCurve,
} from "@lib/findings/best_layer.ts";
import { lineOf, majorityLine, tokenCountLine } from "@lib/probing/rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

// See planted_rows.ts: a score of points p is 0.2 + p/1000, an error 20 − p/100.
const rows = plantedRows({ poolings: ["bar"] }), bert = lineOf("BERT"), aug = lineOf("BERT-aug");
const brief = (row: ReturnType<typeof bestLayer>) =>
  row && [row.layer, row.split, row.draw, Number(row.value.toFixed(4))];

Deno.test("the sound layer is the best one on validation songs, the authors' on the last draw's test songs", () => {
  assertEquals(brief(bestTestRow(rows, bert, "C", "sound")), [2, "test", null, 0.32]);
  assertEquals(brief(bestTestRow(rows, aug, "C", "sound")), [1, "test", null, 0.41]);
  assertEquals(brief(bestTestRow(rows, bert, "C", "authors")), [1, "test", 1, 0.64]);
  assertEquals(brief(bestTestRow(rows, aug, "C", "authors")), [2, "test", 1, 0.74]);
  assertEquals(brief(bestTestRow(rows, bert, "MV", "sound")), [2, "test", null, 18.76]); // an error: the least one
});

Deno.test("the last layer's row is the mean over the draws", () => {
  assertEquals(brief(lastTestRow(rows, bert, "GP", "sound")), [3, "test", null, 0.331]);
  assertEquals(brief(lastTestRow(rows, bert, "GP", "authors")), [3, "test", null, 0.631]);
});

Deno.test("of all candidates the best one wins, of equal layers the lowest, and layer 0 never", () => {
  const both = rows.filter(({ model, labels, layers }) =>
    model.startsWith("BERT") && labels === "true" && layers === "one"
  );
  assertEquals(bestLayer(both, "C", "sound")?.model, "BERT-aug");
  const equal = rows.map((row) => ({ ...row, value: row.layer === 0 ? 9 : 0.5 }));
  assertEquals([bestTestRow(equal, bert, "C", "sound")?.layer, bestTestRow(equal, bert, "C", "authors")?.layer], [
    1,
    1,
  ]);
  const tested = rows.map((row) => row.split === "test" && row.layer === 3 ? { ...row, value: row.value + 0.5 } : row);
  assertEquals(bestTestRow(tested, bert, "C", "sound")?.layer, 2);
  const unscored = rows.map((row) => row.split === "validation" && row.layer === 2 ? { ...row, value: NaN } : row);
  assertEquals(bestTestRow(unscored, bert, "C", "sound")?.layer, 3);
  assertEquals(bestLayer(rows.filter(({ task }) => task === "C"), "GP", "sound"), undefined);
});

Deno.test("a line without layers has its only row, under the authors' protocol that of the last draw", () => {
  assertEquals(brief(bestTestRow(rows, tokenCountLine, "C", "sound")), [null, "test", null, 0.26]);
  assertEquals(brief(bestTestRow(rows, majorityLine, "C", "authors")), [null, "test", 1, 0.54]);
  const once = rows.filter(({ draw }) => draw === null); // nothing was drawn for this line
  const some = [...once.filter(({ input }) => input === "none"), ...rows.filter(({ input }) => input === "trained")];
  assertEquals(brief(bestTestRow(some, majorityLine, "C", "authors")), [null, "test", null, 0.54]);
});

Deno.test("a curve has a line's test rows in the order of layers", () => {
  const curve = layerCurve([...rows].reverse(), bert, "I", "sound");
  assertEquals(curve.map(({ layer, value }) => [layer, value.toFixed(3)]), [
    ...[[0, "0.302"], [1, "0.312"], [2, "0.322"], [3, "0.332"]],
  ]);
  const drawn = layerCurve(rows, bert, "I", "authors");
  assertEquals(drawn.map(({ value }) => value.toFixed(3)), ["0.602", "0.642", "0.622", "0.632"]);
});

Deno.test("draws, headline scores and their directions", () => {
  const first = rows.filter(({ draw }) => draw !== 1);
  assertEquals([lastDraw(rows, "authors"), lastDraw(first, "authors")], [1, 0]);
  assertEquals([lastDraw(rows, "sound"), lastDraw([], "authors")], [null, null]);
  assertEquals(new Set(headlineRows(rows, "MV", "sound").map(({ metric }) => metric)), new Set(["rmse"]));
  assertEquals((["C", "MV", "SC"] as const).map((task) => better(task, "sound")), [1, -1, -1]);
});
