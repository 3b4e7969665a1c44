import { assertAlmostEquals, assertEquals } from "@std/assert";
import { meanOverSeeds, tableRows } from "@lib/findings/table_rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

const key = (
  { model, labels, layers, layer, task, metric, protocol, split, draw }: ReturnType<typeof plantedRows>[0],
) => JSON.stringify([model, labels, layers, layer, task, metric, protocol, split, draw]);

Deno.test("rows of one seed stay as they are, with one pooling and the lines that have none", () => {
  const rows = plantedRows();
  assertEquals(new Set(tableRows(rows, "notes").map(({ pooling }) => pooling)), new Set(["notes", "none"]));
  assertEquals(tableRows(rows, "bar"), rows.filter(({ pooling }) => pooling !== "notes"));
});

Deno.test("three seeds become one row with their mean, which is the second seed's score", () => {
  const three = plantedRows({ seeds: 3, poolings: ["bar"] }), means = tableRows(three, "bar");
  const second = new Map(three.filter(({ seed }) => seed === 1).map((row) => [key(row), row]));
  assertEquals(means.length, second.size);
  for (const row of means) assertAlmostEquals(row.value, second.get(key(row))!.value, 1e-9, key(row));
});

Deno.test("where a seed has no resamplings, the mean has no interval", () => {
  const [a, b] = plantedRows({ seeds: 2, poolings: ["bar"] }).filter((
    { model, layer, task, split, protocol, metric },
  ) =>
    model === "untrained" && layer === 1 && task === "C" && split === "test" && protocol === "sound" &&
    metric === "aucWeighted"
  );
  const [mean, ...more] = meanOverSeeds([a, { ...b, replicates: undefined }]);
  assertEquals([mean.low, mean.high, mean.std, mean.replicates, more.length], [null, null, null, undefined, 0]);
  assertAlmostEquals(mean.value, 0.213, 1e-9); // 10 points and 16
});
