/**
 * One of several workers, by `WORKER` and `WORKER_HOSTS`: waits for the others, sums with them, and prints one line of
 * JSON, a {@link WorkerReport}. Then it sums without end, with a line of JSON at the tenth, and prints why that ended.
 * @module
 */
import {
  gatherRowsOfWorkers,
  sumNumbers,
  textOfFirst,
  waitForWorkers,
  watchWorkers,
  worker,
  workers,
} from "@lib/engine/workers.ts";
import { compile, tensorCount, tf } from "@lib/engine/mod.ts";
import type { Scalar } from "@lib/engine/types.ts";

/** What a worker prints. */
export interface WorkerReport {
  worker: number;
  /** The sum of worker + 1, worker + 2, over all. */
  sums: number[];
  /** Worker 0's text. */
  text: string;
  /** All rows, where each worker has `worker + 1` of its number, and the own rows' gradient of Σ i · row i. */
  rows: number[];
  gradient: number[];
  left: { tensors: number; handles: number };
  /** Milliseconds that waiting for all took. */
  waited: number;
}

if (import.meta.main) {
  const start = performance.now();
  await waitForWorkers(60);
  const waited = performance.now() - start;
  await sumNumbers([0, 0]);
  const before = tensorCount(), sums = await sumNumbers([worker + 1, worker + 2]);
  const text = await textOfFirst(`from ${worker}: ♪`),
    whole = workers * (workers + 1) / 2,
    first = worker * (worker + 1) / 2;
  const cut = { whole, ranges: [[first, first + worker + 1]] as const };
  const gather = compile("gather", (x) => {
    const numbers = tf.range(0, whole).reshape([whole, 1]);
    const { value, grad } = tf.valueAndGrad((x) => gatherRowsOfWorkers(x, cut).mul(numbers).sum() as Scalar)(x);
    return [gatherRowsOfWorkers(x, cut), grad, value];
  });
  const own = tf.fill([worker + 1, 2], worker), outputs = await gather(own);
  const [rows, gradient] = outputs.map((x) => Array.from(x.dataSync()));
  tf.dispose([own, ...outputs]);
  const after = tensorCount(),
    left = { tensors: after.tensors - before.tensors, handles: after.handles - before.handles };
  const report: WorkerReport = { worker, sums: [...sums], text, rows, gradient, left, waited };
  console.log(JSON.stringify(report));
  await using watch = watchWorkers();
  try {
    for (let i = 1;; i++) {
      await sumNumbers([i, i]);
      if (i === 10) console.log(JSON.stringify({ sums: i }));
    }
  } catch (error) {
    const failed = await watch.explain(error) as Error;
    console.log(JSON.stringify({ failed: failed.message, name: failed.constructor.name }));
  }
}
