/**
 * A task of the user's own: labels of bars in a CSV file, and probes for them.
 * @module
 */
import { csvColumns } from "../base/csv.ts";
import { UserError } from "../base/user_error.ts";
import { type Split, splits } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { fitSums, predictors, sumLayer } from "../matrix/layer_ridge.ts";
import { classTargets, joinTargets, valueTargets } from "../matrix/targets.ts";
import { classParts, classRows, largestClass, type Predicted, resampledAreas } from "../metrics/class_parts.ts";
import { accuracyScore, errorScore, indexSongs, macroMean, type SongScore } from "../metrics/class_scores.ts";
import { resample, type Resampled, weightings } from "../metrics/intervals.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { collector, type LayerFeatures, type ProbeMeta, type ProbeRow } from "./rows.ts";

/** Labels that cannot be used; names each bad line. */
export class LabelsError extends UserError {}

/**
 * Labels of some bars of a corpus: why they were taken for classes or numbers and what was left out, in words; the
 * classes, sorted (none for numbers); and the class (a place in `classes`) or number of each labelled bar of the store.
 */
export type OwnLabels = { kind: "class" | "number"; why: string; classes: string[]; answers: Map<number, number> };

/** Whole numbers are taken for classes up to this many different ones; `kind` overrules it. */
const MOST_CLASSES = 20;

/** Most bad lines or classes that a message names. */
const MOST_LINES = 20;

/** Some names, the first of many. */
const listed = (names: readonly string[]): string =>
  names.slice(0, MOST_LINES).join(", ") + (names.length > MOST_LINES ? ` and ${names.length - MOST_LINES} more` : "");

/** A path as the store writes it, whatever system and Unicode form it comes from. */
const plainPath = (path: string): string => path.normalize("NFC").replaceAll("\\", "/").replace(/^(\.\/)+/, "");

/** Finds songs by id or file; gives the song's number, the reason for which tokenizing left it out, or undefined. */
export function songFinder({ songs, rejected }: Corpus): (name: string) => number | string | undefined {
  const known = new Map<string, number | string>();
  for (const { file, reason } of rejected) known.set(file, reason).set(plainPath(file), reason);
  songs.forEach(({ file }, song) => known.set(plainPath(file), song));
  songs.forEach(({ file, id }, song) => known.set(id, song).set(file, song)); // exact names win
  return (name) => {
    const path = plainPath(name), found = known.get(name) ?? known.get(path);
    if (found !== undefined || !/^([a-zA-Z]:)?\//.test(path)) return found;
    // An absolute path ends with the song's file; the longest such file is meant.
    const parts = path.split("/").slice(1), ends = parts.map((_, i) => parts.slice(i).join("/"));
    return known.get(ends.find((end) => known.has(end)) ?? name);
  };
}

/** `3 no-kept-bars, 1 duplicate`. */
const countsOf = (reasons: readonly string[]): string =>
  [...Map.groupBy(reasons, (reason) => reason)].map(([reason, all]) => `${all.length} ${reason}`).join(", ");

/** The rows of CSV text with the columns song, bar and label; a {@link LabelsError} if one is missing. */
export function labelTable(text: string, path: string): NonNullable<ReturnType<typeof csvColumns>> {
  const table = csvColumns(text.replace(/^\ufeff/, ""), ["song", "bar", "label"]);
  if (table) return table;
  const found = text.split(/\r?\n|\r/, 1)[0].slice(0, 200) || "nothing";
  throw new LabelsError(`${path}, line 1: expected the columns song, bar and label, found ${found}.`);
}

/**
 * Reads labels from CSV text with the columns `song` (path in the corpus, or its id), `bar` (index in the song, from
 * 0, bars that are not kept counted) and `label`, in any order, beside any others, parted by commas, semicolons or tabs.
 *
 * Labels are numbers if every one is, unless all are whole and of at most twenty values; else classes. Labels of bars
 * with too few notes and of songs that tokenizing left out are counted and left out.
 *
 * @param kind overrules what the content says
 * @throws {LabelsError} naming every bad line: what was expected and what it holds
 */
export function parseLabels(text: string, path: string, corpus: Corpus, kind?: "class" | "number"): OwnLabels {
  const table = labelTable(text, path), find = songFinder(corpus), bars = new Map<string, number>();
  for (let bar = 0; bar < corpus.bars; bar++) bars.set(`${corpus.song(bar)} ${corpus.barIndex(bar)}`, bar);
  const labels = new Map<number, { line: number; label: string }>(), bad: string[] = [], leftOut: string[] = [];
  for (const { line, fields, values: [name, place, label] } of table.rows) {
    const wrong = (expected: string, found: string | number = "nothing") =>
      void bad.push(`line ${line}: expected ${expected}, found ${found === "" ? "nothing" : found}`);
    const song = find(name ?? ""), index = /^(\d+)(\.0*)?$/.exec(place ?? "")?.[1]; // pandas writes 0.0
    if (fields !== table.columns) wrong(`${table.columns} fields`, fields);
    else if (song === undefined) wrong("a song of the corpus (its file or id)", name);
    else if (index === undefined) wrong("a bar's index from 0", place);
    else if (label === "") wrong("a label");
    else if (typeof song === "string") leftOut.push(song);
    else {
      const { allBars, file } = corpus.songs[song], bar = bars.get(`${song} ${Number(index)}`);
      if (Number(index) >= allBars) wrong(`a bar of ${file} (0…${allBars - 1})`, index);
      else if (bar === undefined) leftOut.push("too few notes");
      else if (labels.has(bar)) wrong("one label a bar", `a second one of ${file}, bar ${index}`);
      else labels.set(bar, { line, label: label!.normalize("NFC") });
    }
  }
  const numberOf = (label: string) => {
    const decimal = table.separator === ";" ? label.replace(",", ".") : label; // where semicolons part fields
    return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(decimal)
      ? Number(decimal)
      : /^[+-]?(nan|inf|infinity)$/i.test(decimal)
      ? NaN
      : undefined;
  };
  const all = [...labels.values()].map(({ label }) => label), distinct = [...new Set(all)].sort();
  const word = all.find((label) => numberOf(label) === undefined);
  const numeric = word === undefined && all.some((label) => !Number.isNaN(numberOf(label)));
  const few = distinct.length <= MOST_CLASSES && all.every((label) => /^[+-]?\d+$/.test(label));
  const taken = kind ?? (numeric && !few ? "number" : "class");
  if (taken === "number") {
    for (const { line, label } of labels.values()) {
      const value = numberOf(label), expected = value === undefined ? "a number" : "a finite number";
      if (!Number.isFinite(value)) bad.push(`line ${line}: expected ${expected}, found ${label}`);
    }
  }
  const without = leftOut.length > 0 ? `; left out: ${leftOut.length} labels (${countsOf(leftOut)})` : "";
  if (bad.length > 0) {
    const more = bad.length > MOST_LINES ? `\n  and ${bad.length - MOST_LINES} more` : "";
    const lines = bad.slice(0, MOST_LINES).join("\n  ");
    throw new LabelsError(`${path}: expected labels of bars, found ${bad.length} bad lines:\n  ${lines}${more}`);
  }
  if (all.length === 0) throw new LabelsError(`${path}: expected labels of bars in the corpus, found none${without}.`);
  if (distinct.length < 2 && all.length > 1) {
    throw new LabelsError(`${path}: expected at least two different labels, found ${distinct[0]} alone${without}.`);
  }
  const why = kind
    ? "as --labels-are says"
    : taken === "number"
    ? "every label is a number"
    : numeric
    ? `whole numbers of ${distinct.length} values, ${MOST_CLASSES} at most`
    : `${word ?? distinct[0]} is no number`;
  const classes = taken === "class" ? distinct : [];
  const answerOf = (label: string) => taken === "class" ? classes.indexOf(label) : numberOf(label)!;
  return {
    ...{ kind: taken, classes },
    why: `${all.length} bars, ${taken === "class" ? `${classes.length} classes` : "numbers"}: ${why}${without}`,
    answers: new Map([...labels].map(([bar, { label }]) => [bar, answerOf(label)])),
  };
}

/** A row of the results table for a task that has the user's name for it. */
export type OwnRow = ProbeRow<string>;

/** Bars of the splits, in the order of the features' rows. */
export type SplitBars = Record<Split, ArrayLike<number>>;

/** The labelled rows of a split, their answers and songs. */
function labelled(bars: ArrayLike<number>, corpus: Corpus, { answers }: OwnLabels) {
  const rows = Int32Array.from(Array.from(bars).keys()).filter((r) => answers.has(bars[r]));
  return {
    rows,
    truth: Array.from(rows, (r) => answers.get(bars[r])!),
    ...indexSongs(Array.from(rows, (r) => corpus.song(bars[r]))),
  };
}

/**
 * Refuses labels that no probe can be fitted on or scored with, before bars are embedded.
 *
 * @returns what a reader should know: classes that training lacks, or that a scored split has alone
 * @throws {LabelsError} if a split has no labelled bar, training has one class or number alone, or a scored split has no
 * class of training
 */
export function checkLabels(labels: OwnLabels, path: string, bars: SplitBars, corpus: Corpus): string[] {
  const { kind, classes } = labels, name = (answer: number) => kind === "class" ? classes[answer] : String(answer);
  const refuse = (expected: string, found: string) =>
    new LabelsError(`${path}: expected ${expected}, found ${found}; label bars of more songs.`);
  const [train, ...scored] = splits.map((split) => {
    const { truth } = labelled(bars[split], corpus, labels);
    if (truth.length === 0) throw refuse(`labels in ${split} songs`, "none");
    return new Set(truth);
  });
  if (train.size < 2) throw refuse("at least two different labels in train songs", `${name([...train][0])} alone`);
  return scored.flatMap((set, i): string[] => {
    const split = splits[i + 1], unseen = [...set].filter((answer) => kind === "class" && !train.has(answer)).map(name);
    if (unseen.length === set.size) throw refuse(`classes of train songs in ${split} songs`, `${listed(unseen)} alone`);
    return [
      ...unseen.length > 0 ? [`classes of ${split} songs that train lacks: ${listed(unseen)}`] : [],
      ...set.size < 2 ? [`${split} songs have ${name([...set][0])} alone, so that some scores are undefined`] : [],
    ];
  });
}

/**
 * Probes one layer for the user's labels, soundly: α of `recipe.probing.alphas` by the validation songs, scores on
 * validation and test songs with 95% intervals over test songs. Classes: `accuracy` and `accuracyMacro` of the largest
 * decision, `aucMacro` of decision values; numbers: `rmse`, `mae`, `r2`. The guess (most common class, mean) has
 * `guessAccuracy` or `guessRmse`. Bars without a label are left out.
 *
 * @param labels that `checkLabels` lets pass
 */
export async function probeOwn(
  features: LayerFeatures,
  bars: SplitBars,
  corpus: Corpus,
  labels: OwnLabels,
  recipe: Recipe,
  meta: ProbeMeta,
  task = "own",
): Promise<OwnRow[]> {
  const { kind, classes } = labels, isClass = kind === "class", { alphas } = recipe.probing;
  const [train, validation, test] = splits.map((split) => labelled(bars[split], corpus, labels));
  const { ofSome } = await sumLayer(features.train, features.columns, {
    all: joinTargets([], bars.train.length),
    some: train.rows,
    ofSome: isClass ? classTargets(train.truth.map((answer) => [answer]), classes.length) : valueTargets(train.truth),
  });
  const fits = await fitSums(ofSome, alphas.toSorted((a, b) => b - a)); // the largest penalty wins among equals
  const rowsOf = ({ truth, songs }: typeof test) => classRows((r) => [truth[r]], songs, [...classes.keys()]);
  /** Accuracies, or errors. */
  const scoreOf = async (asked: typeof test, predicted: Predicted): Promise<SongScore<string>> =>
    isClass
      ? accuracyScore(await largestClass(rowsOf(asked), predicted), asked.truth, classes.length, asked)
      : errorScore(await predicted(0, 1), asked.truth, asked);
  const tried = await Array.fromAsync(predictors(fits, features.validation, validation.rows), async (predicted) => {
    const score = await scoreOf(validation, predicted);
    const { accuracy, rmse } = score(new Float64Array(validation.songCount).fill(1));
    return isClass ? accuracy : -rmse;
  });
  const chosen = fits[tried.indexOf(Math.max(...tried))];
  const counts = classes.map((_, c) => train.truth.filter((answer) => answer === c).length);
  const mean = train.truth.reduce((sum, value) => sum + value / train.truth.length, 0);
  const guess = isClass ? counts.indexOf(Math.max(...counts)) : mean;
  const written = collector<string>(meta, recipe);
  for (const [split, asked] of [["validation", validation], ["test", test]] as const) {
    const [predicted] = predictors([chosen], features[split], asked.rows), guesses = asked.truth.map(() => guess);
    const guessed: SongScore<string> = isClass
      ? accuracyScore(guesses, asked.truth, classes.length, asked)
      : errorScore(guesses, asked.truth, asked);
    const guessScore = (weights: Float64Array): Record<string, number> =>
      isClass ? { guessAccuracy: guessed(weights).accuracy } : { guessRmse: guessed(weights).rmse };
    const { rows: { length }, songCount: songs } = asked;
    const place = { labels: "true", task, protocol: "sound", split, rows: length, songs } as const;
    const resampling = written.resampling(place);
    const resampled: Resampled = resample(await scoreOf(asked, predicted), resampling);
    if (isClass) {
      const areas = new Float64Array(classes.length * weightings(resampling));
      for await (const part of classParts(rowsOf(asked), predicted)) resampledAreas(areas, part, resampling);
      const at = (place: number) => areas.subarray(classes.length * place, classes.length * (place + 1));
      resampled.aucMacro = Float64Array.from({ length: weightings(resampling) }, (_, place) => macroMean(at(place)));
    }
    written.collectResampled(place, { resampled, fixed: {} }, { alpha: chosen.alpha });
    written.collect(place, { resampled: guessScore, fixed: {} });
  }
  return written.rows;
}
