/**
 * A corpus in tables: its splits, songs, rejected files, near-duplicates, leaks and labels, and two presets compared.
 * @module
 */
import { splits } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { chordNames } from "../tokens/chords.ts";
import { instrumentNames, tempoBins } from "../tokens/vocabulary.ts";

/** A row of a table: columns of text, and columns of numbers. */
type Row<Text extends string, Numbers extends string> = Record<Text, string> & Record<Numbers, number>;

/** How large each split is. */
export function splitRows(corpus: Corpus): Row<"split", "songs" | "bars" | "tokens" | "tokensPerBar">[] {
  return splits.map((split) => {
    const bars = corpus.barsOf(split), songs = corpus.songs.filter((song) => song.split === split).length;
    const tokens = bars.reduce((sum, bar) => sum + corpus.tokens(bar).length, 0);
    return { split, songs, bars: bars.length, tokens, tokensPerBar: tokens / Math.max(1, bars.length) };
  });
}

/** Each song with its bars, those kept, and the instruments in these (drums count as one); ordered by file. */
export function songRows(corpus: Corpus): Row<"file" | "split", "bars" | "kept" | "instruments">[] {
  return corpus.songs.map(({ file, split, allBars, bars, firstBar }) => {
    const own = Array.from({ length: bars }, (_, i) => corpus.labels(firstBar + i).instruments);
    return { file, split, bars: allBars, kept: bars, instruments: new Set(own.flat()).size };
  }).sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Files that gave no song, by reason: how many, and one of them with its details (`such_as`). */
export function rejectRows(corpus: Corpus): Row<"reason" | "such_as", "files">[] {
  return Object.entries(corpus.summary.rejected).map(([reason, files]) => {
    const { file, detail } = corpus.rejected.find((rejected) => rejected.reason === reason)!;
    return { reason, files, such_as: `${file}: ${detail}` };
  });
}

/** Clusters of near-duplicates (`duplicates.shared`), the one with most songs first; `bars` are the kept ones. */
export function clusterRows(corpus: Corpus): Row<"split" | "files", "songs" | "bars">[] {
  const clusters = [...Map.groupBy(corpus.songs, ({ cluster }) => cluster).values()];
  return clusters.filter((songs) => songs.length > 1).sort((a, b) => b.length - a.length).map((songs) => ({
    songs: songs.length,
    bars: songs.reduce((sum, song) => sum + song.bars, 0),
    split: songs[0].split,
    files: songs.map(({ file }) => file).join(", "),
  }));
}

/**
 * How many test bars also occur among the training bars, and their share (0 to 1): by equal tokens and by equal positions
 * and pitches, under the store's own split and under one by file that keeps all copies.
 */
export function leakRows(corpus: Corpus): Row<"bars" | "split", "testBars" | "alsoInTrain" | "share">[] {
  const { tokens, notes } = corpus.summary.leak;
  return Object.entries({ "same tokens": tokens, "same positions and pitches": notes }).flatMap(([bars, leak]) =>
    Object.entries({ "of this corpus": leak.split, "by file alone": leak.byFile }).map(
      ([split, { testBars, testInTrain: alsoInTrain }]) => (
        { bars, split, testBars, alsoInTrain, share: alsoInTrain / Math.max(1, testBars) }
      ),
    )
  );
}

/** Labels in words. */
const labelWords: Record<string, string> = {
  tempoBin: "tempo",
  meanVelocity: "mean velocity",
  meanDuration: "mean duration, bins",
  meanDurationQuarters: "mean duration, quarters",
};

/**
 * What two presets make of the same songs. Bars are matched by file and by index in the song.
 *
 * @returns `counts`: songs, bars and tokens of each, in columns named by the presets, and in both (null where that has no
 * meaning); `same`: of the bars that both kept, how many and which share (0 to 1) have the same tokens or label
 */
export function presetDifferences(a: Corpus, b: Corpus): {
  counts: { [column: string]: string | number | null; what: string; both: number | null }[];
  same: Row<"what", "bars" | "share">[];
} {
  const keyOf = (corpus: Corpus, bar: number) => `${corpus.songs[corpus.song(bar)].file}\n${corpus.barIndex(bar)}`;
  const barsOfB = new Map(Array.from({ length: b.bars }, (_, bar) => [keyOf(b, bar), bar]));
  const pairs = [...Array(a.bars).keys()].flatMap((barA) => {
    const barB = barsOfB.get(keyOf(a, barA));
    return barB === undefined ? [] : [[barA, barB]];
  });
  const factsOf = (corpus: Corpus, bar: number): Record<string, unknown> => (
    { tokens: corpus.tokens(bar), ...corpus.labels(bar) }
  );
  const same = new Map<string, number>();
  for (const [barA, barB] of pairs) {
    const others = factsOf(b, barB);
    for (const [what, fact] of Object.entries(factsOf(a, barA))) {
      same.set(what, (same.get(what) ?? 0) + Number(String(fact) === String(others[what])));
    }
  }
  const files = new Set(b.songs.map(({ file }) => file));
  const row = (what: string, inA: number, inB: number, both: number | null) => (
    { what, [a.recipe.preset]: inA, [b.recipe.preset]: inB, both }
  );
  return {
    counts: [
      row("songs", a.songs.length, b.songs.length, a.songs.filter(({ file }) => files.has(file)).length),
      row("bars", a.bars, b.bars, pairs.length),
      row("tokens", a.summary.tokens, b.summary.tokens, null),
    ],
    same: [...same].map(([key, bars]) => ({ what: labelWords[key] ?? key, bars, share: bars / pairs.length })),
  };
}

/** In how many bars of the corpus each chord, instrument or tempo occurs, most common first. */
export function labelCounts(corpus: Corpus, task: "chords" | "instruments" | "tempo"): Row<"label", "value">[] {
  const counts = new Map<string, number>();
  for (let bar = 0; bar < corpus.bars; bar++) {
    const { chords, instruments, tempoBin } = corpus.labels(bar);
    const labels = {
      chords: chords.map((chord) => chordNames[chord]),
      instruments: instruments.map((program) => instrumentNames[program]),
      tempo: [`${tempoBins[tempoBin]} bpm`],
    };
    for (const label of new Set(labels[task])) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value);
}
