import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { reading } from "@lib/matrix/rows.ts";
import { writeSafetensors } from "@lib/matrix/safetensors.ts";
import { tasks } from "@lib/metrics/tasks.ts";
import { handFeatureLine, isOf, type Line, majorityLine, type ProbeRow, tokenCountLine } from "@lib/probing/rows.ts";
import type { RecipeChanges } from "@lib/recipe/recipe.ts";
import { compareLayers, probe, probeBaselines, writeTables } from "@lib/study/probing_steps.ts";
import { openStudy } from "@lib/study/study.ts";
import { withStudy } from "../support/composed_study.ts";
import { onNaming } from "../support/naming.ts";

/** Rows of a probing, the files of embeddings that were written meanwhile, and the files that are left. */
interface Untrained {
  rows: ProbeRow[];
  stored: string[];
  left: string[];
  read: number;
}

/** The files of embeddings, below the folder `probes`, that are written while `work` runs. */
async function embeddingsWritten(work: () => Promise<void>): Promise<string[]> {
  const stored: string[] = [];
  const undo = onNaming((path) => void stored.push(...path.match(/(?<=\/probes\/)parts-.*\.npy$/) ?? []));
  await work().finally(undo);
  return stored;
}

/** Probes an untrained encoder on composed songs. */
async function probeUntrained(probing: RecipeChanges["probing"]): Promise<Untrained> {
  let result!: Omit<Untrained, "stored">;
  const stored = await embeddingsWritten(() =>
    withStudy({ probing: { ...probing, untrainedSeeds: 1 } }, async (study, corpus) => {
      reading.most = 0;
      const rows = await probe(study, corpus, "untrained"), read = reading.most;
      result = { rows, left: [...Deno.readDirSync(`${study.folder}/probes`)].map(({ name }) => name), read };
    })
  );
  return { ...result, stored };
}

Deno.test("embeddings beyond the memory allowed go through files, of which none is left, to the same scores", async () => {
  const memory = await probeUntrained({}), files = await probeUntrained({ memory: 0.02 });
  assertEquals(memory.read, 0);
  const left = memory.stored.map((path) => path.replace(/.*\//, "")).sort();
  assertEquals(left, ["bar-0.npy", "bar-1.npy", "bar-2.npy"]); // kept for a probing that is killed
  assert(files.read > 0 && files.read <= 0.02 * 2 ** 20, `${files.read} bytes`);
  for (const name of ["bar-0.npy", "bar-2.npy", "mix-0.npy"]) {
    assert(files.stored.includes(`parts-untrained/seed-0/${name}`), `${name} is not among ${files.stored}`);
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

Deno.test("each baseline has its rows once, hand-made features by a step of their own, in memory or through a file", async () => {
  const steps: string[] = [], results: ProbeRow[][] = [];
  for (const memory of [1024, 0.02]) {
    await withStudy(
      { probing: { memory, bootstraps: 5, permuted: "none", controlType: "none" } },
      async (study, corpus) => {
        results.push(await probeBaselines(study, corpus));
        assertEquals((await probeBaselines(study, corpus)).length, results.at(-1)!.length);
        assertEquals([...Deno.readDirSync(study.path("probes"))].filter(({ name }) => name.endsWith(".npy")), []);
        steps.push(...[...Deno.readDirSync(study.path("steps"))].map(({ name }) => name));
      },
    );
  }
  assert(steps.includes("probe-guesses.json") && steps.includes("probe-hand-made-features.json"), steps.join(", "));
  const [memory, files] = results;
  for (const line of [handFeatureLine, tokenCountLine, majorityLine]) {
    const scored = (rows: ProbeRow[]) =>
      rows.filter((row) => isOf(row, line) && row.draw === null && row.split === "test" && row.protocol === "sound");
    const found = scored(memory);
    assertEquals(new Set(found.map(({ task }) => task)), new Set(tasks), line.model);
    assert(
      scored(files).every(({ value }, i) =>
        Object.is(value, found[i].value) || Math.abs(value - found[i].value) < 1e-6
      ),
    );
  }
  const error = (line: Line) =>
    memory.find((row) => isOf(row, line) && row.metric === "rmse" && row.task === "MV" && row.split === "test")!.value;
  assertLess(error(handFeatureLine), 0.1 * error(majorityLine)); // the mean velocity is among them
});

Deno.test("CKA cells are the squared correlations of layers of width one, at their models and layers", () =>
  withStudy({}, async (study) => {
    const x = [1, -1, 1, -1], y = [1, 1, -1, -1], sum = x.map((value, i) => value + y[i]);
    const plant = (model: string, layers: number[][]) => {
      const arrays = layers.map((data, layer): [string, { shape: number[]; data: Float32Array }] => [
        `layer/${layer}`,
        { shape: [4, 1], data: Float32Array.from(data, (value) => 3 * value + 5) },
      ]);
      return Deno.writeFile(study.path("probes", `${model}.layers.safetensors`), writeSafetensors(new Map(arrays)));
    };
    await plant("BERT", [[1, 1, 1, 1], x, y]);
    await plant("untrained", [[1, 1, 1, 1], sum, x]);
    const { cells, bars } = await compareLayers(study, ["BERT", "untrained"]);
    assertEquals(bars, 4);
    const at = (a: string, b: string) => cells.find((cell) => cell.x === a && cell.y === b)!.value;
    const expected: [string, string, number][] = [
      ["BERT 1", "BERT 1", 1],
      ["BERT 1", "BERT 2", 0],
      ["BERT 1", "untrained 1", 0.5],
      ["untrained 1", "BERT 2", 0.5],
      ["untrained 2", "BERT 1", 1],
      ["BERT 2", "untrained 2", 0],
    ];
    for (const [a, b, value] of expected) assertAlmostEquals(at(a, b), value, 1e-6, `${a} and ${b}`);
    assertEquals([...new Set(cells.map((cell) => cell.x))], ["BERT 1", "BERT 2", "untrained 1", "untrained 2"]);
    assertEquals(cells.length, 16);
  }));

const few = {
  ...{ draws: 1, bootstraps: 5, clusters: 3, trainBarsPerSong: 3, testBarsPerSong: 3 },
  ...{ layerMix: "none", controlType: "none" } as const,
};
const training = { seeds: 2, steps: 2, validateEvery: 2 };

Deno.test("two seeds of a model have their embeddings in folders of their own", async () => {
  let left: string[] = [];
  const stored = await embeddingsWritten(() =>
    withStudy({ seed: 4, training, probing: { ...few, memory: 0.02 } }, async (study, corpus) => {
      await probe(study, corpus, "BERT");
      left = Array.from(Deno.readDirSync(study.path("probes")), ({ name }) => name);
    })
  );
  const folders = new Set(stored.map((path) => path.replace(/\/.*/, "")));
  assertEquals([...folders], ["parts-BERT", "parts-BERT-seed-5"]);
  assertEquals(left.filter((name) => folders.has(name)), []);
});

Deno.test("each training of a model is probed, under its seed", () => {
  const probing: RecipeChanges["probing"] = { ...few, poolings: ["bar"] };
  return withStudy({ seed: 4, training, probing }, async (study, corpus) => {
    const rows = await probe(study, corpus, "BERT");
    const scores = Map.groupBy(
      rows.filter(({ labels, task, layer, split }) =>
        labels === "true" && task === "MV" && layer === 1 && split === "test"
      ),
      ({ seed }) => seed,
    );
    assertEquals([...scores.keys()], [4, 5]);
    const [sound] = scores.get(5)!.filter(({ protocol, metric }) => protocol === "sound" && metric === "rmse");
    assertEquals(sound.replicates?.length, 5);
    const [first, second] = [4, 5].map((seed) => scores.get(seed)!.map(({ value }) => value));
    assertEquals(first.length, second.length);
    assert(first.every((value, i) => value !== second[i]));
    assertEquals(new Set(rows.filter(({ labels }) => labels !== "true").map(({ seed }) => seed)), new Set([4]));
    // The seeds of a run may grow: what is probed stays.
    const more = openStudy({
      name: study.name,
      runs: study.folder.replace(/\/[^/]*$/, ""),
      recipe: { ...study.recipe, training: { ...study.recipe.training, seeds: 3 } },
    });
    const all = await probe(more, corpus, "BERT");
    assertEquals(all.slice(0, rows.length).map(({ value }) => value), rows.map(({ value }) => value));
    assertEquals(new Set(all.map(({ seed }) => seed)), new Set([4, 5, 6]));
  });
});

Deno.test("tables stand as CSV and LaTeX, without what a process that was killed was writing", () =>
  withStudy({}, async (study) => {
    await Deno.writeTextFile(study.path("tables", "table1.csv.0123abcd.tmp"), "half");
    await writeTables(study, {
      table1: { caption: "Table 1", rows: [{ model: "BERT", score: 0.5 }, { extra: "a,b" }] },
    });
    const csv = await Deno.readTextFile(study.path("tables", "table1.csv"));
    assertEquals(csv.trimEnd().split(/\r?\n/), ["model,score,extra", "BERT,0.5,", ',,"a,b"']);
    const tex = await Deno.readTextFile(study.path("tables", "table1.tex"));
    assert(tex.includes("\\caption{Table 1}") && tex.includes("\\label{tab:table1}") && tex.includes("BERT & 0.5"));
    assertEquals(Array.from(Deno.readDirSync(study.path("tables")), ({ name }) => name).sort(), [
      "table1.csv",
      "table1.tex",
    ]);
  }));
