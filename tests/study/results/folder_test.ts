import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { projectRoot } from "@lib/base/project.ts";
import { hasResults, openResults, writeResultsFolder } from "@lib/study/results/folder.ts";
import { plantedResults } from "../../support/planted_results.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("results come back from their folder as they were", () =>
  withFolder(async (dir) => {
    const { rows, ...results } = plantedResults();
    await writeResultsFolder(dir, { ...results, rows });
    assert(hasResults(dir));
    const { rows: back, ...others } = await openResults(dir);
    assertEquals(others, results);
    assertEquals(back.length, rows.length);
    // A folder is written again to the same bytes.
    const files = () => [...Deno.readDirSync(dir)].map(({ name }) => [name, Deno.readTextFileSync(`${dir}/${name}`)]);
    const before = files().sort();
    await writeResultsFolder(dir, await openResults(dir));
    assertEquals(files().sort(), before);
    assertEquals(before.map(([name]) => name), [
      ...["curves.jsonl", "evaluations.jsonl", "resamplings.npy", "rows.jsonl", "study.json"],
    ]);
  }));

Deno.test("a folder that is none, an older digest, another version, a missing or a changed file are named", () =>
  withFolder(async (dir) => {
    const refused = async (folder: string) => (await assertRejects(() => openResults(folder), UserError)).message;
    assert((await refused(`${dir}/none`)).includes("expected study.json in"));
    assert((await refused(`${projectRoot}/data/studies/small-first`)).includes("found a digest of an earlier version"));
    const make = async (name: string) => {
      await writeResultsFolder(`${dir}/${name}`, plantedResults());
      return `${dir}/${name}`;
    };
    const missing = await make("missing");
    await Deno.remove(`${missing}/curves.jsonl`);
    assert((await refused(missing)).includes("missing/curves.jsonl, found no such file"));
    const changed = await make("changed");
    await Deno.writeTextFile(`${changed}/evaluations.jsonl`, "\n", { append: true });
    assert((await refused(changed)).includes("changed/evaluations.jsonl has other bytes than study.json says"));
    const newer = await make("newer"), head = JSON.parse(await Deno.readTextFile(`${newer}/study.json`));
    await Deno.writeTextFile(`${newer}/study.json`, JSON.stringify({ ...head, format: 9 }));
    assert((await refused(newer)).includes("expected format 1 in"));
  }));
