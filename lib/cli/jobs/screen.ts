/**
 * What tells a terminal, or a log, of a study's jobs while they run, wherever that is.
 * @module
 */
import { clock } from "../../base/clock.ts";
import { jobSeconds, type StudyJob } from "../../study/jobs/graph.ts";
import type { Study } from "../../study/study.ts";
import { secondsLeft, statusLines } from "./display.ts";
import type { Place, States, Told } from "./place.ts";

/** What else to tell of a job that is done, in a line. */
export type News = (study: Study, job: StudyJob) => string | undefined;

/** Seconds between two lines of progress where the output is no terminal. */
const EVERY = 60;

/** Draws the jobs anew in a terminal; elsewhere tells of each change, and of what runs once in a while, until `end`. */
export function screen(
  study: Study,
  jobs: readonly StudyJob[],
  place: Pick<Place, "at" | "lanes">,
  news: News,
): Pick<Told, "onLine" | "onChange"> & { end(): void } {
  const began = new Map<string, number>(), lines = new Map<string, string>(), known = new Map<string, number>();
  const terminal = Deno.stderr.isTerminal(), start = performance.now();
  const workers = new Map(jobs.map(({ name, workers }) => [name, workers]));
  let states: States = new Map(), drawn = 0, last = start;
  const write = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  const state = (name: string) => states.get(name)?.state;
  const title = (now: number) => {
    const done = jobs.filter(({ name }) => state(name) === "done").length;
    const left = secondsLeft({ states, began }, known, place.lanes, now, (name) => workers.get(name) ?? 1);
    const about = !left ? "" : `, about ${clock(left)} left`;
    return `${study.name}: ${done} of ${jobs.length} jobs done, ${place.at}; ${clock((now - start) / 1000)}${about}`;
  };
  const draw = () => {
    const now = performance.now();
    if (terminal) {
      const { columns, rows } = Deno.consoleSize();
      const all = [title(now), ...statusLines({ states, began, lines }, now, columns - 1)].slice(0, rows - 1);
      write(`${drawn > 0 ? `\x1b[${drawn}A` : ""}\r\x1b[J${all.join("\n")}\n`);
      drawn = all.length;
    } else if (now - last >= 1000 * EVERY) {
      last = now;
      const running = jobs.filter(({ name }) => state(name) === "running");
      write(`${[title(now), ...running.map(({ name }) => `  ${name}: ${lines.get(name) ?? ""}`)].join("\n")}\n`);
    }
  };
  /** Writes a line that stays, above what is drawn anew. */
  const above = (line: string) => {
    write(drawn > 0 ? `\x1b[${drawn}A\r\x1b[J${line}\n` : `${line}\n`);
    drawn = 0;
  };
  const timer = setInterval(draw, 500);
  return {
    onLine: (name, line) => void lines.set(name, line),
    onChange(now) {
      const before = states;
      states = new Map(now);
      for (const job of jobs) {
        const { name } = job, { state, error } = states.get(name)!;
        if (state === before.get(name)?.state) continue;
        if (state === "running") began.set(name, performance.now());
        if (state === "done") known.set(name, jobSeconds(study, job) ?? 0);
        const took = began.has(name) ? ` after ${clock((performance.now() - began.get(name)!) / 1000)}` : "";
        if (before.size === 0 || state === "waiting") continue;
        if (state === "failed") above(`FAILED ${name}${took}: ${error instanceof Error ? error.message : error}`);
        else if (!terminal) write(`${state.padEnd(8)} ${name}${state === "done" ? took : ""}\n`);
        const line = state === "done" ? news(study, job) : undefined;
        if (line !== undefined) above(line);
      }
      draw();
    },
    end() {
      clearInterval(timer);
      if (terminal) draw();
      else write(`${title(performance.now())}\n`);
    },
  };
}
