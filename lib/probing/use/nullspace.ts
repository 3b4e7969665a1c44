/**
 * The subspace in which a task can be read from a layer: iterated null-space projection (Ravfogel et al. 2020).
 * @module
 */
import { EigenvalueDecomposition, Matrix, QrDecomposition } from "ml-matrix";
import type { Random } from "../../base/random.ts";
import { predictRidge, type RidgeFit } from "../../matrix/ridge.ts";
import { heldPredictions } from "../../metrics/class_parts.ts";
import { scorer } from "../../metrics/task_scores.ts";
import { type Answers, type BarTable, questions, type Task } from "../../metrics/tasks.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { fitLayer } from "../ridge_fits.ts";

/** Orthonormal directions, rank × columns, and the mean about which states are projected. */
export type Subspace = { rank: number; columns: number; basis: Float64Array; mean: Float64Array };

/** A task's subspace, and how well it is read on validation bars before and after it is gone; higher is better. */
export type TaskSubspace = Subspace & { before: number; after: number };

/** Rows (rows × columns) without what lies in a subspace: it is replaced by the mean there. */
export function without({ rank, columns, basis, mean }: Subspace, x: Float32Array): Float32Array {
  const out = Float32Array.from(x);
  for (let at = 0; at < x.length; at += columns) {
    for (let d = 0; d < rank; d++) {
      let part = 0;
      for (let c = 0; c < columns; c++) part += (x[at + c] - mean[c]) * basis[d * columns + c];
      for (let c = 0; c < columns; c++) out[at + c] -= part * basis[d * columns + c];
    }
  }
  return out;
}

/** Directions (each of `columns` numbers) made orthonormal to a basis and to each other; those that lie in it are left out. */
function extend(basis: Float64Array, columns: number, directions: readonly Float64Array[]): Float64Array {
  const all = Array.from({ length: basis.length / columns }, (_, d) => basis.subarray(d * columns, (d + 1) * columns));
  for (const direction of directions) {
    const left = Float64Array.from(direction), size = Math.hypot(...direction);
    for (let pass = 0; pass < 2; pass++) { // twice is enough
      for (const one of all) {
        const part = one.reduce((sum, value, c) => sum + value * left[c], 0);
        one.forEach((value, c) => left[c] -= part * value);
      }
    }
    const rest = Math.hypot(...left);
    if (rest > 1e-6 * size) all.push(left.map((value) => value / rest));
  }
  return Float64Array.from(all.flatMap((one) => [...one]));
}

/** The directions in raw features along which a fit's decisions differ most, `most` at most. */
function readingDirections({ columns, targets, weights, std }: RidgeFit, most: number): Float64Array[] {
  const w = Matrix.from1DArray(targets, columns, weights), inner = w.transpose().mmul(w);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(inner, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const largest = realEigenvalues[order[0]];
  return order.slice(0, most).filter((at) => realEigenvalues[at] > 1e-9 * largest && largest > 0).map((at) =>
    Float64Array.from(eigenvectorMatrix.getColumn(at), (value, c) => value / std[c])
  );
}

/** Bars of a split with their states at a layer. */
export type Stated = { table: BarTable; x: Float32Array };

/**
 * The subspace of a task at a layer: a probe is fitted, the directions that it reads are projected away, and again, until
 * no more than `probing.removedLeft` of its gain over the guess is left on validation bars, or `probing.removedShare` of
 * the width is gone. Its rank is 0 if the probe is no better than the guess to begin with.
 *
 * @returns undefined if training or validation bars have no answer, as for chords in songs without any
 */
export async function taskSubspace(
  train: Stated,
  validation: Stated,
  columns: number,
  task: Task,
  { probing }: Pick<Recipe, "probing">,
): Promise<TaskSubspace | undefined> {
  const [question] = questions.filter((one) => one.task === task), mean = new Float64Array(columns);
  if (!question || train.table.labels.length === 0) return undefined;
  train.x.forEach((value, i) => mean[i % columns] += value / train.table.labels.length);
  const most = Math.max(1, Math.floor(probing.removedShare * columns)),
    alphas = probing.alphas.toSorted((a, b) => b - a);
  const found: Subspace = { rank: 0, columns, basis: new Float64Array(0), mean };
  let before = NaN, after = NaN, guess = NaN;
  for (;;) {
    const [x, z] = [train, validation].map(({ x }) => without(found, x));
    const { fitted: [fitted] } = await fitLayer(x, columns, [train.table], [task], alphas);
    const own = fitted.find((one) => one.question.name === question.name);
    if (!own) return undefined;
    const score = scorer(validation.table, question, own.live, probing.chordThreshold), { rows } = score;
    if (rows.length === 0) return undefined;
    const asked = Float32Array.from(
      Array.from(rows).flatMap((row) => [...z.subarray(row * columns, (row + 1) * columns)]),
    );
    const choiceOf = (values: Float64Array) => score.choice(heldPredictions(values, rows.length));
    const choices = await Array.fromAsync(own.fits, (fit) => choiceOf(predictRidge(fit, asked, rows.length)));
    const best = choices.reduce((top, choice, i) => choice > choices[top] ? i : top, 0), fit = own.fits[best];
    after = choices[best];
    if (found.rank === 0) {
      before = after;
      const same = new Float64Array(fit.targets * rows.length);
      fit.intercepts.forEach((value, t) => same.fill(value, t * rows.length, (t + 1) * rows.length));
      guess = await choiceOf(same);
    }
    const isGone = !(after - guess > probing.removedLeft * (before - guess));
    if (isGone || !(before > guess) || found.rank >= most) return { ...found, before, after };
    const directions = readingDirections(fit, Math.min(probing.removedAtOnce, most - found.rank));
    const basis = extend(found.basis, columns, directions), rank = basis.length / columns;
    if (rank === found.rank) return { ...found, before, after };
    Object.assign(found, { basis, rank });
  }
}

/** The standard deviation of values; 0 of none. */
export function deviationOf(values: ArrayLike<number>): number {
  const all = Array.from(values), mean = all.reduce((sum, value) => sum + value / all.length, 0);
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2 / all.length, 0));
}

/**
 * What a state within a task's subspace changes by, on average, where the task's value grows by one standard deviation:
 * the slope of the states on the value, by least squares, and its part in the subspace.
 *
 * @param asked rows of x with the value of each
 */
export function moveAlong(
  { rank, columns, basis, mean }: Subspace,
  x: Float32Array,
  { rows: places, answers: values }: Pick<Answers<number>, "rows" | "answers">,
): Float64Array {
  const rows = values.length, centre = values.reduce((sum, value) => sum + value / rows, 0);
  const spread = deviationOf(values);
  const slope = new Float64Array(columns), move = new Float64Array(columns);
  values.forEach((value, i) => {
    for (let c = 0; c < columns; c++) slope[c] += (value - centre) * (x[places[i] * columns + c] - mean[c]);
  });
  if (!(spread > 0)) return move;
  for (let d = 0; d < rank; d++) {
    const u = basis.subarray(d * columns, (d + 1) * columns);
    const part = u.reduce((sum, value, c) => sum + value * slope[c], 0) / (rows * spread);
    u.forEach((value, c) => move[c] += part * value);
  }
  return move;
}

/** A vector as long as another one, in a direction drawn at random. */
export function randomMove(move: Float64Array, random: Random): Float64Array {
  const columns = move.length, mean = new Float64Array(columns), length = Math.hypot(...move);
  return randomSubspace({ rank: 1, columns, mean, basis: mean }, random).basis.map((value) => length * value);
}

/** A subspace of a rank drawn at random, about the same mean. */
export function randomSubspace({ rank, columns, mean }: Subspace, random: Random): Subspace {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const drawn = new Matrix(Array.from({ length: columns }, () => Array.from({ length: Math.max(1, rank) }, normal)));
  const q = new QrDecomposition(drawn).orthogonalMatrix.transpose().to1DArray();
  return { rank, columns, mean, basis: Float64Array.from(q.slice(0, rank * columns)) };
}
