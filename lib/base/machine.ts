/**
 * What this machine is, and how many of its cores this process takes.
 * @module
 */
import { cpus } from "node:os";
import { projectRoot } from "./project.ts";

/**
 * What a number depends on beside its inputs: the processor, its cores, the threads of a process, the system, and the
 * code's commit, with `-dirty` if files were changed; none outside a git checkout.
 */
export type Machine = { processor: string; cores: number; threads: number; system: string; commit?: string };

let known: { commit?: string } | undefined;

/** The commit of the project's checkout, as `git describe` names it, asked once; none without git or a checkout. */
function commitHere(): { commit?: string } {
  if (known) return known;
  try {
    const args = ["describe", "--always", "--dirty"];
    const { success, stdout } = new Deno.Command("git", { args, cwd: projectRoot, stderr: "null" }).outputSync();
    const commit = new TextDecoder().decode(stdout).trim();
    return known = success && commit !== "" ? { commit } : {};
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return known = {};
    throw error;
  }
}

/** A number of threads that a variable names; undefined if it names none. */
function named(set: string | undefined): number | undefined {
  const number = Number(set);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

/**
 * Threads that this process computes with: `TF_NUM_INTRAOP_THREADS`, which TensorFlow heeds, or one a core; where that is
 * 1, as many as {@link branches}.
 */
export function threads(
  set: string | undefined = Deno.env.get("TF_NUM_INTRAOP_THREADS"),
  cores: number = navigator.hardwareConcurrency,
): number {
  const each = named(set) ?? cores;
  return each === 1 ? branches(set) : each;
}

/**
 * Branches of a batch that this process computes side by side: where an op has one thread (`TF_NUM_INTRAOP_THREADS=1`), as
 * many as ops may run at once (`TF_NUM_INTEROP_THREADS`); else 1.
 */
export const branches = (
  each: string | undefined = Deno.env.get("TF_NUM_INTRAOP_THREADS"),
  atOnce: string | undefined = Deno.env.get("TF_NUM_INTEROP_THREADS"),
): number => named(each) === 1 ? named(atOnce) ?? 1 : 1;

/** The variables that give a process so many threads. */
export const threadVariables = (count: number): Record<string, string> => ({
  TF_NUM_INTRAOP_THREADS: String(count),
  TF_NUM_INTEROP_THREADS: String(count),
});

/** With more threads a batch would fall into many small parts. Two were tried. */
const MOST_BRANCHES = 4;

/** Branches of a training by so many threads: one each, up to four threads; more share out each op instead. */
export const trainingBranches = (threads: number): number => threads > MOST_BRANCHES ? 1 : threads;

/** The variables by which a process with so many threads trains in {@link trainingBranches}. */
export const trainingVariables = (count: number): Record<string, string> => ({
  ...threadVariables(count),
  ...(trainingBranches(count) > 1 ? { TF_NUM_INTRAOP_THREADS: "1" } : {}),
});

/** This machine, as this process uses it. */
export const thisMachine = (): Machine => ({
  processor: cpus()[0]?.model ?? "unknown processor",
  cores: navigator.hardwareConcurrency,
  threads: threads(),
  system: `${Deno.build.os} ${Deno.build.arch}`,
  ...commitHere(),
});

/** The number in a file of Linux' control groups; Infinity if there is none, or no limit. */
function groupBytes(path: string): number {
  try {
    const number = Number(Deno.readTextFileSync(path).trim());
    return Number.isFinite(number) ? number : Infinity; // "max"
  } catch {
    return Infinity; // another system, or another version of control groups
  }
}

/** Bytes that this process may still take: what the machine has left, or what its control group (a container) has. */
export function freeMemory(root = "/sys/fs/cgroup"): number {
  const { available } = Deno.systemMemoryInfo();
  const groups = [["memory.max", "memory.current"], [
    "memory/memory.limit_in_bytes",
    "memory/memory.usage_in_bytes",
  ]];
  const left = groups.map(([most, taken]) => {
    const limit = groupBytes(`${root}/${most}`), used = groupBytes(`${root}/${taken}`);
    return Number.isFinite(used) ? limit - used : Infinity;
  });
  return Math.max(0, Math.min(available, ...left));
}
