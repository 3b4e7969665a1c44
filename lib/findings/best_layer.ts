/**
 * Tables 2 and 3 from the results table: each model's last layer and best layer.
 * @module
 */
import { type Task, tasks } from "../metrics/tasks.ts";
import type { Line, ProbeRow, ScoredSplit } from "../probing/rows.ts";
import { central } from "../metrics/intervals.ts";
import { headlines, lowerIsBetter, type Protocol } from "../metrics/task_scores.ts";

/** The drawing of bars that Table 3 and Figure 2 are of under `authors`: the last one, as theirs; null without any. */
export function lastDraw(rows: readonly ProbeRow[], protocol: Protocol): number | null {
  if (protocol === "sound") return null;
  const last = rows.reduce((most, { draw }) => Math.max(most, draw ?? -1), -1);
  return last < 0 ? null : last;
}

/**
 * Rows of the same thing by models of several seeds as one: the mean of their scores, with the interval of that mean over
 * resampled songs where every seed has its resamplings. The seed is that of the first.
 */
export function meanOverSeeds(rows: readonly ProbeRow[]): ProbeRow[] {
  const alike = Map.groupBy(
    rows,
    ({ model, input, layer, layers, pooling, labels, task, metric, protocol, split, draw }) =>
      JSON.stringify([model, input, layer, layers, pooling, labels, task, metric, protocol, split, draw]),
  );
  return [...alike.values()].map((same) => {
    const [first] = same;
    if (same.length === 1) return first;
    const value = same.reduce((sum, row) => sum + row.value / same.length, 0);
    if (!same.every(({ replicates }) => replicates?.length === first.replicates?.length && replicates)) {
      return { ...first, value, low: null, high: null, std: null, replicates: undefined };
    }
    const replicates = first.replicates!.map((_, i) =>
      same.reduce((sum, row) => sum + row.replicates![i] / same.length, 0)
    );
    return { ...first, value, ...central(replicates), replicates };
  });
}

/** Which rows are compared, and by what. */
export interface BestOptions {
  /** Protocol of the rows. */
  protocol: Protocol;
  /** Score to compare; by default the protocol's headline of the task. */
  metric?: string;
  /** Songs the layer is chosen on; it is reported on test songs in any case (study §11.4). */
  by: ScoredSplit;
}

/**
 * The test row of the layer (from 1: the embedding output does not take part, as in the paper) whose score is best on
 * the songs that `by` names; the lower layer of equals. Undefined if no layer has such a score. Under `authors` layers
 * are compared on the last drawing of bars.
 *
 * `rows` are of one model, seed and pooling, or any mix that is to be compared.
 *
 * @example
 * ```ts
 * import { bestLayer } from "@lib/findings/best_layer.ts";
 * import type { ProbeRow } from "@lib/probing/rows.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const row = (layer: number, split: "validation" | "test", value: number): ProbeRow => ({
 *   model: "BERT", input: "trained", seed: 0, layer, layers: "one", pooling: "bar", labels: "true", task: "MV",
 *   metric: "rmse", protocol: "sound", split, value, low: null, high: null, draw: null, std: null, rows: 10, songs: 2,
 *   alpha: 1, threshold: null, skippedClasses: null, k: null,
 * });
 * const rows = [row(1, "validation", 5), row(1, "test", 7), row(2, "validation", 6), row(2, "test", 4)];
 * assertEquals(bestLayer(rows, "MV", { protocol: "sound", by: "validation" })?.value, 7);
 * assertEquals(bestLayer(rows, "MV", { protocol: "sound", by: "test" })?.value, 4);
 * ```
 */
export function bestLayer(rows: readonly ProbeRow[], task: Task, options: BestOptions): ProbeRow | undefined {
  const { protocol, by, metric = headlines[protocol][task] } = options;
  const draw = lastDraw(rows, protocol);
  const asked = rows.filter((row) =>
    row.task === task && row.protocol === protocol && row.metric === metric && row.layer !== null &&
    row.layer >= 1 && row.draw === draw
  );
  const sign = lowerIsBetter(metric) ? -1 : 1;
  const ranked = asked.filter((row) => row.split === by && Number.isFinite(row.value))
    .sort((a, b) => sign * (b.value - a.value) || a.layer! - b.layer!);
  const [best] = ranked;
  return best &&
    asked.find((row) =>
      row.split === "test" && row.layer === best.layer && row.model === best.model && row.seed === best.seed &&
      row.pooling === best.pooling
    );
}

/** One line of Tables 2 and 3 for one task. */
export interface LayerRow extends Line {
  /** Seed of the model's training. */
  seed: number;
  /** How a bar's states became one embedding. */
  pooling: string;
  /** What was asked. */
  task: Task;
  /** Test row of the last layer (Table 2); for models without layers their only row. */
  last: ProbeRow;
  /** Test row of the best layer (Table 3); as `last` for models without layers. */
  best: ProbeRow;
}

/**
 * Each line's, seed's and pooling's last and best layer for each task by the protocol's headline, models in order of
 * appearance and tasks in the paper's; what a model was not scored for is left out.
 */
export function layerTables(rows: readonly ProbeRow[], { protocol, by }: Omit<BestOptions, "metric">): LayerRow[] {
  const groups = Map.groupBy(
    rows,
    ({ model, input, layers, labels, seed, pooling }) => JSON.stringify([model, input, layers, labels, seed, pooling]),
  );
  return [...groups.values()].flatMap((group) =>
    tasks.flatMap((task) => {
      const metric = headlines[protocol][task];
      const tested = group.filter((row) =>
        row.task === task && row.metric === metric && row.protocol === protocol && row.split === "test" &&
        row.draw === null
      );
      if (tested.length === 0) return [];
      const last = tested.reduce((a, b) => (b.layer ?? 0) > (a.layer ?? 0) ? b : a);
      const { model, input, layers, labels, seed, pooling } = last;
      return [{
        model,
        input,
        layers,
        labels,
        seed,
        pooling,
        task,
        last,
        best: bestLayer(group, task, { protocol, by }) ?? last,
      }];
    })
  );
}
