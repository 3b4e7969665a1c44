/**
 * The workers of one training: which of them a process is, and all of them started on this machine.
 * @module
 */
import { threads, threadVariables, trainingVariables } from "../base/machine.ts";
import { howEnded, interrupt } from "../base/processes.ts";
import { projectRoot } from "../base/project.ts";
import { COME_AGAIN } from "./jobs/told.ts";
import { usageError } from "./arguments.ts";
import { stoppable } from "./stop.ts";

/** What a command was told of workers: how many, which of them this process is, and the addresses of all. */
export type WorkersAsked = { workers: number; worker: number | undefined; hosts: string | undefined };

/**
 * The workers that a process is to start (1 for none), or the variables by which it is one of several; as `--workers`,
 * `--worker` and `--hosts` of a command say. Throws a {@link UsageError} if they do not fit each other.
 */
export function workersOf(
  command: "train" | "job",
  { workers, worker, hosts }: WorkersAsked,
): { start: number; env: Record<string, string> } {
  if ((worker === undefined) !== (hosts === undefined)) {
    throw usageError(command, "--worker and --hosts: expected both, or --workers alone, found one of them.");
  }
  if (worker === undefined || hosts === undefined) return { start: workers, env: {} };
  const count = hosts.split(",").length;
  if (workers !== 1 && workers !== count) {
    throw usageError(command, `--hosts: expected an address for each of ${workers} workers, found ${count}.`);
  }
  return { start: 1, env: { WORKER: String(worker), WORKER_HOSTS: hosts } };
}

/** Sets the variables by which this process is one of several workers. */
export function beWorker(env: Record<string, string>): void {
  for (const [key, value] of Object.entries(env)) Deno.env.set(key, value);
  if (env.WORKER_HOSTS && !Deno.env.has("TF_CPP_MIN_LOG_LEVEL")) Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "3"); // we name who is gone
}

/** Free ports of the loopback address, as addresses. Until a worker listens at one, another process may take it. */
export function freeAddresses(count: number): string[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const addresses = listeners.map(({ addr }) => `127.0.0.1:${(addr as Deno.NetAddr).port}`);
  listeners.forEach((listener) => listener.close());
  return addresses;
}

/** Has this process train in branches, one a thread. It must be called before the engine is loaded. */
export function trainInBranches(): void {
  for (const [key, value] of Object.entries(trainingVariables(threads()))) Deno.env.set(key, value);
}

/** Exit codes of workers that were stopped, or stopped with another one. */
const stops: readonly number[] = [130, 143, COME_AGAIN];

/**
 * Trains by so many processes of the project's command with these arguments (`train …`, `job …`), which reach each other
 * on this machine alone. The first one shows the training's progress; of the others only errors are shown, and who was
 * ended by a signal. All stop if this process does.
 *
 * @param each threads of each process; by default they share out this one's
 * @returns the exit code: the first worker's, or 1 if another one failed; 130 or 143 if this process was stopped
 */
export function startWorkers(
  args: readonly string[],
  count: number,
  each: number = Math.max(1, Math.floor(threads() / count)),
): Promise<number> {
  const hosts = freeAddresses(count).join(), main = `${projectRoot}/lib/cli/main.ts`;
  const env = threadVariables(each);
  const children = Array.from({ length: count }, (_, worker) => {
    const place = ["--worker", String(worker), "--hosts", hosts, "--attached"],
      shown = worker === 0 ? "inherit" : "null";
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", main, ...args, ...place],
      env,
      detached: true, // Ctrl-C in the terminal reaches it once, by us
      ...{ stdin: "piped", stdout: shown, stderr: worker === 0 ? "inherit" : "piped" },
    }).spawn();
  });
  return stoppable(async (signal) => {
    signal.addEventListener("abort", () => children.forEach(interrupt));
    const ends = await Promise.all(children.map(async (child, worker) => {
      const text = worker === 0 ? "" : await new Response(child.stderr).text(), status = await child.status;
      await child.stdin.close().catch(() => {}); // it has ended
      return { worker, text, status };
    }));
    signal.throwIfAborted();
    const failed = ends.filter(({ status }) => !status.success && !stops.includes(status.code));
    for (const { worker, text, status } of failed) {
      if (status.signal !== null) console.error(`Worker ${worker} ended ${howEnded(status)}.`);
      else if (worker > 0 && !text.includes("The others stop.")) {
        console.error(`Worker ${worker} ended ${howEnded(status)}: ${text.trim()}`);
      }
    }
    if (failed.length > 0) {
      console.error("The same command goes on from the last state, also with another number of workers.");
    }
    return ends[0].status.code || (failed.length > 0 ? 1 : 0);
  });
}
