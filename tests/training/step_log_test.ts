import { assert, assertEquals } from "@std/assert";
import { cpSync } from "node:fs";
import { openLog, type StepLog, trainingLog } from "@lib/training/step_log.ts";
import { collect, numbers, smallCorpus, withFolder } from "../support/small_run.ts";

const corpus = await smallCorpus();
const weightsIn = (dir: string) => Deno.readFile(`${dir}/model.safetensors`);

const entry = (step: number): StepLog => ({
  ...{ model: "BERT", step, steps: 9, epoch: 0, tokens: step, loss: step / 2, masked: 0, contrast: 0, accuracy: 0 },
  ...{ contrastAccuracy: 0, gradientNorm: 0, learningRate: 0, seconds: step, tokensPerSecond: 0, final: false },
  memory: { resident: 0, tensors: 0, handles: 0 },
});

Deno.test("a log goes on after a step: what came later is written anew, and a cut last line is left out", () =>
  withFolder(async (dir) => {
    await Deno.mkdir(`${dir}/training`);
    const said: string[] = [];
    const write = async (after: number, steps: number[]) => {
      using log = await openLog(dir, { step: after, seconds: 0 }, false, (line) => void said.push(line));
      for (const step of steps) await log.append(entry(step));
      await log.sync();
    };
    await write(0, [1, 2, 3]);
    await Deno.writeTextFile(`${dir}/training/log.jsonl`, '{"step":4,', { append: true });
    assertEquals((await trainingLog(dir)).map(({ step }) => step), [1, 2, 3]);
    await write(2, [3, 4]);
    assertEquals(await trainingLog(dir), [1, 2, 3, 4].map(entry));
    assertEquals([said, await trainingLog(`${dir}/none`)], [[], []]);
  }));

Deno.test("TensorBoard's clock counts back from now by the time that the run has taken", () =>
  withFolder(async (dir) => {
    await Deno.mkdir(`${dir}/training`);
    (await openLog(dir, { step: 0, seconds: 5000 }, true, () => {}))[Symbol.dispose]();
    const bytes = await Deno.readFile(`${dir}/training/events.out.tfevents.0000000000.log`);
    // a record's length and its checksum, 12 bytes; the event's first field, its time, a tag and a double
    const time = new DataView(bytes.buffer).getFloat64(13, true);
    assert(Math.abs(Date.now() / 1000 - 5000 - time) < 60, `${time}`);
  }));

Deno.test("a torn last line of the log comes again, and a damaged one is left out and told", () =>
  withFolder(async (dir) => {
    const path = `${dir}/torn/training/log.jsonl`, whole = await collect(corpus, `${dir}/whole`);
    await collect(corpus, `${dir}/torn`, { stopAfter: 3 });
    const lines = (await Deno.readTextFile(path)).split("\n");
    await Deno.writeTextFile(path, `${lines.join("\n")}{"model":"BERT","step":4,"lo`);
    cpSync(`${dir}/torn`, `${dir}/damaged`, { recursive: true });
    const said: string[] = [], say = (line: string) => void said.push(line);
    assertEquals((await trainingLog(`${dir}/torn`)).length, 3);
    await collect(corpus, `${dir}/torn`, { say });
    assertEquals([said, numbers(await trainingLog(`${dir}/torn`))], [[], numbers(whole)]);
    lines[1] = lines[1].slice(7);
    await Deno.writeTextFile(`${dir}/damaged/training/log.jsonl`, lines.join("\n"));
    await collect(corpus, `${dir}/damaged`, { say });
    assert(said.length === 1 && said[0].includes("log.jsonl: expected JSON in lines 2"), said.join());
    assertEquals(numbers(await trainingLog(`${dir}/damaged`)), numbers(whole.filter(({ step }) => step !== 2)));
    assertEquals(await weightsIn(`${dir}/damaged`), await weightsIn(`${dir}/whole`));
  }));
