import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { execute, findPython, SetupError } from "@lib/base/python.ts";

/** A folder with an executable that prints `version` and ends with `code`. */
function fakePython(version: string, code: number): string {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/python3`, `#!/bin/sh\necho ${version}\nexit ${code}\n`, { mode: 0o755 });
  return folder;
}

Deno.test("without Python the message says what to install", async () => {
  const error = await assertRejects(() => findPython(Deno.makeTempDirSync()), SetupError, "no Python was found");
  assertStringIncludes(error.message, "apt install python3 python3-venv");
  assertStringIncludes(error.message, "brew install python");
});

Deno.test("a Python that is too old, or lacks venv, is named with its version", async () => {
  const old = fakePython("3.9", 0);
  const bare = fakePython("3.12", 1);
  const error = await assertRejects(() => findPython(`${old}:${bare}`), SetupError);
  assertStringIncludes(error.message, `${old}/python3 (3.9)`);
  assertStringIncludes(error.message, `${bare}/python3 (3.12, without venv and pip)`);
});

Deno.test("the first Python that serves is taken", async () => {
  const fit = fakePython("3.13", 0);
  assertEquals(await findPython(`${fakePython("3.8", 0)}:${fit}`), `${fit}/python3`);
});

Deno.test("a broken npm or pip call ends in one message with what the program said", async () => {
  const error = await assertRejects(() => execute("sh", ["-c", "echo no space left >&2; exit 3"]), SetupError);
  assertStringIncludes(error.message, "no space left");
});
