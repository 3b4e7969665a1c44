import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { bfloat16Problem } from "@lib/engine/library.ts";
import type { RecipeChanges } from "@lib/recipe/recipe.ts";
import { largestDifference } from "../../support/golden.ts";
import { onPlugin } from "../../support/plugin.ts";
import { inProcess } from "../../support/process.ts";
import { withFolder } from "../../support/folder.ts";
import { withStepsStore } from "../../support/small_store.ts";
import type { Case, StepsReport } from "../../support/steps_child.ts";

/** Runs code or a script on an engine in a process of its own; what it printed. */
async function onEngine(code: Parameters<typeof inProcess>[0], env: Record<string, string>): Promise<string> {
  const { code: status, out, err } = await inProcess(code, env);
  assertEquals([status, err], [0, ""]);
  return out;
}

/** Makes a store of some songs and a recipe beside it, for the steps' child; gives what runs cases on an engine. */
async function withSteps(
  training: RecipeChanges["training"],
  test: (
    run: (cases: Case[], env: Record<string, string>, evaluate?: boolean) => Promise<StepsReport>,
    cache: string,
  ) => Promise<void>,
): Promise<void> {
  const changes = { training: { batchTokens: 128, buckets: [64], ...training } };
  await withFolder((cache) =>
    withStepsStore(changes, (dir) =>
      test(async (cases, env, evaluate) => {
        const args = [dir, JSON.stringify(cases), evaluate ? "evaluate" : ""];
        return JSON.parse(await onEngine({ script: "tests/support/steps_child.ts", args }, env));
      }, cache))
  );
}

const relative = (found: number, expected: number) => Math.abs(found - expected) / Math.abs(expected || 1);

onPlugin(
  "20 steps of each model from the same weights have libtensorflow's losses, norms and scores to 1e-5",
  () =>
    withSteps({ steps: 20, validationBars: 16 }, async (run, cache) => {
      const models = ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"] as const;
      const cases: Case[] = [...models.map((model): Case => ["bert", model]), ["authors", "BERT"]];
      const xla = { ENGINE: "xla", LIBTENSORFLOW_DIR: "/nowhere", XLA_CACHE: cache }; // without that library
      const expected = await run(cases, { ENGINE: "libtensorflow" }, true), found = await run(cases, xla, true);
      assertEquals([expected.info.engine, found.info.engine, found.info.device], ["libtensorflow", "XLA", "CPU"]);
      cases.forEach((name, i) => {
        const [a, b] = [expected.cases[i], found.cases[i]], losses = a.numbers.map(([loss]) => loss);
        assertEquals(b.numbers.length, 20);
        assert(losses[19] < losses[0] - 0.05, `${name}: ${losses}`); // it learns, so that agreement means something
        a.numbers.forEach((numbers, step) => {
          const [loss, masked, contrast, , norm] = numbers.map((value, j) => relative(b.numbers[step][j], value));
          for (const difference of [loss, masked, contrast, norm]) {
            assertLess(difference, 1e-5, `${name}, step ${step + 1}`);
          }
        });
        assertLess(largestDifference(b.bars, a.bars), 1e-5, `${name}: bar embeddings`);
        assertEquals(a.evaluated.length, 3);
        a.evaluated.forEach((value, j) => assertLess(relative(b.evaluated[j], value), 1e-5, `${name}: evaluation`));
        assertEquals([a.left, b.left], Array(2).fill({ tensors: 0, handles: 0 }));
      });
      // a second start reads what the first compiled, and computes the same to the bit
      const files = [...Deno.readDirSync(cache)].length, again = await run(cases.slice(0, 2), xla, true);
      assertEquals([...Deno.readDirSync(cache)].length, files);
      const results = ({ cases }: StepsReport) => cases.slice(0, 2).map(({ seconds: _, ...rest }) => rest);
      assertEquals(results(again), results(found));
    }),
);

onPlugin(
  "Muon's steps have libtensorflow's losses and norms",
  () =>
    withSteps({ steps: 8, optimizer: "muon" }, async (run) => {
      const cases: Case[] = [["bert", "BERT"]],
        [expected, found] = [
          await run(cases, { ENGINE: "libtensorflow" }),
          await run(cases, { ENGINE: "xla" }),
        ].map(({ cases }) => cases[0].numbers);
      assertLess(expected[7][0], expected[0][0] - 0.05);
      expected.forEach((numbers, step) =>
        [0, 4].forEach((at) => {
          // its iterations enlarge the rounding of small singular values by up to 3.4445⁵
          assertLess(relative(found[step][at], numbers[at]), 1e-4, `step ${step + 1}`);
        })
      );
    }),
);

onPlugin(
  "200 steps in bfloat16 stay as near to float32 as libtensorflow's",
  () =>
    withSteps({ steps: 200, precision: "bfloat16" }, async (run) => {
      const cases: Case[] = [["bert", "BERT-dropout"]];
      const losses = async (env: Record<string, string>) =>
        (await run(cases, env)).cases[0].numbers.map(([loss]) => loss);
      const [ours, theirs] = [await losses({ ENGINE: "xla" }), await losses({ ENGINE: "libtensorflow" })];
      let exact: number[] = [];
      await withSteps({ steps: 200 }, async (run) => {
        exact = (await run(cases, { ENGINE: "libtensorflow" })).cases[0].numbers.map(([loss]) => loss);
      });
      const away = (losses: number[]) => losses.reduce((sum, loss, i) => sum + Math.abs(loss - exact[i]), 0) / 200;
      assert(exact[199] < exact[0] - 0.3 && away(theirs) > 0, `${exact[0]} … ${exact[199]}, ${away(theirs)}`);
      // both round the same operands of the same products; what differs is the order of their float32 sums
      assertLess(away(ours), 1.5 * away(theirs));
    }),
  bfloat16Problem(),
);

onPlugin("a compiled function: one trace for each shape, outputs that stay, errors with name and shapes", async () => {
  const code = `import { compile, rawOp, tensorCount, tf } from "@lib/engine/mod.ts";
    const say = (value) => console.log(JSON.stringify(value)), before = tensorCount();
    const f = compile("f", (x, y) => [x.matMul(y), x]);
    const [a, b] = [tf.tensor2d([[1, 2], [3, 4]]), tf.ones([3, 2])];
    const [first, second] = await Promise.all([f(a, a), f(a, a)]), third = await f(b, a);
    const queued = await f(first[0], first[1]); // nothing of it has been read
    say([f.traces, ...(await Promise.all([...first, ...third, queued[0], second[0]].map((t) => t.data()))).map((v) => [...v])]);
    say(await f(a, b).then(() => "nothing", (error) => error.name + " " + error.message));
    const bad = compile("bad", (x) => [tf.scalar(x.dataSync()[0])]);
    say(await bad(a).then(() => "nothing", (error) => error.message));
    const half = rawOp("Cast", { SrcT: "float32", DstT: "bfloat16", Truncate: false }, [a]);
    say([...half.dataSync()]);
    tf.dispose([a, b, half, ...first, ...second, ...third, ...queued]);`;
  const [values, shapes, read, halves] = (await onEngine(code, { ENGINE: "xla" })).split("\n").map((line) =>
    JSON.parse(line)
  );
  const square = [7, 10, 15, 22], ones = [4, 6, 4, 6, 4, 6];
  assertEquals(values, [2, square, [1, 2, 3, 4], ones, [1, 1, 1, 1, 1, 1], [37, 54, 81, 118], square]);
  assertStringIncludes(shapes, "[2,2]");
  assertStringIncludes(shapes, "[3,2]");
  assertStringIncludes(read, "A value was read inside a traced function");
  assertEquals(halves, [1, 2, 3, 4]);
});

onPlugin("inputs that are given up lose their memory, unless they are clones or stand twice", async () => {
  const code = `import { compile, tensorCount, tf } from "@lib/engine/mod.ts";
    const f = compile("f", (x, y) => [x.add(y)], { donated: [0] }), say = (value) => console.log(JSON.stringify(value));
    const before = tensorCount(), [x, y] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])], clone = x.clone();
    const [cloned] = await f(x, y), [twice] = await f(y, y);
    say([cloned, twice, clone, x, y].map((t) => [...t.dataSync()]));
    clone.dispose();
    const [given] = await f(cloned, y);
    say([...given.dataSync()]);
    say(await cloned.data().then(() => "still there", (error) => error.message));
    tf.dispose([x, y, cloned, twice, given]);
    say([before, tensorCount()]);`;
  const [kept, given, gone, [before, after]] = (await onEngine(code, { ENGINE: "xla" })).split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals([kept, given], [[[4, 6], [6, 8], [1, 2], [1, 2], [3, 4]], [7, 10]]);
  assertStringIncludes(gone, "shape [2]");
  assertEquals(after, before);
});
