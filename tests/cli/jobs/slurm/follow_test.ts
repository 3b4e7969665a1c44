import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { followJobs, lastLines, stateOf } from "@lib/cli/jobs/slurm/follow.ts";
import { ownTemplate } from "@lib/cli/jobs/slurm/script.ts";
import { submitAll } from "@lib/cli/jobs/slurm/submit.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { StudyJob } from "@lib/study/jobs/graph.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { type FakeSlurm, withFakeSlurm } from "../../../support/fake_slurm.ts";
import { withFolder } from "../../../support/folder.ts";

const graph: Record<string, string[]> = {
  ...{ corpus: [], "train-a": ["corpus"], "train-b": ["corpus"], "probe-a": ["train-a"], "probe-b": ["train-b"] },
  results: ["probe-a", "probe-b"],
};

/** What happens between two questions to Slurm. */
type Turn = (all: { study: Study; slurm: FakeSlurm; finish(job: string): Promise<unknown> }) => unknown;

/** Follows planted jobs, submitted to the stand-in, through turns; returns what was told at each of them. */
async function followed(turns: Turn[], { late = 0, memory = () => 0, stopAfter = Infinity }: {
  late?: number;
  memory?: () => number;
  stopAfter?: number;
} = {}) {
  const told: Record<string, string>[] = [], errors: Record<string, string> = {}, lines: string[] = [];
  let calls: string[] = [], queue: string[] = [];
  await withFolder((runs) =>
    withFakeSlurm(async (slurm) => {
      const study = openStudy({
        ...{ recipe: recipe("sound", "smoke"), name: "a", data: `${projectRoot}/data/freedoom`, runs },
      });
      const jobs = Object.entries(graph).map(([name, needs]): StudyJob => ({
        ...{ name, needs, steps: () => [{ step: name, inputs: {} }], memory, work: () => Promise.resolve() },
      }));
      const stop = new AbortController(), { signal } = stop, arrays: string[] = [];
      await submitAll(study, jobs, { threads: 1, template: await Deno.readTextFile(ownTemplate), signal, arrays });
      const rest = [...turns];
      const finish = (job: string) => study.once(job, {}, () => ({}));
      const onChange = (states: ReadonlyMap<string, { state: string; error?: unknown }>) => {
        told.push(Object.fromEntries([...states].map(([name, { state }]) => [name, state])));
        for (const [name, { error }] of states) if (error) errors[name] = (error as Error).message;
        if (told.length === stopAfter) stop.abort();
      };
      const onLine = (job: string, line: string) => void lines.push(`${job}: ${line}`);
      const between = async () => void await rest.shift()?.({ study, slurm, finish });
      await followJobs(study, jobs, 1, { signal, onChange, onLine }, { late, between });
      [calls, queue] = [slurm.calls(), slurm.queue()];
    })
  );
  return { told, errors, lines, calls, queue };
}

const of = (told: Record<string, string>, state: string): string =>
  Object.entries(told).flatMap(([name, other]) => other === state ? [name] : []).join();

Deno.test("jobs wait, run and are done as Slurm and their records say, with their logs' last lines", async () => {
  const { told, lines, errors } = await followed([
    ({ slurm, study }) => {
      slurm.set("1_0", "RUNNING");
      Deno.writeTextFileSync(study.path("log", "corpus.log"), "first\n12 of 66 songs\n\n");
    },
    (
      { slurm, finish },
    ) => (slurm.set("1_0", "COMPLETED"),
      slurm.set("2_0", "RUNNING"),
      slurm.set("2_1", "PENDING", "Resources"),
      finish("corpus")),
    ({ slurm }) => slurm.set("2_0", "PENDING", "BeginTime"), // told by SIGUSR1, and in the queue again
    ({ slurm }) => slurm.forget("1_0"), // Slurm forgets what ended a while ago
    async ({ finish }) => {
      for (const job of Object.keys(graph).slice(1)) await finish(job);
    },
  ]);
  assertEquals(of(told[0], "queued"), "corpus");
  assertEquals([of(told[1], "running"), lines], ["corpus", ["corpus: 12 of 66 songs"]]);
  assertEquals([of(told[2], "done"), of(told[2], "running"), of(told[2], "queued")], ["corpus", "train-a", "train-b"]);
  assertEquals([of(told[3], "queued"), of(told[4], "done")], ["train-a,train-b", "corpus"]);
  assertEquals([of(told.at(-1)!, "done").split(",").length, errors], [6, {}]);
});

Deno.test("a job that failed is told with its log's end, what needs it is blocked and cancelled, the rest goes on", async () => {
  const { told, errors, calls, queue } = await followed([
    ({ slurm, finish }) => (slurm.set("1_0", "COMPLETED"), finish("corpus")),
    ({ slurm, study }) => {
      slurm.set("2_0", "TIMEOUT", "TimeLimit");
      Deno.writeTextFileSync(study.path("log", "train-a.log"), "step 7\nno room on the disk\n");
      Deno.writeTextFileSync(
        study.path("slurm", "2_0.out"),
        "slurmstepd: error: *** JOB 2 CANCELLED DUE TO TIME LIMIT ***\n",
      );
    },
    ({ finish }) => finish("train-b"),
    ({ finish }) => finish("probe-b"),
  ]);
  const last = told.at(-1)!;
  assertEquals([of(last, "done"), of(last, "failed"), of(last, "blocked")], [
    ...["corpus,train-b,probe-b", "train-a", "probe-a,results"],
  ]);
  for (
    const part of ["as TIMEOUT (TimeLimit), job 2_0", "no room on the disk", "DUE TO TIME LIMIT", "log/train-a.log"]
  ) {
    assertStringIncludes(errors["train-a"], part);
  }
  assert(calls.includes("scancel 3_0 4_0"), calls.join("\n"));
  assert(queue.find((line) => line.startsWith("3|1|"))!.includes("PENDING"));
});

Deno.test("a result may come later than its task's end; if it does not come, or Slurm lost the task, the job failed", async () => {
  const ended: Turn = ({ slurm }) => slurm.set("1_0", "COMPLETED");
  const late = await followed([ended, () => {}, ({ finish }) => finish("corpus"), () => {}], {
    late: 60_000,
    stopAfter: 5,
  });
  assertEquals([of(late.told[2], "queued"), of(late.told.at(-1)!, "done")], ["corpus", "corpus"]);
  const never = await followed([ended]);
  assertStringIncludes(never.errors.corpus, "its result is not there");
  assertEquals(of(never.told.at(-1)!, "blocked").split(",").length, 5);
  const lost = await followed([({ slurm }) => slurm.forget("1_0")]);
  assertStringIncludes(lost.errors.corpus, "Slurm knows it no longer");
});

Deno.test("once the store is there, tasks that wait and turn out to be larger ask for their memory", async () => {
  let bytes = 0;
  const { calls } = await followed([
    async ({ study, slurm, finish }) => {
      bytes = 2 ** 30;
      slurm.set("1_0", "COMPLETED");
      slurm.set("2_1", "RUNNING");
      await finish("corpus");
      Deno.writeTextFileSync(study.path("corpus", "manifest.json"), "{}");
    },
    () => {},
  ], { memory: () => bytes, stopAfter: 3 });
  const found = calls.filter((line) => line.startsWith("scontrol"));
  assertEquals(found, ["2_0", "3_0", "3_1", "4_0"].map((task) => `scontrol update JobId=${task} MinMemoryNode=1280`));
});

Deno.test("stopped, it leaves the jobs to Slurm", async () => {
  const { told, calls } = await followed([({ slurm }) => slurm.set("1_0", "RUNNING")], { stopAfter: 2 });
  assertEquals([told.length, of(told[1], "running")], [2, "corpus"]);
  assertEquals(calls.filter((line) => !line.startsWith("sbatch")), []);
});

Deno.test("Slurm's states, with the reasons that say more", () => {
  const at = (state: string, reason = "None") => stateOf(false, { array: "1", index: 0, state, reason, script: "" });
  assertEquals(["RUNNING", "COMPLETING", "SUSPENDED"].map((state) => at(state)), ["running", "running", "running"]);
  assertEquals(["PENDING", "CONFIGURING", "REQUEUED"].map((state) => at(state)), ["queued", "queued", "queued"]);
  assertEquals([at("PENDING", "Dependency"), at("PENDING", "Priority")], ["waiting", "queued"]);
  assertEquals([at("CANCELLED"), at("OUT_OF_MEMORY"), at("NODE_FAIL")], ["failed", "failed", "failed"]);
  assertEquals([at("CANCELLED", "DependencyNeverSatisfied"), at("PENDING", "DependencyNeverSatisfied")], [
    "blocked",
    "blocked",
  ]);
  assertEquals(at("PENDING", "launch failed requeued held"), "failed");
  assertEquals([at("COMPLETED"), stateOf(false, undefined)], [undefined, undefined]);
  assertEquals(stateOf(true, undefined), "done");
});

Deno.test("a log's last lines, of a long log too, and none of a log that is not there", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.log`, lines = Array.from({ length: 2000 }, (_, i) => `line ${i}`);
    await Deno.writeTextFile(path, `${lines.join("\n")}\n \n`);
    assertEquals(await lastLines(path, 3), lines.slice(-3));
    await Deno.writeTextFile(path, "one\n\ntwo");
    assertEquals(await lastLines(path, 5), ["one", "two"]);
    assertEquals(await lastLines(`${folder}/b.log`, 5), []);
  }));
