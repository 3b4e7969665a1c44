/**
 * A results table whose every table is known by hand.
 *
 * Each score is a sum of points that name its place: 100 for BERT, 200 for BERT-aug …, 10 to 40 for the layer, 0 to 6 for
 * the task (C 0, GP 1, I 2, T 3, MV 4, MD 5, SC 6), 300 for the authors' protocol. A score of `points` is
 * 0.2 + points/1000; an error (MV, MD) 20 − points/100; an entropy (SC) 0.9 − points/1000. More points are always better.
 *
 * Resamplings are evenly spread about the score, `spread` points to both sides, so that the central 95% are ± 0.95 spread;
 * resampling i is the same songs in every row, so that spreads cancel in paired differences.
 * @module
 */
import { tasks } from "@lib/metrics/tasks.ts";
import { headlines } from "@lib/metrics/task_scores.ts";
import {
  type Line,
  lineOf,
  majorityLine,
  type ProbeRow,
  protocols,
  tokenCountLine,
  untrainedLine,
} from "@lib/probing/rows.ts";

/** Points of layers 0 to 3: the best layer is 2 on BERT's validation songs, 1 on BERT-aug's, 3 on the test songs. */
const soundLayers: Record<string, number[]> = { "BERT": [0, 10, 30, 20], "BERT-aug": [0, 30, 20, 10] };
const testLayers = [0, 10, 20, 30];
/** The authors' two draws of test bars: the last one is best at layer 1 for BERT, at layer 2 for others. */
const drawLayers = [[0, 20, 10, 30], [0, 20, 40, 30]];
const lastDrawOfBert = [0, 40, 20, 30];

/** The planted lines with their points and spreads; those without layers have one row each. */
export const lines: { line: Line; points: number; spread: number }[] = [
  { line: lineOf("BERT"), points: 100, spread: 20 },
  { line: lineOf("BERT-aug"), points: 200, spread: 40 },
  { line: untrainedLine, points: 0, spread: 60 },
  { line: tokenCountLine, points: 60, spread: 80 },
  { line: majorityLine, points: 40, spread: 0 },
  { line: lineOf("BERT", { labels: "permuted" }), points: 10, spread: 20 },
  { line: lineOf("BERT", { labels: "control" }), points: 20, spread: 40 },
  { line: lineOf("BERT", { layers: "weighted" }), points: 150, spread: 0 },
];

/** Points that break the pattern: the untrained encoder ties with BERT at T and beats all at SC; the authors' SC favours BERT. */
const extra = ({ model, input }: Line, task: string, protocol: string): number =>
  input === "untrained"
    ? task === "T" ? 100 : task === "SC" ? 300 : 0
    : model === "BERT" && task === "SC" && protocol === "authors"
    ? 150
    : 0;

const RESAMPLINGS = 2001;

/** The planted rows; a seed adds 6 points to the one before it, and another pooling than `bar` 50. */
export function plantedRows({ seeds = 1, poolings = ["bar", "notes"] } = {}): ProbeRow[] {
  const rows: ProbeRow[] = [];
  for (const { line, points, spread } of lines) {
    const layered = line.layers === "one";
    for (const pooling of layered ? poolings : ["none"]) {
      for (let seed = 0; seed < seeds; seed++) {
        for (const layer of layered ? [0, 1, 2, 3] : [null]) {
          for (const [place, task] of tasks.entries()) {
            for (const protocol of protocols) {
              const isError = task === "MV" || task === "MD",
                base = points + place + extra(line, task, protocol) +
                  6 * seed + (pooling === "notes" ? 50 : 0) + (protocol === "authors" ? 300 : 0);
              const at = (layers: number[]) => base + (layer === null ? 0 : layers[layer]);
              const value = (points: number) =>
                isError ? 20 - points / 100 : task === "SC" ? 0.9 - points / 1000 : 0.2 + points / 1000;
              const add = (points: number, changes: Partial<ProbeRow>) =>
                rows.push({
                  ...{ ...line, seed, layer, pooling, task, protocol, metric: headlines[protocol][task] },
                  ...{ split: "test", value: value(points), low: null, high: null, draw: null, std: null, rows: 90 },
                  ...{ songs: 9, alpha: 1, threshold: null, skippedClasses: null, k: null },
                  ...changes,
                });
              const tested = (points: number, changes: Partial<ProbeRow> = {}) => {
                const unit = isError ? 100 : 1000, own = changes.value ?? value(points);
                const replicates = Float32Array.from(
                  { length: RESAMPLINGS },
                  (_, i) => own + (2 * i / (RESAMPLINGS - 1) - 1) * spread / unit,
                );
                add(points, {
                  low: own - 0.95 * spread / unit,
                  high: own + 0.95 * spread / unit,
                  replicates,
                  ...changes,
                });
              };
              if (protocol === "sound") {
                tested(at(testLayers));
                add(at(soundLayers[line.model] ?? testLayers), { split: "validation" });
                // Another metric, which no table of scores shows; R² for selectivity, 7 points above.
                tested(at([99, 99, 99, 99]), { metric: "f1Macro" });
                if (isError) tested(0, { metric: "r2", value: 0.2 + (at(testLayers) + 7) / 1000 });
              } else {
                const last = line.model === "BERT" ? lastDrawOfBert : drawLayers[1];
                tested(at(testLayers), { std: isError ? 0.04 : 0.004 });
                add(at(drawLayers[0]), { draw: 0 });
                add(at(last), { draw: 1 });
              }
            }
          }
        }
      }
    }
  }
  return rows;
}
