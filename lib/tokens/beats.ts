/**
 * Beats and bar lines of a score: in exact ticks, or on the float64 clock of the authors' reader.
 *
 * Their reader keeps seconds, and its rounding shows: a last beat may fall a hair before the end, and after a beat
 * that was pulled back to a signature later bar lines may move (study §2.2, §16.1). So that clock is followed to the bit.
 * @module
 */
import type { Meter } from "../midi/events.ts";
import type { Score } from "../midi/score.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";

/** Where the beats and bars of a score are. */
export interface Beats {
  /** Tick of each beat, one a quarter, from 0 or a signature on; all before the end. */
  ticks: number[];
  /** Tick of each bar line. */
  barLines: number[];
  /** Column of each beat in the grid that chroma is measured on. */
  columns: number[];
  /** Column that the last beat falls in; its entry in `columns` may be rounded up to the next. */
  lastColumn: number;
  /** Column of a tick in that grid: the tick itself, or hundredths of a second, rounded down. */
  column(tick: number): number;
}

/** Rounds to the nearest integer, halves to the even one, as Python's round and NumPy's do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value), rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Beats and bar lines by `recipe.midi.clock`, for a score in 4/4; `end` is the tick that all beats lie before. */
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

interface Span {
  /** First tick, and the seconds of it. */
  tick: number;
  seconds: number;
  /** Seconds of a tick. */
  scale: number;
  /** Quarters a minute, as the authors' reader recomputes them. */
  bpm: number;
}

/** Spans of constant tempo with the float64 seconds at which they start (study §1.4). */
function tempoSpans({ tempi, ticksPerQuarter }: Score): Span[] {
  const spans: Span[] = [];
  for (const { tick, microseconds } of tempi) {
    const scale = 60 / ((6e7 / microseconds) * ticksPerQuarter);
    const last = spans.at(-1);
    const seconds = last ? last.seconds + last.scale * (tick - last.tick) : 0;
    spans.push({ tick, seconds, scale, bpm: 60 / (scale * ticksPerQuarter) });
  }
  return spans;
}

/** Quarters a minute of each tempo of a score, with the float64 rounding of the authors' reader (study §3.5). */
export const roundedTempi = (score: Score): number[] => tempoSpans(score).map((span) => span.bpm);

/** Index of the last item whose key is at most `value`; 0 if there is none. */
function lastAtMost<T>(items: T[], key: (item: T) => number, value: number): number {
  let low = 0, high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(items[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

const isClose = (a: number, b: number) => Math.abs(a - b) <= 1e-8 + 1e-5 * Math.abs(b);

function beatsInSeconds(score: Score): Beats {
  const spans = tempoSpans(score);
  const toSeconds = (tick: number) => {
    const span = spans[lastAtMost(spans, (span) => span.tick, tick)];
    return span.seconds + span.scale * (tick - span.tick);
  };
  const toTick = (seconds: number) => {
    const span = spans[lastAtMost(spans, (span) => span.seconds, seconds)];
    let tick = Math.max(0, span.tick + Math.floor((seconds - span.seconds) / span.scale) - 1);
    while (toSeconds(tick) < seconds) tick++; // the first tick that is not before
    return tick > 0 && Math.abs(seconds - toSeconds(tick - 1)) < Math.abs(seconds - toSeconds(tick)) ? tick - 1 : tick;
  };
  const meterTimes = score.meters.map((meter: Meter) => toSeconds(meter.tick));
  const seconds = walkBeats(spans, meterTimes, toSeconds(score.endTick));
  return {
    ticks: seconds.map(toTick),
    barLines: pickBarLines(seconds, meterTimes).map(toTick),
    columns: seconds.map((time) => roundHalfEven(time * 100)),
    lastColumn: Math.trunc((seconds.at(-1) ?? 0) * 100),
    column: (tick) => Math.trunc(toSeconds(tick) * 100),
  };
}

/** Adds up beats in seconds until the end, snapping to signatures as they come (study §2.2, §16.1). */
function walkBeats(spans: Span[], meterTimes: number[], end: number): number[] {
  const beats: number[] = [];
  let now = 0, tempo = 0, meter = 0;
  while (tempo + 1 < spans.length && now > spans[tempo + 1].seconds) tempo++;
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
    if (meter === 0 && meterTimes.length > 0 && meterTimes[0] > now && reached(next, meterTimes[0])) {
      next = meterTimes[0];
    }
    if (meter + 1 < meterTimes.length && reached(next, meterTimes[meter + 1])) next = meterTimes[++meter];
    now = next;
  }
  return beats;
}

/** Every fourth beat from the one close to each signature on (study §2.2). */
function pickBarLines(beats: number[], meterTimes: number[]): number[] {
  const starts = meterTimes.length === 0 || meterTimes[0] > 0 ? [0, ...meterTimes] : meterTimes;
  const firstClose = (time: number, otherwise: number) => {
    let low = 0, high = beats.length; // the first beat that is close to the time or after it
    while (low < high) {
      const middle = (low + high) >> 1;
      if (beats[middle] < time && !isClose(beats[middle], time)) low = middle + 1;
      else high = middle;
    }
    return low < beats.length && isClose(beats[low], time) ? low : otherwise;
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
