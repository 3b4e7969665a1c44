/**
 * Tables 1 to 3 and Figure 2 as rows: this study's numbers beside the paper's and beside two baselines.
 * @module
 */
import type { Evaluation } from "../training/evaluation.ts";
import type { MlmAccuracy } from "../training/masked_evaluation.ts";
import type { LayerPoint } from "../plots/figures.ts";
import { type PaperModel, paperModels, paperTables } from "./paper.ts";
import { type Task, tasks } from "../metrics/tasks.ts";
import { isBaseline, isOf, type Line, type ProbeRow } from "../probing/rows.ts";
import { bestLayer, lastDraw, meanOverSeeds } from "./best_layer.ts";
import { headlines, lowerIsBetter, type Protocol } from "../metrics/task_scores.ts";

/** A model's line of Table 1; accuracies from 0 to 1, undefined where the model has no such task. */
export interface Table1Row {
  /** The model. */
  model: string;
  /** MLM accuracy on training songs. */
  mlmTrain: number;
  /** MLM accuracy on validation songs. */
  mlmValidation: number;
  /** The paper's MLM accuracies, training / validation. */
  paperMlm: string;
  /** NT-Xent accuracy on training songs. */
  ntTrain?: number;
  /** NT-Xent accuracy on validation batches with at most one bar of a song. */
  ntDisjoint?: number;
  /** What chance gives there: 1/(2N − 1). */
  chanceDisjoint?: number;
  /** Share of negatives there that are the same bar again. */
  identicalDisjoint?: number;
  /** NT-Xent accuracy on validation batches in the songs' order. */
  ntOrdered?: number;
  /** What chance gives there. */
  chanceOrdered?: number;
  /** Share of negatives there that are the same bar again. */
  identicalOrdered?: number;
  /** BERT-dropout's validation accuracy with dropout on, as in training. */
  ntDropping?: number;
  /** The paper's NT-Xent accuracies, training / validation. */
  paperNt?: string;
}

/**
 * Table 1: accuracies of masked tokens and of NT-Xent, ours beside the paper's.
 *
 * NT-Xent on validation songs stands in both readings (study §9.6): batches of different songs, and batches in the
 * songs' order as the authors' loader gave them; `identical` is the share of negatives that are the same bar again.
 */
export function table1(evaluations: readonly Evaluation[]): Table1Row[] {
  const pair = (of: { train: number; validation: number }) => `${of.train.toFixed(3)} / ${of.validation.toFixed(3)}`;
  return evaluations.map(({ model, mlm, contrast }) => {
    const paper = paperTables.table1[model];
    const readings = contrast ? [contrast.validation, contrast.otherOrder] : [];
    const [disjoint, ordered] = ["song-disjoint", "song-order"].map((order) =>
      readings.find((score) => score.order === order)
    );
    return {
      model,
      mlmTrain: mlm.train.accuracy,
      mlmValidation: mlm.validation.accuracy,
      paperMlm: pair(paper.mlm),
      ntTrain: contrast?.train.accuracy,
      ntDisjoint: disjoint?.accuracy,
      chanceDisjoint: disjoint?.chance,
      identicalDisjoint: disjoint?.identical,
      ntOrdered: ordered?.accuracy,
      chanceOrdered: ordered?.chance,
      identicalOrdered: ordered?.identical,
      ntDropping: contrast?.dropping?.accuracy,
      paperNt: paper.ntXent ? pair(paper.ntXent) : undefined,
    };
  });
}

/** Accuracy (0 to 1) by kind of masked token, a column for each name; most frequent kind first, all of them last. */
export function kindTable(
  columns: Record<string, MlmAccuracy>,
): { [name: string]: string | number | undefined; kind: string; tokens: number }[] {
  const kinds = Object.values(columns)[0].kinds.toSorted((a, b) => b.count - a.count);
  const held = (of: MlmAccuracy, kind: string) => of.kinds.find((row) => row.kind === kind)?.accuracy;
  return [
    ...kinds.map(({ kind, count }) => ({
      kind: kind as string,
      tokens: count,
      ...Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, held(of, kind)])),
    })),
    {
      kind: "all",
      tokens: kinds.reduce((sum, { count }) => sum + count, 0),
      ...Object.fromEntries(Object.entries(columns).map(([name, of]) => [name, of.accuracy])),
    },
  ];
}

/** What each task's score is called in a protocol. */
const scoreNames: Record<Protocol, Record<Task, string>> = {
  authors: {
    C: "C: AUC of decisions",
    GP: "GP: AUC of decisions",
    I: "I: AUC of decisions",
    T: "T: exact rows",
    MV: "MV: RMSE, velocity",
    MD: "MD: RMSE, bins",
    SC: "SC: entropy / ln K",
  },
  sound: {
    C: "C: AUC of scores",
    GP: "GP: AUC of scores",
    I: "I: AUC of scores",
    T: "T: accuracy",
    MV: "MV: RMSE, velocity",
    MD: "MD: RMSE, bins",
    SC: "SC: entropy / ln min(n, K)",
  },
};

/** The score's name with an arrow that says which way is better. */
export const scoreName = (task: Task, protocol: Protocol): string =>
  `${scoreNames[protocol][task]} ${lowerIsBetter(headlines[protocol][task]) ? "↓" : "↑"}`;

/** What a line of tables and plots is called: the model, and what was done to its labels or layers. */
export const lineName = ({ model, labels, layers }: Line): string =>
  labels === "permuted"
    ? `${model}, permuted labels`
    : labels === "control"
    ? `${model}, control task`
    : layers === "weighted"
    ? `${model}, all layers`
    : model;

/**
 * The rows that tables and plots are drawn from: one pooling, and the mean over seeds where there are several.
 */
export function tableRows(rows: readonly ProbeRow[], pooling: string): ProbeRow[] {
  return meanOverSeeds(rows.filter((row) => row.pooling === pooling || row.pooling === "none"));
}

/** The test rows of a line's task by layer, ascending; under `authors` of one drawing of bars, or the means (null). */
function curve(
  rows: readonly ProbeRow[],
  line: Line,
  task: Task,
  protocol: Protocol,
  draw: number | null = lastDraw(rows, protocol),
): ProbeRow[] {
  const metric = headlines[protocol][task];
  const found = rows.filter((row) =>
    isOf(row, line) && row.task === task && row.protocol === protocol && row.metric === metric &&
    row.split === "test"
  );
  const drawn = found.filter((row) => row.draw === draw);
  // What does not depend on the drawing, such as bars dealt to songs at random, has one row alone.
  return (drawn.length > 0 ? drawn : found.filter((row) => row.draw === null))
    .sort((a, b) => (a.layer ?? -1) - (b.layer ?? -1));
}

/** The best layer from 1, chosen on validation songs (`sound`) or, as in the paper, on test songs (`authors`). */
export function bestTestRow(
  rows: readonly ProbeRow[],
  line: Line,
  task: Task,
  protocol: Protocol,
): ProbeRow | undefined {
  const own = rows.filter((row) => isOf(row, line)), by = protocol === "sound" ? "validation" : "test";
  return bestLayer(own, task, { protocol, by }) ?? curve(rows, line, task, protocol).at(-1);
}

/** The last layer's row; under `authors` the mean over the drawings. */
export const lastTestRow = (
  rows: readonly ProbeRow[],
  line: Line,
  task: Task,
  protocol: Protocol,
): ProbeRow | undefined => curve(rows, line, task, protocol, null).at(-1);

const decimals = (task: Task): number => task === "MV" || task === "MD" ? 2 : 3;

/** What stands where there is no score, as for chords in songs without any. */
const DASH = "–";

/**
 * `0.812 [0.790, 0.834]`: a score with its 95% interval over test songs, or `0.812 ± 0.004` with its population std over
 * drawings of bars; not broken over lines.
 */
export function scoreText(row: ProbeRow | undefined, layer?: number | null): string {
  if (!row || !Number.isFinite(row.value)) return DASH;
  const { task, value, low, high, std } = row;
  const number = (x: number) => x.toFixed(decimals(task));
  const place = layer === undefined || layer === null ? "" : ` (${layer})`;
  if (std !== null) return `${number(value)}${place} ±\u00a0${std.toFixed(decimals(task))}`;
  const interval = low === null || high === null ? "" : ` [${number(low)},\u00a0${number(high)}]`;
  return `${number(value)}${place}${interval}`;
}

/** Table 2 (the last layer) or Table 3 (the best layer, in brackets): lines by task, the paper's numbers below ours. */
export function scoreTable(
  rows: readonly ProbeRow[],
  lines: readonly Line[],
  protocol: Protocol,
  which: "last" | "best",
): Record<string, string>[] {
  const ours = lines.map((line) => ({
    model: lineName(line),
    ...Object.fromEntries(tasks.map((task) => {
      const row = which === "last" ? lastTestRow(rows, line, task, protocol) : bestTestRow(rows, line, task, protocol);
      return [scoreName(task, protocol), scoreText(row, which === "best" ? row?.layer : undefined)];
    })),
  }));
  const paper = paperModels.map((model) => ({
    model: `${model}, paper`,
    ...Object.fromEntries(tasks.map((task) => [scoreName(task, protocol), paperText(model, task, which)])),
  }));
  return [...ours, ...paper];
}

function paperText(model: PaperModel, task: Task, which: "last" | "best"): string {
  const { value, layer, std } = paperTables[which === "last" ? "table2" : "table3"][model][task];
  const spread = std === undefined ? "" : ` ±\u00a0${std.toPrecision(2)}`;
  return `${value.toFixed(3)}${which === "best" ? ` (${layer})` : spread}`;
}

/** Figure 2: a line's score at every layer, a panel for each task; baselines without layers as level lines. */
export function figure2(rows: readonly ProbeRow[], lines: readonly Line[], protocol: Protocol): LayerPoint[] {
  const depth = Math.max(...rows.map(({ layer }) => layer ?? 0));
  return tasks.flatMap((task) =>
    lines.flatMap((line) =>
      curve(rows, line, task, protocol).filter(({ value }) => Number.isFinite(value)).flatMap(
        ({ layer, value, low, high }) => {
          const layers = layer === null ? Array.from({ length: depth + 1 }, (_, i) => i) : [layer];
          return layers.map((layer) => ({
            model: lineName(line),
            ...(isBaseline(line) ? { baseline: true } : {}),
            layer,
            metric: scoreName(task, protocol),
            value,
            ...(low === null || high === null ? {} : { low, high }),
          }));
        },
      )
    )
  );
}

/**
 * The paper's Figure 2 as far as its tables give it: two points of each curve, the best layer and the last.
 *
 * Its drawing is not in any file that could be read; scores are the authors' (see {@link scoreTable}).
 */
export function paperFigure(): LayerPoint[] {
  return tasks.flatMap((task) =>
    paperModels.flatMap((model) => {
      const last = paperTables.table2[model][task], best = paperTables.table3[model][task];
      const points = best.layer === last.layer ? [last] : [best, last];
      return points.map(({ layer, value }) => ({ model, layer, metric: scoreName(task, "authors"), value }));
    })
  );
}
