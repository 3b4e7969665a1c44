/**
 * A task of the user's own: labels of bars in a CSV file, and probes for them.
 * @module
 */
import type { Split } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { fitSums, predictRows, sumLayer } from "../matrix/layer_ridge.ts";
import type { RidgeFit } from "../matrix/ridge.ts";
import type { RowSource } from "../matrix/rows.ts";
import { classTargets, takeTargetRows, valueTargets } from "../matrix/targets.ts";
import { bootstrap } from "../metrics/intervals.ts";
import type { ProbeMeta, ProbeRow } from "./rows.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { accuracyScore, argMax, errorScore, indexSongs, macroMean, type SongScore } from "../metrics/class_scores.ts";
import { aucByClass, rankByClass } from "../metrics/ranking.ts";

/** A file of labels that cannot be used; names each bad line. */
export class LabelsError extends Error {
  /** Tells it from other errors. */
  override name = "LabelsError";
}

/** Labels of some bars of a corpus. */
export interface OwnLabels {
  /** Whether labels are classes or numbers. */
  kind: "class" | "number";
  /** Why they were taken so, in words. */
  why: string;
  /** The classes, sorted; empty for numbers. */
  classes: string[];
  /** Class (a place in `classes`) or number of each labelled bar of the store. */
  answers: Map<number, number>;
}

/** Whole numbers are taken for classes up to this many different ones; `kind` overrules it. */
const MOST_CLASSES = 20;

/** Most bad lines that a message names. */
const MOST_LINES = 20;

/** The fields of a line of CSV (RFC 4180, without line breaks inside fields). */
function fieldsOf(line: string): string[] {
  const fields: string[] = [], pattern = /(?:"((?:[^"]|"")*)"|([^,]*))(,|$)/y;
  for (;;) {
    const found = pattern.exec(line);
    if (!found) return [...fields, ...line.slice(pattern.lastIndex).split(",")];
    fields.push(found[1] === undefined ? found[2].trim() : found[1].replaceAll('""', '"'));
    if (found[3] === "") return fields;
  }
}

/**
 * Reads labels from CSV text with the columns `song` (path in the corpus, or its id), `bar` (index in the song, from
 * 0, bars that are not kept counted) and `label`, in any order, beside any others. Empty lines are passed over.
 *
 * Labels are numbers if every one is, unless all are whole and of at most twenty values; else classes.
 *
 * @param kind overrules what the content says
 * @throws {LabelsError} naming every bad line: what was expected and what it holds
 *
 * @example
 * ```ts
 * import { parseLabels } from "@lib/probing/own_labels.ts";
 * import { buildCorpus } from "../corpus/build.ts";
 * import { openCorpus } from "../corpus/store_reader.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await buildCorpus("tests/golden/bars", dir, recipe("sound", "demo"));
 * const corpus = await openCorpus(dir), { file } = corpus.songs[0];
 * const { kind, classes } = parseLabels(`song,bar,label\n${file},${corpus.barIndex(0)},happy\n`, "mine.csv", corpus);
 * assertEquals([kind, ...classes], ["class", "happy"]);
 * corpus.close();
 * await Deno.remove(dir, { recursive: true });
 * ```
 */
export function parseLabels(text: string, path: string, corpus: Corpus, kind?: "class" | "number"): OwnLabels {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/), names = fieldsOf(lines[0]);
  const places = ["song", "bar", "label"].map((name) => names.indexOf(name));
  if (places.includes(-1)) {
    throw new LabelsError(`${path}, line 1: expected the columns song, bar and label, found ${lines[0] || "nothing"}.`);
  }
  const songs = new Map<string, number>(), bars = new Map<string, number>();
  corpus.songs.forEach(({ file, id }, song) => songs.set(id, song).set(file, song));
  for (let bar = 0; bar < corpus.bars; bar++) bars.set(`${corpus.song(bar)} ${corpus.barIndex(bar)}`, bar);
  const labels = new Map<number, string>(), bad: string[] = [], notKept: number[] = [];
  lines.forEach((line, i) => {
    if (i === 0 || line.trim() === "") return;
    const wrong = (what: string) => void bad.push(`line ${i + 1}: ${what}`);
    const fields = fieldsOf(line), [name, index, label] = places.map((place) => fields[place]);
    if (fields.length !== names.length) return wrong(`expected ${names.length} fields, found ${fields.length}`);
    const song = songs.get(name);
    if (song === undefined) return wrong(`expected a song of the corpus (its file or id), found ${name || "nothing"}`);
    if (!/^\d+$/.test(index)) return wrong(`expected a bar's index from 0, found ${index || "nothing"}`);
    const { allBars, file } = corpus.songs[song], bar = bars.get(`${song} ${Number(index)}`);
    if (Number(index) >= allBars) return wrong(`expected a bar of ${file} (0…${allBars - 1}), found ${index}`);
    if (label === "") return wrong("expected a label, found nothing");
    if (bar === undefined) return void notKept.push(i + 1); // too few notes: not in the store, and no fault of the file
    if (labels.has(bar)) return wrong(`expected one label a bar, found a second one of ${file}, bar ${index}`);
    labels.set(bar, label);
  });
  const isNumber = (label: string) => /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(label);
  const held = [...labels.values()], distinct = [...new Set(held)].sort();
  const numeric = held.every(isNumber), whole = held.every((label) => /^[+-]?\d+$/.test(label));
  const taken = kind ?? (numeric && !(whole && distinct.length <= MOST_CLASSES) ? "number" : "class");
  if (taken === "number" && !numeric) {
    for (const [bar, label] of labels) {
      if (!isNumber(label)) bad.push(`song ${corpus.songs[corpus.song(bar)].file}: expected a number, found ${label}`);
    }
  }
  if (bad.length > 0) {
    const more = bad.length > MOST_LINES ? `\n  and ${bad.length - MOST_LINES} more` : "";
    throw new LabelsError(
      `${path}: expected labels of bars, found ${bad.length} bad lines:\n  ${
        bad.slice(0, MOST_LINES).join("\n  ")
      }${more}`,
    );
  }
  if (taken === "class" && distinct.length < 2 && held.length > 1) {
    throw new LabelsError(`${path}: expected at least two different labels, found ${distinct[0]} alone.`);
  }
  if (held.length === 0) throw new LabelsError(`${path}: expected labels of bars in the corpus, found none.`);
  const why = kind
    ? "as told"
    : taken === "number"
    ? "every label is a number"
    : numeric
    ? `whole numbers of ${distinct.length} values, ${MOST_CLASSES} at most`
    : `${held.find((label) => !isNumber(label))} is no number`;
  const left = notKept.length > 0 ? `; ${notKept.length} labels are of bars with too few notes and left out` : "";
  const classes = taken === "class" ? distinct : [];
  const answerOf = (label: string) => taken === "class" ? classes.indexOf(label) : Number(label);
  return {
    kind: taken,
    why: `${held.length} bars, ${taken === "class" ? `${classes.length} classes` : "numbers"}: ${why}${left}`,
    classes,
    answers: new Map([...labels].map(([bar, label]) => [bar, answerOf(label)])),
  };
}

/** A row of the results table for a task that has the user's name for it. */
export type OwnRow = Omit<ProbeRow, "task"> & { task: string };

/** Bars of the splits, in the order of the features' rows. */
export type SplitBars = Record<Split, ArrayLike<number>>;

/**
 * Probes one layer for the user's labels, soundly: α of `recipe.probing.alphas` by the validation songs, scores on
 * validation and test songs with 95% intervals over test songs. Classes: `accuracy` and `accuracyMacro` of the largest
 * decision, `aucMacro` of decision values; numbers: `rmse`, `mae`, `r2`. The guess (most common class, mean) stands
 * beside as `guessAccuracy` or `guessRmse`. Bars without a label are left out.
 *
 * @throws {LabelsError} if a split has no labelled bar
 */
export async function probeOwn(
  features: Record<Split, RowSource> & { columns: number },
  bars: SplitBars,
  corpus: Corpus,
  { kind, classes, answers }: OwnLabels,
  recipe: Recipe,
  meta: ProbeMeta,
  task = "own",
): Promise<OwnRow[]> {
  const ask = (split: Split) => {
    const rows = Int32Array.from(Array.from({ length: bars[split].length }, (_, r) => r))
      .filter((r) => answers.has(bars[split][r]));
    if (rows.length === 0) {
      throw new LabelsError(`Labels: expected some of ${split} songs, found none; label bars of more songs.`);
    }
    const truth = Array.from(rows, (r) => answers.get(bars[split][r])!);
    return { rows, truth, ...indexSongs(Array.from(rows, (r) => corpus.song(bars[split][r]))) };
  };
  const asked = { train: ask("train"), validation: ask("validation"), test: ask("test") }, { train } = asked;
  const targets = kind === "class"
    ? classTargets(train.truth.map((answer) => [answer]), classes.length)
    : valueTargets(train.truth);
  const none = valueTargets(new Float64Array(bars.train.length));
  const sums = await sumLayer(features.train, features.columns, {
    all: takeTargetRows(none, [...Array(bars.train.length).keys()]),
    some: train.rows,
    ofSome: targets,
  });
  const alphas = recipe.probing.alphas.toSorted((a, b) => b - a), fits = await fitSums(sums.ofSome, alphas);
  const scoreOf = ({ truth, songs, songCount }: ReturnType<typeof ask>, values: Float64Array): SongScore<string> => {
    if (kind === "number") return errorScore(values, truth, { songs, songCount });
    const rows = truth.length, labels = new Uint8Array(classes.length * rows);
    truth.forEach((answer, r) => labels[answer * rows + r] = 1);
    const table = { classes: classes.length, rows, labels, songs, songCount };
    const hits = accuracyScore(argMax(values, classes.length), truth, classes.length, table);
    const area = aucByClass(rankByClass(values, table), table);
    return (weights) => ({ ...hits(weights), aucMacro: macroMean(area(weights)) });
  };
  const once = (songs: number) => new Float64Array(songs).fill(1);
  const predict = async (split: "validation" | "test", some: readonly RidgeFit[]) =>
    (await predictRows(some, features[split], asked[split].rows)).map((values) => scoreOf(asked[split], values));
  const tried = (await predict("validation", fits)).map((score) => {
    const found = score(once(asked.validation.songCount));
    return kind === "class" ? found.accuracy : -found.rmse;
  });
  const best = tried.indexOf(Math.max(...tried)), chosen = fits[best]; // the largest penalty among equals
  const common = classes.map((_, c) => train.truth.filter((answer) => answer === c).length);
  const mean = train.truth.reduce((sum, value) => sum + value / train.truth.length, 0);
  const found: OwnRow[] = [];
  for (const split of ["validation", "test"] as const) {
    const { truth, songCount, rows } = asked[split], guess = new Float64Array(truth.length);
    if (kind === "number") guess.fill(mean);
    const [score] = await predict(split, [chosen]);
    const beside: SongScore<string> = kind === "number"
      ? ((score) => (weights) => ({ guessRmse: score(weights).rmse }))(errorScore(guess, truth, asked[split]))
      : ((score) => (weights) => ({ guessAccuracy: score(weights).accuracy }))(
        accuracyScore(guess.fill(common.indexOf(Math.max(...common))), truth, classes.length, asked[split]),
      );
    const resamplings = split === "test" ? recipe.probing.bootstraps : 0;
    const scores = bootstrap((weights) => ({ ...score(weights), ...beside(weights) }), songCount, {
      resamplings,
      seed: recipe.seed,
    });
    for (const [metric, { value, low, high }] of Object.entries(scores)) {
      found.push({
        ...meta,
        ...{ labels: "true", task, metric, protocol: "sound", split, value, low, high, draw: null, std: null },
        ...{ rows: rows.length, songs: songCount, threshold: null, skippedClasses: null, k: null },
        alpha: metric.startsWith("guess") ? null : chosen.alpha,
      });
    }
  }
  return found;
}
