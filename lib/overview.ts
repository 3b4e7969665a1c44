/**
 * What a corpus and the vocabulary hold, as rows for tables and plots.
 * @module
 */
import type { Corpus, Split } from "./corpus.ts";
import type { Recipe } from "./recipe.ts";
import { detokenize } from "./remi.ts";
import { instrumentNames, kinds, type TokenKind, vocabulary } from "./vocabulary.ts";

const splits: readonly Split[] = ["train", "validation", "test"];

/** Songs, bars and tokens of each split. */
export function splitRows(corpus: Corpus) {
  return splits.map((split) => {
    const bars = corpus.barsOf(split);
    const tokens = bars.reduce((sum, bar) => sum + corpus.tokens(bar).length, 0);
    const songs = corpus.songs.filter((song) => song.split === split).length;
    return { split, songs, bars: bars.length, tokens, tokensPerBar: tokens / Math.max(1, bars.length) };
  });
}

/** Each song with what became of it, in order of file. */
export function songRows(corpus: Corpus) {
  return corpus.songs.map(({ file, split, allBars, bars, firstBar }) => {
    const programs = new Set<number>();
    for (let bar = firstBar; bar < firstBar + bars; bar++) {
      corpus.labels(bar).instruments.forEach((p) => programs.add(p));
    }
    return { file, split, bars: allBars, kept: bars, instruments: programs.size };
  }).sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Files that gave no song, by reason, each with one of them. */
export function rejectRows(corpus: Corpus) {
  return Object.entries(corpus.summary.rejected).map(([reason, files]) => {
    const { file, detail } = corpus.rejected.find((rejected) => rejected.reason === reason)!;
    return { reason, files, such_as: `${file}: ${detail}` };
  });
}

/** Clusters of near-duplicates, largest first: songs that share bars and are split together. */
export function clusterRows(corpus: Corpus) {
  const clusters = Map.groupBy(corpus.songs, ({ cluster }) => cluster);
  return [...clusters.values()].filter((songs) => songs.length > 1).sort((a, b) => b.length - a.length).map((
    songs,
  ) => ({
    songs: songs.length,
    bars: songs.reduce((sum, song) => sum + song.bars, 0),
    split: songs[0].split,
    files: songs.map(({ file }) => file).join(", "),
  }));
}

/** How many test bars also occur in train, under the store's split and under one by file that keeps all copies. */
export function leakRows(corpus: Corpus) {
  const { tokens, notes } = corpus.summary.leak;
  const same = [["same tokens", tokens], ["same positions and pitches", notes]] as const;
  return same.flatMap(([bars, leak]) =>
    ([["of this corpus", leak.split], ["by file alone", leak.byFile]] as const).map(([split, found]) => ({
      bars,
      split,
      testBars: found.testBars,
      alsoInTrain: found.testInTrain,
      share: found.testInTrain / Math.max(1, found.testBars),
    }))
  );
}

/** Labels in words. */
const labelWords: Record<string, string> = {
  meanVelocity: "mean velocity",
  meanDuration: "mean duration, bins",
  meanDurationQuarters: "mean duration, quarters",
};

/** What two readings make of the same songs, a number a line; `share` is that of the bars that both kept. */
export function differenceRows(a: Corpus, b: Corpus) {
  const barsOf = (corpus: Corpus) => {
    const bars = new Map<string, number>();
    for (const { file, firstBar, bars: count } of corpus.songs) {
      for (let bar = firstBar; bar < firstBar + count; bar++) bars.set(`${file}\n${corpus.barIndex(bar)}`, bar);
    }
    return bars;
  };
  const ofA = barsOf(a), ofB = barsOf(b), same = new Map<string, number>();
  let both = 0;
  for (const [key, barA] of ofA) {
    const barB = ofB.get(key);
    if (barB === undefined) continue;
    both++;
    const labelsA = a.labels(barA), labelsB = b.labels(barB);
    const equal: Record<string, boolean> = { tokens: String(a.tokens(barA)) === String(b.tokens(barB)) };
    for (const label of Object.keys(labelsA) as (keyof typeof labelsA)[]) {
      equal[label] = String(labelsA[label]) === String(labelsB[label]);
    }
    for (const [what, is] of Object.entries(equal)) same.set(what, (same.get(what) ?? 0) + Number(is));
  }
  const files = new Set(b.songs.map(({ file }) => file));
  const counts: [string, number, number, number][] = [
    ["songs", a.songs.length, b.songs.length, a.songs.filter(({ file }) => files.has(file)).length],
    ["bars", a.bars, b.bars, both],
    ["tokens", a.summary.tokens, b.summary.tokens, 0],
  ];
  const presets = [a.recipe.preset, b.recipe.preset];
  return {
    counts: counts.map(([what, inA, inB, inBoth]) => ({
      what,
      [presets[0]]: inA,
      [presets[1]]: inB,
      both: what === "tokens" ? null : inBoth,
    })),
    same: [...same].map(([key, bars]) => ({ what: labelWords[key] ?? key, bars, share: bars / Math.max(1, both) })),
  };
}

/** The vocabulary's categories with ids, first and last name. */
export function vocabularyRows() {
  return (Object.entries(kinds) as [TokenKind, { first: number; count: number }][]).map(([kind, { first, count }]) => ({
    kind,
    ids: count === 1 ? `${first}` : `${first}–${first + count - 1}`,
    tokens: count,
    first: vocabulary.name(first),
    last: vocabulary.name(first + count - 1),
  }));
}

/**
 * A bar to show: the one nearest the corpus' median length among those with chords, drums and four instruments; of one
 * split if it is named.
 */
export function typicalBar(corpus: Corpus, split?: Split): number {
  const lengths = Array.from({ length: corpus.bars }, (_, bar) => corpus.tokens(bar).length);
  const median = lengths.toSorted((a, b) => a - b)[lengths.length >> 1];
  const bars = split ? Array.from(corpus.barsOf(split)) : [...lengths.keys()];
  const rich = bars.filter((bar) => {
    const { chords, instruments } = corpus.labels(bar);
    return chords.length > 0 && instruments.includes(128) && instruments.length >= 4;
  });
  const candidates = rich.length > 0 ? rich : bars;
  return candidates.reduce((a, b) => Math.abs(lengths[a] - median) <= Math.abs(lengths[b] - median) ? a : b);
}

/** A bar and those kept after it in its song, at most `count`. */
export function following(corpus: Corpus, bar: number, count: number): number[] {
  const { firstBar, bars } = corpus.songs[corpus.song(bar)];
  return Array.from({ length: Math.min(count, firstBar + bars - bar) }, (_, i) => bar + i);
}

/** The notes of a bar as tokens tell them, one row a note in the order of the tokens. */
export function noteRows(corpus: Corpus, bar: number) {
  const names = Array.from(corpus.tokens(bar), vocabulary.name);
  const notes: Record<string, string>[] = [];
  for (let at = 3; at + 5 <= names.length; at += 5) {
    const [position, instrument, pitch, velocity, duration] = names.slice(at, at + 5);
    notes.push({ position, instrument, pitch, velocity, duration });
  }
  return notes;
}

/** The frame of a bar's tokens around its notes: `Bar_0 Position_0 Tempo_16 … <eob>`. */
export function frameText(corpus: Corpus, bar: number): string {
  const names = Array.from(corpus.tokens(bar), vocabulary.name);
  return `${names.slice(0, 3).join(" ")} … ${names.at(-1)}`;
}

/** A bar's notes for a piano roll, in ticks from its beginning. */
export function barNotes(corpus: Corpus, bar: number, recipe: Recipe) {
  const { notes, ticksPerQuarter } = detokenize([{ tokens: corpus.tokens(bar) }], recipe);
  return { notes, ticksPerQuarter, instrument: (program: number) => instrumentNames[program] };
}

/** A bar's labels as a line of a table. */
export function labelRow(corpus: Corpus, bar: number) {
  const labels = corpus.labels(bar), song = corpus.songs[corpus.song(bar)];
  return {
    song: song.file,
    bar: corpus.barIndex(bar),
    chords: labels.chords.join(" "),
    groove: labels.groove.join(" "),
    instruments: labels.instruments.map((program) => instrumentNames[program]).join(", "),
    tempo: labels.tempo,
    meanVelocity: labels.meanVelocity,
    meanDuration: labels.meanDuration,
  };
}

/** How often each label of a task occurs, most common first. */
export function labelCounts(
  corpus: Corpus,
  task: "chords" | "instruments" | "tempo",
): { label: string; value: number }[] {
  const counts = new Map<string, number>();
  for (let bar = 0; bar < corpus.bars; bar++) {
    const labels = corpus.labels(bar);
    const held = task === "tempo"
      ? [`${labels.tempo} bpm`]
      : task === "chords"
      ? labels.chords
      : labels.instruments.map((program) => instrumentNames[program]);
    for (const label of new Set(held)) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value);
}
