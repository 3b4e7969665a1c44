/**
 * All layers as one embedding: standardised, weighted, summed.
 * @module
 */
import { type Task, tasks } from "../metrics/tasks.ts";
import type { ProbeRow } from "./rows.ts";
import { headlines, lowerIsBetter } from "../metrics/task_scores.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { firstRows, pieces, rowCount, type RowSink, rowsInMemory, type RowSource } from "../matrix/rows.ts";

/**
 * What each layer weighs for a task, adding up to 1: by how far its own sound probe beats the guess on validation
 * songs, nothing where it does not, all alike where none does or under `uniform`. So a probe on the sum has as many
 * weights as one on a single layer (a scalar mix, as in Peters et al. 2018, whose weights are learned with the task).
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
  const asked = ({ protocol, split, labels, ...row }: ProbeRow) =>
    row.task === task && row.metric === metric && protocol === "sound" && split === "validation" && labels === "true";
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0));
  const even = new Array<number>(depth + 1).fill(1 / (depth + 1));
  if (mix === "uniform") return even;
  const guess = guesses.find(asked)?.value ?? NaN, found = rows.filter(asked);
  const gains = even.map((_, layer) => {
    const gain = sign * ((found.find((row) => row.layer === layer)?.value ?? NaN) - guess);
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

/** Mean, and weight over standard deviation of each column, in the first `fitted` rows; 0 where it does not vary. */
function standardiser(layer: RowSource, weight: number, fitted: number, columns: number) {
  const mean = new Float64Array(columns), squares = new Float64Array(columns);
  const train = firstRows(layer, columns, fitted);
  const sum = (add: (value: number, c: number) => void) => {
    for (const { x } of pieces(train, columns)) for (let i = 0; i < x.length; i++) add(x[i], i % columns);
  };
  sum((value, c) => mean[c] += value / fitted);
  sum((value, c) => squares[c] += (value - mean[c]) ** 2 / fitted);
  const rounding = mean.map((value) => (fitted * 2 ** -24 * value) ** 2);
  return { mean, scale: squares.map((square, c) => square > rounding[c] ? weight / Math.sqrt(square) : 0) };
}

/**
 * Layers (each rows × columns, in memory or in files) standardised by their first `fitted` rows, weighted and summed;
 * features that do not vary there count as 0.
 *
 * @param into where the sum goes, memory if left out; a few megabytes of each layer are read at a time
 */
export function mixLayers(
  layers: readonly RowSource[],
  weights: readonly number[],
  fitted: number,
  columns: number,
  into: RowSink = rowsInMemory(rowCount(layers[0], columns), columns),
): RowSource {
  const used = layers.flatMap((layer, l) =>
    weights[l] === 0 ? [] : [{ read: pieces(layer, columns), ...standardiser(layer, weights[l], fitted, columns) }]
  );
  try {
    for (const { x: first } of pieces(layers[0], columns)) {
      const mixed = new Float32Array(first.length);
      for (const { read, mean, scale } of used) {
        const { x } = read.next().value!; // pieces of all layers are cut alike
        for (let i = 0; i < x.length; i++) mixed[i] += (x[i] - mean[i % columns]) * scale[i % columns];
      }
      into.append(mixed);
    }
    return into.finish();
  } finally {
    for (const { read } of used) read.return(undefined);
    into.abandon();
  }
}
