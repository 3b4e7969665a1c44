import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { claims } from "@lib/findings/claims.ts";
import { modelNames } from "@lib/bert/variants.ts";
import { headlines } from "@lib/metrics/task_scores.ts";
import { judgeClaims } from "@lib/findings/verdicts.ts";
import { frontSections } from "@lib/report/front.ts";
import { reportPage } from "@lib/report/page.ts";
import { plantedResults } from "../support/planted_results.ts";

const results = plantedResults({ models: [...modelNames] });
const sections = await frontSections(results, ["What was <asked>.", "What came out."]);
const html = (id: string) => sections.find((section) => section.id === id)!.html;

Deno.test("a reader meets what came out first, then the claims, the layers, the paper's numbers, methods and words", () => {
  assertEquals(sections.map(({ id }) => id), ["short", "claims", "layers", "beside", "methods", "words"]);
  assert(html("short").startsWith("<p>What was &lt;asked&gt;.</p>\n<p>What came out.</p>"));
});

Deno.test("the headlines are the rows' own numbers with their intervals, beside the baselines'", () => {
  const short = html("short");
  // BERT's best layer on validation songs is 2 (see planted_rows.ts).
  const row = results.rows.filter(({ model, task, protocol, split, layer, labels, layers, metric }) =>
    model === "BERT" && task === "C" && protocol === "sound" && split === "test" && layer === 2 && labels === "true" &&
    layers === "one" && metric === headlines.sound.C
  );
  assertEquals(row.length, 2);
  const mean = (row[0].value + row[1].value) / 2;
  assertStringIncludes(
    short,
    `<b>${mean.toFixed(3)}</b> chords: AUC of scores of BERT&#x27;s best layer (2)`.replace("&#x27;", "'"),
  );
  assertStringIncludes(short, "guess 0.243");
  const verdicts = judgeClaims(claims, results.rows, results.evaluations, "sound", results.recipe);
  const held = verdicts.filter(({ verdict }) => verdict === "held").length;
  assertStringIncludes(short, `<b>${held} of 14</b> of the paper's claims hold`);
  const songs = results.evaluations.filter(({ model }) => model === "BERT").flatMap(({ mlm }) => mlm.validation.songs!);
  const right = songs.reduce((sum, { correct }) => sum + correct, 0) / songs.reduce((sum, { count }) => sum + count, 0);
  assertStringIncludes(short, `<b>${(100 * right).toFixed(1)}%</b> masked tokens`);
  assert(/95% interval 5\d\.\d% to 5\d\.\d%/.test(short));
});

Deno.test("the claims are a picture with a line each, and the same as a table, folded", () => {
  for (const { text } of claims) assertStringIncludes(html("claims"), text);
  assert(html("claims").indexOf("<figure") < html("claims").indexOf("<details>"));
  assertEquals([...html("claims").matchAll(/<tr>/g)].length, 1 + claims.length);
});

Deno.test("Figure 2 stands in both protocols, the second with the paper's points", () => {
  const [sound, authors] = html("layers").split("</figure>");
  assert(!sound.includes("in the paper") && authors.includes("BERT-neighbor in the paper, layer 4 of 12: 0.990"));
});

Deno.test("a study that has not been probed opens with what it has", async () => {
  const none = await frontSections({ ...results, rows: [] });
  assertEquals(none.map(({ id }) => id), ["short", "methods", "words"]);
  const nothing = await frontSections({ ...results, rows: [], evaluations: [] });
  assertEquals(nothing.map(({ id }) => id), ["methods", "words"]);
});

Deno.test("the sections make a page that opens offline, in which no id stands twice", async () => {
  const page = await reportPage({ front: sections, chapters: [], stamp: { preset: "sound" } });
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assertEquals(ids.length, new Set(ids).size);
});
