/**
 * Four questions that the paper's numbers leave open, each answered by a paragraph and its figure, made from the rows.
 * @module
 */
import type { Evaluation } from "../../training/evaluation.ts";
import { bars } from "../../plots/charts.ts";
import { layerPlot, type LayerPoint } from "../../plots/figures.ts";
import type { Spec } from "../../plots/theme.ts";
import { isOf, type Line, lineOf, linesIn, majorityLine, type ProbeRow } from "../../probing/rows.ts";
import { type Protocol, scoreRange } from "../../metrics/task_scores.ts";
import { bestTestRow, headlineRows, lastTestRow, layerCurve } from "../best_layer.ts";
import { paperModels, paperTables } from "../paper.ts";
import type { TableRow } from "../table_rows.ts";
import { listText } from "../wording.ts";
import type { ClaimResult } from "../verdicts.ts";

/** A question, what the numbers say to it, and their figure. */
export type Settled = { question: string; text: string; plot: Spec };

const text = (value: number): string => value.toFixed(3).replace(/^-/, "−");
const ends = ({ low, high }: Pick<ProbeRow, "low" | "high">): string =>
  low === null || high === null ? "" : ` [${text(low)}, ${text(high)}]`;

const modelsOf = (rows: readonly TableRow[]): Line[] => linesIn(rows, paperModels.map((model) => lineOf(model)));

/** A row as a point of a figure, with those of its seeds. */
function points(row: TableRow, metric: string): LayerPoint[] {
  const { model, layer, value, low, high, rows, songs, bySeed } = row, place = { model, layer, metric };
  if (!Number.isFinite(value)) return [];
  const interval = low === null || high === null ? {} : { low, high, within: scoreRange(row.metric) };
  const on = `${rows.toLocaleString("en-US")} bars of ${songs} songs`;
  const seeds = bySeed.size > 1 ? Array.from(bySeed, ([seed, { value }]) => ({ ...place, value, seed })) : [];
  return [{ ...place, value, ...interval, on }, ...seeds];
}

/** R² of tempo as a number by layer, on test songs. */
const tempoCurve = (rows: readonly TableRow[], line: Line): TableRow[] =>
  rows.filter((row) =>
    isOf(row, line) && row.task === "T" && row.metric === "r2" && row.protocol === "sound" && row.split === "test"
  ).sort((a, b) => (a.layer ?? -1) - (b.layer ?? -1));

/** Is tempo lost in deep layers, or only by the authors' metric? Undefined if no model has R² of tempo. */
export function tempoInDeepLayers(rows: readonly TableRow[]): Settled | undefined {
  const found = modelsOf(rows).flatMap((line) => {
    const curve = tempoCurve(rows, line).filter(({ layer }) => layer !== 0), last = curve.at(-1);
    const exact = ["authors", "sound"].map((protocol) => lastTestRow(rows, line, "T", protocol as Protocol));
    const firstTwo = curve.filter(({ layer }) => layer! <= 2).toSorted((a, b) => b.value - a.value)[0];
    return last && firstTwo && exact[0] && exact[1]
      ? [{ line, curve, last, firstTwo, exact: exact[0], accuracy: exact[1] }]
      : [];
  });
  if (found.length === 0) return undefined;
  const guess = headlineRows(rows.filter((row) => isOf(row, majorityLine)), "T", "sound").find(({ split }) =>
    split === "test"
  );
  const known = found.filter(({ last }) => last.low !== null && last.low > 0).length;
  const each = found.map(({ line, last, firstTwo, exact, accuracy }) =>
    `${line.model}: right in all 32 decisions ${text(exact.value)}, by the largest one ${
      text(accuracy.value)
    }, R² of ` +
    `the tempo as a number ${text(last.value)}${ends(last)}, of ${text(firstTwo.value)} in layers 1–2`
  );
  const share = (last: number, all: readonly ProbeRow[]) => last / Math.max(...all.map(({ value }) => value));
  const exactKept = found.map(({ line, exact }) =>
    share(exact.value, layerCurve(rows, line, "T", "authors", null).filter(({ layer }) => layer !== 0))
  );
  const squaresKept = found.filter(({ curve }) => curve.some(({ value }) => value > 0))
    .map(({ curve, last }) => Math.max(0, share(last.value, curve)));
  const kept = (shares: readonly number[]) => `${(100 * mean(shares)).toFixed(0)}%`;
  const fall = exactKept.every(Number.isFinite) && squaresKept.length > 0
    ? ` Of its best layer's score the last one keeps ${kept(exactKept)} by exact rows and ${kept(squaresKept)} by R² ` +
      "(means over the models)."
    : "";
  const verdict = known === found.length
    ? "So every last layer still knows tempo"
    : known === 0
    ? "So by this metric, too, no last layer is surely better than the mean tempo"
    : "So some last layers still know tempo, and others are not sure to";
  const panels = ["Tempo ↑\nexact rows (authors)", "Tempo ↑\naccuracy", "Tempo ↑\nR², quarters a minute"];
  const all = found.flatMap(({ line, curve }) => [
    ...layerCurve(rows, line, "T", "authors", null).filter(({ layer }) => layer !== 0).flatMap((row) =>
      points(row, panels[0])
    ),
    ...layerCurve(rows, line, "T", "sound").filter(({ layer }) => layer !== 0).flatMap((row) => points(row, panels[1])),
    ...curve.flatMap((row) => points(row, panels[2])),
  ]);
  return {
    question: "Is tempo lost in deep layers, or only by the authors' metric?",
    text:
      `At the last layer: ${each.join("; ")}. ${
        guess ? `Without features the most common tempo is right in ${text(guess.value)} of the bars. ` : ""
      }An R² above 0 is better than the mean tempo.${fall} ${verdict} (R² above 0 with its interval in ${known} of ` +
      `${found.length} models).`,
    plot: layerPlot(all, { title: "Tempo by layer, as three metrics see it", columns: 3 }),
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);

/** Means over a model's seeds of NT-Xent's validation scores, by the order of the batches. */
function contrastOf(evaluations: readonly Evaluation[], model: string) {
  const own = evaluations.filter((one) => one.model === model).flatMap(({ contrast }) => contrast ?? []);
  if (own.length === 0) return undefined;
  const of = (order: string, field: "accuracy" | "chance" | "identical" | "rows") =>
    mean(own.flatMap(({ validation, otherOrder }) => {
      const score = [validation, otherOrder].find((one) => one?.order === order);
      return score ? [score[field]] : [];
    }));
  const dropping = own.flatMap(({ dropping }) => dropping ? [dropping.accuracy] : []);
  return { of, seeds: own.length, dropping: dropping.length > 0 ? mean(dropping) : undefined };
}

/** Is neighbor's .059 the order of the authors' validation loader? Undefined without its evaluation. */
export function neighborOrder(evaluations: readonly Evaluation[]): Settled | undefined {
  const found = contrastOf(evaluations, "BERT-neighbor");
  if (!found) return undefined;
  const [ordered, disjoint] = ["song-order", "song-disjoint"].map((order) => ({
    accuracy: found.of(order, "accuracy"),
    chance: found.of(order, "chance"),
    identical: found.of(order, "identical"),
    rows: found.of(order, "rows"),
  }));
  const papers = paperTables.table1["BERT-neighbor"].ntXent!.validation;
  const times = (score: typeof ordered) => `${(score.accuracy / score.chance).toFixed(1)} times chance`;
  const ratio = disjoint.accuracy / ordered.accuracy;
  const verdict = !(ordered.accuracy < disjoint.accuracy)
    ? "The order does not lower the accuracy here, so it does not explain the paper's number"
    : ratio >= 2
    ? `The same weights are right ${
      ratio.toFixed(1)
    } times as often when the negatives come from other songs, so such a ` +
      "number tells how the loader orders bars more than what neighbors share"
    : `The same weights are right ${
      ratio.toFixed(1)
    } times as often when the negatives come from other songs, so the ` +
      "order explains only part of it";
  return {
    question: "Is BERT-neighbor's validation accuracy of .059 the order of the loader?",
    text: `The paper gives ${papers} from batches of consecutive bars. In such batches of ${
      ordered.rows.toFixed(0)
    } bars, BERT-neighbor's partner is the nearest in ${text(ordered.accuracy)} (${times(ordered)}), where ${
      text(ordered.identical)
    } of the negatives have the tokens of the bar itself; in batches with at most one bar of a song in ${
      text(disjoint.accuracy)
    } (${times(disjoint)}). ${verdict}.`,
    plot: bars(
      [
        { label: "bars in song order", value: ordered.accuracy },
        { label: "chance there", value: ordered.chance },
        { label: "bars of other songs", value: disjoint.accuracy },
        { label: "chance there too", value: disjoint.chance },
        { label: "the paper", value: papers },
      ],
      { title: "NT-Xent of BERT-neighbor on validation songs", x: "accuracy", decimals: 3 },
    ),
  };
}

/** What is dropout's 1.000? Undefined without its evaluation. */
export function dropoutsAccuracy(evaluations: readonly Evaluation[]): Settled | undefined {
  const found = contrastOf(evaluations, "BERT-dropout"), order = "song-disjoint";
  if (!found || found.dropping === undefined) return undefined;
  const [off, chance] = [found.of(order, "accuracy"), found.of(order, "chance")];
  const papers = paperTables.table1["BERT-dropout"].ntXent!.validation;
  return {
    question: "What is BERT-dropout's accuracy of 1.000?",
    text: "In evaluation dropout is off, so both views of a bar are the same input and the same state, whatever the " +
      `weights: ${text(off)} here and ${papers.toFixed(3)} in the paper say nothing of them. With dropout on, as in ` +
      `training, the partner is the nearest in ${text(found.dropping)} (chance ${text(chance)}).`,
    plot: bars(
      [
        { label: "dropout off, as in evaluation", value: off },
        { label: "dropout on, as in training", value: found.dropping },
        { label: "chance", value: chance },
      ],
      { title: "NT-Xent of BERT-dropout on validation songs", x: "accuracy", decimals: 3 },
    ),
  };
}

/** Does "aug worst at chords" hold when chords are scored by ranks? Undefined without BERT-aug's probes of chords. */
export function chordsByRanks(
  rows: readonly TableRow[],
  sound: readonly ClaimResult[],
  authors: readonly ClaimResult[],
): Settled | undefined {
  const claim = "BERT-aug is worst at chords";
  const [ranks, decisions] = [sound, authors].map((results) => results.find((one) => one.claim === claim));
  const best = (protocol: Protocol) =>
    modelsOf(rows).flatMap((line) => {
      const row = bestTestRow(rows, line, "C", protocol);
      return row && Number.isFinite(row.value) ? [row] : [];
    });
  const [bySound, byAuthors] = [best("sound"), best("authors")];
  const isAug = ({ model }: ProbeRow) => model === "BERT-aug";
  if (!ranks || !decisions || !bySound.some(isAug) || !byAuthors.some(isAug) || bySound.length < 2) return undefined;
  const scores = (all: readonly TableRow[]) =>
    listText(
      all.toSorted((a, b) => a.value - b.value).map(({ model, value, layer }) => `${model} ${text(value)} (${layer})`),
    );
  const { table3 } = paperTables;
  const papers = listText(
    paperModels.toSorted((a, b) => table3[a].C.value - table3[b].C.value).map((model) =>
      `${model} ${table3[model].C.value.toFixed(3)}`
    ),
  );
  const said = { held: "holds", not: "does not hold", undecided: "is undecided" };
  const verdict = ranks.verdict === decisions.verdict
    ? `The claim ${said[ranks.verdict]} either way.`
    : `Scored by ranks the claim ${said[ranks.verdict]}, by decisions it ${said[decisions.verdict]}.`;
  const panels = ["Chords ↑\nAUC of decisions (authors)", "Chords ↑\nAUC of scores"];
  const all = (["authors", "sound"] as const).flatMap((protocol, i) =>
    modelsOf(rows).flatMap((line) =>
      layerCurve(rows, line, "C", protocol, protocol === "authors" ? null : undefined).filter(({ layer }) =>
        layer !== 0
      )
        .flatMap((row) => points(row, panels[i]))
    )
  );
  return {
    question: "Is BERT-aug worst at chords when chords are scored by ranks?",
    text:
      `The authors score yes/no decisions, at a threshold set by hand; a score by ranks asks only that bars with the ` +
      `chord stand above those without. Best layers, the worst first, by ranks: ${scores(bySound)}; by decisions: ` +
      `${scores(byAuthors)}; in the paper, by decisions: ${papers}. ${verdict}`,
    plot: layerPlot(all, { title: "Chords by layer, by decisions and by ranks", columns: 2 }),
  };
}

/** The questions that the numbers at hand can answer. */
export function settledOf(
  { rows, evaluations, sound, authors }: {
    rows: readonly TableRow[];
    evaluations: readonly Evaluation[];
    sound: readonly ClaimResult[];
    authors: readonly ClaimResult[];
  },
): Settled[] {
  const all = [
    tempoInDeepLayers(rows),
    neighborOrder(evaluations),
    dropoutsAccuracy(evaluations),
    chordsByRanks(rows, sound, authors),
  ];
  return all.filter((one) => one !== undefined);
}
