import { assertEquals, assertThrows } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { digestOptions } from "@lib/cli/digest.ts";

Deno.test("the digest command takes runs, and names its folder after the first", () => {
  assertEquals(digestOptions(["a", "b", "--out", "c"], "/x"), { runs: ["a", "b"], out: "/x/c", every: 10 });
  assertEquals(digestOptions(["a", "b"], "/x").out, `${projectRoot}/data/studies/a`);
  assertThrows(() => digestOptions([], "/"), UsageError, "expected the name of a run");
});
