import { assert, assertEquals, assertGreater, assertNotEquals, assertStringIncludes } from "@std/assert";
import { bfloat16Problem } from "@lib/engine/library.ts";
import { engineInfo, tensorCount } from "@lib/engine/mod.ts";
import { choosePrecision } from "@lib/training/pace/precision.ts";
import { recordedPrecision } from "@lib/training/run_state.ts";
import { pretrain } from "@lib/training/pretrain.ts";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { numbers, smallCorpus, withFolder } from "../../support/small_run.ts";

const { engine, device } = engineInfo();
const smoke = (training: RecipeChanges["training"]) =>
  recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 }, training });

Deno.test("a type that the recipe names is taken, and the authors' encoder has float32", async () => {
  for (const precision of ["float32", "bfloat16"] as const) {
    assertEquals(await choosePrecision(smoke({ precision })), { precision, reason: "as the recipe says" });
  }
  assertEquals((await choosePrecision(recipe("authors", "demo"))).precision, "float32");
});

Deno.test("auto is what both types' times say on a CPU, with the times in its reason, and bfloat16 on a GPU", async () => {
  const before = tensorCount(), choice = await choosePrecision(smoke({ precision: "auto" }));
  assertEquals(tensorCount(), before);
  const { precision, reason, milliseconds } = choice;
  if (engine === "WebGPU" || bfloat16Problem()) return assertEquals([precision, milliseconds], ["float32", undefined]);
  if (device === "GPU") return assertEquals([precision, milliseconds], ["bfloat16", undefined]);
  const { float32, bfloat16 } = milliseconds!;
  assertGreater(Math.min(float32, bfloat16), 0);
  assertStringIncludes(reason, `${float32.toFixed(0)} ms in float32, ${bfloat16.toFixed(0)} ms in bfloat16`);
  if (bfloat16 < 0.8 * float32) assertEquals(precision, "bfloat16"); // between them the medians of turns decide
  if (bfloat16 > 1.2 * float32) assertEquals(precision, "float32");
});

Deno.test("a training keeps the type that it began with, which its state names, whatever is faster now", () =>
  withFolder(async (dir) => {
    const corpus = await smallCorpus(), auto = smoke({ precision: "auto" });
    const types = engine === "WebGPU" || bfloat16Problem() ? ["float32"] as const : ["float32", "bfloat16"] as const;
    const trained = [];
    for (const precision of types) {
      const own = `${dir}/${precision}`,
        told = { precision, reason: "told", milliseconds: { float32: 2, bfloat16: 1 } };
      const options = { corpus, recipe: auto, model: "BERT", dir: own } as const, logs = [];
      const controller = new AbortController();
      for await (const log of pretrain({ ...options, precision: told, signal: controller.signal })) {
        logs.push(log), controller.abort();
      }
      assertEquals(await recordedPrecision(own), told);
      for await (const log of pretrain(options)) logs.push(log);
      const named = [];
      const explicit = { ...options, recipe: smoke({ precision }), dir: `${own}-named` };
      for await (const log of pretrain(explicit)) named.push(log);
      assertEquals(numbers(logs), numbers(named));
      trained.push(numbers(logs));
    }
    assert(trained.length > 0);
    if (trained.length === 2) assertNotEquals(trained[0], trained[1]);
    assertEquals(await recordedPrecision(`${dir}/none`), undefined);
  }));
