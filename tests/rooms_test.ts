import { assert, assertEquals } from "@std/assert";
import { dirname, join, relative } from "node:path";
import { projectRoot } from "@lib/base/project.ts";

const lib = `${projectRoot}/lib`;

/** Modules without a test of their own name, and why. */
const untested: Record<string, string> = {
  ...Object.fromEntries(
    ["midi", "tokens", "corpus", "bert", "training", "probing"].map((room) => [
      `${room}/mod.ts`,
      "what the package offers of the room: tests/exports_test.ts",
    ]),
  ),
  "recipe/fields.ts": "types alone, which the compiler compares with the schema",
  "matrix/nearest_engine.ts": "tests/matrix/nearest_test.ts runs every search, this one too",
};

/** The rooms, in the order of the map's table. */
const rooms = [...Deno.readTextFileSync(`${lib}/README.md`).matchAll(/^\| \[(\w+)\]\(\1\) /gm)].map(([, name]) => name);

/** The TypeScript files below a folder, by their paths in it. */
function modulesBelow(folder: string, under = ""): string[] {
  return [...Deno.readDirSync(join(folder, under))].flatMap(({ name, isDirectory }) =>
    isDirectory ? modulesBelow(folder, join(under, name)) : name.endsWith(".ts") ? [join(under, name)] : []
  ).sort();
}

/** The modules of lib that a text imports: statically, by type, dynamically, in an example, or as a worker. */
function importsOf(text: string, path: string): string[] {
  const named = text.matchAll(/(?:\bfrom|\bimport\(?)\s*"(\.{1,2}\/[^"]+\.ts|@lib\/[^"]+\.ts)"/g);
  const workers = text.matchAll(/new URL\(\s*"([^"]+\.ts)",\s*import\.meta\.url/g);
  return [...named, ...workers].map(([, spec]) =>
    spec.startsWith("@lib/") ? spec.slice(5) : relative(lib, join(lib, dirname(path), spec))
  ).filter((target) => target !== path); // a module's example imports itself
}

const modules = modulesBelow(lib);
const imports = new Map(modules.map((path) => [path, importsOf(Deno.readTextFileSync(`${lib}/${path}`), path)]));
const roomOf = (path: string): string => path.split("/")[0];

/** A circle of imports, or none. */
function circle(graph: ReadonlyMap<string, string[]>): string[] | undefined {
  const done = new Set<string>(), path: string[] = [];
  const visit = (module: string): string[] | undefined => {
    const at = path.indexOf(module);
    if (at >= 0) return [...path.slice(at), module];
    if (done.has(module)) return undefined;
    path.push(module);
    for (const next of graph.get(module) ?? []) {
      const found = visit(next);
      if (found) return found;
    }
    path.pop();
    done.add(module);
    return undefined;
  };
  for (const module of graph.keys()) {
    const found = visit(module);
    if (found) return found;
  }
  return undefined;
}

Deno.test("every folder of lib is a room of the map, and no room is crowded", () => {
  const folders = [...new Set(modules.map(roomOf))];
  assertEquals(folders.toSorted(), rooms.toSorted());
  for (const room of rooms) {
    const files = [...Deno.readDirSync(`${lib}/${room}`)].filter(({ name }) => name.endsWith(".ts"));
    assert(files.length <= 14, `lib/${room}: expected at most 14 modules, found ${files.length}`);
  }
});

Deno.test("every module that the map names is there, and each room's ways in are in the room", () => {
  const map = Deno.readTextFileSync(`${lib}/README.md`);
  const named = [...map.matchAll(/`(\w+\/\w+\.ts)`/g)].map(([, path]) => path);
  const waysIn = [...map.matchAll(/^\| \[(\w+)\].*\| (`.*) \|$/gm)].flatMap(([, room, ways]) =>
    [...ways.matchAll(/`(\w+\.ts)`/g)].map(([, file]) => `${room}/${file}`)
  );
  assert(waysIn.length >= rooms.length && named.length > 20, `found ${waysIn.length} ways in, ${named.length} paths`);
  assertEquals([...named, ...waysIn].filter((path) => !/^(tests|ROOM)/.test(path) && !imports.has(path)), []);
});

Deno.test("every import leads to a module of the same room or of one above it", () => {
  const wrong = [...imports].flatMap(([path, targets]) =>
    targets.filter((target) => !imports.has(target) || rooms.indexOf(roomOf(target)) > rooms.indexOf(roomOf(path)))
      .map((target) => `${path} imports ${target}`)
  );
  assertEquals(wrong, []);
});

Deno.test("no module imports itself by way of others, types counted", () => {
  assertEquals(circle(imports), undefined);
});

Deno.test("every module has its test in the same room, but for at most ten", () => {
  const tests = new Set(modulesBelow(`${projectRoot}/tests`));
  const missing = modules.filter((path) => !tests.has(path.replace(/\.ts$/, "_test.ts")));
  assertEquals(missing, Object.keys(untested).sort());
  assert(missing.length <= 10);
});

Deno.test("the reader of imports sees each kind of them, and the search finds a planted circle", () => {
  const text = `import { a } from "./a.ts"; import type { B } from "../midi/b.ts"; await import("./c.ts");
import "./d.ts"; import {
  e,
} from "@lib/base/e.ts"; new Worker(new URL("./f.ts", import.meta.url)); import z from "zod";`;
  const expected = ["tokens/a.ts", "midi/b.ts", "tokens/c.ts", "tokens/d.ts", "base/e.ts", "tokens/f.ts"];
  assertEquals(importsOf(text, "tokens/x.ts"), expected);
  assertEquals(circle(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), ["b", "c", "b"]);
  assertEquals(circle(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]])), undefined);
});
