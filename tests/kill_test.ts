import { assert, assertEquals } from "@std/assert";
import { buildCorpus } from "@lib/corpus.ts";
import { trainingLog } from "@lib/pretrain.ts";
import { stream } from "@lib/random.ts";
import { recipe } from "@lib/recipe.ts";

const root = new URL("..", import.meta.url);
const child = new URL("pretrain_child.ts", import.meta.url).pathname;

/** Trains in a process of its own; kills it `after` milliseconds from its first step, if it still runs. */
async function run(corpus: string, dir: string, after?: number): Promise<boolean> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", child, corpus, dir],
    cwd: root,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = process.stdout.getReader();
  await reader.read(); // the first step of this process, or the end of its output
  const timer = after === undefined ? undefined : setTimeout(() => process.kill("SIGKILL"), after);
  while (!(await reader.read()).done);
  const { success } = await process.status;
  clearTimeout(timer);
  return success;
}

Deno.test("a training killed at 20 random moments ends with the weights and losses of an undisturbed one", async () => {
  const source = await Deno.makeTempDir(), dir = await Deno.makeTempDir();
  for (const name of ["d_adrian", "d_ampie", "d_betwee", "d_bunny"]) {
    await Deno.copyFile(new URL(`data/freedoom/${name}.mid`, root), `${source}/${name}.mid`);
  }
  const choices = recipe("sound", "smoke", {
    split: { train: 0.5, validation: 0.25 },
    training: { steps: 120, validateEvery: 4, validationBars: 8 },
  });
  await buildCorpus(source, `${dir}/corpus`, choices);
  assert(await run(`${dir}/corpus`, `${dir}/whole`));
  const random = stream(5, "kills");
  let kills = 0;
  while (kills < 20) {
    if (await run(`${dir}/corpus`, `${dir}/killed`, 400 * random.uniform())) break;
    kills++;
  }
  assert(await run(`${dir}/corpus`, `${dir}/killed`));
  assertEquals(kills, 20, "the training ended before it was killed 20 times");
  const bytes = (name: string) => Deno.readFile(`${dir}/${name}/model.safetensors`);
  assertEquals(await bytes("killed"), await bytes("whole"));
  const losses = async (name: string) =>
    (await trainingLog(`${dir}/${name}`)).map(({ step, loss, accuracy, validation }) => [
      step,
      loss,
      accuracy,
      validation?.loss,
    ]);
  assertEquals(await losses("killed"), await losses("whole"));
  await Deno.remove(source, { recursive: true });
  await Deno.remove(dir, { recursive: true });
});
