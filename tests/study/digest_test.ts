import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { writeDigest } from "@lib/study/digest.ts";
import { openResults, writeResultsFolder } from "@lib/study/results/folder.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { trainingLog } from "@lib/training/step_log.ts";
import { plantedResults } from "../support/planted_results.ts";
import { buildSmall, choices, collect, withFolder } from "../support/small_run.ts";

/** The cells of the rows of a Markdown table whose first cell is one of these. */
const cells = (text: string, names: readonly string[]) =>
  text.split("\n").filter((line) => line.startsWith("| ")).map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, first]) => names.includes(first)).map((row) => row.slice(1, -1));

Deno.test("a digest of a run has its results and curves, and neither weights nor songs", () =>
  withFolder(async (dir) => {
    const names = ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"], run = `${dir}/run`;
    await buildSmall(`${run}/corpus`, names, choices);
    await Deno.writeTextFile(`${run}/recipe.json`, JSON.stringify(choices));
    await Deno.mkdir(`${run}/steps`);
    await Deno.writeTextFile(
      `${run}/steps/corpus.json`,
      JSON.stringify({
        ...{ step: "corpus", key: "", info: {}, finished: "2026-01-01T00:00:00.000Z", seconds: 1 },
      }),
    );
    const corpus = await openCorpus(`${run}/corpus`);
    for (const model of ["BERT", "BERT-aug"] as const) await collect(corpus, `${run}/models/${model}`, { model });
    corpus.close();
    await writeDigest({ parts: ["run"], out: `${dir}/out` }, (name) => `${dir}/${name}`);
    const files = Array.from(Deno.readDirSync(`${dir}/out`), ({ name }) => name).sort();
    assertEquals(files, [
      ...["README.md", "curves-minutes.svg", "curves.jsonl", "curves.svg", "evaluations.jsonl"],
      ...["resamplings.npy", "rows.jsonl", "study.json"],
    ]);
    for (const name of files) {
      const text = await Deno.readTextFile(`${dir}/out/${name}`);
      for (const song of names) assert(!text.includes(song), `${name} names ${song}`);
    }
    const { curves } = await openResults(`${dir}/out`), logs = await trainingLog(`${run}/models/BERT-aug`);
    const aug = curves.find(({ model }) => model === "BERT-aug")!, last = logs.at(-1)!;
    assertEquals(aug.validation.step, [3, 6]);
    assertEquals(aug.training.step, [1, 2, 3, 4, 5, 6]);
    const readme = await Deno.readTextFile(`${dir}/out/README.md`);
    const [row] = cells(readme, ["BERT-aug"]), best = Math.max(...aug.validation.accuracy);
    assertEquals(row.slice(0, 3), ["BERT-aug", "6 of 6", (last.tokens / 1e6).toFixed(3)]);
    assertEquals(row[5], best.toFixed(3));
    const svg = await Deno.readTextFile(`${dir}/out/curves.svg`);
    for (const name of ["BERT-aug", "most common of its kind"]) assertStringIncludes(svg, name);
  }));

Deno.test("a digest of two parts is that of the whole, with its figures, verdicts and abstract", () =>
  withFolder(async (dir) => {
    const whole = plantedResults(),
      seeds = [0, 1].map((seed) => ({
        ...whole,
        rows: whole.rows.filter((row) => row.seed === seed || row.input !== "trained"),
        evaluations: whole.evaluations.filter((one) => one.seed === seed),
        curves: whole.curves.filter((one) => one.seed === seed),
      }));
    for (const [i, part] of seeds.entries()) await writeResultsFolder(`${dir}/part-${i}`, part);
    await writeResultsFolder(`${dir}/whole`, whole);
    const both = await writeDigest({ parts: [`${dir}/part-0`, `${dir}/part-1`], out: `${dir}/both` });
    const alone = await writeDigest({ parts: [`${dir}/whole`], out: `${dir}/whole` });
    assertEquals(both.rows.length, alone.rows.length);
    const read = (name: string) => Deno.readTextFileSync(`${dir}/${name}`);
    for (const name of ["layers-sound.svg", "layers-authors.svg", "curves.svg"]) {
      assertEquals(read(`both/${name}`) === read(`whole/${name}`), true, name);
    }
    const body = (name: string) => read(`${name}/README.md`).replace(/^# .*/, "");
    assertEquals(body("both"), body("whole"));
    const names = ["BERT", "BERT seed 1", "BERT-aug", "BERT-aug seed 1"], rows = cells(body("both"), names);
    assertEquals(rows.map(([name]) => name), names);
    assertEquals(rows.map((row) => row[5]), ["0.500", "0.510", "0.520", "0.530"]);
    assertStringIncludes(body("both"), "- Of the 14 claims, ");
    assertEquals(cells(body("both"), ["BERT is best at chords (last layer)"]).length, 1);
    assert(read("both/layers-sound.svg") !== read("both/layers-authors.svg"));
  }));

Deno.test("a digest of what is no run, no results or an empty run says so and writes nothing", () =>
  withFolder(async (dir) => {
    const digest = (name: string) => writeDigest({ parts: [name], out: `${dir}/out` }, (run) => `${dir}/${run}`);
    await assertRejects(() => digest("none"), UserError, "expected a run at");
    await Deno.mkdir(`${dir}/older`);
    await Deno.writeTextFile(`${dir}/older/scores.json`, "{}");
    await assertRejects(() => digest(`${dir}/older`), UserError, "a digest of an earlier version");
    await writeResultsFolder(`${dir}/empty`, { ...plantedResults(), rows: [], curves: [] });
    await assertRejects(() => digest(`${dir}/empty`), UserError, "expected trained or probed models");
    assertEquals(Array.from(Deno.readDirSync(dir), ({ name }) => name).sort(), ["empty", "older"]);
  }));
