/**
 * Beats and bar lines of a score: in exact ticks, or on the float64 clock of the authors' reader.
 *
 * That reader keeps seconds, and its rounding shows: a last beat may fall just before the end, and bar lines after a
 * beat that was pulled back to a signature may move (STUDY §2.2, §16.1). So its clock is reproduced to the bit.
 * @module
 */
import { bisect } from "../base/bisect.ts";
import type { Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";

/**
 * The ticks of a score's beats (one a quarter, counted from 0 and from each signature; all before the end) and bar lines.
 *
 * Chroma is measured on a grid of columns: `column` gives that of a tick, which is the tick itself or hundredths of a
 * second, always rounded down. `columns` are those of the beats, to the nearest; `lastColumn` is that of the last beat,
 * rounded down, so the last of `columns` can be one more.
 */
export type Beats = {
  ticks: number[];
  barLines: number[];
  columns: number[];
  lastColumn: number;
  column(tick: number): number;
};

/** Rounds to the nearest integer, halves to the even one, as Python's round and NumPy's do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value), rest = value - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Beats and bar lines by `recipe.midi.clock`, for a score in 4/4; all beats lie before the tick `end`. */
export function findBeats(score: Score, recipe: CorpusRecipe, end: number = score.endTick): Beats {
  return recipe.midi.clock === "ticks" ? beatsInTicks(score, end) : beatsInSeconds(score);
}

function beatsInTicks({ ticksPerQuarter, meters }: Score, end: number): Beats {
  const ticks: number[] = [], barLines: number[] = [];
  const restarts = [0, ...meters.map((meter) => meter.tick)];
  restarts.forEach((start, i) => {
    const stop = Math.min(end, restarts[i + 1] ?? end);
    for (let beat = 0, tick = start; tick < stop; beat++, tick = start + beat * ticksPerQuarter) {
      ticks.push(tick);
      if (beat % 4 === 0) barLines.push(tick);
    }
  });
  return { ticks, barLines, columns: ticks, lastColumn: ticks.at(-1) ?? 0, column: (tick) => tick };
}

/** A stretch of constant tempo: its start, and its quarters a minute as the authors' reader recomputes them. */
type TempoSpan = Record<"tick" | "seconds" | "secondsPerTick" | "bpm", number>;

/** The stretches of constant tempo, with the float64 times at which they start (STUDY §1.4). */
function tempoSpans({ tempi, ticksPerQuarter }: Score): TempoSpan[] {
  const spans: TempoSpan[] = [];
  for (const { tick, microseconds } of tempi) {
    const secondsPerTick = 60 / ((6e7 / microseconds) * ticksPerQuarter);
    const last = spans.at(-1);
    const seconds = last ? last.seconds + last.secondsPerTick * (tick - last.tick) : 0;
    spans.push({ tick, seconds, secondsPerTick, bpm: 60 / (secondsPerTick * ticksPerQuarter) });
  }
  return spans;
}

/** Quarters a minute of each tempo of a score, with the float64 rounding of the authors' reader (STUDY §3.5). */
export const roundedTempi = (score: Score): number[] => tempoSpans(score).map((span) => span.bpm);

const isClose = (a: number, b: number) => Math.abs(a - b) <= 1e-8 + 1e-5 * Math.abs(b);

function beatsInSeconds(score: Score): Beats {
  const spans = tempoSpans(score);
  const spanAt = (field: "tick" | "seconds", value: number) =>
    spans[Math.max(0, bisect(0, spans.length, (i) => spans[i][field] > value) - 1)];
  const toSeconds = (tick: number) => {
    const span = spanAt("tick", tick);
    return span.seconds + span.secondsPerTick * (tick - span.tick);
  };
  const toTick = (seconds: number) => {
    const span = spanAt("seconds", seconds);
    let tick = Math.max(0, span.tick + Math.floor((seconds - span.seconds) / span.secondsPerTick) - 1);
    while (toSeconds(tick) < seconds) tick++; // the first tick that is not before
    return tick > 0 && Math.abs(seconds - toSeconds(tick - 1)) < Math.abs(seconds - toSeconds(tick)) ? tick - 1 : tick;
  };
  const meterTimes = score.meters.map(({ tick }) => toSeconds(tick));
  const seconds = walkBeats(spans, meterTimes, toSeconds(score.endTick));
  return {
    ticks: seconds.map(toTick),
    barLines: pickBarLines(seconds, meterTimes).map(toTick),
    columns: seconds.map((time) => roundHalfEven(time * 100)),
    lastColumn: Math.trunc((seconds.at(-1) ?? 0) * 100),
    column: (tick) => Math.trunc(toSeconds(tick) * 100),
  };
}

/** The times of beats, added up until the end and moved to each signature that they reach (STUDY §2.2, §16.1). */
function walkBeats(spans: TempoSpan[], meterTimes: number[], end: number): number[] {
  const beats: number[] = [];
  let now = 0, tempo = 0, meter = 0;
  while (meter + 1 < meterTimes.length && now >= meterTimes[meter + 1]) meter++;
  const reached = (next: number, time: number) => next > time || isClose(next, time);
  while (now < end) {
    beats.push(now);
    let next = now + 60 / spans[tempo].bpm;
    if (tempo + 1 < spans.length && next > spans[tempo + 1].seconds) {
      next = now;
      let left = 1;
      while (tempo + 1 < spans.length && next + (left * 60) / spans[tempo].bpm >= spans[tempo + 1].seconds) {
        const overshot = (spans[tempo + 1].seconds - next) / (60 / spans[tempo].bpm);
        next += (overshot * 60) / spans[tempo].bpm;
        left -= overshot;
        tempo++; // stays advanced even if the beat is pulled back below
      }
      next += (left * 60) / spans[tempo].bpm;
    }
    if (meter === 0 && meterTimes[0] > now && reached(next, meterTimes[0])) next = meterTimes[0];
    if (meter + 1 < meterTimes.length && reached(next, meterTimes[meter + 1])) next = meterTimes[++meter];
    now = next;
  }
  return beats;
}

/** Every fourth beat, counted from the beat close to each signature (STUDY §2.2). */
function pickBarLines(beats: number[], meterTimes: number[]): number[] {
  const starts = meterTimes.length === 0 || meterTimes[0] > 0 ? [0, ...meterTimes] : meterTimes;
  const firstClose = (time: number, otherwise: number) => {
    const beat = bisect(0, beats.length, (i) => beats[i] >= time || isClose(beats[i], time));
    return beat < beats.length && isClose(beats[beat], time) ? beat : otherwise;
  };
  const lines: number[] = [];
  let stop = 0;
  starts.forEach((time, i) => {
    const last = i === starts.length - 1;
    const start = firstClose(time, last ? stop : 0);
    stop = last ? beats.length : firstClose(starts[i + 1], start);
    for (let beat = start; beat < stop; beat += 4) lines.push(beats[beat]);
  });
  return lines;
}
