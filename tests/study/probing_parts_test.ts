import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ProbeRow } from "@lib/probing/rows.ts";
import type { RecipeChanges } from "@lib/recipe/recipe.ts";
import { probeStep } from "@lib/study/jobs/steps.ts";
import { openParts } from "@lib/study/probing_parts.ts";
import { probe } from "@lib/study/probing_steps.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { corpusOf } from "@lib/study/training_steps.ts";
import { withStudy } from "../support/composed_study.ts";
import { withFolder } from "../support/folder.ts";
import { onNaming } from "../support/naming.ts";
import { inProcess } from "../support/process.ts";
import { differentFiles, studyResult } from "../support/study_result.ts";

Deno.test("rows are kept to the bit, for the same key alone; what a killed process was writing is removed", () =>
  withFolder(async (dir) => {
    const folder = `${dir}/a/b`, layer = (await openParts(folder, "one"))("layer");
    assertEquals(layer.find(0), undefined);
    const row = { model: "x", value: NaN, low: -0, high: null, replicates: Float64Array.of(0.1, NaN, -0) };
    const rows = [row, { ...row, value: 1 / 3, replicates: Float32Array.of(0.1) }] as unknown as ProbeRow[];
    layer.keep(0, rows);
    layer.keep(2, []);
    await Deno.writeTextFile(`${folder}/layer-1.rows.0123abcd.tmp`, "half");
    await Deno.writeTextFile(`${folder}/layer-3.rows`, "no rows"); // as of another version
    const again = await openParts(folder, "one");
    assertEquals([0, 1, 2, 3].map(again("layer").find), [rows, undefined, [], undefined]);
    const found = again("layer").find(0)!;
    assert(Object.is(found[0].low, -0) && found[0].replicates instanceof Float64Array);
    assertEquals(again("mix").find(0), undefined);
    const names = () => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    assertEquals(names(), ["key", "layer-0.rows", "layer-2.rows", "layer-3.rows"]);
    assertEquals((await openParts(folder, "two"))("layer").find(0), undefined);
    assertEquals(names(), ["key"]);
  }));

const few = { draws: 1, bootstraps: 9, clusters: 3 };

/** Those of paths that are rows of a layer, below the folder `probes`. */
const rowFiles = (paths: readonly string[]): string[] =>
  paths.filter((path) => path.endsWith(".rows")).map((path) => path.replace(/.*\/probes\//, "")).sort();

const partsOf = ({ folder }: Pick<Study, "folder">): string[] =>
  Array.from(Deno.readDirSync(`${folder}/probes`), ({ name }) => name).filter((name) => name.startsWith("parts-"));

/** Another run of the same songs and choices. */
const another = ({ folder, recipe, data }: Study, name: string): Study =>
  openStudy({ name, runs: folder.replace(/\/[^/]*$/, ""), recipe, data });

/** Does `work` until before its so-manieth file of a probing gets its name, if that comes; returns the names so far. */
async function upTo(number: number, work: () => Promise<unknown>): Promise<string[]> {
  const named: string[] = [];
  const undo = onNaming((path) => {
    if (!/\/(probes|steps)\//.test(path)) return;
    if (named.length + 1 === number) throw new Error("stopped here");
    named.push(path);
  });
  await work().catch((error) => assertStringIncludes(error.message, "stopped here")).finally(undo);
  return named;
}

Deno.test("a probing that is killed at several moments ends as one that is not, no layer being probed twice", () =>
  withStudy({ probing: { ...few, untrainedSeeds: 2 } }, async (study, corpus) => {
    const killed = another(study, "killed"), runs = study.folder.replace(/\/[^/]*$/, "");
    (await corpusOf(killed)).close();
    const named = await upTo(Infinity, () => probe(study, corpus, "untrained"));
    const script = fileURLToPath(new URL("../support/probe_child.ts", import.meta.url));
    const codes: number[] = [], seen: string[] = [];
    // Among the first seed's embeddings, among its layers, and among those of the second seed.
    for (const number of [6, 6, 16, Infinity]) {
      const { code, out, err } = await inProcess({ script, args: [runs, "killed", String(number)] });
      assert(code === 137 || code === 0, err);
      codes.push(code);
      seen.push(...out.split("\n"));
    }
    assertEquals(codes, [137, 137, 137, 0]);
    assertEquals(rowFiles(seen), rowFiles(named)); // each once
    assert(new Set(rowFiles(seen).map((path) => path.replace(/-\d+\.rows/, ""))).size === 4, rowFiles(seen).join());
    assertEquals(differentFiles(studyResult(study.folder), studyResult(killed.folder)), []);
    assertEquals([partsOf(study), partsOf(killed)], [[], []]);
  }));

/** The rows that a run's record has of the untrained encoder; undefined if it is not done. */
function recorded(study: Study): unknown {
  const { step, inputs } = probeStep(study, "untrained");
  return study.done<{ rows: unknown }>(step, inputs)?.info.rows;
}

Deno.test("a probing from files goes on wherever it was stopped, with the embeddings that it has", () =>
  withStudy({ probing: { ...few, memory: 0.02, untrainedSeeds: 1 } }, async (study, corpus) => {
    const whole = await upTo(Infinity, () => probe(study, corpus, "untrained"));
    const stopped = another(study, "stopped"), seen: string[][] = [];
    (await corpusOf(stopped)).close();
    while (recorded(stopped) === undefined) seen.push(await upTo(8, () => probe(stopped, corpus, "untrained")));
    assert(seen.length > 2, `${seen.length} sittings`);
    assertEquals(rowFiles(seen.flat()), rowFiles(whole));
    assertEquals(seen.filter((paths) => paths.some((path) => /bar-\d\.npy$/.test(path))).length, 1);
    assertEquals(recorded(stopped), recorded(study));
    assertEquals(partsOf(stopped), []);
  }));

Deno.test("a probing of other choices begins anew, but for those that judge results", () =>
  withStudy({ probing: { ...few, untrainedSeeds: 1, layerMix: "none" } }, async (study, corpus) => {
    const probed = (study: Study, number = Infinity) => upTo(number, () => probe(study, corpus, "untrained"));
    const reopen = (probing: RecipeChanges["probing"]) => {
      const path = `${study.folder}/recipe.json`, recipe = JSON.parse(Deno.readTextFileSync(path));
      Deno.writeTextFileSync(path, JSON.stringify({ ...recipe, probing: { ...recipe.probing, ...probing } }));
      return openStudy({ name: study.name, runs: study.folder.replace(/\/[^/]*$/, "") });
    };
    assertEquals(rowFiles(await probed(study, 10)).length, 2);
    assertEquals(rowFiles(await probed(reopen({ level: 0.01 }), 2)).length, 0); // the comparison's file, and no more
    const other = reopen({ bootstraps: 7 });
    assertEquals(rowFiles(await probed(other)).length, 3);
    const rows = await probe(other, corpus, "untrained");
    assertEquals(new Set(rows.flatMap(({ replicates }) => replicates?.length ?? [])), new Set([7]));
  }));
