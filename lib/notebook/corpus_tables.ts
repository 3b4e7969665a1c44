/**
 * What a corpus and the vocabulary hold, as rows for tables and plots.
 * @module
 */
import { type Split, splits } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import type { Note } from "../midi/score.ts";
import { headTokens, noteStarts, noteTokens } from "../tokens/bar_format.ts";
import { chordNames } from "../tokens/chords.ts";
import { detokenize } from "../tokens/remi.ts";
import { instrumentNames, kinds, tempoBins, type TokenKind, vocabulary } from "../tokens/vocabulary.ts";

/** How large each split is; songs are split whole, so bars and tokens follow the songs' lengths. */
export function splitRows(
  corpus: Corpus,
): { split: Split; songs: number; bars: number; tokens: number; tokensPerBar: number }[] {
  return splits.map((split) => {
    const bars = corpus.barsOf(split);
    const tokens = bars.reduce((sum, bar) => sum + corpus.tokens(bar).length, 0);
    const songs = corpus.songs.filter((song) => song.split === split).length;
    return { split, songs, bars: bars.length, tokens, tokensPerBar: tokens / Math.max(1, bars.length) };
  });
}

/** A song of the corpus; a line of {@link songRows}. */
export interface SongRow {
  /** Path below the source. */
  file: string;
  /** What it is for. */
  split: Split;
  /** Bars between its first and its last note. */
  bars: number;
  /** Those with notes enough to be kept (`tokens.minNotes`). */
  kept: number;
  /** Different instruments in the kept bars; drums count as one. */
  instruments: number;
}

/** Each song with what became of it, in order of file. */
export function songRows(corpus: Corpus): SongRow[] {
  return corpus.songs.map(({ file, split, allBars, bars, firstBar }) => {
    const programs = new Set<number>();
    for (let bar = firstBar; bar < firstBar + bars; bar++) {
      corpus.labels(bar).instruments.forEach((p) => programs.add(p));
    }
    return { file, split, bars: allBars, kept: bars, instruments: programs.size };
  }).sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Files that gave no song, by reason: how many, and `such_as` one of them with what was wrong in it. */
export function rejectRows(corpus: Corpus): { reason: string; files: number; such_as: string }[] {
  return Object.entries(corpus.summary.rejected).map(([reason, files]) => {
    const { file, detail } = corpus.rejected.find((rejected) => rejected.reason === reason)!;
    return { reason, files, such_as: `${file}: ${detail}` };
  });
}

/**
 * Clusters of near-duplicates, largest first: songs that share at least `duplicates.shared` of the smaller one's
 * different bars. All of a cluster are in the same split, so that no song is tested on its own copy. `bars` are those
 * kept.
 */
export function clusterRows(corpus: Corpus): { songs: number; bars: number; split: Split; files: string }[] {
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

/** How far one split leaks; a line of {@link leakRows}. */
export interface LeakRow {
  /** When two bars count as the same: equal tokens, or equal positions and pitches alone. */
  bars: "same tokens" | "same positions and pitches";
  /** The corpus' own split, or one that takes files for strangers and keeps all copies. */
  split: "of this corpus" | "by file alone";
  /** Test bars. */
  testBars: number;
  /** Those of them that occur among the training bars. */
  alsoInTrain: number;
  /** Their share, 0 to 1. */
  share: number;
}

/** How many test bars also occur in train, under the store's split and under one by file that keeps all copies. */
export function leakRows(corpus: Corpus): LeakRow[] {
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
  tempoBin: "tempo",
  meanVelocity: "mean velocity",
  meanDuration: "mean duration, bins",
  meanDurationQuarters: "mean duration, quarters",
};

/** What two readings of the same songs have in common; see {@link differenceRows}. */
export interface ReadingDifference {
  /** Songs, bars and tokens in each reading, under the presets' names, and in both; null where that says nothing. */
  counts: { [column: string]: string | number | null; what: string; both: number | null }[];
  /** Of the bars that both kept, how many have the same tokens or the same label, and which share (0 to 1) that is. */
  same: { what: string; bars: number; share: number }[];
}

/** What two readings (`sound` and `authors`) make of the same songs: bars are matched by file and index in the song. */
export function differenceRows(a: Corpus, b: Corpus): ReadingDifference {
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

/** The vocabulary's kinds of token: their ids, how many they are, and the names of the first and the last. */
export function vocabularyRows(): { kind: string; ids: string; tokens: number; first: string; last: string }[] {
  return (Object.entries(kinds) as [TokenKind, { first: number; count: number }][]).map(([kind, { first, count }]) => ({
    kind,
    ids: count === 1 ? `${first}` : `${first}–${first + count - 1}`,
    tokens: count,
    first: vocabulary.name(first),
    last: vocabulary.name(first + count - 1),
  }));
}

/**
 * The index of a bar to show: the one nearest the corpus' median length in tokens among those with chords, drums and at
 * least four instruments (among all, if there are none); of one split if it is named.
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

/** The index of a bar and of those kept after it in its song, `count` in all or fewer where the song ends. */
export function following(corpus: Corpus, bar: number, count: number): number[] {
  const { firstBar, bars } = corpus.songs[corpus.song(bar)];
  return Array.from({ length: Math.min(count, firstBar + bars - bar) }, (_, i) => bar + i);
}

/** The notes of a bar as tokens tell them: the five tokens' names of a note in a row, in their order. */
export function noteRows(corpus: Corpus, bar: number): Record<string, string>[] {
  const names = Array.from(corpus.tokens(bar), vocabulary.name);
  return noteStarts(names.length).map((at) => {
    const [position, instrument, pitch, velocity, duration] = names.slice(at, at + noteTokens);
    return { position, instrument, pitch, velocity, duration };
  });
}

/** The frame of a bar's tokens around its notes: `Bar_0 Position_0 Tempo_16 … <eob>`. */
export function frameText(corpus: Corpus, bar: number): string {
  const names = Array.from(corpus.tokens(bar), vocabulary.name);
  return `${names.slice(0, headTokens).join(" ")} … ${names.at(-1)}`;
}

/** A bar's notes for a piano roll, read back from its tokens; ticks count from the bar's beginning. */
export function barNotes(corpus: Corpus, bar: number): { notes: Note[]; ticksPerQuarter: number } {
  const { notes, ticksPerQuarter } = detokenize([{ tokens: corpus.tokens(bar) }]);
  return { notes, ticksPerQuarter };
}

/** A bar's labels, what the probes are asked for; lists are joined to text. */
export interface LabelRow {
  /** The song's file. */
  song: string;
  /** Index in the song, counted from its first bar with notes. */
  bar: number;
  /** Chords that sound in it, such as `C:maj`. */
  chords: string;
  /** Positions 0–47 at which a note starts, in twelfths of a quarter. */
  groove: string;
  /** Names of the instruments. */
  instruments: string;
  /** Its tempo token's bin, quarters a minute. */
  tempo: number;
  /** Mean over notes, MIDI units 1–127; null without notes. */
  meanVelocity: number | null;
  /** Mean over notes of the duration bin's index, 0–57, as the authors take it; null without notes. */
  meanDuration: number | null;
}

/** A bar's labels as a line of a table. */
export function labelRow(corpus: Corpus, bar: number): LabelRow {
  const labels = corpus.labels(bar), song = corpus.songs[corpus.song(bar)];
  return {
    song: song.file,
    bar: corpus.barIndex(bar),
    chords: labels.chords.map((chord) => chordNames[chord]).join(" "),
    groove: labels.groove.join(" "),
    instruments: labels.instruments.map((program) => instrumentNames[program]).join(", "),
    tempo: tempoBins[labels.tempoBin],
    meanVelocity: labels.meanVelocity,
    meanDuration: labels.meanDuration,
  };
}

/** In how many bars of the corpus each chord, instrument or tempo occurs, most common first. */
export function labelCounts(
  corpus: Corpus,
  task: "chords" | "instruments" | "tempo",
): { label: string; value: number }[] {
  const counts = new Map<string, number>();
  for (let bar = 0; bar < corpus.bars; bar++) {
    const labels = corpus.labels(bar);
    const held = task === "tempo"
      ? [`${tempoBins[labels.tempoBin]} bpm`]
      : task === "chords"
      ? labels.chords.map((chord) => chordNames[chord])
      : labels.instruments.map((program) => instrumentNames[program]);
    for (const label of new Set(held)) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value);
}
