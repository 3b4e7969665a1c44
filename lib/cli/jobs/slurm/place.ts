/**
 * Slurm as a place of a study's jobs: they are submitted, then followed. The command may end meanwhile: called again, it
 * finds what Slurm has.
 * @module
 */
import type { Recipe } from "../../../recipe/recipe.ts";
import type { Study } from "../../../study/study.ts";
import { NARROW } from "../local.ts";
import { mostWorkers, type Place, threadsEach } from "../place.ts";
import { followJobs } from "./follow.ts";
import { templateOf } from "./script.ts";
import { submitAll } from "./submit.ts";

/** Threads of a job of a wide encoder, where the nodes' cores are not known. */
const WIDE = 8;

/** Threads of a job unless they are asked for: one for a narrow encoder. */
export const threadsOnSlurm = ({ model }: Pick<Recipe, "model">, asked?: number): number =>
  asked ?? (model.hidden > NARROW ? WIDE : 1);

/** Slurm as a place: its jobs have so many threads each, and scripts by a template, the run's own unless one is named. */
export function slurmPlace(study: Study, threads: number, template?: string): Place {
  const arrays: string[] = [];
  return {
    ...{ at: `in Slurm, ${threadsEach(threads)}`, lanes: Infinity },
    async doAll(jobs, told) {
      const text = await templateOf(study, template, mostWorkers(jobs));
      await submitAll(study, jobs, { threads, template: text, signal: told.signal, arrays });
      told.signal.throwIfAborted();
      return await followJobs(study, jobs, threads, told);
    },
    close: () => Promise.resolve(),
    parting: () =>
      arrays.length === 0
        ? "Nothing was submitted."
        : `The jobs go on in Slurm, and the same command follows them again. This stops them: scancel ${
          arrays.join(" ")
        }`,
  };
}
