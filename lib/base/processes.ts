/**
 * Processes that this one starts: the lines that they say, how they are stopped and how they ended.
 * @module
 */

/**
 * Cuts text that comes in parts into lines.
 *
 * @param onLine gets each line once it is whole
 * @returns what takes a part, and gives what is left without a line break
 */
export function lineCutter(onLine: (line: string) => void): (part: string) => string {
  let rest = "";
  return (part) => {
    const lines = (rest + part).split("\n");
    rest = lines.pop()!;
    lines.forEach((line) => onLine(line));
    return rest;
  };
}

/** How a process ended, in words that follow "ended". */
export function howEnded({ code, signal }: Deno.CommandStatus): string {
  if (signal === null) return `with exit code ${code}`;
  return `by ${signal}${signal === "SIGKILL" ? " (out of memory?)" : ""}`;
}

/** Stops a process as Ctrl-C does, if it still runs. */
export function interrupt(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGINT");
  } catch { /* it has ended */ }
}
