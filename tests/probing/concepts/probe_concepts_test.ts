import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { composeConcepts, type ConceptBar, conceptQuestions } from "@lib/probing/concepts/compose.ts";
import { designs } from "@lib/probing/concepts/designs.ts";
import { allBars, type ConceptRow, probeConcept } from "@lib/probing/concepts/probe_concepts.ts";
import { handFeatures } from "@lib/probing/hand_features.ts";
import type { ProbeMeta } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";

const choices = recipe("sound", "smoke", { probing: { conceptBars: 200, bootstraps: 200 } });
const composed = composeConcepts(choices), questions = conceptQuestions(composed, choices);
const meta: ProbeMeta = { model: "x", input: "trained", seed: 0, layer: 1, layers: "one", pooling: "bar" };

/** Probes all questions on features of each bar. */
async function probe(
  columns: number,
  of: (bar: ConceptBar, index: number) => ArrayLike<number>,
): Promise<ConceptRow[]> {
  const x = new Float32Array(composed.bars.length * columns);
  composed.bars.forEach((bar, i) => x.set(of(bar, i), i * columns));
  const rows = await Array.fromAsync(
    questions,
    (question) => probeConcept(allBars(x, columns), composed, question, choices, meta),
  );
  return rows.map((row) => row!);
}

const noise = stream(3, "noise");
/** One of so many places, with noise about it. */
const hot = (place: number, size: number) =>
  Array.from({ length: size }, (_, i) => Number(i === place) + 0.2 * (noise.uniform() - 0.5));

Deno.test("a layer that holds the asked value is read for combinations that no probe saw, and its confusion is a diagonal", async () => {
  // No noise: where training never saw a value, its place would hold noise alone, blown up to the size of the others.
  const rows = await probe(
    24,
    ({ values: [a, b] }) => Array.from({ length: 24 }, (_, i) => Number(i === a || i === 12 + b)),
  );
  assertEquals(rows.length, questions.length);
  for (const { concept, value, low, classes, confusion, rows: count, chance } of rows) {
    assertEquals([value, low], [1, 1], concept);
    assertEquals(chance, 1 / classes.length);
    assertEquals(confusion.flat().reduce((sum, n) => sum + n, 0), count);
    assert(confusion.every((row, i) => row[i] === Math.max(...row)), concept);
  }
});

Deno.test("noise is at chance, and so is what is bound to the values that were seen", async () => {
  const random = stream(1, "bar"), nothing = await probe(12, () => Array.from({ length: 12 }, () => random.uniform()));
  const mean = (of: (row: ConceptRow) => number) => nothing.reduce((sum, row) => sum + of(row) / nothing.length, 0);
  assertLess(Math.abs(mean(({ value, chance }) => value - chance)), 0.04);
  assertGreater(nothing.filter(({ low, high, chance }) => low! <= chance && chance <= high!).length, 11);
  // A place for each pair of values: no pair that is scored was ever seen, so it says nothing.
  const pairs = await probe(144, ({ values: [a, b] }) => hot(12 * a + b, 144));
  assertLess(pairs.reduce((sum, { value, chance }) => sum + (value - chance) / pairs.length, 0), 0.04);
});

Deno.test("the other factor alone tells nothing of a concept", async () => {
  for (const question of questions) {
    const { concept, other, classes } = question, [first] = question.bars.test;
    const factor = designs[composed.bars[first].design].factors[0].name === concept ? 0 : 1;
    const x = Float32Array.from(composed.bars.flatMap(({ values }) => hot(values[1 - factor], 12)));
    const row = await probeConcept(allBars(x, 12), composed, question, choices, meta);
    // With pairs a value tells which classes it was fitted with, and these are not the ones that are scored.
    assertLess(row!.value, 1 / classes.length + 0.12, `${concept} by ${other}`);
  }
});

Deno.test("hand-made features read chords, intervals and dynamics in unseen keys; a question without bars has no row", async () => {
  const width = handFeatures(composed.corpus.tokens(0)).length;
  const rows = await probe(width, (_, bar) => handFeatures(composed.corpus.tokens(bar)));
  for (const [concept, least] of [["interval", 0.9], ["dynamics", 0.6], ["role", 0.9], ["syncopation", 0.6]] as const) {
    const row = rows.find((row) => row.concept === concept)!;
    assertGreater(row.value, least, `${concept}: ${row.value}`);
    assertGreater(row.low!, row.chance, concept);
  }
  const [question] = questions, none = { source: new Float32Array(0), columns: 3, rowOf: () => -1 };
  assertEquals(await probeConcept(none, composed, question, choices, meta), undefined);
});
