import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { probe, UNTRAINED } from "@lib/probe_steps.ts";
import { recipe, type RecipeChanges } from "@lib/recipe.ts";
import { corpusOf } from "@lib/steps.ts";
import { openStudy } from "@lib/study.ts";
import { compose } from "./composer.ts";

/** Probes an untrained encoder on composed songs, and tells which files of embeddings were written meanwhile. */
async function probeUntrained(probing: RecipeChanges["probing"]) {
  const dir = await Deno.makeTempDir(), songs = `${dir}/songs`, { renameSync } = Deno, stored: string[] = [];
  await Deno.mkdir(songs);
  for (let song = 0; song < 12; song++) await Deno.writeFile(`${songs}/${song}.mid`, compose(9, song, 8).bytes);
  const choices = { ...probing, untrainedSeeds: 1 };
  const study = openStudy({ recipe: recipe("sound", "smoke", { probing: choices }), data: songs, runs: `${dir}/runs` });
  const corpus = await corpusOf(study);
  Deno.renameSync = (from, to) => {
    if (String(to).includes("/probes/embeddings-")) stored.push(String(to).replace(/^.*\//, ""));
    renameSync(from, to);
  };
  try {
    const rows = await probe(study, corpus, UNTRAINED);
    const left = [...Deno.readDirSync(`${study.folder}/probes`)].map(({ name }) => name);
    return { rows, stored, left };
  } finally {
    Deno.renameSync = renameSync;
    corpus.close();
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("embeddings beyond the memory allowed go through files, of which none is left, to the same scores", async () => {
  const memory = await probeUntrained({}), files = await probeUntrained({ memory: 0.02 });
  assertEquals(memory.stored, []);
  for (const name of ["bar-0.npy", "bar-2.npy", "mix-0.npy"]) {
    assert(files.stored.includes(name), `${name} is not among ${files.stored}`);
  }
  assertEquals(files.left, memory.left);
  assertEquals(files.rows.length, memory.rows.length);
  let compared = 0;
  for (const [i, { value, ...row }] of files.rows.entries()) {
    const other = memory.rows[i], of = (r: typeof row) => [r.model, r.layer, r.pooling, r.task, r.metric, r.protocol];
    assertEquals(of(row), of(other));
    if (!Number.isFinite(value)) continue;
    // Batches differ, so states differ in their last bits.
    assertLess(Math.abs(value - other.value), 1e-4 * Math.max(1, Math.abs(value)), of(row).join(" "));
    compared++;
  }
  assertGreater(compared, 100);
});
