/**
 * The vocabulary, and one bar of a corpus as tokens, labels and notes.
 * @module
 */
import type { Split } from "../corpus/split.ts";
import type { Corpus } from "../corpus/store.ts";
import type { Score } from "../midi/score.ts";
import { headTokens, noteStarts, noteTokens } from "../tokens/bar_format.ts";
import { chordNames } from "../tokens/chords.ts";
import { detokenize } from "../tokens/remi.ts";
import { drums, instrumentNames, kinds, tempoBins, vocabulary } from "../tokens/vocabulary.ts";

/** The vocabulary's kinds of token: their ids, how many they are, and the names of the first and the last. */
export function vocabularyRows(): { kind: string; ids: string; tokens: number; first: string; last: string }[] {
  return Object.entries(kinds).map(([kind, { first, count }]) => ({
    kind,
    ids: count === 1 ? `${first}` : `${first}–${first + count - 1}`,
    tokens: count,
    first: vocabulary.name(first),
    last: vocabulary.name(first + count - 1),
  }));
}

/**
 * A bar to show, of `split` if given: the one nearest to the corpus' median length in tokens, among those with chords,
 * drums and at least four instruments if there are any.
 */
export function typicalBar(corpus: Corpus, split?: Split): number {
  const lengths = Array.from({ length: corpus.bars }, (_, bar) => corpus.tokens(bar).length);
  const median = lengths.toSorted((a, b) => a - b)[lengths.length >> 1];
  const bars = split ? Array.from(corpus.barsOf(split)) : [...lengths.keys()];
  const rich = bars.filter((bar) => {
    const { chords, instruments } = corpus.labels(bar);
    return chords.length > 0 && instruments.includes(drums) && instruments.length >= 4;
  });
  const candidates = rich.length > 0 ? rich : bars;
  return candidates.reduce((a, b) => Math.abs(lengths[a] - median) <= Math.abs(lengths[b] - median) ? a : b);
}

/** A bar and the kept ones after it in its song: `count` in all, or fewer where the song ends. */
export function following(corpus: Corpus, bar: number, count: number): number[] {
  const { firstBar, bars } = corpus.songs[corpus.song(bar)];
  return Array.from({ length: Math.min(count, firstBar + bars - bar) }, (_, i) => bar + i);
}

const tokenNames = (corpus: Corpus, bar: number): string[] => Array.from(corpus.tokens(bar), vocabulary.name);

/** A bar's notes, each as the names of its five tokens. */
export function noteRows(corpus: Corpus, bar: number): Record<string, string>[] {
  const names = tokenNames(corpus, bar);
  return noteStarts(names.length).map((at) => {
    const [position, instrument, pitch, velocity, duration] = names.slice(at, at + noteTokens);
    return { position, instrument, pitch, velocity, duration };
  });
}

/** A bar's tokens before and after its notes: `Bar_0 Position_0 Tempo_16 … <eob>`. */
export function frameText(corpus: Corpus, bar: number): string {
  const names = tokenNames(corpus, bar);
  return `${names.slice(0, headTokens).join(" ")} … ${names.at(-1)}`;
}

/** A bar's notes for a piano roll, read back from its tokens; ticks count from the bar's beginning. */
export const barNotes = (corpus: Corpus, bar: number): Score => detokenize([{ tokens: corpus.tokens(bar) }]);

/**
 * A bar's labels as a row of a table: its file, its index in the song, chords, positions 0–47 where notes start,
 * instruments, tempo (bpm of the bin), and the means over its notes (MIDI velocity, index of the duration bin), null
 * without notes.
 */
export function labelRow(corpus: Corpus, bar: number): Record<string, string | number | null> {
  const { chords, groove, instruments, tempoBin, meanVelocity, meanDuration } = corpus.labels(bar);
  return {
    song: corpus.songs[corpus.song(bar)].file,
    bar: corpus.barIndex(bar),
    chords: chords.map((chord) => chordNames[chord]).join(" "),
    groove: groove.join(" "),
    instruments: instruments.map((program) => instrumentNames[program]).join(", "),
    tempo: tempoBins[tempoBin],
    meanVelocity,
    meanDuration,
  };
}
