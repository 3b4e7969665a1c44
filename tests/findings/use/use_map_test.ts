import { assertEquals } from "@std/assert";
import { isUsed, useMap, useTable } from "@lib/findings/use/use_map.ts";
import { taskNames } from "@lib/findings/wording.ts";
import type { UseRow } from "@lib/probing/use/use.ts";

const row = (changes: Partial<UseRow>): UseRow => ({
  ...{ model: "BERT", seed: 0, layer: 1, task: "MV", tokens: "own", value: 0.25, low: 0.125, high: 0.5 },
  ...{
    removed: 0.3,
    control: 0.05,
    base: 2,
    rank: 4,
    columns: 64,
    before: -3,
    after: -20,
    count: 90,
    songs: 9,
    moved: null,
  },
  ...changes,
});
const rows = [
  row({}),
  row({ tokens: "others", value: -0.01, low: -0.02, high: 0.01 }),
  row({ layer: 2, task: "T", value: 0.1, low: null, high: null }),
];

Deno.test("maps show the net effect on own or other tokens, with a star where it is surely there", () => {
  assertEquals(rows.map(isUsed), [true, false, false]);
  assertEquals([row({ low: 1e-5 }), row({ low: 0.001 })].map(isUsed), [false, true]); // +0.000 has no star
  const cells = useMap(rows, "own").map(({ x, y, value, mark, panel }) => [x, y, value, mark, panel]);
  assertEquals(cells, [
    [1, taskNames.MV, 0.25, "*", "BERT: the task's own tokens"],
    [2, taskNames.T, 0.1, "", "BERT: the task's own tokens"],
  ]);
  assertEquals(useMap(rows, "others").map(({ value, panel }) => [value, panel]), [[-0.01, "BERT: other tokens"]]);
});

Deno.test("the table has what was removed, the control, and both effects; a dash where there are no other tokens", () => {
  const [first, second] = useTable(rows);
  assertEquals([first.removed, first.tokens, first.base, first.control], ["4 of 64", "Velocity", "2.000", "+0.050"]);
  assertEquals([first.own, first.others], ["+0.250* [+0.125,\u00a0+0.500]", "−0.010 [−0.020,\u00a0+0.010]"]);
  assertEquals([second.own, second.others, second.layer], ["+0.100", "–", "2"]);
  assertEquals([first.moved, second.moved], ["–", "–"]);
  const moved = { value: 1.25, low: 0.5, high: 2, control: 0.1, deviation: 20 };
  const texts = useTable([row({ moved }), row({ task: "T", moved: { ...moved, value: -1, low: null, high: null } })]);
  assertEquals(texts.map(({ moved }) => moved), ["+1.25* [+0.50,\u00a0+2.00] of 40.0", "−1.00 of 40.0"]);
});
