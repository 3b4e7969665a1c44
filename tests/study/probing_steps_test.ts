import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { worstBars } from "@lib/study/worst_bars.ts";
import { probe } from "@lib/study/probing_steps.ts";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { reading } from "@lib/matrix/rows.ts";
import { corpusOf } from "@lib/study/training_steps.ts";
import { openStudy } from "@lib/study/study.ts";
import { bestTestRow, tableRows } from "@lib/findings/tables.ts";
import { lineOf } from "@lib/probing/rows.ts";
import { compose } from "../support/composer.ts";

/** A study of composed songs, in a folder of its own. */
async function composedStudy(probing: RecipeChanges["probing"]) {
  const dir = await Deno.makeTempDir(), songs = `${dir}/songs`;
  await Deno.mkdir(songs);
  for (let song = 0; song < 12; song++) await Deno.writeFile(`${songs}/${song}.mid`, compose(9, song, 8).bytes);
  const study = openStudy({ recipe: recipe("sound", "smoke", { probing }), data: songs, runs: `${dir}/runs` });
  const corpus = await corpusOf(study);
  const leave = async () => {
    corpus.close();
    await Deno.remove(dir, { recursive: true });
  };
  return { study, corpus, leave };
}

/** Probes an untrained encoder on composed songs, and tells which files of embeddings were written meanwhile. */
async function probeUntrained(probing: RecipeChanges["probing"]) {
  const { study, corpus, leave } = await composedStudy({ ...probing, untrainedSeeds: 1 });
  const { renameSync } = Deno, stored: string[] = [];
  Deno.renameSync = (from, to) => {
    if (String(to).includes("/probes/embeddings-")) stored.push(String(to).replace(/^.*\//, ""));
    renameSync(from, to);
  };
  try {
    reading.most = 0;
    const rows = await probe(study, corpus, "untrained"), read = reading.most;
    const left = [...Deno.readDirSync(`${study.folder}/probes`)].map(({ name }) => name);
    return { rows, stored, left, read };
  } finally {
    Deno.renameSync = renameSync;
    await leave();
  }
}

Deno.test("embeddings beyond the memory allowed go through files, of which none is left, to the same scores", async () => {
  const memory = await probeUntrained({}), files = await probeUntrained({ memory: 0.02 });
  assertEquals([memory.stored, memory.read], [[], 0]);
  assert(files.read > 0 && files.read <= 0.02 * 2 ** 20, `${files.read} bytes`);
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
    assertLess(Math.abs(value - other.value), 1e-9 * Math.max(1, Math.abs(value)), of(row).join(" "));
    compared++;
  }
  assertGreater(compared, 100);
});

Deno.test("the bars read worst are read by the probe whose error stands in the results table", async () => {
  const { study, corpus, leave } = await composedStudy({ layerMix: "none" });
  try {
    const rows = tableRows(await probe(study, corpus, "BERT"), "bar");
    for (const { task, rmse, bars, worst, layer } of await worstBars(study, corpus, rows, "BERT", { count: 2 })) {
      const row = bestTestRow(rows, lineOf("BERT"), task, "sound")!;
      assertEquals([layer, bars], [row.layer, row.rows]);
      assertLess(Math.abs(rmse - row.value), 1e-3 * row.value); // float32 in other batches
      const label = ({ bar }: { bar: number }) => {
        const { meanVelocity, meanDuration } = corpus.labels(bar);
        return task === "MV" ? meanVelocity : meanDuration;
      };
      assertEquals(worst.map(({ truth }) => truth), worst.map(label));
      assertEquals(new Set(worst.map(({ bar }) => corpus.song(bar))).size, worst.length);
      const errors = worst.map(({ truth, read }) => Math.abs(truth - read));
      assert(errors[0] > rmse && errors.every((error, i) => i === 0 || error <= errors[i - 1]), `${errors}`);
    }
  } finally {
    await leave();
  }
});
