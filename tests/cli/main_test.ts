import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { UsageError } from "@lib/cli/arguments.ts";
import { main } from "@lib/cli/main.ts";
import { usage } from "@lib/cli/options.ts";

Deno.test("--help prints a command's usage and does nothing else", async () => {
  const { log } = console, printed: string[] = [];
  console.log = (text: string) => void printed.push(text);
  try {
    for (const name of ["report", "train", "setup"] as const) {
      assertEquals(await main([name, "--help"]), 0);
      assertEquals(printed.pop(), usage(name));
    }
  } finally {
    console.log = log;
  }
});

Deno.test("an unknown command is answered with the known ones", async () => {
  for (const args of [["reprot"], [], ["toString"], ["fuzz"]]) {
    const error = await assertRejects(() => main(args), UsageError, `found ${args[0] ?? "none"}:`);
    for (const name of ["report", "tokenize", "train", "embed", "probe", "pack", "digest", "setup"]) {
      assertStringIncludes(error.message, `deno task ${name} --help`);
    }
  }
});

Deno.test("as a program it prints the message alone, and ends with 2 after wrong arguments", async () => {
  const module = fileURLToPath(import.meta.resolve("@lib/cli/main.ts")),
    args = ["run", "--quiet", "-A", "--no-check", module];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: [...args, "pack", "a", "b"] }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 2);
  assert(text.startsWith("deno task pack: expected NAME, found a b.\n"), text);
  assert(!/\n +at /.test(text), text);
});
