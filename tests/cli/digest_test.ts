import { assertEquals, assertThrows } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { digestOptions } from "@lib/cli/digest.ts";

Deno.test("the digest command takes runs and folders, and names its own folder after the first", () => {
  assertEquals(digestOptions(["a", "b", "--out", "c"], "/x"), { parts: ["a", "b"], out: "/x/c", page: undefined });
  assertEquals(digestOptions(["a", "b"], "/x").out, `${projectRoot}/data/studies/a`);
  assertEquals(digestOptions(["./a", "/y/b"], "/x"), {
    ...{ parts: ["/x/a", "/y/b"], out: `${projectRoot}/data/studies/a`, page: undefined },
  });
  assertEquals(digestOptions(["parts/a"], "/x"), { parts: ["/x/parts/a"], out: "/x/parts/a", page: undefined });
  assertEquals(digestOptions(["a", "--page", "p.html"], "/x").page, "/x/p.html");
  assertThrows(() => digestOptions([], "/"), UsageError, "expected the name of a run or a folder");
});
