/**
 * What a terminal shows of a study's jobs.
 * @module
 */
import { clock } from "../../base/clock.ts";
import type { JobState, JobStatus } from "../../study/jobs/queue.ts";
import { storeOfShard } from "../../study/jobs/steps.ts";

/** The jobs of a study at one moment: how each stands, since when those run (ms), and what their logs say last. */
export type Shown = {
  states: ReadonlyMap<string, JobStatus>;
  began: ReadonlyMap<string, number>;
  lines: ReadonlyMap<string, string>;
};

/** Words in lines of at most `width` characters, all after `head`, which the first of them shows. */
function wrapped(head: string, words: readonly string[], width: number): string[] {
  const lines: string[] = [], indent = " ".repeat(head.length);
  for (const word of words) {
    const longer = lines.length === 0 ? undefined : `${lines.at(-1)} ${word}`;
    if (longer !== undefined && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(`${lines.length === 0 ? head : indent}${word}`);
  }
  return lines;
}

/** A job without its seed or shard, and without what makes a second view: jobs alike take as long. */
function kindOf(name: string): string {
  const store = storeOfShard(name);
  return store === undefined ? name.replace(/-seed-\d+$/, "") : `${store}-shard`;
}

const broadKindOf = (name: string): string =>
  kindOf(name).replace(/^train-BERT-.*/, "train-BERT-…").replace(/^probe-BERT.*/, "probe-BERT…");

/** Seconds that a job probably takes: the mean of those alike of which it is known; undefined if there are none. */
export function usualSeconds(name: string, known: ReadonlyMap<string, number>): number | undefined {
  for (const kind of [kindOf, broadKindOf]) {
    const alike = [...known].flatMap(([other, seconds]) => kind(other) === kind(name) ? [seconds] : []);
    if (alike.length > 0) return alike.reduce((sum, seconds) => sum + seconds, 0) / alike.length;
  }
  return undefined;
}

const unfinished: readonly JobState[] = ["waiting", "queued", "running"];

/**
 * About how many seconds are left of all jobs, by those of the done ones, each with the lanes that it takes; undefined if
 * nothing is known of one.
 */
export function secondsLeft(
  { states, began }: Omit<Shown, "lines">,
  known: ReadonlyMap<string, number>,
  lanes: number,
  now: number,
  lanesOf: (name: string) => number = () => 1,
): number | undefined {
  let sum = 0;
  for (const [name, { state }] of states) {
    if (!unfinished.includes(state)) continue;
    const usual = usualSeconds(name, known);
    if (usual === undefined) return undefined;
    sum += Math.min(lanes, lanesOf(name)) * Math.max(0, usual - (now - (began.get(name) ?? now)) / 1000);
  }
  return sum / lanes;
}

const order: readonly JobState[] = ["done", "running", "stopped", "failed", "blocked", "queued", "waiting"];

/** The states of all jobs in lines of at most `width` characters; what runs has a line each. */
export function statusLines({ states, began, lines }: Shown, now: number, width: number): string[] {
  const names = (of: JobState) => [...states].flatMap(([name, { state }]) => state === of ? [name] : []);
  const longest = Math.max(0, ...names("running").map((name) => name.length));
  return order.flatMap((state) => {
    const head = state.padEnd(9);
    if (state !== "running") return wrapped(head, names(state), width);
    return names(state).map((name, i) => {
      const took = clock((now - (began.get(name) ?? now)) / 1000);
      const line = `${i === 0 ? head : " ".repeat(9)}${name.padEnd(longest)} ${took}  ${lines.get(name) ?? ""}`;
      return line.slice(0, width).trimEnd();
    });
  });
}
