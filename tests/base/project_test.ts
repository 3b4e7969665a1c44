import { assert, assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";

Deno.test("the root is the folder of deno.json, as a path and without a slash at its end", async () => {
  const { imports } = JSON.parse(await Deno.readTextFile(`${projectRoot}/deno.json`));
  assertEquals(imports["@lib/"], "./lib/");
  assert(projectRoot.startsWith("/") && !projectRoot.endsWith("/") && !projectRoot.includes("%"));
});
