import { assert, assertEquals } from "@std/assert";
import { cpSync } from "node:fs";
import { projectRoot } from "@lib/base/project.ts";
import { trainingLog } from "@lib/training/step_log.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { onPlugin } from "../support/plugin.ts";
import { buildSmall, numbers, withFolder } from "../support/small_run.ts";

const root = new URL("../..", import.meta.url);
const child = `${projectRoot}/tests/support/pretrain_child.ts`;
const command = (
  corpus: string,
  dir: string,
) => [Deno.execPath(), "run", "--quiet", "--no-check", "-A", child, corpus, dir];

/** A small corpus, with the recipe of the runs. */
async function withCorpus(steps: number, test: (corpus: string, dir: string) => Promise<void>): Promise<void> {
  const choices = recipe("sound", "smoke", {
    split: { train: 0.5, validation: 0.3 },
    training: { steps, validateEvery: 4, validationBars: 8 },
  });
  await withFolder(async (dir) => {
    await buildSmall(`${dir}/corpus`, ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"], choices);
    await Deno.writeTextFile(`${dir}/corpus.json`, JSON.stringify(choices));
    await test(`${dir}/corpus`, dir);
  });
}

/** When a training is sent a signal: `wait` milliseconds after it told of `steps` steps; 0 = after its process began. */
interface Blow {
  steps: number;
  wait: number;
  signal: Deno.Signal;
}

/** Trains in a process of its own, which gets a signal if it still runs then; returns the steps it told of. */
async function run(
  corpus: string,
  dir: string,
  blow?: Blow,
  env: Record<string, string> = {},
): Promise<{ success: boolean; steps: number[] }> {
  const [path, ...args] = command(corpus, dir);
  const process = new Deno.Command(path, { args, cwd: root, env, stdout: "piped", stderr: "null" }).spawn();
  let text = "", timer: ReturnType<typeof setTimeout> | undefined;
  const steps = () => text.split("\n").filter((line) => line !== "").map(Number);
  const strike = () => {
    if (blow && steps().length >= blow.steps) timer ??= setTimeout(() => process.kill(blow.signal), blow.wait);
  };
  strike();
  for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    strike();
  }
  const { success } = await process.status;
  clearTimeout(timer);
  return { success, steps: steps() };
}

/** Asserts that two trainings ended with the same weights and losses, to the bit. */
async function assertSame(dir: string, other: string): Promise<void> {
  const bytes = (dir: string) => Deno.readFile(`${dir}/model.safetensors`);
  assertEquals(await bytes(dir), await bytes(other));
  assertEquals(numbers(await trainingLog(dir)), numbers(await trainingLog(other)));
}

Deno.test("a training killed at 20 random moments ends with the weights and losses of an undisturbed one", () =>
  withCorpus(150, async (corpus, dir) => {
    assert((await run(corpus, `${dir}/whole`)).success);
    const random = stream(5, "kills");
    for (let kill = 0; kill < 20; kill++) { // every fifth while the run is being taken up again
      const starting = kill % 5 === 4, steps = starting ? 0 : 1 + random.integer(5);
      const wait = (starting ? 1000 : 8) * random.uniform();
      const { success } = await run(corpus, `${dir}/killed`, { steps, wait, signal: "SIGKILL" });
      assert(!success, `the training was done before it was killed ${kill + 1} times`);
    }
    assert((await run(corpus, `${dir}/killed`)).success);
    await assertSame(`${dir}/killed`, `${dir}/whole`);

    for (const steps of [1, 6]) { // the stop button, and Ctrl-C
      const stopped = await run(corpus, `${dir}/stopped`, { steps, wait: 0, signal: "SIGINT" });
      assert(stopped.success, "stopped by SIGINT, it ends as if it were done");
      const latest = stopped.steps.at(-1)!;
      assert(latest < 150, "the training was done before it was stopped");
      const state = `${dir}/stopped/training/step-${String(latest).padStart(7, "0")}/state.json`;
      assertEquals(JSON.parse(await Deno.readTextFile(state)).run.step, latest); // the step at hand was kept
    }
    assert((await run(corpus, `${dir}/stopped`)).success);
    await assertSame(`${dir}/stopped`, `${dir}/whole`);
  }));

onPlugin(
  "on XLA, whose steps are queued, a training that was killed or stopped ends with the same weights, too",
  () =>
    withCorpus(60, async (corpus, dir) => {
      const env = { ENGINE: "xla", XLA_CACHE: `${dir}/executables` };
      assert((await run(corpus, `${dir}/whole`, undefined, env)).success);
      const compiled = [...Deno.readDirSync(env.XLA_CACHE)].length;
      for (const steps of [1, 9, 14]) {
        assert(!(await run(corpus, `${dir}/killed`, { steps, wait: 3, signal: "SIGKILL" }, env)).success);
      }
      const stopped = await run(corpus, `${dir}/killed`, { steps: 5, wait: 0, signal: "SIGINT" }, env);
      assert(stopped.success && stopped.steps.at(-1)! < 60, `${stopped.steps}`);
      const going = await run(corpus, `${dir}/killed`, undefined, env);
      assertEquals(going.steps[0], stopped.steps.at(-1)! + 1); // the step at hand was kept
      await assertSame(`${dir}/killed`, `${dir}/whole`);
      assertEquals([...Deno.readDirSync(env.XLA_CACHE)].length, compiled);
    }),
);

/** Whether this system lets us mount a file system of our own, in a namespace that ends with its shell. */
async function canMount(): Promise<boolean> {
  try {
    const args = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"];
    return (await new Deno.Command("unshare", { args, stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Runs a shell script with the training as "$@"; returns what it printed. */
async function shell(script: string, program: string, args: string[], corpus: string, dir: string): Promise<string> {
  const output = await new Deno.Command(program, {
    args: [...args, "-c", script, "sh", ...command(corpus, `${dir}/small/model`)],
    cwd: root,
    env: { DIR: dir },
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  assert(output.success, text + new TextDecoder().decode(output.stderr));
  return text;
}

Deno.test({
  name: "on a full disk and in a read-only folder a training says so, and goes on when it can be written to again",
  ignore: Deno.build.os !== "linux" || !await canMount(),
  fn: () =>
    withCorpus(16, async (corpus, dir) => {
      const script = `set -e
        mkdir "$DIR/small"
        mount -t tmpfs -o size=1500k tmpfs "$DIR/small"
        ! "$@" 2>"$DIR/full" >"$DIR/steps"
        cp -r "$DIR/small/model" "$DIR/left"
        mount -o remount,ro "$DIR/small"
        ! "$@" 2>"$DIR/readonly"
        mount -o remount,rw,size=64m "$DIR/small"
        "$@"
        cp -r "$DIR/small/model" "$DIR/model"`;
      await shell(script, "unshare", ["--user", "--map-root-user", "--mount", "sh"], corpus, dir);
      const told = async (name: string) => {
        const lines = (await Deno.readTextFile(`${dir}/${name}`)).split("\n");
        assert(!lines.some((line) => /^ +at /.test(line)), "a message, not a stack");
        return lines.filter((line) => line.startsWith("The training")); // beside what libraries print at their start
      };
      const full = await told("full"), steps = (await Deno.readTextFile(`${dir}/steps`)).trim().split("\n").map(Number);
      const kept = steps.at(-1)! - steps.at(-1)! % 4;
      assertEquals(full.length, 1);
      assert(
        /^The training could not be saved: .* could not be written: No space left on device/.test(full[0]),
        full[0],
      );
      assert(
        full[0].includes(`The last good state is whole: ${dir}/small/model/training/step-000000${kept}.`),
        full[0],
      );
      const readonly = await told("readonly");
      assertEquals(readonly.length, 1);
      assert(/^The training could not be saved: .*Read-only file system/.test(readonly[0]), readonly[0]);
      assert((await run(corpus, `${dir}/left`)).success); // what the full disk held goes on elsewhere, too
      assert((await run(corpus, `${dir}/whole`)).success);
      for (const name of ["left", "model"]) await assertSame(`${dir}/${name}`, `${dir}/whole`);
    }),
});

Deno.test({
  name: "a file that may not grow so large is named, with the last good state",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withCorpus(16, async (corpus, dir) => {
      // 512-byte blocks (1,024 in some shells): weights of 220 kB fit, moments of 440 kB do not
      await shell(
        `trap '' XFSZ; ulimit -f 430; mkdir "$DIR/small"; ! "$@" 2>"$DIR/error"`,
        "sh",
        [],
        corpus,
        dir,
      );
      const error = await Deno.readTextFile(`${dir}/error`);
      assert(/could not be written: File too large/.test(error), error);
      assert(error.includes("No state was saved yet"), error);
      cpSync(`${dir}/small/model`, `${dir}/again`, { recursive: true });
      assert((await run(corpus, `${dir}/again`)).success);
    }),
});
