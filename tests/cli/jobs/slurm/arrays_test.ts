import { assert, assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { stream } from "@lib/base/random.ts";
import { allJobs } from "@lib/cli/jobs/page.ts";
import {
  dependencyText,
  type JobArray,
  jobArrays,
  memoryToAsk,
  ranges,
  type Task,
} from "@lib/cli/jobs/slurm/arrays.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { openStudy } from "@lib/study/study.ts";
import { withFolder } from "../../../support/folder.ts";

type Planted = { name: string; needs: string[]; memory(): number };
const job = (name: string, needs: string[] = [], memory = 0): Planted => ({ name, needs, memory: () => memory });

/** The arrays of jobs, labelled by their kinds and numbers. */
function arraysOf(jobs: Planted[], done: string[] = [], queued = new Map<string, Task>()): JobArray[] {
  let count = 0;
  const labelOf = (kind: string) => `${kind}:${++count}`;
  return jobArrays(jobs, { threads: 1, isDone: (name) => done.includes(name), queued, labelOf });
}

/** For each job that is submitted, the jobs that must have ended well before it starts, as Slurm reads dependencies. */
function before(arrays: JobArray[], queued = new Map<string, Task>()): Record<string, string[]> {
  const tasks = new Map(arrays.map(({ label, tasks }) => [label, new Map(tasks)]));
  for (const [name, { array, index }] of queued) {
    tasks.set(array, (tasks.get(array) ?? new Map()).set(index, name));
  }
  return Object.fromEntries(arrays.flatMap(({ tasks: own, after }) =>
    [...own].map(([at, name]) => {
      const needs = after.flatMap(({ array, which }) => {
        const theirs = tasks.get(array)!;
        if (which === "all") return [...theirs.values()];
        return (which === "corr" ? [at] : which).map((index) => theirs.get(index)!);
      });
      return [name, needs.sort()];
    })
  ));
}

Deno.test("a study's trainings of a seed are an array, and each probing comes after the training of its own index", () =>
  withFolder((runs) => {
    const options = {
      recipe: recipe("sound", "smoke", { training: { seeds: 2 } }),
      data: `${projectRoot}/data/freedoom`,
    };
    const jobs = allJobs(openStudy({ ...options, name: "a", runs }));
    const found = jobArrays(jobs, {
      threads: 1,
      isDone: () => false,
      queued: new Map(),
      labelOf: () => crypto.randomUUID(),
    });
    const arrayOf = (name: string) => found.find(({ tasks }) => [...tasks.values()].includes(name))!;
    for (const seed of ["", "-seed-1"]) {
      const names = ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"].map((model) => `${model}${seed}`);
      const train = arrayOf(`train-BERT${seed}`), probe = arrayOf(`probe-BERT${seed}`);
      assertEquals([...train.tasks.values()], names.map((name) => `train-${name}`));
      assertEquals([...probe.tasks], names.map((name, i) => [i, `probe-${name}`]));
      assert(probe.after.some(({ array, which }) => array === train.label && which === "corr"));
    }
    const needs = Object.fromEntries(jobs.map(({ name, needs }) => [name, needs.toSorted()]));
    assertEquals(before(found), needs);
    // The first seed's probings are handed over before the second seed's trainings.
    assert(found.indexOf(arrayOf("probe-BERT")) < found.indexOf(arrayOf("train-BERT-seed-1")));
  }));

Deno.test("random graphs: each job is in one array, after exactly what it needs, and arrays follow what they need", () => {
  const random = stream(5, "graphs"), kinds = ["a", "b", "c"];
  for (let graph = 0; graph < 200; graph++) {
    const jobs: Planted[] = [];
    for (let i = 0; i < 2 + random.integer(14); i++) {
      const needs = jobs.map(({ name }) => name).filter(() => random.uniform() < [0.1, 0.3, 0.6][graph % 3]);
      jobs.push(job(`${kinds[random.integer(3)]}-${i}`, needs, 2 ** 28 * random.integer(2)));
    }
    const names = jobs.map(({ name }) => name);
    const done = names.filter((name) =>
      jobs.find((job) => job.name === name)!.needs.length < 2 && random.uniform() < 0.3
    );
    const rest = names.filter((name) => !done.includes(name));
    const queued = new Map(
      rest.filter(() => random.uniform() < 0.2).map((name, i) => [name, { array: String(9 + i % 2), index: i }]),
    );
    const arrays = arraysOf(jobs, done, queued);
    const expected = jobs.filter(({ name }) => rest.includes(name) && !queued.has(name))
      .map(({ name, needs }) => [name, needs.filter((need) => !done.includes(need)).sort()]);
    assertEquals(before(arrays, queued), Object.fromEntries(expected));
    assertEquals(arrays.reduce((sum, { tasks }) => sum + tasks.size, 0), expected.length);
    const labels = arrays.map(({ label }) => label);
    for (const [i, { after }] of arrays.entries()) {
      assert(after.every(({ array }) => labels.indexOf(array) < i), "an array is handed over before one that it needs");
    }
  }
});

Deno.test("what differs in kind, seed, memory or needs is no one array; what is alike is", () => {
  const shards = Array.from({ length: 4 }, (_, i) => job(`corpus-shard-${i}`));
  const merge = job("corpus", shards.map(({ name }) => name));
  const found = arraysOf([...shards, merge, job("train-a", ["corpus"]), job("train-b", ["corpus"], 2 ** 30)]);
  assertEquals(found.map(({ tasks }) => [...tasks.values()].join()), [
    shards.map(({ name }) => name).join(),
    ...["corpus", "train-a", "train-b"],
  ]);
  assertEquals(found[1].after, [{ array: found[0].label, which: "all" }]);
  const pair = [job("train-a"), { ...job("train-b"), workers: 2 }, { ...job("train-c"), workers: 2 }];
  assertEquals(arraysOf(pair).map(({ tasks, workers }) => [[...tasks.values()].join(), workers]), [
    ["train-a", 1],
    ["train-b,train-c", 2],
  ]);
});

Deno.test("what Slurm has already is depended on task by task, since other tasks of its array may have failed", () => {
  const queued = new Map([["train-a", { array: "12", index: 2 }], ["train-b", { array: "12", index: 5 }]]);
  const jobs = [job("train-a"), job("train-b"), job("probe-a", ["train-a"]), job("probe-b", ["train-b"])];
  const all = job("results", ["train-a", "train-b"]);
  const found = arraysOf([...jobs, all], [], queued);
  assertEquals(found.map(({ tasks, after }) => [[...tasks], dependencyText(after, (id) => id)]), [
    [[[2, "probe-a"], [5, "probe-b"]], "aftercorr:12"],
    [[[0, "results"]], "afterok:12_2:12_5"],
  ]);
});

Deno.test("dependencies, ranges and memory as sbatch takes them", () => {
  const after = [{ array: "s", which: "all" as const }, { array: "g", which: [0, 2] }, {
    array: "t",
    which: "corr" as const,
  }];
  const ids: Record<string, string> = { s: "1", g: "2", t: "3" };
  assertEquals(dependencyText(after, (array) => ids[array]), "afterok:1,afterok:2_0:2_2,aftercorr:3");
  assertEquals(dependencyText([], String), "");
  assertEquals([ranges([3, 0, 1, 2, 7]), ranges([4]), ranges([1, 3, 4])], ["0-3,7", "4", "1,3-4"]);
  assertEquals([2 ** 30, 2 ** 30 + 1, 2 ** 20].map(memoryToAsk), [1280, 1536, 256]);
});
