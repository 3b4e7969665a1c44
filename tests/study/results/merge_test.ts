import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { lineOf, untrainedLine } from "@lib/probing/rows.ts";
import { scoreTable } from "@lib/findings/score_tables.ts";
import { table1 } from "@lib/findings/accuracy_tables.ts";
import { mergeResults } from "@lib/study/results/merge.ts";
import type { Results } from "@lib/study/results/results.ts";
import { plantedResults } from "../../support/planted_results.ts";

/** What of results a machine has that did some of the trainings; every machine has the baselines. */
function part(results: Results, has: (model: string, seed: number) => boolean): Results {
  const own = ({ model, seed = 0 }: { model: string; seed?: number }) => has(model, seed);
  return {
    ...results,
    rows: results.rows.filter((row) => row.input !== "trained" || own(row)),
    evaluations: results.evaluations.filter(own),
    curves: results.curves.filter(own),
    jobs: results.jobs.filter(({ job }) => /seed/.test(job) === has("BERT", 1)),
  };
}

/** The message that refuses results beside those of the whole. */
const refusedBeside = (whole: Results) => (other: Results): string =>
  assertThrows(
    () => mergeResults([{ name: "first", results: whole }, { name: "second", results: other }]),
    UserError,
  ).message;

/** The tables of results, as text. */
const tablesOf = ({ rows, evaluations }: Results) => {
  const shown = tableRows(rows, "bar"), lines = [lineOf("BERT"), lineOf("BERT-aug"), untrainedLine];
  const scores = (["sound", "authors"] as const).flatMap((protocol) =>
    (["last", "best"] as const).map((which) => scoreTable(shown, lines, protocol, which))
  );
  return JSON.stringify([table1(evaluations), scores]);
};

Deno.test("parts of other seeds, or of other models, make the whole, in whatever order they come", () => {
  const whole = plantedResults();
  const splits: ((model: string, seed: number) => boolean)[] = [(_, seed) => seed === 0, (model) => model === "BERT"];
  for (const has of splits) {
    const parts = [
      { name: "a", results: part(whole, has) },
      { name: "b", results: part(whole, (...one) => !has(...one)) },
    ];
    for (const order of [parts, parts.toReversed()]) {
      const merged = mergeResults(order);
      assertEquals(tablesOf(merged), tablesOf(whole));
      assertEquals(merged.rows.length, whole.rows.length);
      assertEquals(merged.curves.map(({ model, seed }) => `${model} ${seed}`), [
        ...["BERT 0", "BERT 1", "BERT-aug 0", "BERT-aug 1"],
      ]);
      assertEquals([merged.recipe, merged.corpus, merged.layers], [whole.recipe, whole.corpus, whole.layers]);
    }
    assert(tablesOf(parts[0].results) !== tablesOf(whole));
  }
});

Deno.test("a study of one seed and its second seed become one of two", () => {
  const whole = plantedResults(), one = part(whole, (_, seed) => seed === 0);
  one.recipe = { ...one.recipe, training: { ...one.recipe.training, seeds: 1 } };
  one.notes = "On a GPU.";
  const merged = mergeResults([{ name: "a", results: one }, {
    name: "b",
    results: part(whole, (_, seed) => seed === 1),
  }]);
  assertEquals([merged.recipe.training.seeds, merged.notes], [2, "On a GPU."]);
  assertEquals(tablesOf(merged), tablesOf(whole));
});

Deno.test("parts of other recipes or songs are refused, with what differs", () => {
  const whole = plantedResults(), refused = refusedBeside(whole);
  const steps = { ...whole, recipe: { ...whole.recipe, training: { ...whole.recipe.training, steps: 7, seeds: 5 } } };
  const message = refused(steps);
  assert(message.includes("training.steps: 6 in first, 7 in second"), message);
  assert(!message.includes("training.seeds"), message);
  assert(
    refused({ ...whole, corpus: { ...whole.corpus, checksum: "other", source: "lakh" } }).includes("lakh in second"),
  );
});

Deno.test("the same model and seed with other rows, or another evaluation, is refused by name", () => {
  const whole = plantedResults(), refused = refusedBeside(whole);
  const at = whole.rows.findIndex(({ model, seed, input }) =>
    input === "trained" && model === "BERT-aug" && seed === 1
  );
  const moved = whole.rows.map((row, i) => i === at ? { ...row, value: row.value + 1e-9 } : row);
  assert(refused({ ...whole, rows: moved }).includes("BERT-aug, seed 1"));
  assert(refused({ ...whole, rows: whole.rows.toSpliced(at, 1) }).includes("BERT-aug, seed 1"));
  const evaluations = whole.evaluations.map((one, i) =>
    i === 0 ? { ...one, mlm: { ...one.mlm, train: { ...one.mlm.train, loss: 9 } } } : one
  );
  assert(refused({ ...whole, evaluations }).includes("BERT, seed 0 trained once"));
  // A baseline may differ a little, as its sums do from machine to machine, but not much; seconds always do.
  const base = whole.rows.findIndex(({ input }) => input === "untrained");
  const by = (more: number) => ({
    ...whole,
    rows: whole.rows.map((row, i) => i === base ? { ...row, value: row.value + more } : row),
    evaluations: whole.evaluations.map((one) => ({ ...one, seconds: one.seconds + 5 })),
  });
  assert(refused(by(0.1)).includes("untrained, seed 0"));
  const merged = mergeResults([{ name: "first", results: whole }, { name: "second", results: by(0.001) }]);
  const untrained = ({ rows }: Results) => rows.filter(({ input }) => input === "untrained").map(({ value }) => value);
  assertEquals(untrained(merged), untrained(whole)); // the first part's
});
