/**
 * Checks of a run's folder before hours of work.
 * @module
 */
import { statfsSync } from "node:fs";
import { UserError } from "../base/user_error.ts";
import { exists } from "../base/files.ts";
import type { Recipe } from "../recipe/recipe.ts";

/** Bytes, in float32, that a run still writes for models: weights, the best twice, two states of weights and moments. */
export function bytesToWrite(folder: string, { model, training }: Recipe): number {
  const { layers, hidden, intermediate, maxPositions } = model;
  const parameters = hidden * (layers * (4 * hidden + 2 * intermediate) + 560 + maxPositions);
  const begun = exists(`${folder}/models`) ? [...Deno.readDirSync(`${folder}/models`)].length : 0;
  return 4 * parameters * (1 + 2 + 2 * 3) * Math.max(0, 4 * training.seeds - begun);
}

/** Makes a run's folder; throws a {@link UserError} unless it can be written and has room for so many bytes. */
export function checkFolder(folder: string, bytes: number): void {
  const probe = `${folder}/steps/${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    Deno.mkdirSync(`${folder}/steps`, { recursive: true });
    Deno.writeTextFileSync(probe, "");
    Deno.removeSync(probe);
  } catch (error) {
    throw new UserError(
      `Study: expected a folder that can be written at ${folder}, found: ${(error as Error).message}. ` +
        "Change its permissions or its owner, or make data/runs a link to another place.",
      { cause: error },
    );
  }
  const { bavail, bsize } = statfsSync(folder), free = bavail * bsize;
  if (free >= bytes) return;
  const [needed, found] = [bytes, free].map((count) => `${(count / 1e9).toFixed(1)} GB`);
  throw new UserError(
    `Study: expected ${needed} free at ${folder} for the models and their states, found ${found}. ` +
      "Make room, or make data/runs a link to a larger disk; then start again.",
  );
}
