import { assertEquals } from "@std/assert";
import { bestTable, figure2, paperFigure, poolingTable, scoreTable } from "@lib/findings/score_tables.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { lineOf, untrainedLine } from "@lib/probing/rows.ts";
import { lines as planted, plantedRows } from "../support/planted_rows.ts";

const all = plantedRows(), rows = tableRows(all, "bar"), lines = planted.map(({ line }) => line);
/** A table's rows as lists of cells, with plain spaces. */
const cells = (table: Record<string, string>[]) =>
  table.map((row) => Object.values(row).map((text) => text.replaceAll("\u00a0", " ")));

Deno.test("Table 2 has each line's last layer by task, with intervals of the test songs", () => {
  const table = scoreTable(rows, lines, "sound", "last");
  assertEquals(Object.keys(table[0]), [
    "model",
    ...["C: AUC of scores ↑", "GP: AUC of scores ↑", "I: AUC of scores ↑", "T: accuracy ↑"],
    ...["MV: RMSE, velocity ↓", "MD: RMSE, bins ↓", "SC: entropy / ln min(n, K) ↓"],
  ]);
  const [bert, aug, ...others] = cells(table);
  assertEquals(bert, [
    ...["BERT", "0.330 [0.311, 0.349]", "0.331 [0.312, 0.350]", "0.332 [0.313, 0.351]", "0.333 [0.314, 0.352]"],
    ...["18.66 [18.47, 18.85]", "18.65 [18.46, 18.84]", "0.764 [0.745, 0.783]"],
  ]);
  assertEquals(aug, [
    ...["BERT-aug", "0.430 [0.392, 0.468]", "0.431 [0.393, 0.469]", "0.432 [0.394, 0.470]", "0.433 [0.395, 0.471]"],
    ...["17.66 [17.28, 18.04]", "17.65 [17.27, 18.03]", "0.664 [0.626, 0.702]"],
  ]);
  assertEquals(others.slice(0, 6).map(([name, chords]) => [name, chords]), [
    ["untrained", "0.230 [0.173, 0.287]"],
    ["token counts", "0.260 [0.184, 0.336]"],
    ["guess", "0.240 [0.240, 0.240]"],
    ["BERT, permuted labels", "0.240 [0.221, 0.259]"],
    ["BERT, control task", "0.250 [0.212, 0.288]"],
    ["BERT, all layers", "0.350 [0.350, 0.350]"],
  ]);
  // The paper's Table 2: BERT's chords .861 and BERT-dropout's clustering .226 with their deviations.
  assertEquals(others.slice(6).map(([name]) => name), [
    ...["BERT, paper", "BERT-aug, paper", "BERT-neighbor, paper", "BERT-dropout, paper"],
  ]);
  assertEquals([others[6][1], others[9][7]], ["0.861 ± 0.00019", "0.226 ± 0.00087"]);
});

Deno.test("Table 3 has the best layer, chosen on validation songs, in round brackets", () => {
  const [bert, aug, untrained, bag, ...others] = cells(scoreTable(rows, lines, "sound", "best"));
  assertEquals(bert, [
    ...["BERT", "0.320 (2) [0.301, 0.339]", "0.321 (2) [0.302, 0.340]", "0.322 (2) [0.303, 0.341]"],
    ...["0.323 (2) [0.304, 0.342]", "18.76 (2) [18.57, 18.95]", "18.75 (2) [18.56, 18.94]", "0.774 (2) [0.755, 0.793]"],
  ]);
  assertEquals([aug[1], aug[5]], ["0.410 (1) [0.372, 0.448]", "17.86 (1) [17.48, 18.24]"]);
  assertEquals([untrained[1], bag[1]], ["0.230 (3) [0.173, 0.287]", "0.260 [0.184, 0.336]"]);
  assertEquals([others.at(-3)![4], others.at(-3)![6]], ["0.337 (2)", "1.453 (6)"]); // the paper's BERT-aug
});

Deno.test("as the authors computed them: means over draws in Table 2, the last draw in Table 3", () => {
  const last = scoreTable(rows, lines, "authors", "last"), best = scoreTable(rows, lines, "authors", "best");
  assertEquals(Object.keys(last[0]).slice(1), [
    ...["C: AUC of decisions ↑", "GP: AUC of decisions ↑", "I: AUC of decisions ↑", "T: exact rows ↑"],
    ...["MV: RMSE, velocity ↓", "MD: RMSE, bins ↓", "SC: entropy / ln K ↓"],
  ]);
  assertEquals(cells(last)[0], [
    ...["BERT", "0.630 ± 0.004", "0.631 ± 0.004", "0.632 ± 0.004", "0.633 ± 0.004", "15.66 ± 0.04", "15.65 ± 0.04"],
    "0.314 ± 0.004",
  ]);
  assertEquals(cells(best).slice(0, 2), [
    ["BERT", "0.640 (1)", "0.641 (1)", "0.642 (1)", "0.643 (1)", "15.56 (1)", "15.55 (1)", "0.304 (1)"],
    ["BERT-aug", "0.740 (2)", "0.741 (2)", "0.742 (2)", "0.743 (2)", "14.56 (2)", "14.55 (2)", "0.354 (2)"],
  ]);
});

Deno.test("a score that is not defined stands as a dash, and in no figure", () => {
  const without = rows.map((row) => row.task === "C" && row.model === "BERT" ? { ...row, value: NaN } : row);
  assertEquals(cells(scoreTable(without, lines, "sound", "last"))[0].slice(1, 3), ["–", "0.331 [0.312, 0.350]"]);
  const points = figure2(without, lines, "sound").filter(({ metric }) => metric.startsWith("Chords"));
  assertEquals(
    new Set(points.map(({ model }) => model)),
    new Set(["BERT-aug", "untrained", "token counts", "guess"]),
  );
});

Deno.test("the table of poolings has a row for each, from rows of that pooling only", () => {
  const table = cells(poolingTable(all, ["BERT", "BERT-aug"], ["bar", "notes"]));
  assertEquals(table.map((row) => row.slice(0, 3)), [
    ["BERT", "bar", "0.320 (2) [0.301, 0.339]"],
    ["BERT", "notes", "0.370 (2) [0.351, 0.389]"],
    ["BERT-aug", "bar", "0.410 (1) [0.372, 0.448]"],
    ["BERT-aug", "notes", "0.460 (1) [0.422, 0.498]"],
  ]);
});

Deno.test("Figure 2 has a point for each layer, level lines for what has none, and marks baselines", () => {
  const points = figure2(rows, lines, "sound");
  const of = (model: string, task: string) =>
    points.filter((point) => point.model === model && point.metric.startsWith(task));
  const brief = (
    point: typeof points[number],
  ) => [point.layer, ...[point.value, point.low, point.high].map((x) => x!.toFixed(3))];
  assertEquals(of("BERT", "Groove ↑\nAUC of scores").map(brief), [
    [1, "0.311", "0.292", "0.330"],
    [2, "0.321", "0.302", "0.340"],
    [3, "0.331", "0.312", "0.350"],
  ]);
  assertEquals(of("token counts", "Song clustering").map(({ layer, value }) => [layer, value.toFixed(3)]), [
    [null, "0.834"],
  ]);
  const { rows: bars, songs } = rows.find(({ task, split }) => task === "GP" && split === "test")!;
  assertEquals(of("BERT", "Groove")[0].on, `${bars} bars of ${songs} songs`);
  const baselines = new Set(points.filter(({ baseline }) => baseline).map(({ model }) => model));
  const names = ["untrained", "token counts", "guess", "BERT, permuted labels", "BERT, control task"];
  assertEquals(baselines, new Set(names));
  // Five lines with three layers, three without any: token counts, the guess, and all layers weighted.
  assertEquals(points.length, (5 * 3 + 3) * 7);
  const drawn = figure2(rows, lines, "authors").filter(({ model, metric }) =>
    model === "BERT" && metric.startsWith("Chords")
  );
  assertEquals(drawn.map(({ value, low }) => [value.toFixed(3), low]), [
    ...[["0.640", undefined], ["0.620", undefined], ["0.630", undefined]],
  ]);
});

Deno.test("the table of best layers has no rows of the paper", () => {
  const table = cells(bestTable(rows, lines.slice(0, 2)));
  assertEquals(table.map((row) => row.slice(0, 2)), [
    ["BERT", "0.320 (2) [0.301, 0.339]"],
    ["BERT-aug", "0.410 (1) [0.372, 0.448]"],
  ]);
});

Deno.test("the paper's figure has the two points of each curve that its tables give", () => {
  const points = paperFigure();
  const of = (model: string, task: string) =>
    points.filter((point) => point.model === model && point.metric.startsWith(task))
      .map(({ layer, value }) => [layer, value]);
  assertEquals(of("BERT-neighbor", "Song clustering"), [[6, 0.062], [12, 0.072]]);
  assertEquals(of("BERT", "Chords"), [[12, 0.861]]); // its last layer is its best
  assertEquals(points.length, 4 * 7 * 2 - 5);
});

Deno.test("Figure 2 has a point of each seed beside the mean, for models that were trained with several", () => {
  const rows = tableRows(plantedRows({ seeds: 2, poolings: ["bar"] }), "bar");
  const points = figure2(rows, [lineOf("BERT"), untrainedLine], "sound").filter(({ metric }) => /^Chords/.test(metric));
  // 100 points of BERT, 10 of layer 1, and 6 more of the second seed.
  const first = points.filter(({ layer, model }) => layer === 1 && model === "BERT");
  assertEquals(first.map(({ value, seed }) => [value.toFixed(3), seed]), [["0.313", undefined], ["0.310", 0], [
    "0.316",
    1,
  ]]);
  assertEquals(points.filter(({ model, seed }) => model === "untrained" && seed !== undefined), []);
  assertEquals(points.filter(({ seed, low }) => seed !== undefined && low !== undefined), []);
});
