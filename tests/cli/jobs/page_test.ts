import { assert, assertEquals } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { allJobs, forgetShowing, notebooks, timesOf } from "@lib/cli/jobs/page.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { jobState } from "@lib/study/jobs/graph.ts";
import { checkJobs } from "@lib/study/jobs/queue.ts";
import { once } from "@lib/study/jobs/steps.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { withFolder } from "../../support/folder.ts";

const open = (runs: string): Study =>
  openStudy({ recipe: recipe("sound", "smoke"), name: "a", data: `${projectRoot}/data/freedoom`, runs });

Deno.test("notebooks need what they show: the first one songs, the second BERT, the last one everything", () =>
  withFolder((runs) => {
    const jobs = allJobs(open(runs)), names = jobs.map(({ name }) => name);
    checkJobs(jobs);
    const needs = (name: string) => jobs.find((job) => job.name.startsWith(name))!.needs.toSorted();
    assertEquals(needs("notebook-01"), ["corpus", "corpus-authors"]);
    const cut = allJobs({ ...open(runs), shards: 2 }); // nothing shows of shards
    const showing = (all: typeof jobs) =>
      all.filter(({ name }) => /^(notebook|page)/.test(name)).map(({ name, needs, steps }) => [name, needs, steps()]);
    assertEquals([showing(cut), cut.length - jobs.length], [showing(jobs), 4]);
    assertEquals(needs("notebook-02"), ["corpus", "train-BERT"]);
    assert(needs("notebook-03").includes("alike") && !needs("notebook-03").some((name) => name.startsWith("probe")));
    assertEquals(needs("notebook-04"), names.filter((name) => !/^(notebook|page)/.test(name)).sort());
    assertEquals(needs("page"), names.filter((name) => name.startsWith("notebook")).sort());
    assertEquals(notebooks().length, 4);
    // The first plots are there while models train.
    const at = (name: string) => names.findIndex((other) => other.startsWith(name));
    assert(at("notebook-01") < at("train-BERT") && at("notebook-02") < at("train-BERT-aug"), names.join());
    assert(at("notebook-03") < at("probe-BERT") && names.at(-1) === "page", names.join());
    const some = allJobs(open(runs), { models: ["BERT"] }).map(({ name }) => name);
    assert(!some.some((name) => /^(notebook|page)/.test(name)));
  }));

Deno.test("a notebook is executed again when what it shows was done anew, and a page when a notebook was", () =>
  withFolder(async (runs) => {
    const study = open(runs), jobs = allJobs(study);
    const finish = async () => {
      for (const job of jobs) for (const step of job.steps()) await once(study, step, () => ({ seconds: 7 }));
    };
    const undone = () => jobs.filter((job) => jobState(study, job) !== "done").map(({ name }) => name);
    await finish();
    assertEquals(undone(), []);
    await Deno.remove(`${study.folder}/steps/train-BERT-aug.json`);
    await new Promise((resolve) => setTimeout(resolve, 5)); // records have milliseconds
    const [train] = jobs.find(({ name }) => name === "train-BERT-aug")!.steps();
    await once(study, train, () => ({ seconds: 8 }));
    assertEquals(undone(), ["notebook-03_contrastive_variants", "notebook-04_probe_layers", "page"]);
    await finish();
    assertEquals(undone(), []);
    await forgetShowing(study);
    assertEquals(undone(), jobs.map(({ name }) => name).filter((name) => /^(notebook|page)/.test(name)));
    assert(exists(`${study.folder}/steps/train-BERT.json`));
  }));

Deno.test("times are from the first job's begin to the last one's end, trainings' over all sittings, by kinds", () =>
  withFolder(async (runs) => {
    const study = open(runs), jobs = allJobs(study), steps = jobs.flatMap((job) => job.steps());
    const write = (name: string, seconds: number, end: number, threads?: number, whole?: number) => {
      const step = steps.find(({ step }) => step === name)!;
      return once(study, step, () => ({ seconds: whole })).then(async () => {
        const path = `${study.folder}/steps/${name.replaceAll(" ", "-")}.json`;
        const record = JSON.parse(await Deno.readTextFile(path));
        const at = {
          seconds,
          finished: new Date(end).toISOString(),
          machine: threads && { ...record.machine, threads },
        };
        await Deno.writeTextFile(path, JSON.stringify({ ...record, ...at }));
      });
    };
    await write("corpus", 10, 100_000);
    await write("train BERT", 40, 200_000, 2, 60);
    await write("evaluate BERT", 5, 210_000, 1);
    await write("probe guesses", 3, 190_000, 1);
    const { began, ended, seconds, threads } = timesOf(study, jobs);
    assertEquals([began, ended, threads], [90_000, 210_000, [1, 2]]);
    assertEquals([seconds.store, seconds.training, seconds.probing], [10, 65, 3]);
  }));
