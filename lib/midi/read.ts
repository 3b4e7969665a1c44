/**
 * MIDI bytes → a score, in time linear in the events, by the MIDI standard or like the authors' reader (STUDY §1).
 * @module
 */
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { readChunks } from "./chunks.ts";
import { MidiError } from "./error.ts";
import type { Track } from "./events.ts";
import { pairByStandard, pairLikePrettyMidi } from "./pairing.ts";
import { lastTickOf, type Note, type Score, type Tempo } from "./score.ts";

const byTick = (a: { tick: number }, b: { tick: number }) => a.tick - b.tick;
/** Longest score: 100,000 quarters (14 hours at 120 a minute); and ticks the authors' reader can index (STUDY §1.2). */
const maxQuarters = 100_000, maxTicks = 1e7;

/**
 * The score in the bytes of a MIDI file, by the rules of `recipe.midi` (STUDY §1); `file` names it in errors.
 *
 * `standard`: note-offs end the oldest open note of their track, channel and pitch; notes that never end are left out;
 * program changes hold for their channel from any track, at equal ticks a track's own first; tempi of zero are no tempi;
 * metas of a wrong length, chunks of another kind and wrong lengths of chunks and wrappers are passed over; of several
 * files in one the first is read; the tracks of format 2 follow one another. What lies beyond 100,000 quarters is cut
 * off, but no note may start there. Fields of `recipe.midi` decide on the rest.
 *
 * @throws {MidiError} for bytes without readable music; its `reason` says which way.
 *
 * @example
 * ```ts
 * import { readScore } from "@lib/midi/read.ts";
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = await Deno.readFile("data/freedoom/d_e1m1.mid");
 * const score = readScore(bytes, recipe("sound", "demo"), "d_e1m1.mid");
 * assertEquals(score.notes.every((note) => note.end > note.start), true);
 * ```
 */
export function readScore(bytes: Uint8Array, recipe: CorpusRecipe, file?: string): Score {
  try {
    return { ...scoreOf(bytes, recipe), ...(file === undefined ? {} : { file }) };
  } catch (error) {
    if (error instanceof MidiError) error.file = file;
    throw error;
  }
}

function scoreOf(bytes: Uint8Array, recipe: CorpusRecipe): Score {
  const strict = recipe.midi.reading === "pretty_midi";
  const chunks = readChunks(bytes, strict), { ticksPerQuarter, tracks, events, format } = chunks;
  if (format === 2 && !strict) inSequence(tracks, events.ticks);
  const metaTracks = recipe.midi.metaTracks === "first" ? tracks.slice(0, 1) : tracks;
  const tempi = metaTracks.flatMap((track) => track.tempi).sort(byTick);
  const allMeters = metaTracks.flatMap((track) => track.meters).sort(byTick);
  if (strict) refuseStrictly(tracks, tempi, allMeters);

  const parts = strict ? pairLikePrettyMidi(chunks) : pairByStandard(chunks, recipe.midi);
  for (const part of parts) part.notes = inOrder(part.notes);
  const notes = parts.length === 1 ? parts[0].notes : inOrder(parts.flatMap((part) => part.notes));
  const lastStart = notes.at(-1)?.start ?? 0;
  const meters = recipe.midi.meters === "all"
    ? allMeters
    : allMeters.filter(({ tick }, i) => tick <= lastStart && tick !== allMeters[i + 1]?.tick);
  const inForce = strict ? realChanges(tempi, ticksPerQuarter) : tempi.filter((tempo) => tempo.microseconds > 0);
  const last = [inForce.at(-1), meters.at(-1)].map((event) => event?.tick ?? 0);
  const lasts = [...last, ...metaTracks.map((track) => track.lastText), ...parts.map(lastTickOf)];
  const endTick = lasts.reduce((end, tick) => Math.max(end, tick));
  const limit = maxQuarters * ticksPerQuarter, tooFar = strict ? endTick : lastStart;
  if (tooFar > limit || (!strict && tooFar === limit)) {
    throw new MidiError("tick-limit", `Expected at most ${maxQuarters} quarters, found ${tooFar / ticksPerQuarter}`);
  }
  return { ticksPerQuarter, notes, parts, tempi: inForce, meters, endTick: Math.min(endTick, limit) };
}

/** Refuses what the authors' reader fails on, after the bytes were read. */
function refuseStrictly(tracks: Track[], tempi: Score["tempi"], meters: Score["meters"]): void {
  const ticks = 1 + tracks.reduce((last, track) => Math.max(last, track.lastTick), 0);
  if (ticks > maxTicks) throw new MidiError("tick-limit", `Expected at most ${maxTicks} ticks, found ${ticks}`);
  const stopped = tempi.find(({ microseconds }) => microseconds === 0);
  if (stopped) throw new MidiError("tempo", `Expected microseconds a quarter, found 0 at tick ${stopped.tick}`);
  const beatless = meters.find(({ numerator }) => numerator === 0);
  if (beatless) throw new MidiError("meta", `Expected beats in a signature, found 0 at tick ${beatless.tick}`);
}

/** Notes by (start, pitch), the given order kept among equals; the list itself where it is in order. */
function inOrder(notes: Note[]): Note[] {
  const compare = (a: Note, b: Note) => a.start - b.start || a.pitch - b.pitch;
  return notes.every((note, i) => i === 0 || compare(notes[i - 1], note) <= 0) ? notes : notes.sort(compare);
}

/** Format 2: each track starts where the one before it ended. */
function inSequence(tracks: Track[], ticks: Float64Array): void {
  let offset = 0;
  for (const track of tracks) {
    for (let i = track.from; i < track.to; i++) ticks[i] += offset;
    for (const event of [...track.tempi, ...track.meters]) event.tick += offset;
    if (track.lastText > 0) track.lastText += offset;
    offset = track.lastTick += offset;
  }
}

/** A tempo at tick 0 replaces all before it; one that repeats the running tempo is no change (STUDY §1.4). */
function realChanges(tempi: Tempo[], ticksPerQuarter: number): Tempo[] {
  const scale = (tempo: Tempo) => 60 / ((6e7 / tempo.microseconds) * ticksPerQuarter);
  let changes: Tempo[] = [{ tick: 0, microseconds: 500_000 }];
  for (const tempo of tempi) {
    if (tempo.tick === 0) changes = [tempo];
    else if (scale(tempo) !== scale(changes.at(-1)!)) changes.push(tempo);
  }
  return changes;
}
