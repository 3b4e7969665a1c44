/**
 * The bars that a probe gets most wrong, to see and hear. Notebook 4 shows them.
 * @module
 */
import { barFigure } from "./similar_bars.ts";
import type { Corpus } from "../corpus/store.ts";
import { embedLayers } from "../probing/embed.ts";
import { removeIfThere } from "../base/files.ts";
import { predictRows } from "../matrix/gram.ts";
import { html, progress, type Shown, stopSignal } from "../notebook/notebook.ts";
import type { ModelName } from "../bert/variants.ts";
import { rollLegend } from "../notebook/player.ts";
import { fitLayer } from "../probing/ridge_fits.ts";
import { askValues, type ValueQuestion, valueQuestions } from "../metrics/tasks.ts";
import { lineOf, type ProbeRow } from "../probing/rows.ts";
import { probeBars, probeTables } from "./probing_steps.ts";
import { sliceRows } from "../matrix/rows.ts";
import { trained } from "./training_steps.ts";
import type { Study } from "./study.ts";
import { escapeHtml } from "../notebook/table.ts";
import { bestTestRow } from "../findings/tables.ts";

/** A bar and what a probe reads from its embedding. */
export interface Reading {
  /** Bar of the corpus. */
  bar: number;
  /** Its label. */
  truth: number;
  /** What the probe says. */
  read: number;
}

/** Choices of {@link worstReadings}. */
export interface MistakeOptions {
  /** What is read: mean velocity, mean duration in bins, or both. */
  tasks?: readonly ValueQuestion["task"][];
  /** Bars to show of each, each of another song. */
  count?: number;
}

/** What {@link worstReadings} finds. */
export interface Mistakes {
  /** Whose embeddings are read. */
  model: ModelName;
  /** What is read. */
  task: ValueQuestion["task"];
  /** The layer it is read from. */
  layer: number;
  /** Root mean square error over all test bars, as in the results table. */
  rmse: number;
  /** How many those are. */
  bars: number;
  /** Largest error first, at most one of each song. */
  worst: Reading[];
}

/** The bars that are read worst, and the error over all of them. */
function mistakesOf(corpus: Corpus, readings: readonly Reading[], count: number): Pick<Mistakes, "rmse" | "worst"> {
  const error = ({ truth, read }: Reading) => Math.abs(truth - read), songs = new Set<number>();
  const worst = readings.toSorted((a, b) => error(b) - error(a)).filter(({ bar }) => {
    const song = corpus.song(bar), fresh = !songs.has(song);
    songs.add(song);
    return fresh;
  }).slice(0, count);
  const squares = readings.reduce((sum, one) => sum + error(one) ** 2, 0);
  return { rmse: Math.sqrt(squares / readings.length), worst };
}

/**
 * The test bars whose velocity or duration a model's sound probe misses by most, one of each song; once. The probe is
 * that of the results table: the layer chosen on validation songs, with its penalty, fitted on the training songs.
 *
 * @param rows as `tableRows` gives them, with that model's
 * @returns an entry a task, in the order asked
 * @throws {RangeError} if the rows hold no such probe.
 */
export function worstReadings(
  study: Study,
  corpus: Corpus,
  rows: readonly ProbeRow[],
  model: ModelName,
  { tasks = ["MV", "MD"], count = 4 }: MistakeOptions = {},
): Promise<Mistakes[]> {
  const chosen = tasks.map((task) => {
    const row = bestTestRow(rows, lineOf(model), task, "sound");
    if (row && row.layer !== null && row.alpha !== null) return { task, layer: row.layer, alpha: row.alpha };
    throw new RangeError(`Mistakes: expected a sound probe of ${task} in ${model} among the rows, found none.`);
  });
  const { recipe, data, folder } = study, name = `mistakes ${model}`;
  return study.once(name, { ...recipe, data, model, chosen, count }, async () => {
    const train = probeBars(corpus, "train", recipe), test = probeBars(corpus, "test", recipe);
    const encoder = await trained(study, corpus, model), files = `${folder}/probes/embeddings-${name}`;
    try {
      const bars = Int32Array.of(...train, ...test), [pooling] = recipe.probing.poolings;
      const meter = progress({ label: `Embedding with ${model}`, total: bars.length, unit: "bars" });
      const { columns, layers } = await embedLayers(encoder, corpus, bars, recipe, {
        ...{ layers: chosen.map(({ layer }) => layer), poolings: [pooling], folder: files, signal: stopSignal() },
        onProgress: (done) => void meter.update(done),
      });
      await meter.done();
      const tables = probeTables(corpus, recipe), found: Mistakes[] = [];
      for (const [i, { task, layer, alpha }] of chosen.entries()) {
        const question = valueQuestions.find((one) => one.task === task)!;
        const part = (first: number, rows: number) => sliceRows(layers[i], columns, first, rows);
        const { fitted: [{ values }] } = await fitLayer(part(0, train.length), columns, [tables.train], [task], [
          alpha,
        ]);
        const { fits: [fit] } = values.find((value) => value.question.name === question.name)!;
        const { rows, answers } = askValues(tables.test, question.name);
        const [read] = await predictRows([fit], part(train.length, test.length), rows);
        const readings = answers.map((truth, row): Reading => ({ bar: test[rows[row]], truth, read: read[row] }));
        found.push({ model, task, layer, bars: readings.length, ...mistakesOf(corpus, readings, count) });
      }
      return found;
    } finally {
      encoder.weights.dispose();
      await removeIfThere(files);
    }
  });
}

const asked = { MV: { what: "mean velocity", digits: 0 }, MD: { what: "mean duration, bins", digits: 1 } } as const;

/** The bars in a row, each with its label and what was read. */
export function mistakeFigures(corpus: Corpus, mistakes: Mistakes): Shown {
  const { model, task, layer, rmse, bars, worst } = mistakes, { what, digits } = asked[task];
  const notes = worst.map(({ truth, read }) => `${what} ${truth.toFixed(digits)}, read as ${read.toFixed(digits)}`);
  const cells = worst.map(({ bar }, i) =>
    `<td style="vertical-align:top;text-align:left">${barFigure(corpus, bar, notes[i])}</td>`
  );
  const caption = `${model}, layer ${layer}: the test bars whose ${what} its probe misses by most, one of a song ` +
    `(root mean square error over ${bars} bars: ${rmse.toFixed(2)})`;
  return html(
    `<p style="font-size:.85rem">${rollLegend()}</p><table><caption style="text-align:left">${escapeHtml(caption)}` +
      `</caption><tr>${cells.join("")}</tr></table>`,
    `${caption}: ${worst.map(({ bar }, i) => `bar ${bar}, ${notes[i]}`).join("; ")}`,
  );
}
