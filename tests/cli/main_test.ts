import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { exitCode, UsageError } from "@lib/cli/arguments.ts";
import { main } from "@lib/cli/main.ts";
import { usage } from "@lib/cli/options.ts";
import { projectRoot } from "@lib/base/project.ts";

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

Deno.test("what a person can mend is one message, which names what was found, and no fault", async () => {
  const folder = await Deno.makeTempDir(), file = `${folder}/file.txt`, cut = `${folder}/cut.tar.gz`;
  await Deno.writeTextFile(file, "neither songs nor a run");
  await Deno.writeFile(cut, Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1)); // gzip's head, and no more
  await Deno.mkdir(`${folder}/songs`);
  await Deno.copyFile(`${projectRoot}/data/freedoom/d_adrian.mid`, `${folder}/songs/a.mid`);
  const tokenize = ["tokenize", `${folder}/songs`, "--scale", "smoke", "--out"];
  const refused: [string[], string, Record<string, string>?][] = [
    [["tokenize", `${folder}/none`, "--out", `${folder}/x`], "/none"],
    [["tokenize", file, "--out", `${folder}/x`], "file.txt"],
    [["tokenize", cut, "--out", `${folder}/x`], "cut.tar.gz"],
    [[...tokenize, file], "file.txt"],
    [[...tokenize, `${file}/below`], "file.txt/below"],
    [["tokenize", "--verify", "--out", `${folder}/none`], "/none"],
    [["tokenize", "--merge", `${folder}/songs`, "--out", `${folder}/x`], "/songs"],
    [[...tokenize, `${folder}/x`], "found []", { RECIPE: "[]" }],
    [[...tokenize, `${folder}/x`], "found 3", { RECIPE: "3" }],
    [[...tokenize, `${folder}/x`], "found {sed", { RECIPE: "{sed" }],
    [[...tokenize, `${folder}/x`], "tokens.sed: expected no field", { RECIPE: '{"tokens":{"sed":1}}' }],
    [["pack", "no-such-run"], "no-such-run"],
    [["pack", "--open", folder], folder],
    [["pack", "--open", file], "file.txt"],
    [["pack", "--open", cut], "cut.tar.gz"],
    [["train", "--model", "bert", "--run", "no-such-run", "--data", `${folder}/none`], "/none"],
    [["train", "--model", "bert", "--run", "a/b"], "a/b"],
    [["report", "--name", "no-such-run", "--data", file], "file.txt"],
    [["report", "--name", "no-such-run", "--page"], "no-such-run"],
  ];
  for (const [args, found, env = {}] of refused) {
    const printed: string[] = [], before = Deno.env.toObject();
    for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
    const code = await exitCode(() => main(args), (text) => void printed.push(text));
    for (const name of [...Object.keys(env), "STUDY", "SCALE", "PRESET", "DATA"]) {
      before[name] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[name]);
    }
    assertEquals([code, printed.length], [1, 1], `${args}`);
    assert(printed[0].includes(found) && !/fault|\n +at /.test(printed[0]), `${args}: ${printed[0]}`);
  }
  await Deno.remove(folder, { recursive: true });
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
