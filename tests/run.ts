/**
 * `deno task test`: format, lint, types, docs, unit tests, examples and the notebooks, each stage with its time.
 *
 * The last line is `N passed, N failed` (and `, N skipped` if any); each check counts as one, and each test and example
 * as one. Where JSR is out of reach, `@std/assert` is mapped to `tests/assert.ts`; plain `deno test -A` works elsewhere.
 * @module
 */
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "@lib/base/user_error.ts";
import { taskArguments } from "@lib/cli/arguments.ts";
import { ensureSetup } from "@lib/cli/setup.ts";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** How many passed, failed and were skipped. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** Runs `deno` in the project's root; its output is returned, and goes to the terminal at once, or all at its end. */
export async function deno(
  args: string[],
  env: Record<string, string> = {},
  { atEnd = false }: { atEnd?: boolean } = {},
): Promise<{ success: boolean; output: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "";
  const print = (text: string) => Deno.stdout.write(new TextEncoder().encode(text));
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      output += text;
      if (!atEnd) await print(text);
    }
  };
  await Promise.all([follow(child.stdout), follow(child.stderr)]);
  if (atEnd) await print(output);
  return { success: (await child.status).success, output };
}

/** Whether JSR answers; what it answers with stays in Deno's cache. */
async function jsrAnswers(): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(20_000);
    const args = ["cache", "--quiet", "--no-lock", "jsr:@std/assert@1"];
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: root, signal, stderr: "null" }).output();
    return success;
  } catch (error) {
    if (error instanceof DOMException) return false; // it took too long
    throw error;
  }
}

/** An import map like deno.json's, with paths from the root and, where JSR is out of reach, our own assertions. */
export async function importMap(folder: string): Promise<string> {
  const { imports } = JSON.parse(await Deno.readTextFile(`${root}/deno.json`)) as { imports: Record<string, string> };
  const absolute = Object.entries(imports).map(([name, target]) => [
    name,
    target.startsWith("./") ? new URL(`../${target.slice(2)}`, import.meta.url).href : target,
  ]);
  const mapped = Object.fromEntries(absolute);
  if (await jsrAnswers()) console.log("@std/assert: from JSR");
  else {
    console.log("@std/assert: JSR is out of reach, tests/assert.ts stands in");
    mapped["@std/assert"] = new URL("assert.ts", import.meta.url).href;
  }
  const path = `${folder}/import_map.json`;
  await Deno.writeTextFile(path, JSON.stringify({ imports: mapped }));
  return path;
}

/** The paths of all files below a folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const paths = entries.map(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : `${folder}/${name}`
  );
  return (await Promise.all(paths)).flat();
}

/** The notebooks' file names, in order. */
async function notebookNames(): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(`${root}/notebooks`), (entry) => entry.name);
  return names.filter((name) => name.endsWith(".ipynb")).sort();
}

/**
 * Whether `deno fmt` leaves the notebooks as they are. Its own `--check` cannot tell: it compares each cell with its
 * formatted text and a newline at the end, which notebooks do not have.
 */
async function notebooksFormatted(folder: string): Promise<boolean> {
  const names = await notebookNames(), copies = names.map((name) => `${folder}/${name}`);
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(`${root}/notebooks/${name}`)));
  await Promise.all(copies.map((copy, i) => Deno.writeTextFile(copy, texts[i])));
  const { success } = await deno(["fmt", "--quiet", `--config=${root}/deno.json`, ...copies]);
  const after = await Promise.all(copies.map((copy) => Deno.readTextFile(copy)));
  const changed = names.filter((_, i) => after[i] !== texts[i]);
  if (changed.length > 0) console.error(`Not formatted: ${changed.join(", ")}. Run \`deno fmt notebooks\`.`);
  return success && names.length > 0 && changed.length === 0;
}

/** The code cells of each notebook, joined to one module for the type checker. */
async function notebookModules(folder: string): Promise<string[]> {
  const files = await notebookNames();
  return await Promise.all(files.map(async (name) => {
    const { cells } = JSON.parse(await Deno.readTextFile(`${root}/notebooks/${name}`)) as {
      cells: { cell_type: string; source: string | string[] }[];
    };
    const code = cells.filter((cell) => cell.cell_type === "code").map(({ source }, i) =>
      `// ${name}, code cell ${i + 1}\n${typeof source === "string" ? source : source.join("")}\n`
    );
    const path = `${folder}/${basename(name, ".ipynb")}.ts`;
    await Deno.writeTextFile(path, [...code, "export {};\n"].join("\n"));
    return path;
  }));
}

/**
 * Whether `deno doc --lint` finds every export of lib documented; says in a line each what is missing where. A public
 * signature may name a private type: its rule would make types public that no other module needs.
 */
async function documented(): Promise<boolean> {
  const modules = (await filesBelow(`${root}/lib`)).filter((path) => path.endsWith(".ts")).sort();
  const args = ["doc", "--quiet", "--lint", ...modules];
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  if (success) return modules.length > 0;
  const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  const all = [...text.matchAll(/^error\[([\w-]+)\]: (.*)\n *--> (.*)\n.*\n *\d+ \| *(.*)$/gm)];
  const found = all.filter(([, rule]) => rule !== "private-type-ref")
    .map(([, , what, where, code]) => `  ${where.replace(`${root}/`, "")}: ${what}: ${code}`);
  if (all.length > 0 && found.length === 0) return true;
  const shown = all.length > 0 ? `Expected every export to be documented; found:\n${found.join("\n")}` : text;
  console.error(`${shown}\n\`deno doc --lint\` with a file's name says more.`);
  return false;
}

/** Counts of a `deno test` run from its last summary, such as `ok | 12 passed | 1 failed | 2 ignored (3s)`. */
export function countTests(output: string): Counts | undefined {
  const summaries = [...output.matchAll(/^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(.*)$/gm)];
  const last = summaries.at(-1);
  if (!last) return undefined;
  return { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(/(\d+) ignored/.exec(last[3])?.[1] ?? 0) };
}

/** The closing line of a run. */
export const summaryLine = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

/** Counts from the last {@link summaryLine} of a run's output. */
export function readSummary(output: string): Counts | undefined {
  const line = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm)].at(-1);
  return line && { passed: Number(line[1]), failed: Number(line[2]), skipped: Number(line[3] ?? 0) };
}

/** Adds counts to a total. */
function add(total: Counts, { passed, failed, skipped }: Counts): void {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
}

/** Runs a stage, prints its time, and adds to the counts; a stage that throws or says nothing counts as failed. */
export async function stage(name: string, total: Counts, run: () => Promise<Counts | boolean>): Promise<void> {
  console.log(`\n== ${name}`);
  const start = performance.now();
  let result: Counts | boolean;
  try {
    result = await run();
  } catch (error) {
    console.error(error);
    result = false;
  }
  const counts = typeof result === "boolean" ? { passed: Number(result), failed: Number(!result), skipped: 0 } : result;
  add(total, counts);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`== ${name}: ${counts.failed === 0 ? "ok" : "FAILED"} in ${seconds} s`);
}

/** Runs `deno test`; a run that fails without a failing test, as by a type error, counts as one failure. */
export async function tests(
  args: string[],
  env: Record<string, string> = {},
  options: { atEnd?: boolean } = {},
): Promise<Counts> {
  const { success, output } = await deno(["test", "--allow-all", "--no-check", ...args], env, options);
  const counts = countTests(output) ?? { passed: 0, failed: 0, skipped: 0 };
  return success ? counts : { ...counts, failed: Math.max(1, counts.failed) };
}

/** The test files below a folder of the project, by their paths from its root. */
export async function testFiles(folder: string): Promise<string[]> {
  const paths = (await filesBelow(`${root}/${folder}`)).map((path) => path.slice(root.length + 1));
  return paths.filter((path) => path.endsWith("_test.ts")).sort();
}

/** Test files by their room, the folder in `tests` that they are in or below. */
export const byRoom = (files: string[]): [room: string, files: string[]][] => {
  const rooms = Object.groupBy(files, (file) => dirname(file).split("/").slice(0, 2).join("/"));
  return Object.entries(rooms).map(([room, files]) => [room, files ?? []]);
};

/**
 * Runs test files, the rooms in processes of their own and two of them at a time where there are two cores: a test
 * rarely fills more than one. Rooms with many files come first, so that no long one is left to the end. What a room prints
 * stands together, when it is done.
 */
export async function testsOfRooms(args: string[], files: string[], env: Record<string, string> = {}): Promise<Counts> {
  const rooms = byRoom(files).toSorted(([, a], [, b]) => b.length - a.length);
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const next = async () => {
    for (let room = rooms.shift(); room; room = rooms.shift()) {
      const counts = await tests([...args, ...room[1]], env, { atEnd: true });
      console.log(`${room[0]}: ${summaryLine(counts)}`);
      add(total, counts);
    }
  };
  await Promise.all(Array.from({ length: Math.min(2, navigator.hardwareConcurrency) }, next));
  return total;
}

async function main(): Promise<boolean> {
  const start = performance.now();
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const folder = await Deno.makeTempDir({ prefix: "notebooks-" });
  const ok = async (...args: string[]) => (await deno(args)).success;
  try {
    await ensureSetup({ quiet: true });
    const map = `--import-map=${await importMap(folder)}`;
    const config = `--config=${root}/deno.json`;
    await stage("format", total, () => ok("fmt", "--check", "--ignore=notebooks,data/studies"));
    await stage("format of the notebooks", total, () => notebooksFormatted(folder));
    await stage("lint", total, () => ok("lint"));
    await stage("types of lib and tests", total, () => ok("check", map, "lib", "tests"));
    await stage("types of the notebooks", total, async () => {
      const modules = await notebookModules(folder);
      return modules.length > 0 && await ok("check", config, map, ...modules);
    });
    await stage("docs", total, documented);
    await stage("unit tests", total, async () => {
      return await testsOfRooms([map], (await testFiles("tests")).filter((file) => file !== "tests/notebooks_test.ts"));
    });
    await stage("examples", total, () => tests([map, "--doc", "lib"]));
    await stage("notebooks", total, () => tests([map, "tests/notebooks_test.ts"]));
  } catch (error) {
    console.error(error instanceof UserError ? error.message : error);
    total.failed++;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(`\nall stages in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  console.log(summaryLine(total));
  return total.failed === 0;
}

if (import.meta.main) {
  taskArguments("test");
  Deno.exit(await main() ? 0 : 1);
}
