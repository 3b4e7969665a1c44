import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import type { RecipeChanges } from "@lib/recipe/recipe.ts";
import { onAdapter } from "../../support/adapter.ts";
import { largestDifference } from "../../support/golden.ts";
import { inProcess } from "../../support/process.ts";
import { withStepsStore } from "../../support/small_store.ts";
import type { Case, StepsReport } from "../../support/steps_child.ts";

/** Runs a script on an engine in a process of its own; what it printed. */
async function onEngine(engine: string, script: string, args: string[] = [], env: Record<string, string> = {}) {
  const { code, out, err } = await inProcess({ script, args }, { ENGINE: engine, ...env });
  if (code !== 0) throw new Error(err);
  return out;
}

Deno.test("large ridges and clusters under ENGINE=webgpu need no libtensorflow, and are those of libtensorflow", async () => {
  const folder = await Deno.makeTempDir(), script = `${folder}/probing.ts`;
  await Deno.writeTextFile(
    script,
    `import { kMeans } from "@lib/matrix/kmeans.ts";
    import { fitSums, sumLayer } from "@lib/matrix/layer_ridge.ts";
    import { valueTargets } from "@lib/matrix/targets.ts";
    import { stream } from "@lib/base/random.ts";
    const rows = 2200, columns = 480, random = stream(2, "webgpu-probing"); // more work than plain code is given
    const x = Float32Array.from({ length: rows * columns }, () => random.uniform());
    const all = valueTargets(Float64Array.from({ length: rows }, (_, r) => x[r * columns] + x[r * columns + 7]));
    const none = { some: new Int32Array(0), ofSome: { ...all, rows: 0, start: new Int32Array(1), column: new Int32Array(0),
      value: new Float64Array(0) } };
    const [fit] = await fitSums((await sumLayer(x, columns, { all, ...none })).all, [10]);
    const { labels, inertia } = await kMeans(x, rows, columns, 480, { seed: 1, iterations: 1 });
    console.log(JSON.stringify({ weights: [...fit.weights], labels: [...labels], inertia }));`,
  );
  const run = async (engine: string, env = {}) => JSON.parse(await onEngine(engine, script, [], env));
  const expected = await run("libtensorflow"), found = await run("webgpu", { LIBTENSORFLOW_DIR: "/nowhere" });
  assertLess(largestDifference(found.weights, expected.weights), 1e-12);
  assertEquals(found.labels, expected.labels);
  assertLess(Math.abs(found.inertia / expected.inertia - 1), 1e-12);
  await assertRejects(
    () => run("libtensorflow", { LIBTENSORFLOW_DIR: "/nowhere" }),
    Error,
    "or ENGINE=webgpu to do without",
  );
  await Deno.remove(folder, { recursive: true });
});

const changes: RecipeChanges = { training: { steps: 20, batchTokens: 128, buckets: [64] } };

onAdapter(
  "20 training steps on WebGPU have libtensorflow's losses, dropout's masks among them",
  () =>
    withStepsStore(changes, async (dir) => {
      const cases: Case[] = [["bert", "BERT"], ["bert", "BERT-dropout"]];
      const run = async (engine: string, env?: Record<string, string>): Promise<StepsReport> =>
        JSON.parse(await onEngine(engine, "tests/support/steps_child.ts", [dir, JSON.stringify(cases)], env));
      const expected = await run("libtensorflow");
      const found = await run("webgpu", { LIBTENSORFLOW_DIR: "/nowhere" }); // the library is not needed
      assertEquals([expected.info.engine, found.info.engine], ["libtensorflow", "WebGPU"]);
      cases.forEach((name, i) => {
        const [a, b] = [expected.cases[i], found.cases[i]];
        assertEquals(b.numbers.length, 20);
        const losses = a.numbers.map((numbers) => numbers[0]);
        assert(losses[19] < losses[0] - 0.05, `${name}: ${losses}`); // it learns, so that agreement means something
        a.numbers.forEach((numbers, step) => {
          const [loss, masked, contrast, , norm] = numbers.map((value, j) =>
            Math.abs(b.numbers[step][j] - value) / value
          );
          for (const difference of [loss, masked, norm]) assertLess(difference, 1e-4, `${name}, step ${step + 1}`);
          if (name[1] !== "BERT") assertLess(contrast, 1e-4, `${name}, step ${step + 1}`);
        });
        assertLess(largestDifference(b.bars, a.bars), 1e-5, `${name}: bar embeddings`);
        assertEquals([a.left, b.left], Array(2).fill({ tensors: 0, handles: 0 }));
      });
    }),
);

onAdapter(
  "what WebGPU refuses, at once or long after the call, stops the compiled function with its name",
  async () => {
    const folder = await Deno.makeTempDir();
    const script = `${folder}/refused.ts`;
    await Deno.writeTextFile(
      script,
      `import { compile, tf } from "@lib/engine/mod.ts";
    const { limits } = (tf.backend() as unknown as { device: GPUDevice }).device;
    const large = limits.maxStorageBufferBindingSize / 4 + 1, x = tf.ones([64]);
    const messages = [];
    for (const attempt of [
      () => compile("large", (x) => [x.add(1)])(tf.tensor1d(new Float32Array(large))),
      () => compile("grows", (x) => [x.tile([Math.ceil(large / 64)]).sum()])(x),
    ]) messages.push(await attempt().then(() => "nothing", (error) => error.name + " " + error.message));
    const [y] = await compile("small", (x) => [x.add(1)])(x);
    console.log(JSON.stringify([...messages, y.dataSync()[0]]));`,
    );
    const [large, grows, after] = JSON.parse(await onEngine("webgpu", script, []));
    assertStringIncludes(large, "EngineError large: expected tensors of at most");
    assertStringIncludes(grows, "TensorFlowError grows: WebGPU refused:");
    assertEquals(after, 2); // and the next one works
    await Deno.remove(folder, { recursive: true });
  },
  2 ** 28,
);

Deno.test({
  name: "WebGPU without an adapter says what to install",
  ignore: Deno.build.os === "windows", // the one system where Direct3D might give one
  async fn() {
    const env = { ENGINE: "webgpu", DENO_WEBGPU_BACKEND: "dx12", LIBTENSORFLOW_DIR: "/nowhere" };
    const { code, err } = await inProcess(`await import("@lib/engine/mod.ts");`, env);
    assertEquals(code, 1);
    assertStringIncludes(err, "mesa-vulkan-drivers");
  },
});
