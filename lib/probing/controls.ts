/**
 * Labels that say nothing of a bar's music, and drawings of bars: what stands beside the true labels.
 * @module
 */
import type { BarLabels } from "../tokens/labels.ts";
import type { BarTable } from "../metrics/tasks.ts";
import type { BarTables, Draw, ProbeTables } from "./rows.ts";
import { type Random, sample, shuffle, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { vocabulary } from "../tokens/vocabulary.ts";

/** At most `most` rows of each song (0: all), drawn without replacement, ascending. */
export function drawRows(songs: ArrayLike<number>, most: number, random: (song: number) => Random): Int32Array {
  const bySong = Map.groupBy(Array.from({ length: songs.length }, (_, r) => r), (r) => songs[r]);
  if (most === 0) return Int32Array.from({ length: songs.length }, (_, r) => r);
  const drawn = [...bySong].flatMap(([song, rows]) => sample(rows, most, random(song)));
  return Int32Array.from(drawn).sort();
}

/** The authors' drawings: songs stay, their bars are drawn anew each time (STUDY §11.2–11.3). */
export function drawBars({ train, test }: BarTables, { probing, seed }: Recipe): Draw[] {
  const { draws, drawnTrainBars, drawnTestBars } = probing;
  return Array.from({ length: draws }, (_, draw) => ({
    train: drawRows(train.songs, drawnTrainBars, (song) => stream(seed, "draw", draw, "train", song)),
    test: drawRows(test.songs, drawnTestBars, (song) => stream(seed, "draw", draw, "test", song)),
  }));
}

/** What a bar is asked for beside its chords, which only some bars have. */
const withChordsOf = (labels: BarLabels, donor: BarLabels): BarLabels => ({ ...labels, chords: donor.chords });

/** Rows in the order of a permutation: song after song in another order, or any order. */
function permutedRows(songs: ArrayLike<number>, rows: number[], by: "songs" | "bars", random: Random): number[] {
  if (by === "bars") return shuffle(rows, random);
  const bySong = Map.groupBy(rows, (r) => songs[r]);
  const order = shuffle([...bySong.keys()], random).flatMap((song) => bySong.get(song)!);
  // Turned by a random count, so that a song does not meet its own labels for standing first.
  const turn = random.integer(Math.max(1, order.length));
  return [...order.slice(turn), ...order.slice(0, turn)];
}

/**
 * A table with the same answers given to other bars: what a probe scores that is fitted on them is what it finds in
 * chance alone.
 *
 * `songs` lays the songs' answers end to end over the bars in another order of songs: neighbouring bars stay alike,
 * as they are in truth, so that the control errs as much as the probe does; under `bars` each bar's answer is
 * a stranger's. Chords change places among the bars that have one, so that the same bars are asked.
 */
export function permuteLabels({ labels, songs }: BarTable, by: "songs" | "bars", seed: number): BarTable {
  const all = [...labels.keys()], withChord = all.filter((r) => labels[r].chords.length > 0);
  const random = stream(seed, "permuted labels", labels.length);
  const others = permutedRows(songs, all, by, random), chords = permutedRows(songs, withChord, by, random);
  const chordOf = new Map(withChord.map((row, i) => [row, chords[i]]));
  return {
    songs,
    labels: all.map((row, i) => withChordsOf(labels[others[i]], labels[chordOf.get(row) ?? row])),
  };
}

/** A bar's type for control tasks: its lowest pitch that is no drum's, or the pitch or drum of its first note. */
export function barType(tokens: ArrayLike<number>, by: "lowest-pitch" | "first-note"): number {
  let lowest = -1, first = -1;
  for (let i = 0; i < tokens.length; i++) {
    const kind = vocabulary.kind(tokens[i]);
    if (kind !== "Pitch" && kind !== "Pitch_Drum") continue;
    if (first < 0) first = tokens[i];
    if (kind === "Pitch" && (lowest < 0 || tokens[i] < lowest)) lowest = tokens[i];
  }
  return by === "first-note" || lowest < 0 ? first : lowest;
}

/**
 * Control tasks after Hewitt and Liang (2019): every bar of one type gets the answers of one training bar, drawn for
 * the type. The labels are spread as the true ones are, are the same for a type in training and test, and follow from
 * nothing but the type: a probe that scores well on them learns by heart. Selectivity is the task's score less the
 * control's.
 *
 * Bars without a chord keep none, so that the same bars are asked.
 *
 * @param types of the bars of each split, see {@link barType}
 */
export function controlTask(
  tables: BarTables,
  types: Record<"train" | "validation" | "test", readonly number[]>,
  seed: number,
): BarTables {
  const { labels } = tables.train, withChord = labels.filter(({ chords }) => chords.length > 0);
  const answers = new Map<number, { any: BarLabels; chord: BarLabels | undefined }>();
  const answerOf = (type: number) => {
    let found = answers.get(type);
    if (!found) {
      const random = stream(seed, "control task", type);
      const pick = (from: BarLabels[]) => from[random.integer(from.length)];
      answers.set(type, found = { any: pick(labels), chord: withChord.length > 0 ? pick(withChord) : undefined });
    }
    return found;
  };
  const relabel = (table: BarTable, of: readonly number[]): BarTable => ({
    songs: table.songs,
    labels: table.labels.map((own, r) => {
      const { any, chord } = answerOf(of[r]);
      return withChordsOf(any, own.chords.length > 0 && chord ? chord : own);
    }),
  });
  return {
    train: relabel(tables.train, types.train),
    validation: relabel(tables.validation, types.validation),
    test: relabel(tables.test, types.test),
  };
}

/** The tables with the recipe's drawings and controls. */
export function withControls(
  tables: BarTables,
  types: Record<"train" | "validation" | "test", readonly number[]>,
  recipe: Recipe,
): ProbeTables {
  const { permuted, controlType } = recipe.probing;
  const controls: ProbeTables["controls"] = [];
  if (permuted !== "none") {
    controls.push({ ...tables, labels: "permuted", train: permuteLabels(tables.train, permuted, recipe.seed) });
  }
  if (controlType !== "none") controls.push({ labels: "control", ...controlTask(tables, types, recipe.seed) });
  return { ...tables, draws: drawBars(tables, recipe), controls };
}

/** How often each token stands in each bar, for the tokens whose count is not the same in all training bars. */
export function tokenCounts(
  bars: Record<"train" | "validation" | "test", ArrayLike<number>[]>,
): { columns: number; train: Float32Array; validation: Float32Array; test: Float32Array } {
  const count = (tokens: ArrayLike<number>) => {
    const row = new Float32Array(vocabulary.size);
    for (let i = 0; i < tokens.length; i++) row[tokens[i]]++;
    return row;
  };
  const first = count(bars.train[0] ?? []), varies = first.map(() => 0);
  for (const tokens of bars.train) count(tokens).forEach((n, id) => n === first[id] || (varies[id] = 1));
  // A column that does not vary has no weight in a ridge and no say in clusters.
  const ids = [...varies.keys()].filter((id) => varies[id] === 1);
  const flat = (all: ArrayLike<number>[]) => {
    const out = new Float32Array(all.length * ids.length);
    all.forEach((tokens, r) => {
      const row = count(tokens);
      ids.forEach((id, c) => out[r * ids.length + c] = row[id]);
    });
    return out;
  };
  return { columns: ids.length, train: flat(bars.train), validation: flat(bars.validation), test: flat(bars.test) };
}
