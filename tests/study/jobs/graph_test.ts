import { assert, assertEquals } from "@std/assert";
import { modelNames } from "@lib/bert/variants.ts";
import { recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { jobSeconds, jobState, type StudyJob, studyJobs } from "@lib/study/jobs/graph.ts";
import { checkJobs } from "@lib/study/jobs/queue.ts";
import { once } from "@lib/study/jobs/steps.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { projectRoot } from "@lib/base/project.ts";
import { withFolder } from "../../support/folder.ts";
import { withStudy } from "../../support/composed_study.ts";

/** A study of the embedded songs, of which nothing is done. */
const open = (runs: string, name: string, changes: RecipeChanges = {}): Study =>
  openStudy({ recipe: recipe("sound", "smoke", changes), name, data: `${projectRoot}/data/freedoom`, runs });

const states = (study: Study, jobs: StudyJob[]): Record<string, string> =>
  Object.fromEntries(jobs.map((job) => [job.name, jobState(study, job)]));

Deno.test("a study of one seed has a job for each store, training and probing, and for what needs all models", () =>
  withFolder((runs) => {
    const jobs = studyJobs(open(runs, "a")), names = jobs.map(({ name }) => name);
    checkJobs(jobs);
    assertEquals(
      names.toSorted(),
      [
        ...["alike", "compare-layers", "corpus", "corpus-authors", "probe-guesses", "probe-untrained", "results"],
        ...["concepts", "probe-hand-made-features"],
        ...modelNames.flatMap((model) => [`train-${model}`, `probe-${model}`]),
      ].sort(),
    );
    const needs = (name: string) => jobs.find((job) => job.name === name)!.needs;
    assertEquals(needs("train-BERT-aug"), ["corpus"]);
    assert(needs("probe-BERT-aug").includes("train-BERT-aug"));
    assertEquals(needs("alike").toSorted(), modelNames.map((model) => `train-${model}`).sort());
    assertEquals(needs("results").toSorted(), names.filter((name) => name.startsWith("probe-")).sort());
  }));

Deno.test("further seeds are further trainings and probings, which start after the first seed's", () =>
  withFolder((runs) => {
    const study = open(runs, "a", { seed: 7, training: { seeds: 3 } }), jobs = studyJobs(study);
    checkJobs(jobs);
    const names = jobs.map(({ name }) => name), of = (kind: string) => names.filter((name) => name.startsWith(kind));
    assertEquals([of("train-").length, of("probe-BERT").length, of("probe-").length], [12, 12, 15]);
    assertEquals(of("train-BERT-dropout"), [
      "train-BERT-dropout",
      "train-BERT-dropout-seed-8",
      "train-BERT-dropout-seed-9",
    ]);
    assert(names.indexOf("probe-BERT-dropout") < names.indexOf("train-BERT-seed-8"));
    assertEquals(jobs.find(({ name }) => name === "results")!.needs.length, 15);
    const some = studyJobs(study, ["BERT-aug"]).map(({ name }) => name);
    assertEquals(some.filter((name) => /BERT/.test(name)).length, 6);
    assertEquals(some.filter((name) => ["alike", "compare-layers", "results"].includes(name)), []);
  }));

Deno.test("shards come before their store, which needs them all, and make nothing stale, however many there are", () =>
  withFolder(async (runs) => {
    const whole = open(runs, "a"), cut = { ...whole, shards: 4 }, jobs = studyJobs(cut);
    checkJobs(jobs);
    const names = jobs.map(({ name }) => name), needs = (name: string) => jobs.find((job) => job.name === name)!.needs;
    const shards = [1, 2, 3, 4].map((i) => `corpus-${i}-of-4`),
      others = shards.map((name) => `corpus-authors${name.slice(6)}`);
    assertEquals(names.slice(0, 10), [...shards, "corpus", ...others, "corpus-authors"]);
    assertEquals([needs("corpus"), needs("corpus-authors")], [shards, others]);
    const [shard, , , , merging] = jobs.map(({ memory }) => memory(1) / 2 ** 20);
    assert(shard < 400 && merging >= 2048, `${shard} and ${merging} MiB`);
    assertEquals([...shards, ...others].map(needs), [...shards.map(() => []), ...others.map(() => ["corpus"])]);
    assertEquals(names.slice(10), studyJobs(whole).slice(2).map(({ name }) => name));
    // A study that is done as a whole is done in shards, and the other way round.
    for (const job of studyJobs(whole)) for (const step of job.steps()) await once(whole, step, () => ({}));
    for (const shards of [4, 2, 1]) {
      const again = { ...whole, shards };
      assertEquals(new Set(Object.values(states(again, studyJobs(again)))), new Set(["done"]));
    }
    const store = `${whole.folder}/store`; // a store has no songs to be tokenized
    await Deno.mkdir(store);
    await Deno.writeTextFile(`${store}/manifest.json`, JSON.stringify({ recipe: whole.recipe }));
    assertEquals(studyJobs({ ...cut, data: store }).filter(({ name }) => name.startsWith("corpus")).length, 1);
  }));

Deno.test("what judges results makes no job stale, a probing's choice no training, a training's choice no store", () =>
  withFolder(async (runs) => {
    const first = open(runs, "first"), jobs = studyJobs(first);
    for (const job of jobs) for (const step of job.steps()) await once(first, step, () => ({}));
    assertEquals(new Set(Object.values(states(first, jobs))), new Set(["done"]));
    /** The jobs that are stale in a run of other choices, which has the first one's records. */
    const stale = async (changes: RecipeChanges) => {
      const other = open(runs, `other-${crypto.randomUUID()}`, changes);
      for (const { name } of Deno.readDirSync(`${first.folder}/steps`)) {
        await Deno.copyFile(`${first.folder}/steps/${name}`, `${other.folder}/steps/${name}`);
      }
      return Object.entries(states(other, studyJobs(other))).filter(([, state]) => state !== "done");
    };
    assertEquals(await stale({}), []);
    assertEquals(await stale({ probing: { level: 0.01, equalMlm: 0.1 } }), []);
    const all = jobs.map(({ name }) => name), probes = all.filter((name) => name.startsWith("probe-"));
    const names = async (changes: RecipeChanges) => {
      const found = await stale(changes);
      assertEquals(new Set(found.map(([, state]) => state)), new Set(["stale"]));
      return found.map(([name]) => name).sort();
    };
    assertEquals(
      await names({ probing: { bootstraps: 99 } }),
      [...probes, "compare-layers", "concepts", "results"].sort(),
    );
    const trained = all.filter((name) => !name.startsWith("corpus"));
    assertEquals(await names({ training: { learningRate: 1e-4 } }), trained.toSorted());
    assertEquals(await names({ tokens: { minNotes: 9 } }), all.filter((name) => name !== "corpus-authors").sort());
    const more = await stale({ training: { seeds: 2 } });
    assertEquals(more.filter(([name]) => !name.endsWith("seed-1")), [["results", "stale"]]);
    assertEquals(more.filter(([, state]) => state === "to do").length, 8);
  }));

const tiny: RecipeChanges = {
  training: { steps: 2, validateEvery: 2 },
  probing: { draws: 1, bootstraps: 5, clusters: 3, poolings: ["bar"], untrainedSeeds: 1, layerMix: "none" },
};

Deno.test("each job, done in the graph's order, does the steps by which it is told to be done, and no others'", () =>
  withStudy(tiny, async (study) => {
    const jobs = studyJobs(study);
    for (const [i, job] of jobs.entries()) {
      if (i > 0) assertEquals([job.name, jobState(study, job)], [job.name, "to do"]);
      await job.work();
      assertEquals([job.name, jobState(study, job)], [job.name, "done"]);
      assert(jobSeconds(study, job)! > 0);
    }
    const records = Array.from(Deno.readDirSync(`${study.folder}/steps`), ({ name }) => name);
    const known = jobs.flatMap((job) => job.steps().map(({ step }) => `${step.replaceAll(" ", "-")}.json`));
    // The first training chooses the type for all; a probing leaves what notebook 4 shows of its layers.
    assertEquals(records.toSorted(), [...known, "precision.json", "mistakes-BERT.json"].sort());
    const { mtime } = await Deno.stat(`${study.folder}/models/BERT/model.safetensors`);
    for (const job of jobs) await job.work(); // again, which does nothing
    assertEquals((await Deno.stat(`${study.folder}/models/BERT/model.safetensors`)).mtime, mtime);
    const rows = (await Deno.readTextFile(`${study.folder}/results.jsonl`)).trim().split("\n");
    const models = new Set(rows.map((row) => JSON.parse(row).model));
    assert(modelNames.every((model) => models.has(model)) && models.has("untrained") && models.has("majority"));
  }));
