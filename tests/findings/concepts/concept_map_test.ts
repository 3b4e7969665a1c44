import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  bestConceptRows,
  conceptMap,
  conceptName,
  conceptTable,
  confusions,
  isThere,
} from "@lib/findings/concepts/concept_map.ts";
import type { ConceptRow } from "@lib/probing/concepts/probe_concepts.ts";
import { handFeatureLine, lineOf } from "@lib/probing/rows.ts";

const row = (changes: Partial<ConceptRow>): ConceptRow => ({
  ...{
    model: "BERT",
    input: "trained",
    layers: "one",
    layer: 1,
    seed: 0,
    pooling: "bar",
    alpha: 1,
    rows: 8,
    scenes: 4,
  },
  ...{ concept: "mode", other: "key", unseen: "values", classes: ["ionian", "dorian"], chance: 0.5 },
  ...{ value: 0.75, low: 0.6, high: 0.9, validation: 0.7, confusion: [[3, 1], [1, 3]] },
  ...changes,
});
const rows = [
  row({ layer: 0, value: 0.99, validation: 1 }),
  row({}),
  row({ layer: 2, value: 0.5, low: 0.3, validation: 0.8 }),
  row({ layer: 2, concept: "rhythm", other: "mode", unseen: "pairs", value: 1, low: 1, high: 1 }),
  row({ ...handFeatureLine, layer: null, value: 0.875, low: null, high: null, confusion: [[4, 0], [0, 0]] }),
];

Deno.test("maps go from chance to perfect, with a star where the interval lies above chance; layer 0 is left out", () => {
  const cells = conceptMap(rows, [lineOf("BERT"), handFeatureLine]);
  assertEquals(cells.map(({ x, y, value, mark, panel }) => [x, y, value, mark, panel]), [
    [1, "mode, new key", 0.5, "*", "BERT"],
    [2, "mode, new key", 0, "", "BERT"],
    [2, "rhythm × mode", 1, "*", "BERT"],
    ["hand-made features", "mode, new key", 0.75, "", "one layer"],
  ]);
  assertEquals([isThere(rows[1]), isThere(rows[2]), isThere(rows[4])], [true, false, false]);
});

Deno.test("the best layer is chosen on validation bars, and the table has a dash where a line lacks a concept", () => {
  assertEquals(bestConceptRows(rows, lineOf("BERT")).map(({ layer, concept }) => [concept, layer]), [["mode", 2], [
    "rhythm",
    2,
  ]]);
  assertEquals(conceptTable(rows, [lineOf("BERT"), handFeatureLine]), [
    { concept: "mode, new key", chance: "0.50", BERT: "0.50 (2) [0.30,\u00a00.90]", "hand-made features": "0.88" },
    {
      concept: "rhythm × mode",
      chance: "0.50",
      BERT: "1.00* (2) [1.00,\u00a01.00]",
      "hand-made features": "–",
    },
  ]);
});

Deno.test("confusions are shares of each class's bars; a class without bars has none", () => {
  const cells = confusions([rows[1], rows[4]]);
  assertEquals(cells.filter(({ panel }) => panel === conceptName(rows[1])).length, 8);
  assertEquals(cells.slice(0, 4).map(({ x, y, value }) => [x, y, value]), [
    ["ionian", "ionian", 0.75],
    ["dorian", "ionian", 0.25],
    ["ionian", "dorian", 0.25],
    ["dorian", "dorian", 0.75],
  ]);
  assertAlmostEquals(cells.slice(4).reduce((sum, { value }) => sum + value, 0), 1);
});
