/**
 * All layers as one embedding: standardised, weighted, summed.
 * @module
 */
import { type Task, tasks } from "./paper.ts";
import type { ProbeRow } from "./probe_rows.ts";
import { headlines, lowerIsBetter } from "./probe_scores.ts";
import type { Recipe } from "./recipe.ts";

/**
 * What each layer weighs for a task, 0…L, adding up to 1: by how far its own sound probe beats the guess on validation
 * songs, nothing where it does not, and all alike where none does. Under `uniform` all weigh alike for every task.
 *
 * One number a layer, chosen without looking at test songs; a probe on the sum then has as many weights as one on
 * a single layer (a scalar mix, as in Peters et al. 2018, whose weights are learned with the task).
 *
 * @param rows of one model, seed and pooling, by layer
 * @param guesses rows of the guess without features
 */
export function mixWeights(
  rows: readonly ProbeRow[],
  guesses: readonly ProbeRow[],
  task: Task,
  mix: Exclude<Recipe["probing"]["layerMix"], "none">,
): number[] {
  const metric = headlines.sound[task], sign = lowerIsBetter(metric) ? -1 : 1;
  const asked = (row: ProbeRow) =>
    row.task === task && row.metric === metric && row.protocol === "sound" && row.split === "validation" &&
    row.labels === "true";
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0));
  const even = new Array<number>(depth + 1).fill(1 / (depth + 1));
  const guess = guesses.find(asked)?.value ?? NaN;
  if (mix === "uniform") return even;
  const gains = even.map((_, layer) => {
    const gain = sign * ((rows.find((row) => asked(row) && row.layer === layer)?.value ?? NaN) - guess);
    return gain > 0 ? gain : 0; // NaN too: a score that is not defined has no say
  });
  const sum = gains.reduce((total, gain) => total + gain, 0);
  return sum > 0 ? gains.map((gain) => gain / sum) : even;
}

/** The tasks that share weights, with them; most tasks have their own. */
export function mixesOf(
  rows: readonly ProbeRow[],
  guesses: readonly ProbeRow[],
  mix: Exclude<Recipe["probing"]["layerMix"], "none">,
): { tasks: Task[]; weights: number[] }[] {
  const weights = new Map(tasks.map((task) => [task, mixWeights(rows, guesses, task, mix)]));
  const alike = Map.groupBy(tasks, (task) => JSON.stringify(weights.get(task)));
  return [...alike.values()].map((same) => ({ tasks: same, weights: weights.get(same[0])! }));
}

/**
 * Layers (each rows × columns) standardised by their first `fitted` rows, weighted and summed; features that do not
 * vary there count as 0.
 *
 * @example
 * ```ts
 * import { mixLayers } from "@lib/mixing.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const layers = [Float32Array.of(1, 3, 5), Float32Array.of(7, 7, 7)];
 * assertEquals(mixLayers(layers, [0.5, 0.5], 2, 1), Float32Array.of(-0.5, 0.5, 1.5));
 * ```
 */
export function mixLayers(
  layers: readonly Float32Array[],
  weights: readonly number[],
  fitted: number,
  columns: number,
): Float32Array {
  const mixed = new Float32Array(layers[0].length);
  layers.forEach((x, layer) => {
    if (weights[layer] === 0) return;
    const mean = new Float64Array(columns), squares = new Float64Array(columns);
    for (let i = 0; i < fitted * columns; i++) mean[i % columns] += x[i] / fitted;
    for (let i = 0; i < fitted * columns; i++) squares[i % columns] += (x[i] - mean[i % columns]) ** 2 / fitted;
    const scale = squares.map((square, c) => {
      const rounding = (fitted * 2 ** -24 * mean[c]) ** 2;
      return square > rounding ? weights[layer] / Math.sqrt(square) : 0;
    });
    for (let i = 0; i < x.length; i++) mixed[i] += (x[i] - mean[i % columns]) * scale[i % columns];
  });
  return mixed;
}
