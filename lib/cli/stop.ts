/**
 * Commands that clean up when they are stopped.
 * @module
 */

/** Exit codes of the signals that stop a command, as shells give them. */
const codes = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Calls `work` with a signal that Ctrl-C (SIGINT) or SIGTERM aborts. If `work` then ends by the signal's reason, having
 * cleaned up, the exit code is 130 or 143. A second Ctrl-C ends the process at once.
 */
export async function stoppable(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const stop = new AbortController(), names = Object.keys(codes) as (keyof typeof codes)[];
  const offered = names.filter((name) => name === "SIGINT" || Deno.build.os !== "windows");
  let code: number | undefined;
  const listeners = offered.map((name) =>
    [name, () => {
      code = codes[name];
      console.error("Stopping.");
      unlisten();
      stop.abort();
    }] as const
  );
  const unlisten = () => listeners.forEach(([name, listener]) => Deno.removeSignalListener(name, listener));
  listeners.forEach(([name, listener]) => Deno.addSignalListener(name, listener));
  try {
    return await work(stop.signal);
  } catch (error) {
    if (code === undefined || error !== stop.signal.reason) throw error;
    return code;
  } finally {
    unlisten();
  }
}

/** Stops this process as Ctrl-C does once its standard input ends. */
export async function stopWithInput(): Promise<void> {
  for await (const _ of Deno.stdin.readable); // nothing is sent
  Deno.kill(Deno.pid, "SIGINT");
}
