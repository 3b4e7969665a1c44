import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { type CommandName, commands, usage } from "@lib/cli/options.ts";

const names = Object.keys(commands) as CommandName[];

Deno.test("a usage names the command, what it needs, and each option with its value in a line of its own", () => {
  const lines = usage("embed").split("\n");
  assertEquals(
    lines[0],
    "deno task embed --encoder DIR --data DATA --layer L --out FILE [options]: writes the embedding of every bar at one layer",
  );
  const entry = (option: string) => lines.findIndex((line) => line.startsWith(`  ${option}`));
  assertEquals(lines[entry("--pooling P ")].indexOf("a bar's"), lines[entry("--layer L ")].indexOf("0 (embeddings)"));
  assertEquals(lines[entry("--pooling P ") + 1].trim(), "(default: bar)");
  for (const option of ["--encoder DIR", "--data DATA", "--out FILE", "--preset PRESET", "--scale SCALE", "--help "]) {
    assert(entry(option) > 0, option);
  }
  assertEquals(
    lines.at(-1),
    `Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{"seed":7}'.`,
  );
});

Deno.test("usages fit a terminal of 120 columns and say where defaults stand", () => {
  for (const name of names) {
    const text = usage(name);
    for (const line of text.split("\n")) assert(line.length <= 120 && line === line.trimEnd(), `${name}: ${line}`);
    assert(text.startsWith(`deno task ${name}`) && text.includes("  --help"), text);
  }
  assertStringIncludes(usage("bench"), "(default: 1000)");
  assertStringIncludes(usage("tokenize"), "smoke, demo, small or base (default: base)");
  assert(usage("test").startsWith("deno task test: "));
});

Deno.test("every command of the table is a task of the project", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${projectRoot}/deno.json`));
  assertEquals(names.filter((name) => tasks[name] === undefined), []);
});
