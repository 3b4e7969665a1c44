/**
 * Ridge at large size: gram.ts and ridge.ts by float64 products on the engine. At width 768 it takes a hundredth of the
 * time of plain code; at the demo's 128 plain code ends before the library loads.
 * @module
 */
import * as f64 from "../engine/float64.ts";
import type { Accumulator, Sums } from "./gram.ts";
import { fitOf, normalEquations, type RidgeFit } from "./ridge.ts";
import type { Floats } from "./rows.ts";
import { takeTargetRows, type Targets } from "./targets.ts";

/** In how many equal blocks of about 256 columns a Gram can be cut; those below its diagonal are not computed. */
function blockCount(columns: number): number {
  let parts = Math.max(1, Math.floor(columns / 256));
  while (columns % parts !== 0) parts--;
  return parts;
}

/** Most numbers of dense targets at a time, as many bytes as a piece of features has in float64. */
const DENSE = 2 ** 22;

/** Rows and their targets in parts, so that narrow features, whose pieces have many rows, need no more memory. */
function* parted(x: Floats, targets: Targets, columns: number): Generator<[Floats, Targets]> {
  const { rows, count } = targets, most = Math.max(1, Math.floor(DENSE / Math.max(1, count)));
  if (rows <= most) return yield [x, targets];
  for (let first = 0; first < rows; first += most) {
    const ids = Int32Array.from({ length: Math.min(most, rows - first) }, (_, i) => first + i);
    yield [x.subarray(first * columns, (first + ids.length) * columns), takeTargetRows(targets, ids)];
  }
}

/** As `plainAccumulator`, on the engine. */
export function engineAccumulator(columns: number, shift: Float64Array, base: Float64Array): Accumulator {
  const parts = blockCount(columns), width = columns / parts, count = base.length;
  const about = f64.upload(shift, [columns]);
  const sums = new Map<string, f64.DeviceMatrix>(); // blocks of the Gram by "i,j", Σ (x − shift), and Σ y (x − shift)
  const add = (key: string, more: f64.DeviceMatrix) => {
    const before = sums.get(key);
    sums.set(key, before ? f64.addAndFree(before, more) : more);
  };
  const values = (key: string, size: number) => sums.has(key) ? f64.download(sums.get(key)!) : new Float64Array(size);
  const sum = base.map(() => 0);
  let rows = 0, held = new Float64Array(0); // used again for each part
  const abandon = () => f64.free(about, ...sums.values());
  const addPart = (x: Floats, { rows: more, start, column, value }: Targets): void => {
    if (more === 0) return;
    const raw = f64.upload(x, [more, columns]), ones = f64.upload(new Float64Array(more).fill(1), [1, more]);
    const centred = f64.subtract(raw, about), strips = f64.splitColumns(centred, parts);
    for (let i = 0; i < parts; i++) {
      for (let j = i; j < parts; j++) add(`${i},${j}`, f64.multiply(strips[i], strips[j], { left: true }));
    }
    add("total", f64.multiply(ones, centred));
    // Dense, though most of it is zeros: a dense product uses all cores, a sparse one does not.
    if (held.length < more * count) held = new Float64Array(more * count);
    const entries = held.subarray(0, more * count).fill(0);
    for (let r = 0; r < more; r++) {
      for (let e = start[r]; e < start[r + 1]; e++) {
        entries[r * count + column[e]] += value[e];
        sum[column[e]] += value[e];
      }
    }
    const dense = f64.upload(entries, [more, count]);
    add("cross", f64.multiply(dense, centred, { left: true }));
    f64.free(raw, ones, centred, dense, ...strips);
    rows += more;
  };
  return {
    add(x, targets) {
      for (const [part, of] of parted(x, targets, columns)) addPart(part, of);
    },
    finish() {
      const products = new Float64Array(columns * columns);
      for (let i = 0; i < parts; i++) {
        for (let j = i; j < parts; j++) {
          const block = values(`${i},${j}`, width * width);
          for (let a = 0, at = 0; a < width; a++) {
            for (let b = 0; b < width; b++, at++) {
              const p = i * width + a, q = j * width + b;
              products[p * columns + q] = products[q * columns + p] = block[at];
            }
          }
        }
      }
      const total = values("total", columns), crossed = values("cross", count * columns);
      abandon();
      for (let t = 0, at = 0; t < count; t++) {
        for (let c = 0; c < columns; c++, at++) crossed[at] += base[t] * total[c];
      }
      return {
        gram: { rows, columns, shift, sum: total, products },
        cross: { rows, products: crossed, sum: sum.map((added, t) => added + rows * base[t]) },
      };
    },
    abandon,
  };
}

/** As `fitRidge`; factors the matrices of all penalties in parallel. */
export function fitOnEngine(sums: Sums, alphas: readonly number[]): RidgeFit[] {
  const equations = normalEquations(sums, alphas), { columns, targets, inner, right } = equations;
  const stack = new Float64Array(alphas.length * columns * columns);
  alphas.forEach((alpha, a) => {
    const at = a * columns * columns;
    stack.set(inner, at);
    for (let i = 0; i < columns; i++) stack[at + i * (columns + 1)] += alpha;
  });
  const matrices = f64.upload(stack, [alphas.length, columns, columns]), side = f64.upload(right, [columns, targets]);
  let solution: f64.DeviceMatrix | undefined;
  try {
    const solved = f64.download(solution = f64.solvePositive(matrices, side)), size = columns * targets;
    return alphas.map((alpha, a) => fitOf(equations, alpha, solved.subarray(a * size, (a + 1) * size)));
  } finally {
    f64.free(matrices, side, ...solution ? [solution] : []);
  }
}

/** As `predictRidge`: targets × rows. */
export function predictOnEngine(fit: RidgeFit, x: Floats, rows: number): Float64Array {
  const { columns, targets, mean, std, weights, intercepts } = fit;
  const scaled = weights.map((weight, i) => weight / std[i % columns]);
  const inputs = [f64.upload(x, [rows, columns]), f64.upload(mean, [columns]), f64.upload(scaled, [targets, columns])];
  const centred = f64.subtract(inputs[0], inputs[1]), product = f64.multiply(inputs[2], centred, { right: true });
  try {
    const out = f64.download(product);
    for (let t = 0, at = 0; t < targets; t++) for (let r = 0; r < rows; r++, at++) out[at] += intercepts[t];
    return out;
  } finally {
    f64.free(...inputs, centred, product);
  }
}
