import { assertAlmostEquals, assertEquals } from "@std/assert";
import { gainsOver, skillMap, starNote } from "@lib/findings/skill_map.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { lineOf, majorityLine, untrainedLine } from "@lib/probing/rows.ts";
import { plantedRows } from "../support/planted_rows.ts";

const rows = tableRows(plantedRows(), "bar"), bert = lineOf("BERT"), aug = lineOf("BERT-aug");

Deno.test("a skill is the share of the way from the guess to a perfect score", () => {
  const cells = skillMap(rows, bert, majorityLine, new Set(["BERT/2/I"]));
  assertEquals(
    cells.map(({ x, y }) => `${y} ${x}`),
    ["Chords", "Groove", "Instruments", "Tempo", "Mean velocity", "Mean duration", "Song clustering"].flatMap((task) =>
      [1, 2, 3].map((layer) => `${task} ${layer}`)
    ),
  );
  const skill = (task: string, layer: number) => cells.find(({ x, y }) => x === layer && y === task)!.value;
  assertAlmostEquals(skill("Chords", 1), 70 / 760, 1e-9); // 0.31 between the guess's 0.24 and 1
  assertAlmostEquals(skill("Mean velocity", 3), 0.9 / 19.56, 1e-9); // 18.66 between 19.56 and 0
  assertAlmostEquals(skill("Song clustering", 1), 0.07 / 0.854, 1e-9); // 0.784 between 0.854 and 0
  assertEquals(cells.filter(({ mark }) => mark === "*").map(({ x, y }) => `${y} ${x}`), ["Instruments 2"]);
  const worse = skillMap(rows, untrainedLine, majorityLine, new Set()).find(({ x, y }) => x === 1 && y === "Chords")!;
  assertAlmostEquals(worse.value, -30 / 760, 1e-9); // below the guess
  assertEquals(skillMap(rows, bert, lineOf("nobody"), new Set()), []);
});

Deno.test("stars stand where a layer surely beats the untrained encoder's same layer, and nowhere else", () => {
  const { stars, comparisons } = gainsOver(rows, [bert, aug], untrainedLine, 0.05);
  assertEquals(comparisons, 2 * 7 * 3);
  // BERT is 100 points better, the paired spread is 40; at T it ties with the untrained encoder, at SC all are worse.
  const expected = [["BERT", "C GP I MV MD"], ["BERT-aug", "C GP I T MV MD"]].flatMap(([model, tasks]) =>
    tasks.split(" ").flatMap((task) => [1, 2, 3].map((layer) => `${model}/${layer}/${task}`))
  );
  assertEquals(stars, new Set(expected));
  assertEquals(gainsOver(rows, [bert], untrainedLine, 0.01).stars.size, 0); // 21 comparisons · 2/2002 are above 0.01
});

Deno.test("layers are compared with the same layer of the untrained encoder", () => {
  const better = rows.map((row) => {
    if (row.input !== "untrained" || row.layer !== 2 || row.task !== "GP") return row;
    const bySeed = new Map(
      [...row.bySeed].map((
        [seed, { value, replicates }],
      ) => [seed, { value: value + 0.5, replicates: Array.from(replicates, (score) => score + 0.5) }]),
    );
    return { ...row, value: row.value + 0.5, bySeed };
  });
  const [before, after] = [rows, better].map((all) => gainsOver(all, [bert], untrainedLine, 0.05).stars);
  assertEquals([...before].filter((cell) => !after.has(cell)), ["BERT/2/GP"]);
  assertEquals(after.size, before.size - 1);
});

Deno.test("the note explains a star only where there is one, and says what p counts", () => {
  const [some, none] = [new Set(["BERT/1/C"]), new Set<string>()].map((stars) =>
    starNote({ stars, comparisons: 42 }, 0.05, "songs; luck is left out")
  );
  const test = "two-sided p < 0.05 after Holm's correction over models × layers × tasks (42 comparisons); " +
    "p counts songs; luck is left out.";
  assertEquals(some, `\\* better than the same layer of the untrained encoder: ${test}`);
  assertEquals(none, `No layer is surely better than the same layer of the untrained encoder: ${test}`);
});
