import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { logTable, writeDigest } from "@lib/study/digest.ts";
import { writeResults } from "@lib/probing/results.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { type StepLog, trainingLog } from "@lib/training/step_log.ts";
import { plantedRows } from "../support/planted_rows.ts";
import { buildSmall, choices, collect, withFolder } from "../support/small_run.ts";

const lines = (text: string) => text.trimEnd().split("\r\n").map((line) => line.split(","));

Deno.test("a digest has a run's curves and figures, and neither weights nor songs", () =>
  withFolder(async (dir) => {
    const names = ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"], run = `${dir}/run`;
    await buildSmall(`${run}/corpus`, names, choices);
    await Deno.writeTextFile(`${run}/recipe.json`, JSON.stringify(choices));
    const corpus = await openCorpus(`${run}/corpus`);
    for (const model of ["BERT", "BERT-aug"] as const) await collect(corpus, `${run}/models/${model}`, { model });
    corpus.close();
    await writeResults(`${run}/results`, plantedRows());
    const score = (accuracy: number) => ({ loss: 2, accuracy, kinds: [], songs: [{ song: 0, correct: 1, count: 2 }] });
    const contrast = { validation: { accuracy: 0.75, chance: 0.0625 } };
    const info = { mlm: { train: score(0.625), validation: score(0.375) }, contrast };
    await Deno.mkdir(`${run}/steps`);
    await Deno.writeTextFile(`${run}/steps/evaluate-BERT-aug.json`, JSON.stringify({ info }));
    await writeDigest({ runs: ["run"], out: `${dir}/out`, every: 2 }, () => run);

    const files = Array.from(Deno.readDirSync(`${dir}/out`), ({ name }) => name).sort();
    assertEquals(
      files.filter((name) =>
        !/^(curves.*\.svg|layers-.*\.svg|scores\.json|log-.*\.csv|recipe-run\.json|README\.md)$/.test(name)
      ),
      [],
    );
    for (const name of files) {
      const text = await Deno.readTextFile(`${dir}/out/${name}`);
      for (const song of names) assert(!text.includes(song), `${name} names ${song}`);
    }
    const [head, ...rows] = lines(await Deno.readTextFile(`${dir}/out/log-BERT-aug.csv`));
    const logs = await trainingLog(`${run}/models/BERT-aug`);
    assertEquals(rows.map(([step]) => Number(step)), [2, 3, 4, 6]); // every other, and validation at 3 and 6
    for (const row of rows) {
      const log = logs[Number(row[0]) - 1], value = (name: string) => Number(row[head.indexOf(name)]);
      assert(Math.abs(value("loss") - log.loss) < 1e-5 * log.loss);
      assert(Math.abs(value("validationAccuracy") - (log.validation?.accuracy ?? 0)) < 1e-5);
    }
    const svg = await Deno.readTextFile(`${dir}/out/curves.svg`);
    for (const name of ["BERT-aug", "most common of its kind"]) assertStringIncludes(svg, name);
    const readme = await Deno.readTextFile(`${dir}/out/README.md`), last = logs.at(-1)!;
    const row = readme.split("\n").find((line) => line.includes("| BERT-aug |"))!.split("|").map((cell) => cell.trim());
    assertEquals(row.slice(1, 5), ["run", "BERT-aug", "6 of 6", (last.tokens / 1e6).toFixed(3)]);
    assertEquals(row.slice(5, 10), [(last.seconds / 60).toFixed(3), "0.625", "0.375", "0.750", "0.063"]);
    const scores = JSON.parse(await Deno.readTextFile(`${dir}/out/scores.json`));
    assertEquals(Object.keys(scores), ["BERT-aug"]);
    assertEquals(scores["BERT-aug"].mlm.train, { loss: 2, accuracy: 0.625, kinds: [] });
    const best = Math.max(...(await trainingLog(`${run}/models/BERT`)).map((log) => log.validation?.accuracy ?? 0));
    assertStringIncludes(readme.split("\n").find((line) => line.includes("| BERT |"))!, `| ${best.toFixed(3)} |`);
    const layers = ["sound", "authors"].map((protocol) => Deno.readTextFileSync(`${dir}/out/layers-${protocol}.svg`));
    for (const svg of layers) for (const name of ["untrained", "guess"]) assertStringIncludes(svg, name);
    assert(layers[0] !== layers[1] && readme.includes("layers-sound.svg") && readme.includes("layers-authors.svg"));
  }));

Deno.test("a digest has the trainings of all seeds, in their order, with the scores of each", () =>
  withFolder(async (dir) => {
    const [run, out] = [`${dir}/run`, `${dir}/out`];
    await buildSmall(`${run}/corpus`, ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"], choices);
    await Deno.writeTextFile(`${run}/recipe.json`, JSON.stringify(choices));
    await Deno.mkdir(`${run}/steps`);
    const trainings = ["BERT", "BERT-seed-2", "BERT-seed-10", "BERT-aug", "BERT-aug-seed-2"];
    for (const [i, name] of trainings.entries()) {
      const score = { loss: 2, accuracy: (i + 1) / 10, kinds: [] }, info = { mlm: { train: score, validation: score } };
      const log = { step: 6, tokens: 1e6, loss: i + 1, seconds: 60, validation: { loss: 2, accuracy: 0.5 } };
      await Deno.mkdir(`${run}/models/${name}/training`, { recursive: true });
      await Deno.writeTextFile(`${run}/models/${name}/training/log.jsonl`, `${JSON.stringify(log)}\n`);
      await Deno.writeTextFile(`${run}/steps/evaluate-${name}.json`, JSON.stringify({ info }));
    }
    await writeDigest({ runs: ["run"], out, every: 1 }, () => run);
    const series = ["BERT", "BERT seed 2", "BERT seed 10", "BERT-aug", "BERT-aug seed 2"];
    const readme = (await Deno.readTextFile(`${out}/README.md`)).split("\n").filter((line) => line.startsWith("| run"));
    const cells = readme.map((line) => line.split("|").map((cell) => cell.trim()));
    assertEquals(cells.slice(1).map((row) => row[2]), series);
    assertEquals(cells.slice(1).map((row) => row[6]), ["0.100", "0.200", "0.300", "0.400", "0.500"]);
    const scores = JSON.parse(await Deno.readTextFile(`${out}/scores.json`));
    assertEquals(series.map((name) => scores[name].mlm.validation.accuracy), [0.1, 0.2, 0.3, 0.4, 0.5]);
    for (const [i, name] of trainings.entries()) {
      const [head, row] = lines(await Deno.readTextFile(`${out}/log-${name}.csv`));
      assertEquals(row[head.indexOf("loss")], `${i + 1}`);
    }
    const svg = await Deno.readTextFile(`${out}/curves.svg`);
    for (const name of series) assertStringIncludes(svg, name);
  }));

Deno.test("a digest of a run that is not there says so and writes nothing", () =>
  withFolder(async (dir) => {
    const digest = writeDigest({ runs: ["none"], out: `${dir}/out`, every: 10 }, (run) => `${dir}/${run}`);
    await assertRejects(() => digest, Error, "expected a run at");
    assertEquals([...Deno.readDirSync(dir)].length, 0);
  }));

Deno.test("a published log ends with its training's last step", () => {
  const logs = Array.from({ length: 13 }, (_, i) => ({ step: i + 1, loss: 1 / 3 }) as StepLog);
  assertEquals(lines(logTable(logs, 5)).map(([step]) => step), ["step", "5", "10", "13"]);
});
