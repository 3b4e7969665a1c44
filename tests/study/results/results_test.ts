import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { modelNames } from "@lib/bert/variants.ts";
import { claims } from "@lib/findings/claims.ts";
import { table1 } from "@lib/findings/accuracy_tables.ts";
import { differenceTable, selectivityTable } from "@lib/findings/difference_tables.ts";
import { figure2, scoreTable } from "@lib/findings/score_tables.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { judgeClaims } from "@lib/findings/verdicts.ts";
import { loadReplicates, storeReplicates } from "@lib/probing/results.ts";
import { lineOf, type ProbeRow, tokenCountLine, untrainedLine } from "@lib/probing/rows.ts";
import type { Evaluation } from "@lib/training/evaluation.ts";
import { openResults, writeResultsFolder } from "@lib/study/results/folder.ts";
import { layerCells, layerTriangle, resultsOf, shownRows } from "@lib/study/results/results.ts";
import type { Study } from "@lib/study/study.ts";
import { once, trainingOf } from "@lib/study/jobs/steps.ts";
import { evaluationsOf } from "@lib/study/training_steps.ts";
import { withStudy } from "../../support/composed_study.ts";
import { evaluationOf } from "../../support/planted_results.ts";
import { plantedRows } from "../../support/planted_rows.ts";

/** Records a probing as the study's steps do; returns its rows as they are read again. */
async function record(study: Study, name: string, rows: ProbeRow[]): Promise<ProbeRow[]> {
  const path = study.path("probes", `${name.replace(/[^\w.-]/g, "-")}.safetensors`);
  await storeReplicates(path, rows);
  const mixes = [{ model: name, seed: 0, tasks: ["C"], weights: [0.123456789, 0.876543211] }];
  const bare = rows.map(({ replicates: _, ...row }) => row);
  await study.once(`probe ${name}`, { ...study.recipe, data: study.data, name }, () => ({ rows: bare, mixes }));
  return await loadReplicates(path, bare);
}

/** Everything that a study shows, as text. */
function shown(rows: readonly ProbeRow[], evaluations: readonly Evaluation[], { recipe }: Study): string {
  const table = tableRows(rows, "bar"), models = [lineOf("BERT"), lineOf("BERT-aug")];
  const lines = [...models, untrainedLine, tokenCountLine, lineOf("BERT", { labels: "permuted" })];
  const each = (["sound", "authors"] as const).flatMap((protocol) => [
    scoreTable(table, lines, protocol, "last"),
    scoreTable(table, lines, protocol, "best"),
    figure2(table, lines, protocol),
    judgeClaims(claims, rows, evaluations, protocol, recipe),
  ]);
  return JSON.stringify([
    ...each,
    table1(evaluations),
    differenceTable(table, models, () => untrainedLine),
    selectivityTable(table, models),
  ]);
}

Deno.test("tables, figures and verdicts are the same from a run and from the folder of its results, to the bit", () =>
  withStudy({ training: { seeds: 2 } }, async (study) => {
    const own = (rows: ProbeRow[], model: string, seed?: number) =>
      rows.filter((row) => row.model === model && (seed === undefined || row.seed === seed));
    const planted = plantedRows({ seeds: 2, poolings: ["bar"] }).filter(({ labels, seed }) =>
      labels === "true" || seed === 0 // controls are of the first seed
    );
    const all: ProbeRow[] = [];
    all.push(...await record(study, "guesses", [...own(planted, "majority"), ...own(planted, "bag of tokens")]));
    all.push(...await record(study, "untrained", own(planted, "untrained")));
    for (const model of ["BERT", "BERT-aug"] as const) {
      for (const seed of [0, 1]) {
        const { name, evaluate } = trainingOf(study, model, seed);
        all.push(...await record(study, name, own(planted, model, seed)));
        await once(study, evaluate, () => evaluationOf(model, seed));
      }
    }
    const cells = ["BERT 1", "BERT 2"].flatMap((y, i) =>
      ["BERT 1", "BERT 2"].map((x, j) => ({ x, y, value: i === j ? 1 : 0.123456789 }))
    );
    const models = [...modelNames, "untrained"];
    await study.once("compare layers", { ...study.recipe, data: study.data, models }, () => ({ cells, bars: 20 }));
    await Deno.writeTextFile(study.path("NOTES.md"), "On two machines.\n");
    const results = await resultsOf(study), folder = study.path("digest");
    await writeResultsFolder(folder, results);
    const opened = await openResults(folder), evaluations = evaluationsOf(study, modelNames);
    const expected = shown(all, evaluations, study);
    assertEquals(evaluations.length, 4);
    assert(shown(results.rows, results.evaluations, study) === expected, "the run's own results show something else");
    assert(shown(opened.rows, opened.evaluations, study) === expected, "the folder's results show something else");
    // What no table shows is left out: other metrics, other draws, and the resamplings of permuted labels.
    assert(opened.rows.length < all.length && all.some(({ metric }) => metric === "f1Macro"));
    assertEquals(opened.rows.filter(({ metric, draw }) => metric === "f1Macro" || draw === 0), []);
    assertEquals(opened.layers, { names: ["BERT 1", "BERT 2"], bars: 20, triangle: [1, 0.12346, 1] });
    assertEquals(opened.mixes.map(({ weights }) => weights)[0], [0.12346, 0.87654]);
    assertEquals(opened.notes, "On two machines.");
    const jobs = opened.jobs.map(({ job }) => job);
    for (const job of ["corpus", "evaluate BERT seed 1", "probe untrained", "compare layers"]) {
      assert(jobs.includes(job), job);
    }
    assertEquals(jobs.length, 1 + 4 + 6 + 1);
    const { summary, splits, guess } = opened.corpus;
    assertEquals([summary.songs, splits.reduce((sum, { songs }) => sum + songs, 0)], [12, 12]);
    assert(guess.accuracy > 0 && guess.accuracy < 1);
    assert(!Deno.readTextFileSync(`${folder}/study.json`).includes("0.mid"), "no song is named");
  }));

Deno.test("a run that has only begun has results, too: its songs", () =>
  withStudy({}, async (study) => {
    const { rows, evaluations, curves, layers, retrieval, jobs } = await resultsOf(study);
    assertEquals([rows, evaluations, curves, layers, retrieval], [[], [], [], null, null]);
    assertEquals(jobs.map(({ job }) => job), ["corpus"]);
  }));

Deno.test("a comparison of layers is a triangle and comes back as a map", () => {
  const names = ["a 1", "a 2", "b 1"], value = (i: number, j: number) => i === j ? 1 : (i + j) / 8;
  const cells = names.flatMap((y, i) => names.map((x, j) => ({ x, y, value: value(i, j) })));
  const triangle = layerTriangle({ cells, bars: 7 });
  assertEquals(triangle.triangle.length, 6);
  assertEquals(layerCells(triangle), cells);
});

Deno.test("the authors' last draw is kept, and R² where a control is compared, or for tempo", () => {
  const [row] = plantedRows(), of = (changes: Partial<ProbeRow>) => ({ ...row, ...changes });
  const authors = { protocol: "authors", metric: "aucHardWeighted", replicates: undefined } as const;
  const rows = [
    of({ ...authors, draw: null }),
    of({ ...authors, draw: 0 }),
    of({ ...authors, draw: 1 }),
    ...[0, 1].flatMap((seed) => [of({ seed, metric: "r2", task: "MV" }), of({ seed, metric: "r2", task: "T" })]),
    of({ metric: "r2", task: "MV", labels: "permuted" }),
  ];
  const kept = shownRows(rows, { seed: 0 } as Study["recipe"]);
  assertEquals(kept.map(({ draw, task, seed, replicates }) => [draw, task, seed, replicates !== undefined]), [
    ...[[null, "C", 0, false], [1, "C", 0, false]],
    ...[[null, "MV", 0, true], [null, "T", 0, true], [null, "MV", 1, false], [null, "T", 1, true]],
  ]);
  assertAlmostEquals(kept[0].value, row.value, 0);
});
