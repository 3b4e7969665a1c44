/**
 * Ridge at large size: the same sums, fits and predictions as `ridge.ts`, by float64 products on the engine.
 *
 * At the demo's width of 128 the plain code is done before the library is loaded; at 768 it would take a hundred times
 * as long as this.
 * @module
 */
import {
  addUp,
  free,
  type Held,
  hold,
  multiply,
  read,
  solvePositive,
  splitColumns,
  subtract,
} from "../engine/libtensorflow/float64.ts";
import type { Summing, Sums } from "./gram.ts";
import { type Cross, fitOf, type Gram, normalEquations, type RidgeFit, type Rows, type Targets } from "./ridge.ts";

/** Width of the blocks of a Gram, of which those below the diagonal are not computed. */
const BLOCK = 256;

/** In how many equal blocks of about that width columns can be cut. */
function blockCount(columns: number): number {
  let parts = Math.max(1, Math.floor(columns / BLOCK));
  while (columns % parts !== 0) parts--;
  return parts;
}

/** As `plainSumming`, on the engine; what it holds there is given back by `finish` or `abandon`. */
export function engineSumming(columns: number, shift: Float64Array, base: Float64Array): Summing {
  const parts = blockCount(columns), width = columns / parts, count = base.length;
  const about = hold(shift, [columns]);
  const blocks: (Held | undefined)[] = new Array(parts * parts).fill(undefined);
  let totals: Held | undefined, crosses: Held | undefined, rows = 0;
  const sum = base.map(() => 0);
  const add = (x: Rows, { rows: more, start, column, value }: Targets): void => {
    if (more === 0) return;
    const wide = hold(x, [more, columns]), ones = hold(new Float64Array(more).fill(1), [1, more]);
    const centred = subtract(wide, about);
    const cut = parts === 1 ? [] : splitColumns(centred, parts), held = parts === 1 ? [centred] : cut;
    for (let i = 0; i < parts; i++) {
      for (let j = i; j < parts; j++) {
        const product = multiply(held[i], held[j], { left: true }), at = i * parts + j;
        blocks[at] = blocks[at] ? addUp(blocks[at], product) : product;
      }
    }
    const total = multiply(ones, centred);
    totals = totals ? addUp(totals, total) : total;
    // Dense, though most of it is zeros: the product uses all cores, a sparse one does not.
    const entries = new Float64Array(more * count);
    for (let r = 0; r < more; r++) {
      for (let e = start[r]; e < start[r + 1]; e++) {
        entries[r * count + column[e]] += value[e];
        sum[column[e]] += value[e];
      }
    }
    const dense = hold(entries, [more, count]), cross = multiply(dense, centred, { left: true });
    crosses = crosses ? addUp(crosses, cross) : cross;
    free(wide, ones, centred, dense, ...cut);
    rows += more;
  };
  const abandon = (): void => {
    free(
      about,
      ...blocks.filter((block) => block !== undefined),
      ...totals ? [totals] : [],
      ...crosses ? [crosses] : [],
    );
  };
  const finish = (): Sums => {
    const products = new Float64Array(columns * columns);
    for (let i = 0; i < parts; i++) {
      for (let j = i; j < parts; j++) {
        const block = blocks[i * parts + j], values = block ? read(block) : new Float64Array(width * width);
        for (let a = 0, at = 0; a < width; a++) {
          for (let b = 0; b < width; b++, at++) {
            const p = i * width + a, q = j * width + b;
            products[p * columns + q] = products[q * columns + p] = values[at];
          }
        }
      }
    }
    const total = totals ? read(totals) : new Float64Array(columns);
    const crossed = crosses ? read(crosses) : new Float64Array(count * columns);
    abandon();
    const gram: Gram = { rows, columns, shift, sum: total, products };
    for (let t = 0, at = 0; t < count; t++) {
      for (let c = 0; c < columns; c++, at++) crossed[at] += base[t] * total[c];
    }
    const cross: Cross = { rows, products: crossed, sum: sum.map((added, t) => added + rows * base[t]) };
    return { gram, cross };
  };
  return { add, finish, abandon };
}

/** As `fitRidge`: the Cholesky factors of all penalties at once, on as many cores. */
export function fitOnEngine(sums: Gram, cross: Cross, alphas: readonly number[]): RidgeFit[] {
  const equations = normalEquations(sums, cross, alphas), { columns, targets, inner, right } = equations;
  const stack = new Float64Array(alphas.length * columns * columns);
  alphas.forEach((alpha, a) => {
    const at = a * columns * columns;
    stack.set(inner, at);
    for (let i = 0; i < columns; i++) stack[at + i * (columns + 1)] += alpha;
  });
  const matrices = hold(stack, [alphas.length, columns, columns]), side = hold(right, [columns, targets]);
  let solution: Held | undefined;
  try {
    const solved = read(solution = solvePositive(matrices, side)), size = columns * targets;
    return alphas.map((alpha, a) => fitOf(equations, alpha, solved.subarray(a * size, (a + 1) * size)));
  } finally {
    free(matrices, side, ...solution ? [solution] : []);
  }
}

/** As `predictRidge`: targets × rows. */
export function predictOnEngine(fit: RidgeFit, x: Rows, rows: number): Float64Array {
  const { columns, targets, mean, std, weights, intercepts } = fit;
  const scaled = weights.map((weight, i) => weight / std[i % columns]);
  const held = [hold(x, [rows, columns]), hold(mean, [columns]), hold(scaled, [targets, columns])];
  const centred = subtract(held[0], held[1]), product = multiply(held[2], centred, { right: true });
  try {
    const out = read(product);
    for (let t = 0, at = 0; t < targets; t++) for (let r = 0; r < rows; r++, at++) out[at] += intercepts[t];
    return out;
  } finally {
    free(...held, centred, product);
  }
}
