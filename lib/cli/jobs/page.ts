/**
 * What shows a study, as jobs after those of its graph: its notebooks, each executed once what it shows is there, and
 * the page of them.
 * @module
 */
import { basename } from "node:path";
import { exists, removeIfThere, writeFile } from "../../base/files.ts";
import { projectRoot } from "../../base/project.ts";
import { UserError } from "../../base/user_error.ts";
import { type ModelName, modelNames } from "../../bert/variants.ts";
import { executeNotebook, narrator } from "../../report/execute.ts";
import { readChapters, reportPage, type Section } from "../../report/page.ts";
import { type RunStamp, type RunTimes, stampOf } from "../../report/stamp.ts";
import { jobSeconds, jobState, type StudyJob, studyJobs } from "../../study/jobs/graph.ts";
import { doneStep, endsOf, once, type Step, storeOfShard } from "../../study/jobs/steps.ts";
import { fingerprint } from "../../study/step_records.ts";
import type { Study } from "../../study/study.ts";
import { ensureSetup } from "../setup.ts";

/** The notebooks of a folder, in order. */
export function notebooks(folder: string = `${projectRoot}/notebooks`): string[] {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.endsWith(".ipynb"));
  return names.sort().map((name) => `${folder}/${name}`);
}

/** The sections that open a run's page, as far as it has come; none, with a line, if its results cannot be read. */
async function frontOf(study: Study): Promise<Section[]> {
  // Imported here, as they load libtensorflow, which the set-up brings.
  const [{ resultsOf }, { frontSections }, { factsOf }, { abstractParagraphs }] = await Promise.all([
    import("../../study/results/results.ts"),
    import("../../report/front.ts"),
    import("../../study/results/facts.ts"),
    import("../../findings/words/abstract.ts"),
  ]);
  try {
    const results = await resultsOf(study);
    if (results.rows.length === 0) return await frontSections(results);
    const facts = factsOf(results);
    return await frontSections(results, abstractParagraphs(facts), facts);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.warn(`report: the page opens without its findings. ${error.message}`);
    return [];
  }
}

/** Makes a run's page, the same bytes each time; `part` has the notebooks and the stamp of a run that is not over. */
export async function writeReport(
  study: Study,
  python: string,
  part?: { names: string[]; stamp: RunStamp },
): Promise<string> {
  const { folder } = study, executed = part?.names.map((name) => `${folder}/notebooks/${name}.ipynb`);
  const chapters = await readChapters(executed ?? notebooks(`${folder}/notebooks`), python);
  const stamp: RunStamp = part?.stamp ?? JSON.parse(await Deno.readTextFile(`${folder}/stamp.json`));
  const path = `${folder}/report.html`, front = await frontOf(study);
  await writeFile(path, await reportPage({ front, chapters, stamp }));
  return path;
}

/** The jobs that a notebook shows something of, by its number; one that has none here shows something of all. */
const shown: Record<string, RegExp> = {
  "01": /^corpus/,
  "02": /^(corpus|train-BERT(-seed-\d+)?)$/,
  "03": /^(corpus|train-.*|alike)$/,
};

/** The kinds of jobs whose times the stamp tells. */
const kinds: [string, RegExp][] = [
  ["store", /^corpus/],
  ["training", /^train-/],
  ["probing", /^(probe-|concepts)/],
  ["notebooks", /^notebook-/],
  ["the rest", /^/],
];

/** When the jobs of a study that are done ran, how long and with how many threads. */
export function timesOf(study: Study, jobs: readonly StudyJob[]): RunTimes {
  const records = jobs.flatMap((job) => job.steps().flatMap((step) => doneStep(study, step) ?? []));
  const ends = records.map(({ finished, seconds }) => ({ at: Date.parse(finished), seconds }));
  const known = jobs.map((job) => ({ name: job.name, seconds: jobSeconds(study, job) ?? 0 }));
  const seconds = Map.groupBy(known, ({ name }) => kinds.find(([, pattern]) => pattern.test(name))![0]);
  return {
    began: Math.min(...ends.map(({ at, seconds }) => at - 1000 * seconds)),
    ended: Math.max(...ends.map(({ at }) => at)),
    seconds: Object.fromEntries(
      kinds.flatMap(([kind]) =>
        seconds.has(kind) ? [[kind, seconds.get(kind)!.reduce((sum, { seconds }) => sum + seconds, 0)]] : []
      ),
    ),
    threads: [...new Set(records.flatMap(({ machine }) => machine?.threads ?? []))].sort((a, b) => a - b),
  };
}

const libraries = `${projectRoot}/.venv/libtensorflow`;

/**
 * Jobs that execute the notebooks and write the page. After each notebook a page of those so far is written, so that the
 * first plots are there to be read while models train; a page that is whole is not replaced by a part.
 */
function showingJobs(study: Study, jobs: readonly StudyJob[]): StudyJob[] {
  const files = notebooks(), { recipe, data } = study;
  const telling = jobs.filter(({ name }) => storeOfShard(name) === undefined); // nothing shows of shards
  const { memory } = jobs.find(({ name }) => name === "probe-guesses")!;
  const executed = files.map((file): StudyJob => {
    const name = basename(file, ".ipynb"), pattern = shown[name.slice(0, 2)] ?? /^/;
    const needed = telling.filter((job) => pattern.test(job.name));
    const step = (): Step => {
      const ends = endsOf(study, needed.flatMap((job) => job.steps()));
      const inputs = { text: fingerprint(Deno.readTextFileSync(file)), ends, choices: recipe, data };
      return { step: `notebook ${name}`, inputs };
    };
    const work = async () => {
      const { python } = await ensureSetup({ quiet: true }), target = study.path("notebooks", `${name}.ipynb`);
      const { error } = await once(study, step(), async () => {
        const options = { python, notebook: file, target, env: { STUDY: study.name }, onEvent: narrator() };
        const run = await executeNotebook(options);
        if (run.error) {
          await writePart(python, name);
          throw new UserError(
            `${name}${run.error.cell < 0 ? "" : `, cell ${run.error.cell + 1}`}: ${run.error.message}`,
          );
        }
        return run;
      });
      if (error === undefined) await writePart(python);
    };
    return { name: `notebook-${name}`, needs: needed.map((job) => job.name), steps: () => [step()], memory, work };
  });
  const all = [...jobs, ...executed];
  const writePart = async (python: string, failed?: string) => {
    const names = files.map((file) => basename(file, ".ipynb"));
    const there = executed.flatMap((job, i) =>
      jobState(study, job) === "done" || names[i] === failed ? [names[i]] : []
    );
    if (!failed && there.length === files.length || exists(`${study.folder}/stamp.json`)) return;
    if (!exists(`${study.folder}/corpus/manifest.json`)) return;
    const state = failed ? `stopped in ${failed}` : `${there.length} of ${files.length} notebooks so far`;
    const stamp = { state, ...await stampOf(study, timesOf(study, all), libraries) };
    console.log(`page: ${await writeReport(study, python, { names: there, stamp })} (${state})`);
  };
  const page = (): Step => ({ step: "page", inputs: { ends: endsOf(study, executed.flatMap((job) => job.steps())) } });
  const work = async () => {
    const { python } = await ensureSetup({ quiet: true });
    await once(study, page(), async () => {
      const stamp = await stampOf(study, timesOf(study, all), libraries);
      await writeFile(`${study.folder}/stamp.json`, JSON.stringify(stamp));
      const { writeCards } = await import("../../report/cards.ts"); // it loads the engine
      await writeCards(study, stamp);
      return { page: basename(await writeReport(study, python)) };
    });
  };
  return [...executed, { name: "page", needs: executed.map((job) => job.name), steps: () => [page()], memory, work }];
}

/**
 * All jobs of a study: those of its graph and, if they are of all models, those that show it, each after the last one
 * that it needs; each training by so many workers.
 */
export function allJobs(
  study: Study,
  { models = modelNames, page = true, workers = 1 }: {
    models?: readonly ModelName[];
    page?: boolean;
    workers?: number;
  } = {},
): StudyJob[] {
  const jobs = studyJobs(study, models, workers);
  if (!page || models.length < modelNames.length) return jobs;
  const all = [...jobs];
  for (const job of showingJobs(study, jobs)) {
    all.splice(all.findLastIndex(({ name }) => job.needs.includes(name)) + 1, 0, job);
  }
  return all;
}

/** A line about the page so far, once a notebook is executed. */
export const pageNews = (study: Study, { name }: Pick<StudyJob, "name">): string | undefined =>
  name.startsWith("notebook-") && exists(`${study.folder}/report.html`)
    ? `The page so far: ${study.folder}/report.html`
    : undefined;

/** Forgets that notebooks were executed, so that they are again, as after a change of the code that they call. */
export async function forgetShowing(study: Study): Promise<void> {
  const names = notebooks().map((file) => `notebook-${basename(file, ".ipynb")}`);
  for (const name of [...names, "page"]) await removeIfThere(`${study.folder}/steps/${name}.json`);
}
