import { assertEquals } from "@std/assert";
import { runPool } from "@lib/base/worker_pool.ts";
import { partPath, partWriter, readPart, tokenizeChunk } from "@lib/corpus/tokenize.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { compose } from "../support/composer.ts";

Deno.test("the worker leaves the part on disk that this thread would make", async () => {
  const dir = await Deno.makeTempDir(), choices = recipe("sound", "smoke");
  await Deno.mkdir(`${dir}/parts`);
  const chunk = () => ({ index: 3, files: [{ file: "a.mid", bytes: compose(9, 0, 8).bytes }] });
  const url = new URL("../../lib/corpus/tokenize_worker.ts", import.meta.url);
  await runPool(partWriter, url, { recipe: choices, dir }, [chunk()], { workers: 1 });
  const { tokens, files } = readPart(partPath(dir, 3)), here = tokenizeChunk(chunk(), choices);
  assertEquals([tokens, files], [here.tokens, here.files]);
  await Deno.remove(dir, { recursive: true });
});
