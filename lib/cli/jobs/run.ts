/**
 * A study's jobs, done at a place and shown meanwhile.
 * @module
 */
import type { StudyJob } from "../../study/jobs/graph.ts";
import type { Study } from "../../study/study.ts";
import type { Place } from "./place.ts";
import { type News, screen } from "./screen.ts";

/**
 * Does the jobs of a study that are not done at a place, which is closed in the end; tells of each that fails the last
 * lines of its log.
 *
 * @returns whether all are done; rejects with the signal's reason if that stopped them
 */
export async function runJobs(
  study: Study,
  jobs: readonly StudyJob[],
  place: Place,
  signal: AbortSignal,
  news: News = () => undefined,
): Promise<boolean> {
  const { onChange, onLine, end } = screen(study, jobs, place, news);
  try {
    const states = await place.doAll(jobs, { signal, onChange, onLine });
    if ([...states.values()].every(({ state }) => state === "done")) return true;
    signal.throwIfAborted();
    return false;
  } finally {
    await place.close().finally(end);
    if (signal.aborted && place.parting) console.error(place.parting());
  }
}
