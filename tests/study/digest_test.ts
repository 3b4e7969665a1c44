import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { logTable, writeDigest } from "@lib/study/digest.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { type StepLog, trainingLog } from "@lib/training/step_log.ts";
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
    await writeDigest({ runs: ["run"], out: `${dir}/out`, every: 2 }, () => run);

    const files = Array.from(Deno.readDirSync(`${dir}/out`), ({ name }) => name).sort();
    assertEquals(
      files.filter((name) => !/^(curves.*\.svg|log-.*\.csv|recipe-run\.json|README\.md)$/.test(name)),
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
    assertStringIncludes(await Deno.readTextFile(`${dir}/out/README.md`), "6 of 6");
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
