/**
 * Progress in a terminal.
 * @module
 */
import { clock } from "../base/clock.ts";

/** How far work is that stood at `first` at the beginning, and how long the rest takes at this speed. */
export function meterText(unit: string, first: number, done: number, total: number, seconds: number): string {
  const about = done < total && unit === "songs" ? "about " : ""; // an archive's songs are counted as they are read
  const left = seconds / Math.max(1, done - first) * (total - done);
  const rest = done < total && done > first ? `, about ${clock(left)} left` : "";
  return `${done} of ${about}${total} ${unit}, ${clock(seconds)}${rest}`;
}

/** A line that is written over itself in a terminal, and once in ten seconds elsewhere. */
export function meter(unit: string): (done: number, total: number) => void {
  const start = performance.now(), terminal = Deno.stderr.isTerminal();
  let last = 0, first: number | null = null;
  return (done, total) => {
    first ??= done;
    const now = performance.now();
    if (done < total && now - last < (terminal ? 200 : 10_000)) return;
    last = now;
    const line = meterText(unit, first, done, total, (now - start) / 1000);
    const text = terminal ? `\r\x1b[K${line}${done < total ? "" : "\n"}` : `${line}\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  };
}
