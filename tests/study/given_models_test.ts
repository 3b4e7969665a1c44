import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { handFeatureLine, lineOf, majorityLine, type ProbeRow } from "@lib/probing/rows.ts";
import { embeddingFiles, probeGiven } from "@lib/study/given_models.ts";
import { compareLayers, probeBaselines } from "@lib/study/probing_steps.ts";
import { projectRoot } from "@lib/base/project.ts";
import { withStudy } from "../support/composed_study.ts";

/** Writes the mean velocity and tempo of bars as layer 1, and what says nothing as layer 0; or layer 1 alone. */
async function write(path: string, corpus: Corpus, bars: readonly number[], layers: readonly number[]): Promise<void> {
  const npy = createNpy(`${path}.npy`, bars.length * layers.length, 2), lines = ["song,bar,layer"];
  for (const bar of bars) {
    for (const layer of layers) {
      const { meanVelocity, tempoBin } = corpus.labels(bar);
      npy.append(layer === 0 ? Float32Array.of(1, (bar * 31) % 17) : Float32Array.of(meanVelocity!, tempoBin));
      lines.push(`${corpus.songs[corpus.song(bar)].id},${corpus.barIndex(bar)},${layer}`);
    }
  }
  npy.finish();
  await Deno.writeTextFile(`${path}.csv`, lines.join("\n"));
}

const error = (rows: readonly ProbeRow[], model: string, layer: number | null) =>
  rows.find((row) =>
    row.model === model && row.layer === layer && row.task === "MV" && row.metric === "rmse" && row.split === "test" &&
    row.protocol === "sound" && row.labels === "true"
  )!.value;

Deno.test("models of files are probed beside a run's own, once, and their layers compared if no bar is missing", () =>
  withStudy({ probing: { bootstraps: 5, draws: 1 } }, async (study, corpus) => {
    const folder = study.path("files", "x").slice(0, -2), all = Array.from({ length: corpus.bars }, (_, bar) => bar);
    await write(`${folder}/layered`, corpus, all, [0, 1]);
    await write(`${folder}/single`, corpus, all.slice(1), [1]);
    const files = ["layered", "single"].map((name) => `${folder}/${name}.npy`);
    const given = await probeGiven(study, corpus, files), { rows } = given;
    assertEquals(given.lines, [lineOf("layered"), lineOf("single", { layers: "none" })]);
    assertEquals(given.compared, ["layered"]);
    const total = corpus.bars;
    assertEquals(given.notes.map((note) => note.replace(/.*\//, "")), [
      `layered.npy: 2 layers (0 … 1) of width 2; 0 of ${total} bars to probe are missing`,
      `single.npy: one layer of width 2; 1 of ${total} bars to probe are missing`,
      `${total - 1} bars, which all have, are probed.`,
    ]);
    const guess = error(await probeBaselines(study, corpus), majorityLine.model, null);
    assertLess(error(rows, "layered", 1), 0.1 * guess);
    assertLess(0.5 * guess, error(rows, "layered", 0));
    assert(rows.some(({ replicates }) => replicates?.length === 5));
    const { cells } = await compareLayers(study, ["layered"]);
    assertEquals(cells.map(({ x, y }) => [x, y]), [["layered 1", "layered 1"]]);
    const again = await probeGiven(study, corpus, files);
    assertEquals(again.rows.map(({ value }) => value), rows.map(({ value }) => value));
    const record = () => JSON.parse(Deno.readTextFileSync(study.path("steps", "probe-single.json"))).key;
    const before = record();
    await write(`${folder}/single`, corpus, all.slice(2), [1]);
    const changed = await probeGiven(study, corpus, files);
    assert(record() !== before && changed.notes[1].includes("2 of"), changed.notes.join("\n"));
    await write(`${folder}/${handFeatureLine.model}`, corpus, all, [1]);
    const refused = () => probeGiven(study, corpus, [`${folder}/${handFeatureLine.model}.npy`]);
    await assertRejects(refused, UserError, "expected a name that no model of the run has, found hand-made features");
    assertEquals([...Deno.readDirSync(`${study.folder}/probes`)].filter(({ isDirectory }) => isDirectory), []);
  }));

Deno.test("files are named by commas, relative to the project, and the environment comes first", () => {
  assertEquals(embeddingFiles(" a.npy, /b/c d.parquet ,"), [`${projectRoot}/a.npy`, "/b/c d.parquet"]);
  assertEquals(embeddingFiles(""), []);
  Deno.env.set("EMBEDDINGS", "/x.npy");
  try {
    assertEquals(embeddingFiles("a.npy"), ["/x.npy"]);
  } finally {
    Deno.env.delete("EMBEDDINGS");
  }
});
