/**
 * The workers of one training, started on this machine.
 * @module
 */
import { threads, threadVariables } from "../base/machine.ts";
import { howEnded, interrupt } from "../base/processes.ts";
import { projectRoot } from "../base/project.ts";
import { stoppable } from "./stop.ts";

/** Free ports of the loopback address, as addresses. Until a worker listens at one, another process may take it. */
export function freeAddresses(count: number): string[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const addresses = listeners.map(({ addr }) => `127.0.0.1:${(addr as Deno.NetAddr).port}`);
  listeners.forEach((listener) => listener.close());
  return addresses;
}

/**
 * Trains by so many processes of `deno task train` with these arguments, which reach each other on this machine alone and
 * share out its threads. The first one shows the training's progress; of the others only errors are shown, and who was
 * ended by a signal. All stop if this process does.
 *
 * @returns the exit code: the first worker's, or 1 if another one failed
 */
export function startWorkers(args: readonly string[], count: number): Promise<number> {
  const hosts = freeAddresses(count).join(), main = `${projectRoot}/lib/cli/main.ts`;
  const env = threadVariables(Math.max(1, Math.floor(threads() / count)));
  const children = Array.from({ length: count }, (_, worker) => {
    const place = ["--worker", String(worker), "--hosts", hosts, "--attached"],
      shown = worker === 0 ? "inherit" : "null";
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", main, "train", ...args, ...place],
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
    const failed = ends.filter(({ status }) => !status.success && ![130, 143].includes(status.code));
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
