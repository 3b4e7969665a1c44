import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { modelNames } from "@lib/bert/variants.ts";
import { claims } from "@lib/findings/claims.ts";
import { outsideReferences } from "@lib/report/page.ts";
import { jobRows, resultsStamp, studyPage, studySections } from "@lib/report/study_page.ts";
import { factsOf } from "@lib/study/results/facts.ts";
import { openResults, writeResultsFolder } from "@lib/study/results/folder.ts";
import { withFolder } from "../support/folder.ts";
import { plantedResults } from "../support/planted_results.ts";

const results = plantedResults({ models: [...modelNames] });

Deno.test("a study's page has all tables, figures and answers that its results give, in a reader's order", async () => {
  const sections = await studySections({ ...results, notes: "On <A>.\n\nSlowly." }),
    html = (id: string) => sections.find((one) => one.id === id)!.html;
  assertEquals(sections.map(({ id }) => id), [
    ...["short", "claims", "needed", "layers", "beside", "settled", "gains", "seeds", "tables", "curves", "similar"],
    ...["jobs", "methods", "words"],
  ]);
  assertStringIncludes(html("short"), "Of the 14 claims, ");
  assertStringIncludes(html("jobs"), "<p>On &lt;A&gt;.</p>\n<p>Slowly.</p>");
  for (const table of ["Table 1: ", "Table 2, sound", "Table 2, authors", "Table 3, authors"]) {
    assertStringIncludes(html("tables"), table);
  }
  assertStringIncludes(html("tables"), "means over the 2 seeds of each model");
  assertStringIncludes(html("seeds"), "0.320 and 0.326 (layer 2)"); // BERT's chords: 120 points, 6 more of the second seed
  const open = factsOf(results).sound.filter(({ verdict }) => verdict === "undecided");
  assert(open.length > 0 && open.length < claims.length);
  for (const { text } of claims) {
    assertEquals(html("needed").includes(text), open.some(({ claim }) => claim === text), text);
  }
  assertStringIncludes(html("similar"), "Linear CKA of layers on 40 test bars");
  for (const caption of ["minus the untrained encoder", "minus the token counts"]) {
    assertStringIncludes(html("gains"), caption);
  }
  assertEquals(html("settled").split("<h3>").length - 1, html("settled").split("<figure").length - 1);
});

Deno.test("the page is the same from the folder of the results, opens offline, and names nothing twice", () =>
  withFolder(async (dir) => {
    await writeResultsFolder(dir, results);
    const page = await studyPage(await openResults(dir));
    assertEquals(outsideReferences(page), []);
    assert(page.length < 6e6);
    const ids = Array.from(page.matchAll(/ id="([^"]+)"/g), ([, id]) => id);
    assertEquals(ids.filter((id, i) => ids.indexOf(id) !== i), []);
    const numbered = (text: string) => text.replace(/(clip|gradient_)\d+/g, "$1"); // Vega counts on
    assert(numbered(page) === numbered(await studyPage(results)), "the folder's page is another one");
  }));

Deno.test("a study that has only trained, or only begun, has a page of what there is", async () => {
  const trained = await studySections({ ...results, rows: [], layers: null, retrieval: null });
  assertEquals(trained.map(({ id }) => id), ["short", "tables", "curves", "jobs", "methods", "words"]);
  const begun = await studySections({
    ...{ ...results, rows: [], evaluations: [], curves: [], layers: null, retrieval: null, jobs: [] },
  });
  assertEquals(begun.map(({ id }) => id), ["methods", "words"]);
});

Deno.test("jobs are summed by kind and machine, and the stamp names machines, engines and threads", () => {
  const at = (job: string, seconds: number, processor?: string) => ({
    ...{ job, seconds, finished: "2026-01-01T10:00:00.000Z" },
    ...(processor ? { machine: { processor, cores: 2, threads: 1, system: "linux" } } : {}),
  });
  const jobs = [at("train BERT", 60, "A"), at("train BERT seed 1", 90, "B"), at("train BERT-aug", 30, "A"), at("x", 5)];
  assertEquals(jobRows(jobs).map(({ kind, machine, jobs, time }) => [kind, machine, jobs, time]), [
    ["train", "2 × A, linux", 2, "1:30"],
    ["train", "2 × B, linux", 1, "1:30"],
    ["the rest", "–", 1, "0:05"],
  ]);
  const stamp = resultsStamp({ ...results, jobs });
  assertEquals([stamp.machines, stamp["threads of a job"], stamp["engines of training"]], [
    ...["2 × A, linux; 2 × B, linux", "1", "not recorded"],
  ]);
  assertEquals([stamp["time of all jobs"], stamp["seeds of training"]], ["3:05", "0, 1"]);
});
