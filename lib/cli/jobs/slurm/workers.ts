/**
 * Which of the workers of a training a process is that Slurm's srun started, and the addresses of all.
 * @module
 */
import { UserError } from "../../../base/user_error.ts";
import { nodeAddresses } from "./commands.ts";

/** Ports of workers: from the first one, so many, below those that Linux gives out by itself (32768 and on). */
const FIRST = 10_000, PORTS = 20_000;

/** The numbers of a list such as `2(x3),1`: 2, 2, 2, 1. */
const repeated = (list: string): number[] =>
  list.split(",").flatMap((part) => {
    const [, number, times = "1"] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part) ?? [];
    return Array<number>(Number(times)).fill(Number(number));
  });

/** What srun tells each process that it starts, in blocks of neighbours for each node. */
const needed = ["SLURM_JOB_ID", "SLURM_PROCID", "SLURM_STEP_NODELIST", "SLURM_STEP_TASKS_PER_NODE"] as const;

/**
 * The worker's number, and the addresses of all with commas: that by which Slurm reaches each node, with ports that
 * follow from the number of Slurm's job, so that other jobs have others.
 *
 * @param variables the environment's
 * @throws {UserError} if srun did not start this process, or Slurm does not tell a node's address
 */
export async function workerOnSlurm(
  variables: Record<string, string> = Deno.env.toObject(),
): Promise<{ worker: number; hosts: string }> {
  const missing = needed.filter((name) => !variables[name]);
  if (missing.length > 0) {
    throw new UserError(
      `Slurm: expected a process that srun started for --hosts slurm, found no ${missing.join(", ")}.`,
    );
  }
  const [job, worker] = [variables.SLURM_JOB_ID, variables.SLURM_PROCID].map(Number);
  const tasks = repeated(variables.SLURM_STEP_TASKS_PER_NODE),
    nodes = await nodeAddresses(variables.SLURM_STEP_NODELIST);
  const all = nodes.flatMap((address, node) => Array<string>(tasks[node] ?? 0).fill(address));
  const first = FIRST + job * all.length % PORTS;
  return { worker, hosts: all.map((address, i) => `${address}:${first + i}`).join() };
}
