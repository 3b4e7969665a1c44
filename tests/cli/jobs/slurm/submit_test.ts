import { assert, assertEquals } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { ownTemplate } from "@lib/cli/jobs/slurm/script.ts";
import { slurmScripts, submitAll, tasksOf } from "@lib/cli/jobs/slurm/submit.ts";
import { queuedTasks } from "@lib/cli/jobs/slurm/commands.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { type StudyJob, studyJobs } from "@lib/study/jobs/graph.ts";
import { once } from "@lib/study/jobs/steps.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { type FakeSlurm, withFakeSlurm } from "../../../support/fake_slurm.ts";
import { withFolder } from "../../../support/folder.ts";

/** Runs a test with a study of one model, its jobs, what submits them, and the job of each queued task. */
const withStudy = (
  test: (all: {
    study: Study;
    jobs: StudyJob[];
    slurm: FakeSlurm;
    submit(): Promise<string[]>;
    taskOf(job: string): Promise<string>;
    finish(job: string): Promise<void>;
  }) => Promise<void>,
): Promise<void> =>
  withFolder((runs) =>
    withFakeSlurm(async (slurm) => {
      const data = `${projectRoot}/data/freedoom`;
      const study = openStudy({ recipe: recipe("sound", "smoke"), name: "a", data, runs });
      const jobs = studyJobs(study, ["BERT"]), template = await Deno.readTextFile(ownTemplate);
      await test({
        ...{ study, jobs, slurm },
        async submit() {
          const arrays: string[] = [], { signal } = new AbortController();
          await submitAll(study, jobs, { threads: 1, template, signal, arrays });
          return arrays;
        },
        async taskOf(job) {
          const { array, index } = tasksOf(study, await queuedTasks()).get(job)!;
          return `${array}_${index}`;
        },
        async finish(name) {
          for (const step of jobs.find((job) => job.name === name)!.steps()) await once(study, step, () => ({}));
        },
      });
    })
  );

const names = ["corpus", "corpus-authors", "probe-guesses", "probe-hand-made-features", "train-BERT", "probe-BERT"];

Deno.test("every job is submitted once, after what it needs; called again, nothing is", () =>
  withStudy(async ({ study, slurm, submit, taskOf }) => {
    const arrays = await submit();
    assertEquals(slurm.queue().length, 7);
    for (const name of names) assert(await taskOf(name));
    const calls = slurm.calls().filter((line) => line.startsWith("sbatch"));
    assertEquals(calls.length, arrays.length);
    assert(calls.every((line) => line.includes("--kill-on-invalid-dep=yes")));
    const script = (line: string) => Deno.readTextFileSync(line.split(" ").at(-1)!);
    const training = calls.find((line) => script(line).includes("=train-BERT)"))!;
    const [store] = (await taskOf("corpus")).split("_");
    assert(training.includes(`--dependency=afterok:${store} `), training);
    assert(exists(`${study.folder}/slurm/template.sh`) && exists(`${study.folder}/log`));
    assertEquals(await submit(), arrays);
    assertEquals(slurm.calls().length, calls.length);
  }));

Deno.test("what is done is not submitted, and what failed is again, with all that was cancelled for it", () =>
  withStudy(async ({ slurm, submit, taskOf, finish }) => {
    await finish("corpus");
    await submit();
    assertEquals(slurm.queue().length, 6);
    const before = Object.fromEntries(
      await Promise.all(names.slice(1).map(async (name) => [name, await taskOf(name)])),
    );
    slurm.set(before["train-BERT"], "FAILED", "NonZeroExitCode");
    slurm.set(before["probe-guesses"], "RUNNING");
    const at = slurm.calls().length;
    await submit();
    // The probing waits in Slurm for a training that failed: it is cancelled, and both are submitted.
    assertEquals(slurm.calls()[at], `scancel ${before["probe-BERT"]}`);
    const training = await taskOf("train-BERT"), [array, index] = training.split("_");
    assert(training !== before["train-BERT"] && (await taskOf("probe-BERT")) !== before["probe-BERT"]);
    assertEquals(await taskOf("probe-guesses"), before["probe-guesses"]);
    const last = slurm.calls().at(-1)!, [guesses, task] = before["probe-guesses"].split("_");
    assert(last.includes(`afterok:${guesses}_${task}`) && last.includes(`afterok:${array}`), `${last}, ${index}`);
  }));

Deno.test("tasks of other runs, or of one that was here before, are not taken for this run's", () =>
  withStudy(async ({ study, slurm, submit }) => {
    await submit();
    await Deno.remove(`${study.folder}/slurm`, { recursive: true });
    const at = slurm.calls().length;
    assertEquals(tasksOf(study, await queuedTasks()).size, 0);
    await submit();
    assertEquals(tasksOf(study, await queuedTasks()).size, 7);
    assert(slurm.calls().slice(at).every((line) => line.startsWith("sbatch")));
  }));

Deno.test("--dry-run shows each call of sbatch with its script and makes nothing", () =>
  withStudy(async ({ study, jobs, slurm }) => {
    const text = await slurmScripts(study, jobs, 3);
    const calls = text.split("\n").filter((line) => line.startsWith("# sbatch "));
    assert(calls[0].endsWith(`/a/slurm/corpus-1.sh`) && !calls[0].includes("--dependency"), calls[0]);
    assert(calls.some((line) => line.includes("--dependency=afterok:<corpus-1>")), calls.join("\n"));
    assertEquals(text.split("#SBATCH --cpus-per-task=3\n").length, calls.length + 1);
    assertEquals([slurm.calls(), exists(`${study.folder}/slurm`)], [[], false]);
  }));
