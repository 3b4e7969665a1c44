import { assert, assertEquals, assertGreater } from "@std/assert";
import { branches, freeMemory, thisMachine, threads, threadVariables, trainingVariables } from "@lib/base/machine.ts";
import { inProcess } from "../support/process.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("threads are those that the variable sets, and else one a core, as TensorFlow reads it", () => {
  assertEquals([threads("3", 8), threads("1", 8)], [3, 1]);
  for (const none of [undefined, "", "0", "-2", "many"]) assertEquals(threads(none, 8), 8, none);
});

Deno.test("a batch has branches where an op has one thread and several run at once, and these are the threads", () => {
  assertEquals([
    branches("1", "3"),
    branches("1", "1"),
    branches("1", ""),
    branches("2", "3"),
    branches(undefined, "3"),
  ], [
    ...[3, 1, 1, 1, 1],
  ]);
  for (const [count, parts] of [[1, 1], [2, 2], [4, 4], [5, 1], [64, 1]]) {
    const { TF_NUM_INTRAOP_THREADS: each, TF_NUM_INTEROP_THREADS: atOnce } = trainingVariables(count);
    assertEquals([branches(each, atOnce), Math.max(Number(each), Number(atOnce))], [parts, count]);
  }
});

Deno.test("a process that gets the variables has as many threads, of which its machine tells", async () => {
  const code = `
    const { thisMachine } = await import(${JSON.stringify(import.meta.resolve("@lib/base/machine.ts"))});
    console.log(JSON.stringify(thisMachine()));`;
  const { out, err } = await inProcess(code, threadVariables(5));
  assertEquals(JSON.parse(out || err), { ...thisMachine(), threads: 5 });
});

Deno.test("free memory is the machine's, or what a container's limit leaves, whichever is less", () =>
  withFolder(async (dir) => {
    const free = freeMemory(`${dir}/none`), { total } = Deno.systemMemoryInfo();
    assert(free > 0 && free <= total);
    const limit = async (most: string, taken: string, folder = "memory.") => {
      await Deno.mkdir(`${dir}/memory`, { recursive: true });
      await Deno.writeTextFile(`${dir}/${folder}${folder === "memory." ? "max" : "limit_in_bytes"}`, `${most}\n`);
      await Deno.writeTextFile(`${dir}/${folder}${folder === "memory." ? "current" : "usage_in_bytes"}`, `${taken}\n`);
      return freeMemory(dir);
    };
    assertEquals(await limit("5000", "2000"), 3000);
    assertEquals(await limit("5000", "6000"), 0);
    assertGreater(await limit("max", "2000"), 10_000);
    assertEquals(await limit("9000", "2000", "memory/memory."), 7000);
  }));

Deno.test("a machine tells the code's commit where there is a checkout, and none elsewhere", async () => {
  const { commit } = thisMachine(), git = new Deno.Command("git", { args: ["rev-parse", "HEAD"], stderr: "null" });
  const head = await git.output().then(
    ({ success, stdout }) => success ? new TextDecoder().decode(stdout).trim() : "",
    () => "",
  );
  if (head === "") return assertEquals(commit, undefined);
  const [, short] = /([0-9a-f]{7,})(-dirty)?$/.exec(commit ?? "") ?? [];
  assert(
    head.startsWith(short ?? "none") || commit !== undefined && !/^[0-9a-f]{7,}/.test(commit),
    `${commit} of ${head}`,
  );
});
