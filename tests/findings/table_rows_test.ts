import { assertAlmostEquals, assertEquals } from "@std/assert";
import { intervalNote, seedsOf, type TableRow, tableRows } from "@lib/findings/table_rows.ts";
import { scoreTable } from "@lib/findings/score_tables.ts";
import { lineOf, majorityLine, untrainedLine } from "@lib/probing/rows.ts";
import { lines, plantedRows } from "../support/planted_rows.ts";

const key = (
  { model, labels, layers, layer, task, metric, protocol, split, draw }: ReturnType<typeof plantedRows>[0],
) => JSON.stringify([model, labels, layers, layer, task, metric, protocol, split, draw]);

Deno.test("rows of one seed stay as they are, with one pooling and the lines that have none", () => {
  const rows = plantedRows();
  assertEquals(new Set(tableRows(rows, "notes").map(({ pooling }) => pooling)), new Set(["notes", "none"]));
  const own = tableRows(rows, "bar").map(({ bySeed, ...row }) => {
    assertEquals([...bySeed], [[0, { value: row.value, replicates: row.replicates ?? [] }]]);
    return row;
  });
  assertEquals(own, rows.filter(({ pooling }) => pooling !== "notes"));
});

const three = plantedRows({ seeds: 3, poolings: ["bar"] }), means = tableRows(three, "bar");

Deno.test("three seeds become one row with their mean, which is the second seed's score", () => {
  const second = new Map(three.filter(({ seed }) => seed === 1).map((row) => [key(row), row]));
  assertEquals(means.length, second.size);
  for (const row of means) assertAlmostEquals(row.value, second.get(key(row))!.value, 1e-9, key(row));
});

Deno.test("the interval of three seeds counts their luck", () => {
  const table = scoreTable(means, lines.map(({ line }) => line), "sound", "last");
  const cell = (name: string) => table.find(({ model }) => model === name)!["C: AUC of scores ↑"];
  // Without any spread over songs, seeds 6 points apart: Student's t of 2, 4.303 · 6/√3 = 14.9 points.
  assertEquals(cell("BERT, all layers"), "0.356 [0.341,\u00a00.371]");
  assertEquals(cell("guess"), "0.246 [0.231,\u00a00.261]");
});

Deno.test("the deviation over draws is the mean of the seeds', and without resamplings there is no interval", () => {
  const own = three.filter(({ model, layers, layer, task, split, protocol, draw, labels }) =>
    model === "BERT" && layers === "one" && layer === 3 && task === "C" && split === "test" && protocol === "authors" &&
    draw === null && labels === "true"
  );
  const [row, ...more] = tableRows(own.map((row, i) => ({ ...row, std: [0.001, 0.002, 0.006][i] })), "bar");
  assertEquals([row.std?.toFixed(4), row.value.toFixed(3), more.length], ["0.0030", "0.636", 0]);
  const [bare] = tableRows(own.map((row, i) => i === 1 ? { ...row, replicates: undefined } : row), "bar");
  assertEquals([bare.low, bare.high, bare.value.toFixed(3)], [null, null, "0.636"]);
});

/** A row of each of these models, with so many seeds. */
const seeds = (...counts: [model: string, count: number][]): TableRow[] =>
  tableRows(
    counts.flatMap(([model, count]) => {
      const row = three.find((row) => row.model === model && row.labels === "true")!;
      return Array.from({ length: count }, (_, seed) => ({ ...row, seed }));
    }),
    "bar",
  );

Deno.test("the note on intervals says what they count and what they leave out", () => {
  const [bert, aug] = [lineOf("BERT"), lineOf("BERT-aug")], some = [bert, aug, untrainedLine, majorityLine];
  const once = "so the luck of training is left out";
  assertEquals(
    intervalNote(seeds(["BERT", 1], ["BERT-aug", 1]), some),
    `95% intervals over songs; each model was trained with one seed, ${once}`,
  );
  assertEquals(
    intervalNote(seeds(["BERT", 1], ["untrained", 3]), [bert, untrainedLine]),
    `95% intervals over songs and the 3 seeds of the untrained encoder; each model was trained with one seed, ${once}`,
  );
  const three = seeds(["BERT", 3], ["BERT-aug", 3], ["untrained", 2]);
  assertEquals(
    intervalNote(three, some),
    "95% intervals over songs, the 3 seeds of each model and the 2 seeds of the untrained encoder",
  );
  assertEquals(
    intervalNote(seeds(["BERT", 2], ["BERT-aug", 1]), [bert, aug]),
    `95% intervals over songs and the up to 2 seeds of a model; some models were trained with one seed, ${once}`,
  );
  assertEquals([seedsOf(three, bert), seedsOf(three, majorityLine)], [3, 0]);
});
