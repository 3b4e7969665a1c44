/**
 * What is asked of Slurm: sbatch, squeue, scancel, scontrol. No accounting is needed.
 * @module
 */
import { UserError } from "../../../base/user_error.ts";
import { studyNames } from "../../../study/study.ts";
import type { Task } from "./arrays.ts";

/** A task as squeue shows it: its state, why it waits, and the script that it was submitted with. */
export type QueuedTask = Task & { state: string; reason: string; script: string };

/** What a program of Slurm printed, a {@link UserError} with what it complained of if it failed. */
async function ask(program: string, args: readonly string[]): Promise<string> {
  const env = Deno.env.toObject(), text = new TextDecoder();
  for (const name of studyNames) delete env[name]; // jobs, which start later, read the choices from the run's folder
  const command = new Deno.Command(program, { args: [...args], env, clearEnv: true, stdin: "null" });
  const attempt = async () => await command.output(); // a promise, also of what it throws at once
  const { success, stdout, stderr } = await attempt().catch((error: Error) => {
    throw new UserError(
      `Slurm: expected the program ${program}, found: ${error.message}. Call the command on a machine of the cluster ` +
        "that submits jobs, or leave out --on slurm.",
    );
  });
  if (success) return text.decode(stdout);
  const why = (text.decode(stderr) || text.decode(stdout)).trim().split("\n").slice(-4).join("\n  ");
  throw new UserError(`Slurm: ${[program, ...args].join(" ")} failed:\n  ${why}`);
}

/** The arguments of sbatch for a script that comes after others, as `dependency` says. */
export const submission = (script: string, dependency: string): string[] => [
  ...["--parsable", "--kill-on-invalid-dep=yes"],
  ...(dependency === "" ? [] : [`--dependency=${dependency}`]),
  script,
];

/** Submits a script; returns the id of its array. */
export async function submit(script: string, dependency: string): Promise<string> {
  const answer = await ask("sbatch", submission(script, dependency)), id = /^(\d+)(;.*)?$/m.exec(answer.trim())?.[1];
  if (id === undefined) throw new UserError(`Slurm: expected a job's number of sbatch, found ${answer.trim()}.`);
  return id;
}

/** Every task of this user that Slurm still knows, those that ended not long ago too; index -1 is a whole array. */
export async function queuedTasks(): Promise<QueuedTask[]> {
  const format = "%F|%K|%T|%r|%o"; // the script last, as its path may hold anything
  const text = await ask("squeue", ["--me", "--noheader", "--array", "--states=all", `--format=${format}`]);
  return text.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [array, index, state, reason, ...script] = line.split("|");
    return { array, index: /^\d+$/.test(index) ? Number(index) : -1, state, reason, script: script.join("|") };
  });
}

/** What scancel calls tasks. */
export const taskIds = (tasks: readonly Task[]): string[] =>
  tasks.map(({ array, index }) => index < 0 ? array : `${array}_${index}`);

/** Cancels tasks. */
export async function cancel(tasks: readonly Task[]): Promise<void> {
  if (tasks.length > 0) await ask("scancel", taskIds(tasks));
}

/** Asks for so much memory for a task that waits, in MiB. */
export async function askForMemory(task: Task, memory: number): Promise<void> {
  await ask("scontrol", ["update", `JobId=${taskIds([task])}`, `MinMemoryNode=${memory}`]);
}

/** The addresses by which Slurm reaches the nodes of a list such as `n[1-3]`, in its order; IPv6 stands in brackets. */
export async function nodeAddresses(list: string): Promise<string[]> {
  const names = (await ask("scontrol", ["show", "hostnames", list])).split("\n").filter((name) => name !== "");
  const text = await ask("scontrol", ["--oneliner", "show", "node", list]);
  const found = new Map(
    Array.from(text.matchAll(/^NodeName=(\S+) .*? NodeAddr=(\S+)/gm), ([, name, at]) => [name, at]),
  );
  return names.map((name) => {
    const address = found.get(name);
    if (address === undefined) throw new UserError(`Slurm: expected the address of node ${name}, found none.`);
    return address.includes(":") ? `[${address}]` : address;
  });
}
