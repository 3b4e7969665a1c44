import { assertEquals } from "@std/assert";
import { differenceText, lineName, panelName, scoreName, scoreText, taskCells } from "@lib/findings/wording.ts";
import { lineOf, majorityLine, tokenCountLine } from "@lib/probing/rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

const row = { ...plantedRows()[0], task: "C" as const, value: 0.81249, low: 0.79, high: 0.8344, std: null };

Deno.test("a line is named by its model and by what was done to its labels or layers", () => {
  const changes = [{}, { labels: "permuted" }, { labels: "control" }, { layers: "weighted" }] as const;
  assertEquals(changes.map((change) => lineName(lineOf("BERT", change))), [
    ...["BERT", "BERT, permuted labels", "BERT, control task", "BERT, all layers"],
  ]);
  assertEquals([majorityLine, tokenCountLine].map(lineName), ["guess", "token counts"]);
});

Deno.test("a score's name has an arrow towards the better values", () => {
  assertEquals([scoreName("T", "authors"), scoreName("T", "sound"), scoreName("SC", "sound")], [
    ...["T: exact rows ↑", "T: accuracy ↑", "SC: entropy / ln min(n, K) ↓"],
  ]);
});

Deno.test("a panel is named by its task in words, with the score below", () => {
  assertEquals([panelName("C", "sound"), panelName("MD", "authors")], [
    ...["Chords ↑\nAUC of scores", "Mean duration ↓\nRMSE, bins"],
  ]);
});

Deno.test("scores stand with their interval or deviation, errors with two decimals", () => {
  assertEquals(scoreText(row), "0.812 [0.790,\u00a00.834]");
  assertEquals(scoreText(row, 0), "0.812 (0) [0.790,\u00a00.834]");
  assertEquals(scoreText({ ...row, std: 0.0123 }, 4), "0.812 (4) ±\u00a00.012");
  assertEquals(scoreText({ ...row, low: null }, null), "0.812");
  assertEquals(scoreText({ ...row, task: "MV", value: 9.169, low: 9, high: 10 }), "9.17 [9.00,\u00a010.00]");
  assertEquals([scoreText(undefined), scoreText({ ...row, value: NaN })], ["–", "–"]);
});

Deno.test("differences stand with true signs", () => {
  const difference = { difference: 0.0214, low: -0.004, high: 0.05, p: 0.1, training: false };
  assertEquals(differenceText(difference, "C"), "+0.021 [−0.004,\u00a0+0.050]");
  assertEquals(differenceText({ ...difference, difference: -0.5, low: null }, "MD"), "−0.50");
  assertEquals(differenceText({ ...difference, difference: NaN }, "C"), "–");
});

Deno.test("a row has its tasks in the paper's order", () => {
  assertEquals(Object.keys(taskCells((task) => [task, ""])), ["C", "GP", "I", "T", "MV", "MD", "SC"]);
  assertEquals(taskCells((task) => [task, `${task}!`], ["T"]), { T: "T!" });
});
