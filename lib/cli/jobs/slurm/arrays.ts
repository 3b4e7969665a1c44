/**
 * A study's jobs as arrays of Slurm: jobs alike that need the same are one array, and depend on other arrays.
 * @module
 */
import type { StudyJob } from "../../../study/jobs/graph.ts";

/** Where a job stands in Slurm: its array, by the id that Slurm gave or the label that it has before, and its index. */
export type Task = { array: string; index: number };

/**
 * Jobs that one script starts, by their indices; the processes that do each together; what each of these takes, in MiB;
 * and which arrays or tasks come before.
 */
export type JobArray = {
  label: string;
  tasks: Map<number, string>;
  workers: number;
  memory: number;
  after: Dependency[];
};

/**
 * What must be done before: all tasks of an array, those with the indices, or for each task the one of the same index
 * (`corr`).
 */
export type Dependency = { array: string; which: "all" | "corr" | number[] };

/** How a job's memory is rounded up, in MiB, so that jobs about as large share an array. */
const ROUNDED = 256;

/** Slurm ends a job that takes more than it asked for: so much more than is reckoned is asked for. */
const MARGIN = 1.25;

/** The memory to ask Slurm for, in MiB, for a job that is reckoned to take so many bytes. */
export const memoryToAsk = (bytes: number): number => ROUNDED * Math.ceil(MARGIN * bytes / 2 ** 20 / ROUNDED);

/** What a job is called before its first dash, and its seed: `train-BERT-aug-seed-2` is of the kind `train-seed-2`. */
const kindOf = (name: string): string => name.split("-")[0] + (/-seed-\d+$/.exec(name)?.[0] ?? "");

/** A job that is to be submitted, with the needs of it that are not done. */
type Pending = { name: string; needs: string[]; workers: number; memory: number; place: number };

/** Those of one kind and size at one depth of the graph, parted so that each part is one array. */
function parted(alike: readonly Pending[], taskOf: (name: string) => Task): Pending[][] {
  const users = new Map<string, number>();
  for (const need of alike.flatMap(({ needs }) => needs)) users.set(need, (users.get(need) ?? 0) + 1);
  const parts = Map.groupBy(alike, ({ needs }) => {
    const own = needs.filter((need) => users.get(need) === 1);
    if (own.length !== 1) return needs.join();
    return [`corr ${taskOf(own[0]).array}`, ...needs.filter((need) => need !== own[0])].join();
  });
  return [...parts.values()];
}

/** The tasks of needs, as dependencies; `whole` says how many tasks an array has that is submitted with these. */
function dependencies(tasks: readonly Task[], whole: (array: string) => number | undefined): Dependency[] {
  return [...Map.groupBy(tasks, ({ array }) => array)].map(([array, own]) => {
    const indices = own.map(({ index }) => index).sort((a, b) => a - b);
    return { array, which: indices.length === whole(array) ? "all" : indices };
  });
}

/** An array of jobs of which each needs the same and, where they are several, one more of another array. */
function arrayOf(
  part: readonly Pending[],
  label: string,
  taskOf: (name: string) => Task,
  whole: (array: string) => number | undefined,
): JobArray {
  const [{ workers, memory, needs: first }] = part,
    common = first.filter((need) => part.every(({ needs }) => needs.includes(need)));
  const own = part.flatMap(({ needs }) => needs.find((need) => !common.includes(need)) ?? []);
  const after = dependencies(common.map(taskOf), whole);
  if (own.length === 0) return { label, tasks: new Map(part.map(({ name }, i) => [i, name])), workers, memory, after };
  const tasks = new Map(part.map(({ name }, i) => [taskOf(own[i]).index, name]));
  return { label, tasks, workers, memory, after: [...after, { array: taskOf(own[0]).array, which: "corr" }] };
}

/**
 * The arrays to submit, in an order in which each comes after those that it depends on and otherwise in the jobs' order.
 *
 * @param threads those of each job, or of each of its workers
 * @param isDone whether a job is done, by its name
 * @param queued jobs that Slurm has already
 * @param labelOf makes an array's label of a kind of jobs; no two may be equal
 */
export function jobArrays(
  jobs: readonly Pick<StudyJob, "name" | "needs" | "memory" | "workers">[],
  { threads, isDone, queued, labelOf }: {
    threads: number;
    isDone(name: string): boolean;
    queued: ReadonlyMap<string, Task>;
    labelOf(kind: string): string;
  },
): JobArray[] {
  const tasks = new Map(queued), taskOf = (name: string) => tasks.get(name)!;
  const pending = jobs.flatMap(({ name, needs, memory, workers = 1 }, place): Pending[] =>
    isDone(name) || queued.has(name)
      ? []
      : [{ name, needs: needs.filter((need) => !isDone(need)), workers, memory: memoryToAsk(memory(threads)), place }]
  );
  const arrays: (JobArray & { place: number })[] = [], ready = (need: string) => tasks.has(need);
  const whole = (label: string) => arrays.find((array) => array.label === label)?.tasks.size;
  for (let left = pending; left.length > 0; left = left.filter(({ name }) => !tasks.has(name))) {
    const level = left.filter(({ needs }) => needs.every(ready));
    const found = [
      ...Map.groupBy(level, ({ name, memory, workers }) => `${kindOf(name)} ${memory} ${workers}`).values(),
    ]
      .flatMap((alike) => parted(alike, taskOf))
      .map((part) => ({ ...arrayOf(part, labelOf(kindOf(part[0].name)), taskOf, whole), place: part[0].place }));
    for (const array of found) {
      arrays.push(array);
      for (const [index, name] of array.tasks) tasks.set(name, { array: array.label, index });
    }
  }
  return inOrder(arrays);
}

/** Arrays in an order in which each comes after those that it depends on, else by their first jobs' places. */
function inOrder(arrays: readonly (JobArray & { place: number })[]): JobArray[] {
  const left = arrays.toSorted((a, b) => a.place - b.place), sorted: JobArray[] = [];
  while (left.length > 0) {
    const labels = new Set(left.map(({ label }) => label));
    const at = left.findIndex(({ after }) => after.every(({ array }) => !labels.has(array)));
    const [{ place: _, ...array }] = left.splice(at, 1);
    sorted.push(array);
  }
  return sorted;
}

/** Numbers with runs of them shortened, as in `0-3,7`. */
export function ranges(numbers: Iterable<number>): string {
  const sorted = [...numbers].sort((a, b) => a - b), runs: number[][] = [];
  for (const number of sorted) {
    if (runs.at(-1)?.at(-1) === number - 1) runs.at(-1)!.push(number);
    else runs.push([number]);
  }
  return runs.map((run) => run.length === 1 ? run[0] : `${run[0]}-${run.at(-1)}`).join();
}

/** What sbatch's `--dependency` takes, with the ids that Slurm gave the arrays; empty without any. */
export const dependencyText = (after: readonly Dependency[], idOf: (array: string) => string): string =>
  after.map(({ array, which }) => {
    const id = idOf(array);
    if (which === "corr") return `aftercorr:${id}`;
    return `afterok:${which === "all" ? id : which.map((index) => `${id}_${index}`).join(":")}`;
  }).join();
