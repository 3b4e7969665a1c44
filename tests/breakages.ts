/**
 * `deno task breakages`: breaks places in lib one at a time, drawn by a seed, and tells which the tests do not notice.
 *
 * `deno task breakages -- 20 1` draws twenty places by seed 1. Each is broken in a copy of the project: a sign, a
 * comparison, an index, a swapped pair of arguments, a returned constant, a condition, a number. First the module's own
 * test runs, then those of its room, then all; what passes them all survives.
 * @module
 */
import { taskArguments } from "@lib/cli/arguments.ts";
import { dirname } from "node:path";
import { projectRoot } from "@lib/base/project.ts";
import { stream } from "@lib/base/random.ts";

/** A way to break code: what it looks for, and what it puts in its place. */
interface Rule {
  name: string;
  find: RegExp;
  put: (...groups: string[]) => string;
}

const swapped: Record<string, string> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "<": ">=",
  ">": "<=",
  "<=": "<",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "&&": "||",
  "||": "&&",
  "max": "min",
  "min": "max",
  "true": "false",
  "false": "true",
};

const rules: Rule[] = [
  { name: "sign", find: /(?<=[\w)\]] )([+\-*/])(?= [\w(])/g, put: (sign) => swapped[sign] },
  { name: "comparison", find: /(?<= )(<=?|>=?|===|!==)(?= )/g, put: (sign) => swapped[sign] },
  { name: "condition", find: /(?<= )(&&|\|\|)(?= )/g, put: (sign) => swapped[sign] },
  { name: "index", find: /(?<=\w)\[(\w+)\]/g, put: (index) => `[${index} + 1]` },
  { name: "arguments", find: /(?<=\w)\((\w+), (\w+)(?=[,)])/g, put: (a, b) => `(${b}, ${a}` },
  { name: "returned constant", find: /(?<=\breturn )([^;{}\n]+);/g, put: () => "0;" },
  { name: "extreme", find: /(?<=Math\.)(max|min)(?=\()/g, put: (name) => swapped[name] },
  { name: "number", find: /(?<=[ (\[])(\d+)(?=[ ,;)\]])/g, put: (digits) => String(Number(digits) + 1) },
  { name: "flag", find: /\b(true|false)\b/g, put: (flag) => swapped[flag] },
];

/**
 * A text with its comments, strings and imports blanked, so that places in it are places of code. Code inside template
 * strings is blanked, too: most of it words a message.
 */
export function codeOnly(text: string): string {
  const blank = (match: string) => match.replace(/[^\n]/g, " ");
  const parts = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`/g;
  return text.replace(parts, blank)
    .replace(/^import [\s\S]*?;$/gm, blank)
    .replace(/^(?:export )?(?:interface|type) \w+[\s\S]*?^(?:\}|.*;)$/gm, blank)
    .replace(/^.*(?:throw new|console\.).*$/gm, blank);
}

/** One broken place. */
export interface Breakage {
  path: string;
  line: number;
  rule: string;
  before: string;
  after: string;
  text: string;
}

/** All ways to break a module. */
export function breakagesOf(path: string, text: string): Breakage[] {
  const code = codeOnly(text);
  return rules.flatMap(({ name, find, put }) =>
    [...code.matchAll(find)].map((match) => {
      const at = match.index, found = match[0], broken = put(...match.slice(1));
      const from = text.lastIndexOf("\n", at) + 1, to = text.indexOf("\n", at);
      const changed = text.slice(0, at) + broken + text.slice(at + found.length);
      return {
        path,
        line: text.slice(0, at).split("\n").length,
        rule: name,
        before: text.slice(from, to).trim(),
        after: changed.slice(from, to + broken.length - found.length).trim(),
        text: changed,
      };
    })
  );
}

function modulesBelow(folder: string, under = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${under}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesBelow(folder, `${under}${name}/`) : name.endsWith(".ts") ? [`${under}${name}`] : []
  ).sort();
}

/** `count` breakages of different modules, each module as likely as it is long, each rule of a module alike. */
export function draw(modules: ReadonlyMap<string, string>, count: number, seed: number): Breakage[] {
  const random = stream(seed, "breakages"), left = new Map(modules), drawn: Breakage[] = [];
  while (drawn.length < count && left.size > 0) {
    let place = random.uniform() * [...left.values()].reduce((sum, text) => sum + text.length, 0);
    const [path, text] = [...left].find(([, text]) => (place -= text.length) < 0)!;
    left.delete(path);
    const all = breakagesOf(path, text), names = [...new Set(all.map(({ rule }) => rule))];
    if (all.length === 0) continue;
    const rule = names[Math.floor(random.uniform() * names.length)], those = all.filter((one) => one.rule === rule);
    drawn.push(those[Math.floor(random.uniform() * those.length)]);
  }
  return drawn;
}

/** Copies what the tests read; the set-up's folder is linked. */
async function copyProject(folder: string): Promise<void> {
  for (
    const name of ["lib", "tests", "data/freedoom", "data/studies", "notebooks", "deno.json", "deno.lock", "README.md"]
  ) {
    await Deno.mkdir(dirname(`${folder}/${name}`), { recursive: true });
    const { success } = await new Deno.Command("cp", { args: ["-r", `${projectRoot}/${name}`, `${folder}/${name}`] })
      .output();
    if (!success) throw new Error(`${name} could not be copied to ${folder}.`);
  }
  await Deno.symlink(`${projectRoot}/.venv`, `${folder}/.venv`);
}

async function main([count = "20", seed = "1"]: string[]): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "breakages-" });
  try {
    await copyProject(folder);
    const { imports } = JSON.parse(await Deno.readTextFile(`${folder}/deno.json`));
    imports["@lib/"] = `file://${folder}/lib/`;
    imports["@std/assert"] = `file://${folder}/tests/assert.ts`;
    await Deno.writeTextFile(`${folder}/map.json`, JSON.stringify({ imports }));
    /** The first test that fails, or none. */
    const failing = async (...files: string[]): Promise<string | undefined> => {
      const args = ["test", "-A", "--no-check", "--fail-fast", `--import-map=${folder}/map.json`, ...files];
      const signal = AbortSignal.timeout(900_000);
      const command = new Deno.Command(Deno.execPath(), { args, cwd: folder, env: { NO_COLOR: "1" }, signal });
      const { success, stdout, stderr } = await command.output();
      if (success) return undefined;
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      return /^(.+?) (?:\.\.\. FAILED|=> )/m.exec(text)?.[1] ??
        (signal.aborted ? "no end within fifteen minutes" : "it does not load");
    };
    const modules = new Map(
      modulesBelow(`${folder}/lib`).map((path) => [path, Deno.readTextFileSync(`${folder}/lib/${path}`)]),
    );
    const survived: Breakage[] = [];
    for (const breakage of draw(modules, Number(count), Number(seed))) {
      const { path, line, rule, before, after, text } = breakage;
      await Deno.writeTextFile(`${folder}/lib/${path}`, text);
      const own = `tests/${path.replace(/\.ts$/, "_test.ts")}`, room = `tests/${path.split("/")[0]}`;
      const exists = async (name: string) => await Deno.stat(`${folder}/${name}`).then(() => true, () => false);
      let caught: string | undefined;
      for (const name of [own, room, "tests"]) {
        if (caught === undefined && await exists(name)) {
          caught = await failing(name, ...(name === "tests" ? ["--ignore=tests/notebooks_test.ts"] : []));
        }
      }
      await Deno.writeTextFile(`${folder}/lib/${path}`, modules.get(path)!);
      if (caught === undefined) survived.push(breakage);
      console.log(`${caught === undefined ? "SURVIVED" : "caught"}  lib/${path}:${line} (${rule})`);
      console.log(`  ${before}\n  ${after}\n  ${caught ?? "no test noticed"}\n`);
    }
    console.log(`${survived.length} of ${count} survived.`);
    return survived.length <= 2;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(taskArguments("breakages").positionals) ? 0 : 1);
