/**
 * The chords of a score by the paper's "adapted Viterbi" (STUDY §5): every window of 1–4 beats is scored as a chord, and
 * the path of windows with the highest sum is taken. Changes of chord cost nothing.
 * @module
 */
import type { Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { findBeats } from "./beats.ts";
import { beatChroma } from "./chroma.ts";

const roots: readonly string[] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
/** Qualities of chords; a chord class modulo their number is its quality's index. */
export const chordQualities: readonly string[] = ["maj", "min", "dim", "aug", "dom7", "maj7", "min7"];

/** The 84 chord names "C:maj" … "B:min7"; a name's index is its class, root·7 + quality (STUDY §5.7). */
export const chordNames: readonly string[] = roots.flatMap((root) =>
  chordQualities.map((quality) => `${root}:${quality}`)
);

/**
 * A chord from one tick to before another: its class 0–83, or null for notes that make no chord and for silence; and its
 * text as the authors write it: "C:maj", "C:maj/E" where the lowest pitch-class number is not the root, "N:N".
 */
export type ChordSegment = { startTick: number; endTick: number; chord: number | null; text: string };

/** What a set of pitch classes is taken for. */
type Reading = { score: number; chord: number | null; text: string };

const bits = (...intervals: number[]) => intervals.reduce((set, interval) => set | (1 << interval), 0);
const size = (set: number) => {
  let count = 0;
  for (; set > 0; set &= set - 1) count++;
  return count;
};

/** A quality's own intervals, and those that add 10, take 1 and take 2 (STUDY §5.4); aug leaves 11 out (STUDY §16.2). */
const scoring: Record<string, readonly [number, number, number, number]> = {
  maj: [bits(0, 4), bits(7), bits(2, 5, 9), bits(1, 3, 6, 8, 10, 11)],
  min: [bits(0, 3), bits(7), bits(2, 5, 8), bits(1, 4, 6, 9, 11)],
  dim: [bits(0, 3, 6), bits(9), bits(2, 5, 10), bits(1, 4, 7, 8, 11)],
  aug: [bits(0, 4, 8), 0, bits(2, 5, 9), bits(1, 3, 6, 7, 10)],
  dom7: [bits(0, 4, 10), bits(7), bits(2, 5, 9), bits(1, 3, 6, 8, 11)],
  maj7: [bits(0, 4, 11), bits(7), bits(2, 5, 9), bits(1, 3, 6, 8, 10)],
  min7: [bits(0, 3, 10), bits(7), bits(2, 5, 8), bits(1, 4, 6, 9, 11)],
};

/** The quality of intervals over a root: by its third, then its fifth or seventh. */
function qualityOf(intervals: number): string {
  const has = (interval: number) => (intervals >> interval & 1) === 1;
  if (has(3) === has(4)) return "None";
  if (has(3)) return has(6) ? "dim" : has(10) ? "min7" : "min";
  return has(8) ? "aug" : has(10) ? "dom7" : has(11) ? "maj7" : "maj";
}

/** The best reading of a set of pitch classes (12 bits); at equal scores the lowest root (STUDY §5.4). */
function readChord(present: number): Reading {
  if (present === 0) return { score: 10, chord: null, text: "N:N" };
  const bass = 31 - Math.clz32(present & -present);
  let best: Reading | undefined;
  for (let root = 0; root < 12; root++) {
    if ((present >> root & 1) === 0) continue;
    const intervals = ((present >> root) | (present << (12 - root))) & 4095;
    const quality = qualityOf(intervals);
    let score = -100;
    if (quality !== "None") {
      const [own, plus, minus, worse] = scoring[quality];
      const others = intervals & ~own;
      score = 10 * size(others & plus) - size(others & minus) - 2 * size(others & worse);
    }
    if (best && score <= best.score) continue;
    const text = `${roots[root]}:${quality}${bass === root ? "" : `/${roots[bass]}`}`;
    best = { score, chord: quality === "None" ? null : 7 * root + chordQualities.indexOf(quality), text };
  }
  return best!;
}

const readings = Array.from({ length: 4096 }, (_, present) => readChord(present));
const longestWindow = 4, loudEnough = 10;

/** The windows of the best path in order, as [first beat, beat after the last, pitch classes]. */
function bestPath(chroma: Float64Array, count: number): [number, number, number][] {
  const score = new Float64Array(count + 1).fill(-Infinity);
  const from = new Int32Array(count + 1), present = new Uint16Array(count + 1);
  const sums = new Float64Array(12);
  score[0] = 0;
  for (let start = 0; start < count; start++) {
    sums.fill(0);
    for (let end = start + 1; end <= Math.min(count, start + longestWindow); end++) {
      let set = 0;
      for (let pitch = 0; pitch < 12; pitch++) {
        sums[pitch] += chroma[(end - 1) * 12 + pitch];
        if (sums[pitch] > loudEnough) set |= 1 << pitch;
      }
      const total = score[start] + readings[set].score;
      if (total <= score[end]) continue;
      score[end] = total;
      from[end] = start;
      present[end] = set;
    }
  }
  const path: [number, number, number][] = [];
  for (let end = count; end > 0; end = from[end]) path.push([from[end], end, present[end]]);
  return path.reverse();
}

/**
 * The chord segments of a score, end to end from tick 0 to its end (STUDY §5.1–5.6).
 *
 * Beats follow `recipe.midi.clock`. Neighbours with the same text are one segment. The last beat is always "N".
 */
export function recognizeChords(score: Score, recipe: CorpusRecipe): ChordSegment[] {
  const beats = findBeats(score, recipe), count = beats.ticks.length;
  const segments: ChordSegment[] = [];
  for (const [start, end, present] of bestPath(beatChroma(score, beats, recipe), count)) {
    const { chord, text } = readings[present];
    const endTick = end === count ? score.endTick : beats.ticks[end];
    const last = segments.at(-1);
    if (last?.text === text) last.endTick = endTick;
    else segments.push({ startTick: beats.ticks[start], endTick, chord, text });
  }
  return segments;
}
