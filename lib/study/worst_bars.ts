/**
 * The test bars with a probe's largest errors, to see and hear. Notebook 4 shows them.
 * @module
 */
import { barFigure } from "../notebook/player.ts";
import type { Corpus } from "../corpus/store.ts";
import { embedLayers } from "../probing/embed.ts";
import { removeIfThere } from "../base/files.ts";
import { predictRows } from "../matrix/layer_ridge.ts";
import type { RowSource } from "../matrix/rows.ts";
import { html, progress, type Shown, stopSignal } from "../notebook/notebook.ts";
import type { ModelName } from "../bert/variants.ts";
import { rollLegend } from "../notebook/small_roll.ts";
import { fitLayer } from "../probing/ridge_fits.ts";
import { askValues, type ValueQuestion, valueQuestions } from "../metrics/tasks.ts";
import { type LayerFeatures, lineOf, type ProbeRow, type ProbeTables } from "../probing/rows.ts";
import { firstOfEachSong, probeTables, stackedBars } from "./probe_bars.ts";
import { probingPrecision, trained } from "./training_steps.ts";
import type { Study } from "./study.ts";
import { escapeHtml } from "../notebook/table.ts";
import { bestTestRow } from "../findings/best_layer.ts";

/** A task that asks for nothing but a number. */
type ValueTask = Exclude<ValueQuestion["task"], "T">;

/** A bar's index in the corpus, its label, and the probe's prediction. */
type Prediction = Record<"bar" | "truth" | "read", number>;

/** A root mean square error, and the predictions with the largest errors, one of each song. */
type Worst = { rmse: number; worst: Prediction[] };

/** Those of a probe over so many test bars. */
type WorstBars = Worst & { model: ModelName; task: ValueTask; layer: number; bars: number };

/** The largest errors, one bar of each song, and the root mean square error of all predictions. */
export function worstOf(predictions: Prediction[], songOf: (bar: number) => number, count: number): Worst {
  const error = ({ truth, read }: Prediction) => Math.abs(truth - read);
  const sorted = predictions.toSorted((a, b) => error(b) - error(a));
  const worst = firstOfEachSong(sorted, ({ bar }) => songOf(bar)).slice(0, count);
  const squares = predictions.reduce((sum, one) => sum + error(one) ** 2, 0);
  return { rmse: Math.sqrt(squares / predictions.length), worst };
}

/** How notebook 4 asks for worst bars: of which model and tasks, and how many of each task. */
const shown = { model: "BERT", tasks: ["MV", "MD"], count: 3 } as const;

/** The layers of a model, 0 … L, of the bars of `stackedBars`. */
type Embedded = { layers: readonly RowSource[]; columns: number };

/** A probe to read: its task, layer and penalty. */
type Chosen = { task: ValueTask; layer: number; alpha: number };

/** What a probe that is fitted anew reads of the test bars, whose places in the corpus are `bars`. */
async function readWorst(
  corpus: Corpus,
  { task, layer, alpha }: Chosen,
  { columns, train, test }: LayerFeatures,
  tables: ProbeTables,
  bars: Int32Array,
  count: number,
): Promise<Omit<WorstBars, "model">> {
  const { name } = valueQuestions.find((question) => question.task === task)!;
  const { rows, answers } = askValues(tables.test, name);
  const { fitted: [fitted] } = await fitLayer(train, columns, [tables.train], [task], [alpha]);
  const [fit] = fitted.find(({ question }) => question.name === name)!.fits;
  const [read] = await predictRows([fit], test, rows);
  const predictions = answers.map((truth, row) => ({ bar: bars[rows[row]], truth, read: read[row] }));
  return { task, layer, bars: predictions.length, ...worstOf(predictions, corpus.song, count) };
}

/**
 * The test bars on which a model's sound probe of mean velocity (MV) or mean duration (MD) errs most, `count` of each
 * task, one of each song; done once. `rows` are those of `tableRows`; their probe is fitted anew.
 *
 * @param options `embedded`: the model's layers, where they are at hand; else the bars are embedded anew
 * @throws {RangeError} if the rows lack such a probe.
 */
export function worstBars(
  study: Study,
  corpus: Corpus,
  rows: readonly ProbeRow[],
  model: ModelName,
  { tasks = ["MV", "MD"], count = 4, embedded }: {
    tasks?: readonly ValueTask[];
    count?: number;
    embedded?: Embedded;
  } = {},
): Promise<WorstBars[]> {
  const chosen = tasks.map((task): Chosen => {
    const { layer = null, alpha = null } = bestTestRow(rows, lineOf(model), task, "sound") ?? {};
    if (layer !== null && alpha !== null) return { task, layer, alpha };
    throw new RangeError(`Worst bars: expected a sound probe of ${task} in ${model} among the rows, found none.`);
  });
  const { recipe, data, folder } = study, name = `mistakes ${model}`;
  const read = async (columns: number, sourceOf: (i: number) => RowSource) => {
    const { of, cut } = stackedBars(corpus, recipe), tables = probeTables(corpus, recipe);
    const found = await Array.fromAsync(chosen, (probe, i) => {
      return readWorst(corpus, probe, cut(sourceOf(i), columns), tables, of.test, count);
    });
    return found.map((worst): WorstBars => ({ model, ...worst }));
  };
  return study.once(name, { ...recipe, data, model, chosen, count }, async () => {
    if (embedded) return await read(embedded.columns, (i) => embedded.layers[chosen[i].layer]);
    const { all } = stackedBars(corpus, recipe), files = `${folder}/probes/embeddings-${name}`;
    const encoder = await trained(study, corpus, model), [pooling] = recipe.probing.poolings;
    try {
      const meter = progress({ label: `Embedding with ${model}`, total: all.length, unit: "bars" });
      const precision = await probingPrecision(study);
      const { columns, layers } = await embedLayers(encoder, corpus, all, recipe, {
        ...{
          precision,
          layers: chosen.map(({ layer }) => layer),
          poolings: [pooling],
          folder: files,
          signal: stopSignal(),
        },
        onProgress: (done) => void meter.update(done),
      });
      await meter.done();
      return await read(columns, (i) => layers[i]);
    } finally {
      encoder.weights.dispose();
      await removeIfThere(files);
    }
  });
}

/**
 * {@link worstBars} that notebook 4 will ask for, while a model's layers are at hand, so that it need not embed all bars
 * again. With several training seeds the notebook's best layer may be another, and is then embedded there.
 */
export async function prepareWorstBars(
  study: Study,
  corpus: Corpus,
  rows: readonly ProbeRow[],
  model: string,
  embedded: Embedded,
): Promise<void> {
  const { tasks, count } = shown;
  if (model === shown.model) await worstBars(study, corpus, rows, model, { tasks, count, embedded });
}

const labelNames = { MV: { what: "mean velocity", digits: 0 }, MD: { what: "mean duration, bins", digits: 1 } };

/** The bars side by side, each with its label and the prediction. */
export function worstBarFigures(corpus: Corpus, found: WorstBars): Shown {
  const { model, task, layer, rmse, bars, worst } = found, { what, digits } = labelNames[task];
  const notes = worst.map(({ truth, read }) => `${what} ${truth.toFixed(digits)}, predicted ${read.toFixed(digits)}`);
  const figures = worst.map(({ bar }, i) => barFigure(corpus, bar, notes[i]));
  const cells = figures.map((figure) => `<td style="vertical-align:top;text-align:left">${figure}</td>`);
  const caption = `${model}, layer ${layer}: the test bars with the largest errors in ${what}, one of a song ` +
    `(root mean square error over ${bars} bars: ${rmse.toFixed(2)})`;
  return html(
    `<p>${rollLegend()}</p><table class="bars"><caption style="text-align:left">${escapeHtml(caption)}` +
      `</caption><tr>${cells.join("")}</tr></table>`,
    `${caption}: ${worst.map(({ bar }, i) => `bar ${bar}, ${notes[i]}`).join("; ")}`,
  );
}
