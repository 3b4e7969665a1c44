/**
 * Controls of probing: labels that say nothing of a bar's music, drawings of bars, and features that need no encoder.
 * @module
 */
import { type Random, sample, shuffle, stream } from "../base/random.ts";
import { inSharedMemory } from "../base/worker_pool.ts";
import type { Split } from "../corpus/split.ts";
import { type RowSink, rowsInMemory, type RowSource } from "../matrix/rows.ts";
import { type LabelTable, listAt, takeLabels } from "../metrics/label_columns.ts";
import { type BarTable, rowsWithChord } from "../metrics/tasks.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { vocabulary } from "../tokens/vocabulary.ts";
import type { BarTables, Draw, ProbeTables } from "./rows.ts";

/** At most `most` rows of each song (0: all), drawn without replacement, ascending. */
function drawRows(songs: ArrayLike<number>, most: number, random: (song: number) => Random): Int32Array {
  const all = Array.from({ length: songs.length }, (_, r) => r);
  if (most === 0) return Int32Array.from(all);
  const drawn = [...Map.groupBy(all, (r) => songs[r])].flatMap(([song, rows]) => sample(rows, most, random(song)));
  return inSharedMemory(Int32Array.from(drawn).sort());
}

/** The authors' drawings: songs stay, their bars are drawn anew each time (STUDY §11.2–11.3). */
export function drawBars({ train, test }: BarTables, { probing, seed }: Recipe): Draw[] {
  const { draws, drawnTrainBars, drawnTestBars } = probing;
  return Array.from({ length: draws }, (_, draw) => ({
    train: drawRows(train.songs, drawnTrainBars, (song) => stream(seed, "draw", draw, "train", song)),
    test: drawRows(test.songs, drawnTestBars, (song) => stream(seed, "draw", draw, "test", song)),
  }));
}

/** Rows in another order: song after song, or any. */
function permutedRows(songs: ArrayLike<number>, rows: number[], by: "songs" | "bars", random: Random): number[] {
  if (by === "bars") return shuffle(rows, random);
  const bySong = Map.groupBy(rows, (r) => songs[r]);
  const order = shuffle([...bySong.keys()], random).flatMap((song) => bySong.get(song)!);
  // Turned by a random count, so that the first song does not always meet a song's start.
  const turn = random.integer(Math.max(1, order.length));
  return [...order.slice(turn), ...order.slice(0, turn)];
}

/**
 * A table whose labels are dealt to other bars: a probe that is fitted on them finds chance alone. `songs` lays the
 * songs' labels end to end in another order of songs: neighbouring bars stay alike, so that the control errs as much as
 * the probe does. `bars` shuffles single bars. Chords change places among the bars that have one.
 */
export function permuteLabels<L extends LabelTable>(
  { labels, songs }: BarTable<L>,
  by: "songs" | "bars",
  seed: number,
): BarTable<L> {
  const all = Array.from({ length: labels.length }, (_, row) => row);
  const withChord = Array.from(rowsWithChord({ labels, songs }));
  const random = stream(seed, "permuted labels", labels.length);
  const others = permutedRows(songs, all, by, random), donors = permutedRows(songs, withChord, by, random);
  const donorOf = Int32Array.from(all); // whose chords a row gets
  withChord.forEach((row, i) => donorOf[row] = donors[i]);
  return { songs, labels: takeLabels(labels, Int32Array.from(others), donorOf) };
}

/** A bar's type for control tasks: its lowest pitch that is no drum's, or the pitch or drum of its first note. */
export function barType(tokens: ArrayLike<number>, by: "lowest-pitch" | "first-note"): number {
  const notes = Array.from(tokens).filter((token) => ["Pitch", "Pitch_Drum"].includes(vocabulary.kind(token)));
  const pitches = notes.filter((token) => vocabulary.kind(token) === "Pitch");
  return by === "first-note" || pitches.length === 0 ? notes[0] ?? -1 : Math.min(...pitches);
}

/**
 * Control tasks after Hewitt and Liang (2019): every bar of one type gets the labels of one training bar, drawn for the
 * type. A probe that scores well on them learns by heart: selectivity is the task's score less the control's. Bars
 * without a chord keep none, so that chords are probed on the same bars.
 *
 * @param types of the bars of each split, see {@link barType}
 */
export function controlTask<L extends LabelTable>(
  tables: BarTables<L>,
  types: Record<Split, ArrayLike<number>>,
  seed: number,
): BarTables<L> {
  const { labels } = tables.train, withChord = rowsWithChord(tables.train);
  const drawDonors = (type: number) => {
    const { integer } = stream(seed, "control task", type), any = integer(labels.length);
    return { any, chords: withChord.length > 0 ? withChord[integer(withChord.length)] : -1 };
  };
  const donors = new Map<number, ReturnType<typeof drawDonors>>(); // rows of training bars
  const donorsOf = (type: number) => donors.get(type) ?? (donors.set(type, drawDonors(type)), donors.get(type)!);
  const relabel = (split: Split): BarTable<L> => {
    const { labels: own, songs } = tables[split];
    const chordsOf = (type: number, r: number) => listAt(own, r, "chords").length > 0 ? donorsOf(type).chords : -1;
    const rows = Int32Array.from(types[split], (type) => donorsOf(type).any);
    return { songs, labels: takeLabels(labels, rows, Int32Array.from(types[split], chordsOf)) };
  };
  return { train: relabel("train"), validation: relabel("validation"), test: relabel("test") };
}

/** The tables with the recipe's drawings and controls. */
export function withControls(
  tables: BarTables,
  types: Record<Split, ArrayLike<number>>,
  recipe: Recipe,
): ProbeTables {
  const { permuted, controlType } = recipe.probing, controls: ProbeTables["controls"] = [];
  if (permuted !== "none") {
    controls.push({ ...tables, labels: "permuted", train: permuteLabels(tables.train, permuted, recipe.seed) });
  }
  if (controlType !== "none") controls.push({ labels: "control", ...controlTask(tables, types, recipe.seed) });
  return { ...tables, draws: drawBars(tables, recipe), controls };
}

/** How many bars are described before their features are written. */
const barsAtOnce = 1024;

/**
 * Features of bars, described twice: first to find those that vary in the `fitted` first rows, the others having no
 * weight in a ridge and no say in clusters.
 *
 * @param tokensOf the tokens of a row's bar
 * @param sinkOf where so many columns go, memory if left out; a thousand bars are held at a time
 */
export function barFeatures(
  tokensOf: (row: number) => ArrayLike<number>,
  { rows, fitted }: Record<"rows" | "fitted", number>,
  describe: (tokens: ArrayLike<number>) => Float32Array,
  sinkOf: (columns: number) => RowSink = (columns) => rowsInMemory(rows, columns),
): { columns: number; source: RowSource } {
  const first = fitted > 0 ? describe(tokensOf(0)) : new Float32Array(0), varying = new Set<number>();
  for (let row = 1; row < fitted; row++) {
    describe(tokensOf(row)).forEach((value, column) => value !== first[column] && varying.add(column));
  }
  const kept = [...varying].sort((a, b) => a - b), columns = kept.length, sink = sinkOf(columns);
  try {
    for (let start = 0; start < rows; start += barsAtOnce) {
      const count = Math.min(barsAtOnce, rows - start), part = new Float32Array(count * columns);
      for (let i = 0; i < count; i++) {
        const all = describe(tokensOf(start + i));
        kept.forEach((column, c) => part[i * columns + c] = all[column]);
      }
      sink.append(part);
    }
    return { columns, source: sink.finish() };
  } finally {
    sink.abandon();
  }
}

/** How often each token stands in a bar, by id. */
export function tokenCounts(tokens: ArrayLike<number>): Float32Array {
  const counts = new Float32Array(vocabulary.size);
  for (let i = 0; i < tokens.length; i++) counts[tokens[i]]++;
  return counts;
}
