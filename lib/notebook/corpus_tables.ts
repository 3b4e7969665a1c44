/**
 * A corpus in tables: its splits, songs, rejected files, near-duplicates, leaks and labels, and two presets compared.
 * @module
 */
import { type Split, splits } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import { chordNames } from "../tokens/chords.ts";
import { instrumentNames, tempoBins } from "../tokens/vocabulary.ts";

/** How large each split is. */
export function splitRows(
  corpus: Corpus,
): { split: Split; songs: number; bars: number; tokens: number; tokensPerBar: number }[] {
  return splits.map((split) => {
    const bars = corpus.barsOf(split), songs = corpus.songs.filter((song) => song.split === split).length;
    const tokens = bars.reduce((sum, bar) => sum + corpus.tokens(bar).length, 0);
    return { split, songs, bars: bars.length, tokens, tokensPerBar: tokens / Math.max(1, bars.length) };
  });
}

/** Each song with its bars, those kept, and the instruments in these (drums count as one); ordered by file. */
export function songRows(
  corpus: Corpus,
): { file: string; split: Split; bars: number; kept: number; instruments: number }[] {
  return corpus.songs.map(({ file, split, allBars, bars, firstBar }) => {
    const own = Array.from({ length: bars }, (_, i) => corpus.labels(firstBar + i).instruments);
    return { file, split, bars: allBars, kept: bars, instruments: new Set(own.flat()).size };
  }).sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Files that gave no song, by reason: how many, and one of them with its details (`such_as`). */
export function rejectRows(corpus: Corpus): { reason: string; files: number; such_as: string }[] {
  return Object.entries(corpus.summary.rejected).map(([reason, files]) => {
    const { file, detail } = corpus.rejected.find((rejected) => rejected.reason === reason)!;
    return { reason, files, such_as: `${file}: ${detail}` };
  });
}

/** Clusters of near-duplicates (`duplicates.shared`), the one with most songs first; `bars` are the kept ones. */
export function clusterRows(corpus: Corpus): { songs: number; bars: number; split: Split; files: string }[] {
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
export function leakRows(
  corpus: Corpus,
): { bars: string; split: string; testBars: number; alsoInTrain: number; share: number }[] {
  const { tokens, notes } = corpus.summary.leak;
  return [["same tokens", tokens] as const, ["same positions and pitches", notes] as const].flatMap(([bars, leak]) =>
    [["of this corpus", leak.split] as const, ["by file alone", leak.byFile] as const].map(
      ([split, { testBars, testInTrain }]) => (
        { bars, split, testBars, alsoInTrain: testInTrain, share: testInTrain / Math.max(1, testBars) }
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
  same: { what: string; bars: number; share: number }[];
} {
  const barsOf = (corpus: Corpus) =>
    new Map(
      corpus.songs.flatMap(({ file, firstBar, bars }) =>
        Array.from({ length: bars }, (_, i) => [`${file}\n${corpus.barIndex(firstBar + i)}`, firstBar + i] as const)
      ),
    );
  const barsOfB = barsOf(b), same = new Map<string, number>();
  const pairs = [...barsOf(a)].flatMap(([key, bar]) => barsOfB.has(key) ? [[bar, barsOfB.get(key)!]] : []);
  for (const [barA, barB] of pairs) {
    const [factsA, factsB]: Record<string, unknown>[] = [
      { tokens: a.tokens(barA), ...a.labels(barA) },
      { tokens: b.tokens(barB), ...b.labels(barB) },
    ];
    for (const [what, fact] of Object.entries(factsA)) {
      same.set(what, (same.get(what) ?? 0) + Number(String(fact) === String(factsB[what])));
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
export function labelCounts(
  corpus: Corpus,
  task: "chords" | "instruments" | "tempo",
): { label: string; value: number }[] {
  const counts = new Map<string, number>();
  for (let bar = 0; bar < corpus.bars; bar++) {
    const { chords, instruments, tempoBin } = corpus.labels(bar);
    const labels = task === "tempo"
      ? [`${tempoBins[tempoBin]} bpm`]
      : task === "chords"
      ? chords.map((chord) => chordNames[chord])
      : instruments.map((program) => instrumentNames[program]);
    for (const label of new Set(labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].map(([label, value]) => ({ label, value })).sort((a, b) => b.value - a.value);
}
