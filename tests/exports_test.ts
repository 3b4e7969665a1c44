import { assert, assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";

const { exports, imports } = JSON.parse(Deno.readTextFileSync(`${projectRoot}/deno.json`)) as {
  exports: Record<string, string>;
  imports: Record<string, string>;
};

/** Names that others import, by the export they stand under. */
const promised: Record<string, string[]> = {
  "./recipe": ["recipe"],
  "./midi": ["readScore", "writeScore", "MidiError"],
  "./tokens": ["tokenize", "detokenize", "vocabulary"],
  "./corpus": ["buildCorpus", "openCorpus"],
  "./bert": ["loadCheckpoint", "encode", "embedSong"],
  "./training": ["pretrain"],
  "./probing": ["probeLayer"],
};

Deno.test("each export of the package offers the names that others import", async () => {
  assertEquals(Object.keys(exports), Object.keys(promised));
  for (const [name, path] of Object.entries(exports)) {
    const offered = await import(`file://${encodeURI(projectRoot)}/${path}`);
    for (const promise of promised[name]) assert(promise in offered, `${name}: expected ${promise}`);
  }
});

Deno.test("an export leads to its room's modules, and no export to another", () => {
  for (const path of Object.values(exports)) {
    const text = Deno.readTextFileSync(`${projectRoot}/${path}`);
    const sources = [...text.matchAll(/^export .* from "([^"]+)";$/gm)].map(([, source]) => source);
    assertEquals(sources.filter((source) => !/^\.\/\w+\.ts$/.test(source) || source === "./mod.ts"), [], path);
  }
  assertEquals(imports["@lib/"], "./lib/");
});
