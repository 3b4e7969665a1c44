/**
 * MIDI bytes ↔ a score: notes, tempi, signatures and controls in ticks.
 *
 * {@link readChunks} decodes the events and notes are paired, in time linear in the events, by the MIDI standard or by
 * the rules of the authors' reader (study §1). `@tonejs/midi` writes.
 * @module
 */
import { lastTickOf, type Note, type Part, type Score } from "./score.ts";
import { readChunks } from "./chunks.ts";
import type { Tempo, Track } from "./events.ts";
import { MidiError } from "./error.ts";
import { pairByStandard, pairLikePrettyMidi } from "./pairing.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";

const byTick = (a: { tick: number }, b: { tick: number }) => a.tick - b.tick;
/** Longest score: 100,000 quarters (14 hours at 120 a minute); and ticks the authors' reader can index (§1.2). */
const maxQuarters = 100_000, maxTicks = 1e7;

/**
 * The score in the bytes of a MIDI file, by the rules of `recipe.midi` (study §1); `file` names it in errors.
 *
 * `standard`: note-offs end the oldest open note of their track, channel and pitch; notes of no length and notes that
 * never end are left out; program changes hold for their channel from any track, at equal ticks a track's own first;
 * tempi of zero are no tempi; metas of a wrong length, chunks of another kind and wrong chunk lengths are passed over;
 * the tracks of format 2 follow one another. What lies beyond 100,000 quarters is cut off, but no note may start there.
 *
 * @throws {MidiError} for bytes that hold no readable music; its `reason` says which way.
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
  const { ticksPerQuarter, tracks, events, format } = readChunks(bytes, strict);
  if (format === 2 && !strict) inSequence(tracks, events.ticks);
  const lastTick = tracks.reduce((last, track) => Math.max(last, track.lastTick), 0);
  if (strict && lastTick + 1 > maxTicks) {
    throw new MidiError("tick-limit", `Expected at most ${maxTicks} ticks, found ${lastTick + 1}`);
  }
  const heard = recipe.midi.metaTracks === "first" ? tracks.slice(0, 1) : tracks;
  const tempi = heard.flatMap((track) => track.tempi).sort(byTick);
  const meters = heard.flatMap((track) => track.meters).sort(byTick);
  const stopped = tempi.find(({ microseconds }) => microseconds === 0);
  if (strict && stopped) {
    throw new MidiError("tempo", `Expected microseconds a quarter, found 0 at tick ${stopped.tick}`);
  }
  const beatless = meters.find(({ numerator }) => numerator === 0);
  if (strict && beatless) {
    throw new MidiError("meta", `Expected beats in a signature, found 0 at tick ${beatless.tick}`);
  }

  const parts = strict ? pairLikePrettyMidi(events, tracks) : pairByStandard(events, tracks);
  for (const part of parts) part.notes = inOrder(part.notes);
  const notes = parts.length === 1 ? parts[0].notes : inOrder(together(parts));
  let endTick = heard.reduce((last, track) => Math.max(last, track.lastText), meters.at(-1)?.tick ?? 0);
  const sounding = strict ? heldTempi(tempi, ticksPerQuarter) : tempi.filter((tempo) => tempo.microseconds > 0);
  endTick = Math.max(endTick, sounding.at(-1)?.tick ?? 0);
  for (const part of parts) endTick = Math.max(endTick, lastTickOf(part));
  const limit = maxQuarters * ticksPerQuarter;
  const tooFar = strict ? endTick : notes.at(-1)?.start ?? 0;
  if (tooFar > limit || (!strict && tooFar === limit)) {
    throw new MidiError("tick-limit", `Expected at most ${maxQuarters} quarters, found ${tooFar / ticksPerQuarter}`);
  }
  return { ticksPerQuarter, notes, parts, tempi: sounding, meters, endTick: Math.min(endTick, limit) };
}

/** The notes of all parts, one part after another. */
function together(parts: Part[]): Note[] {
  const notes = new Array<Note>(parts.reduce((sum, part) => sum + part.notes.length, 0));
  let at = 0;
  for (const part of parts) for (const note of part.notes) notes[at++] = note;
  return notes;
}

/** Notes by (start, pitch), the given order kept among equals; the list itself where it is in order. */
function inOrder(notes: Note[]): Note[] {
  const compare = (a: Note, b: Note) => a.start - b.start || a.pitch - b.pitch;
  for (let i = 1; i < notes.length; i++) if (compare(notes[i - 1], notes[i]) > 0) return notes.sort(compare);
  return notes;
}

/** Format 2: each track starts where the one before it ended. */
function inSequence(tracks: Track[], ticks: Float64Array): void {
  let offset = 0;
  for (const track of tracks) {
    for (let i = track.from; i < track.to; i++) ticks[i] += offset;
    for (const event of track.tempi) event.tick += offset;
    for (const event of track.meters) event.tick += offset;
    if (track.lastText > 0) track.lastText += offset;
    offset = track.lastTick += offset;
  }
}

/** A tempo at tick 0 replaces all before it; one that repeats the running tempo is no change (study §1.4). */
function heldTempi(tempi: Tempo[], ticksPerQuarter: number): Tempo[] {
  const scale = (tempo: Tempo) => 60 / ((6e7 / tempo.microseconds) * ticksPerQuarter);
  let held: Tempo[] = [{ tick: 0, microseconds: 500_000 }];
  for (const tempo of tempi) {
    if (tempo.tick === 0) held = [tempo];
    else if (scale(tempo) !== scale(held.at(-1)!)) held.push(tempo);
  }
  return held;
}
