import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { rawOps, tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { TensorFlowError } from "@lib/engine/error.ts";
import { portableOp, portableOps } from "@lib/engine/webgpu/ops.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../../support/golden.ts";
import type { Case, StepsReport } from "../../support/steps_child.ts";

const root = new URL("../../..", import.meta.url);
const random = stream(1, "webgpu tests");
const draw = (...shape: number[]): Tensor =>
  tf.tensor(Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 4 * random.uniform() - 2), shape);
const ints = (...values: number[]): Tensor => tf.tensor1d(values, "int32");
const integer = (value: number): Tensor => tf.scalar(value, "int32");

/** Raw ops as ops.ts calls them: name, attributes, inputs, outputs. */
type Call = [string, Parameters<typeof rawOps>[1], Tensor[], number];
const float = { T: "float32" };
const calls = (): Call[] => [
  ["AddV2", float, [draw(2, 3), draw(3)], 1],
  ["BatchMatMulV2", { ...float, adj_x: false, adj_y: true }, [draw(2, 3, 4, 5), draw(2, 3, 6, 5)], 1],
  ["BatchMatMulV2", { ...float, adj_x: true, adj_y: false }, [draw(2, 5, 4), draw(2, 5, 6)], 1],
  ["BiasAdd", float, [draw(4, 3), draw(3)], 1],
  ["BiasAddGrad", float, [draw(2, 4, 3)], 1],
  ["Cast", { SrcT: "bool", DstT: "float32", Truncate: false }, [tf.tensor1d([true, false], "bool")], 1],
  ["ConcatV2", { N: 2, T: "float32", Tidx: "int32" }, [draw(2, 3), draw(2, 1), integer(1)], 1],
  ["Erf", float, [draw(9)], 1],
  ["Exp", float, [draw(9)], 1],
  ["Fill", { T: "float32", index_type: "int32" }, [ints(2, 3), tf.scalar(1.5)], 1],
  [
    "GatherV2",
    { batch_dims: 0, Tparams: "float32", Tindices: "int32", Taxis: "int32" },
    [draw(4, 3), ints(3, 0, 3), integer(0)],
    1,
  ],
  ["GreaterEqual", float, [draw(9), tf.scalar(0.5)], 1],
  ["L2Loss", float, [draw(7)], 1],
  ["MatMul", { ...float, transpose_a: true, transpose_b: true }, [draw(3, 4), draw(5, 3)], 1],
  ["Mean", { ...float, Tidx: "int32", keep_dims: true }, [draw(2, 3, 4), ints(-1)], 1],
  ["Mul", float, [draw(2, 3), draw(2, 1)], 1],
  ["Pack", { N: 3, T: "float32", axis: 0 }, [draw(2, 2), draw(2, 2), draw(2, 2)], 1],
  ["Reshape", { ...float, Tshape: "int32" }, [draw(2, 6), ints(3, 4)], 1],
  ["Rsqrt", float, [draw(5).abs().add(0.1)], 1],
  ["Softmax", float, [draw(2, 3, 4)], 1],
  ["SparseSoftmaxCrossEntropyWithLogits", { ...float, Tlabels: "int32" }, [draw(4, 5), ints(0, 4, 2, 2)], 2],
  [
    "SparseMatMul",
    { transpose_a: true, transpose_b: false, a_is_sparse: false, b_is_sparse: false, Ta: "float32", Tb: "float32" },
    [draw(3, 4), draw(3, 5)],
    1,
  ],
  ["SplitV", { num_split: 2, T: "float32", Tlen: "int32" }, [draw(7), ints(3, 4), integer(0)], 2],
  ["Square", float, [draw(5)], 1],
  ["Sub", float, [draw(2, 3), draw(3)], 1],
  ["Sum", { ...float, Tidx: "int32", keep_dims: false }, [draw(2, 3, 4), ints(0, 2)], 1],
  ["Transpose", { ...float, Tperm: "int32" }, [draw(2, 3, 4), ints(2, 0, 1)], 1],
  ["Unpack", { num: 2, T: "float32", axis: 0 }, [draw(2, 3)], 2],
];

const noPrograms = {
  segmentSum: () => assert(false) as never,
  uniform: () => assert(false) as never,
};

Deno.test("every raw op in the table computes what TensorFlow does, but for the two that are shaders", () => {
  const made = calls(), shaders = ["StatelessRandomUniform", "UnsortedSegmentSum"];
  assertEquals([...new Set([...made.map(([name]) => name), ...shaders])].sort(), [...portableOps].sort());
  for (const [name, attributes, inputs, outputs] of made) {
    const expected = rawOps(name, attributes, inputs, outputs);
    const found = portableOp(name, attributes, inputs, outputs, noPrograms);
    expected.forEach((tensor, i) => {
      assertEquals(found[i].shape, tensor.shape, name);
      assertEquals(found[i].dtype, tensor.dtype, name);
      assertLess(largestDifference(found[i].dataSync(), tensor.dataSync()), 2e-6, name);
    });
    tf.dispose([...inputs, ...expected, ...found]);
  }
});

Deno.test("an op that is not in the table, another element type and shapes that do not fit are named", () => {
  const x = tf.ones([2, 3]),
    refused = (name: string, attributes: Call[1], ...inputs: Tensor[]) =>
      assertThrows(() => portableOp(name, attributes, inputs, 1, noPrograms), TensorFlowError).message;
  assertStringIncludes(refused("Cholesky", float, x), "Cholesky([2,3]): WebGPU has no such op");
  assertStringIncludes(refused("Cast", { SrcT: "float32", DstT: "bfloat16" }, x), "found bfloat16");
  assertStringIncludes(refused("MatMul", float, x, x), "MatMul([2,3], [2,3])");
  x.dispose();
});

/**
 * Bytes of the adapter's largest storage buffer, 0 without an adapter. Asked in another process: Mesa's software adapter
 * brings an LLVM with which XLA's, in this one, crashes.
 */
const largest = Number(
  new TextDecoder().decode(
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "console.log((await navigator.gpu?.requestAdapter())?.limits.maxStorageBufferBindingSize ?? 0)"],
      env: { NO_COLOR: "1" },
      stderr: "null",
    }).outputSync().stdout,
  ),
);
const onAdapter = (name: string, fn: () => Promise<void>, most = Infinity) => {
  const why = largest === 0 ? "WebGPU finds no adapter here" : largest > most ? "it would fill this GPU" : "";
  Deno.test({ name: why === "" ? name : `${name} (skipped: ${why})`, ignore: why !== "", fn });
};

/** Runs a script on an engine in a process of its own; what it printed. */
async function inProcess(engine: string, script: string, args: string[], env: Record<string, string> = {}) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", `--config=${new URL("deno.json", root).pathname}`, script, ...args],
    cwd: root,
    env: { NO_COLOR: "1", ENGINE: engine, ...env },
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout).trim();
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
  const run = async (engine: string, env = {}) => JSON.parse(await inProcess(engine, script, [], env));
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

onAdapter("20 training steps on WebGPU have libtensorflow's losses, dropout's masks among them", async () => {
  const source = await Deno.makeTempDir(), dir = await Deno.makeTempDir();
  for (const name of ["d_adrian", "d_ampie", "d_betwee", "d_bunny"]) {
    await Deno.copyFile(new URL(`data/freedoom/${name}.mid`, root), `${source}/${name}.mid`);
  }
  const choices = recipe("sound", "smoke", {
    split: { train: 0.5, validation: 0.25 },
    tokens: { maxTokens: 64 },
    training: { steps: 20, batchTokens: 128, buckets: [48, 64] },
  });
  await buildCorpus(source, dir, choices);
  await Deno.writeTextFile(`${dir}.json`, JSON.stringify(choices));
  const cases: Case[] = [["bert", "BERT"], ["bert", "BERT-dropout"]];
  const run = async (engine: string, env?: Record<string, string>): Promise<StepsReport> =>
    JSON.parse(await inProcess(engine, "tests/support/steps_child.ts", [dir, JSON.stringify(cases)], env));
  const expected = await run("libtensorflow");
  const found = await run("webgpu", { LIBTENSORFLOW_DIR: "/nowhere" }); // the library is not needed
  assertEquals([expected.info.engine, found.info.engine], ["libtensorflow", "WebGPU"]);
  cases.forEach((name, i) => {
    const [a, b] = [expected.cases[i], found.cases[i]];
    assertEquals(b.numbers.length, 20);
    const losses = a.numbers.map((numbers) => numbers[0]);
    assert(losses[19] < losses[0] - 0.05, `${name}: ${losses}`); // it learns, so that agreement means something
    a.numbers.forEach((numbers, step) => {
      const [loss, masked, contrast, , norm] = numbers.map((value, j) => Math.abs(b.numbers[step][j] - value) / value);
      for (const difference of [loss, masked, norm]) assertLess(difference, 1e-4, `${name}, step ${step + 1}`);
      if (name[1] !== "BERT") assertLess(contrast, 1e-4, `${name}, step ${step + 1}`);
    });
    assertLess(largestDifference(b.bars, a.bars), 1e-5, `${name}: bar embeddings`);
    assertEquals([a.left, b.left], Array(2).fill({ tensors: 0, handles: 0 }));
  });
  for (const folder of [source, dir]) await Deno.remove(folder, { recursive: true });
});

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
    const [large, grows, after] = JSON.parse(await inProcess("webgpu", script, []));
    assertStringIncludes(large, "TensorFlowError large: expected tensors of at most");
    assertStringIncludes(grows, "TensorFlowError grows: WebGPU refused:");
    assertEquals(after, 2); // and the next one works
    await Deno.remove(folder, { recursive: true });
  },
  2 ** 28,
);
