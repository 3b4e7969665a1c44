/**
 * How long Lakh takes at `base` on more machines, reckoned from the figures in `data/studies/growth/figures.json`.
 *
 * `deno run -A tests/bench/growth.ts` prints the tables of the page there.
 * @module
 */
import { projectRoot } from "@lib/base/project.ts";

type Name =
  | "bars"
  | "trainShare"
  | "epochs"
  | "rows"
  | "padded"
  | "parameters"
  | "gpu"
  | "core"
  | "machine"
  | "nvlink"
  | "fabric"
  | "loopback";
type Figures = Record<Name, { value: number; from: string }>;

/** Workers that train together: how many there are, the tokens a second of one, bytes a second between `n` of them. */
export type Workers = { count: number; rate: number; link: (n: number) => number };

const figures: Figures = JSON.parse(Deno.readTextFileSync(`${projectRoot}/data/studies/growth/figures.json`));
const { bars, trainShare, epochs, rows, padded, parameters, gpu, core, machine, nvlink, fabric, loopback } = Object
  .fromEntries(Object.entries(figures).map(([name, { value }]) => [name, value])) as Record<Name, number>;

/** Steps of a training. */
export const steps: number = epochs * trainShare * bars / rows;

/** GPUs, eight in a machine; and cores, as machines of some. */
export const gpus = (count: number): Workers => ({ count, rate: gpu, link: (n) => n <= 8 ? nvlink : fabric });
export const cores = (count: number): Workers => {
  const each = Math.min(count, machine);
  return { count: Math.floor(count / each), rate: core * each, link: () => loopback };
};

/** Seconds that summing the gradient over `n` workers takes, by a ring: each sends 2 (n − 1) / n of it. */
export const reduction = (n: number, { link }: Workers): number => 4 * parameters * 2 * (n - 1) / n / link(n);

/** Seconds of a training with so many views of a bar by `n` workers, which sum the gradient after each step. */
export const training = (views: number, n: number, workers: Workers): number =>
  steps * (rows * padded * views / (n * workers.rate) + reduction(n, workers));

/** Seconds until the last of some jobs ends, the longest first, each on the group that is free first. */
export function lastEnd(jobs: readonly number[], groups: number): number {
  const ends = new Array<number>(groups).fill(0);
  for (const job of jobs.toSorted((a, b) => b - a)) {
    ends.sort((a, b) => a - b);
    ends[0] += job;
  }
  return Math.max(...ends);
}

/** The trainings' views dealt to groups of `n` workers, by the `n` with which the last one ends first. */
export function best(views: readonly number[], workers: Workers): { seconds: number; n: number } {
  const ways = Array.from({ length: workers.count }, (_, i) => i + 1).map((n) => ({
    seconds: lastEnd(views.map((view) => training(view, n, workers)), Math.floor(workers.count / n)),
    n,
  }));
  return ways.reduce((a, b) => b.seconds < a.seconds ? b : a);
}

/** BERT has one view of a bar, each variant two. */
const study = [1, 2, 2, 2],
  work: [string, number[]][] = [
    ["BERT", [1]],
    ["a variant", [2]],
    ["four models", study],
    ["of three seeds", [...study, ...study, ...study]],
  ];

const time = (seconds: number) =>
  seconds < 3600
    ? `${Math.round(seconds / 60)} min`
    : seconds < 400_000
    ? `${(seconds / 3600).toFixed(1)} h`
    : seconds < 365 * 86_400
    ? `${(seconds / 86_400).toFixed(0)} d`
    : `${(seconds / 365 / 86_400).toFixed(1)} y`;

/** A table's lines: a line for each number of workers, with the best time and how many of them each training has. */
function table(title: string, counts: readonly number[], of: (count: number) => Workers): string[] {
  const lines = counts.map((count) => {
    const cells = work.map(([, views]) => {
      const { seconds, n } = best(views, of(count));
      return n === 1 ? time(seconds) : `${time(seconds)} (${n})`;
    });
    return `| ${[count.toLocaleString("en-US"), ...cells].join(" | ")} |`;
  });
  return [
    `| ${[title, ...work.map(([name]) => name)].join(" | ")} |`,
    `|${" -: |".repeat(work.length + 1)}`,
    ...lines,
  ];
}

/** The tables of the page. */
export const tables = (): string[] => [
  ...table("H200s", [1, 8, 64], gpus),
  "",
  ...table("CPU cores", [1, 16, 64, 192, 1000], cores),
];

if (import.meta.main) {
  console.log(tables().join("\n"));
  console.log(`\n${steps} steps; how many seconds of one go into the reduction, of a variant on so many workers:`);
  for (const [n, workers] of [[2, gpus(2)], [8, gpus(8)], [64, gpus(64)], [2, cores(32)], [12, cores(192)]] as const) {
    console.log(`${n} with ${workers.rate} tokens/s: ${reduction(n, workers)} of ${training(2, n, workers) / steps}`);
  }
}
