import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "@lib/cli/arguments.ts";
import { packOptions } from "@lib/cli/pack.ts";

Deno.test("the pack command takes a run, or a file to open with a name for it", () => {
  assertEquals(packOptions(["demo", "--out", "x.tar.gz"], "/home/me"), {
    ...{ name: "demo", out: "/home/me/x.tar.gz", open: undefined },
  });
  assertEquals(packOptions(["--open", "x", "--name", "b"], "/y"), { name: "b", out: undefined, open: "/y/x" });
  const wrong = ["", "--open x a", "--open x --out y", "../a", "..", "--name a/b"];
  for (const args of wrong) {
    assertThrows(() => packOptions(args.split(" "), "/"), UsageError, "deno task pack: expected");
  }
});
