/** Several processes that work together, and what they listen to. @module */
import { lineCutter } from "@lib/base/processes.ts";
import { projectRoot } from "@lib/base/project.ts";
export { freeAddresses } from "@lib/cli/workers.ts";

/** Whether TensorFlow's server can be made to listen on one address here. */
export const hasWorkers = Deno.build.os === "linux" &&
  ["", "auto", "cpu", "libtensorflow"].includes(Deno.env.get("ENGINE") ?? "");

/** A running worker: its process, its lines of output as they come, and its error output. */
export interface RunningWorker {
  process: Deno.ChildProcess;
  /** The next line that is JSON, read; undefined once there is none. */
  next<T>(): Promise<T | undefined>;
  error: Promise<string>;
}

/** Starts a script as each of the workers at some addresses, or as `which` of them, a thread each. */
export function startWorkers(
  script: string,
  args: string[],
  hosts: string[],
  env: Record<string, string> = {},
  which: number[] = hosts.map((_, worker) => worker),
): RunningWorker[] {
  return which.map((worker) => {
    const place = { WORKER: String(worker), WORKER_HOSTS: hosts.join(","), TF_CPP_MIN_LOG_LEVEL: "3" };
    const threads = { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" };
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", `--config=${projectRoot}/deno.json`, script, ...args],
      cwd: projectRoot,
      env: { NO_COLOR: "1", ENGINE: "cpu", ...threads, ...place, ...env },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const lines = linesOf(process.stdout);
    return {
      process,
      async next<T>() {
        for (;;) {
          const { value, done } = await lines.next();
          if (done) return undefined;
          if (value.startsWith("{")) return JSON.parse(value) as T;
        }
      },
      error: new Response(process.stderr).text(),
    };
  });
}

/** The lines of a stream as they come. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const lines: string[] = [], cut = lineCutter((line) => lines.push(line));
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    cut(text);
    yield* lines.splice(0);
  }
  const rest = cut("");
  if (rest !== "") yield rest;
}

/** The addresses that a process listens at, of IPv4 in hexadecimal digits of the kernel, as `/proc/net/tcp` has them. */
export async function listening(pid: number): Promise<string[]> {
  const sockets = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode) sockets.add(inode);
  }
  const LISTEN = "0A", found: string[] = [];
  for (const table of ["tcp", "tcp6"]) {
    for (const line of (await Deno.readTextFile(`/proc/net/${table}`)).split("\n").slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === LISTEN && sockets.has(inode)) found.push(local);
    }
  }
  return found;
}
