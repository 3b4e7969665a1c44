import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
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

/** What the program prints to standard error, and its exit code. */
async function run(args: string[], env: Record<string, string> = {}): Promise<{ code: number; text: string }> {
  const module = fileURLToPath(import.meta.resolve("@lib/cli/main.ts"));
  const command = { args: ["run", "--quiet", "-A", "--no-check", module, ...args], env };
  const { code, stderr } = await new Deno.Command(Deno.execPath(), command).output();
  return { code, text: new TextDecoder().decode(stderr) };
}

Deno.test("as a program it prints the message alone, and ends with 2 after wrong arguments", async () => {
  const { code, text } = await run(["pack", "a", "b"]);
  assertEquals(code, 2);
  assert(text.startsWith("deno task pack: expected NAME, found a b.\n"), text);
  assert(!/\n +at /.test(text), text);
});

Deno.test("commands that load libtensorflow print nothing before their own message, nor a stack", async () => {
  const embed = ["embed", "--encoder", "/no/where", "--layer", "0", "--data", "x", "--out", "x.npy"];
  const refused = await run(embed);
  assertMatch(refused.text, /^\/no\/where\/config\.json: expected .*\n$/);
  assertEquals(refused.code, 1);
  assertMatch(
    (await run(embed, { TMPDIR: "/no/temporary" })).text,
    /^Temporary files: expected .*\/no\/temporary.*\n$/,
  );
  assertMatch((await run(["digest", "no-such-run"])).text, /^Digest: expected .*no-such-run.*\n$/);
});
