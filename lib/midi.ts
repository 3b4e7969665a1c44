/**
 * MIDI bytes ↔ a score: notes, tempi, signatures and controls in ticks.
 *
 * {@link readChunks} decodes the events and notes are paired, in time linear in the events, by the MIDI standard or by
 * the rules of the authors' reader (study §1). `@tonejs/midi` writes.
 * @module
 */
import tone from "@tonejs/midi";
import { readChunks } from "./chunks.ts";
import type { Meter, Tempo, Track } from "./events.ts";
import { MidiError } from "./midi_error.ts";
import { pairByStandard, pairLikePrettyMidi } from "./pairing.ts";
import { drums } from "./vocabulary.ts";
import type { CorpusRecipe } from "./recipe.ts";

export type { Meter, Tempo } from "./events.ts";
export { MidiError, type MidiReason } from "./midi_error.ts";

/** A sounding note. */
export interface Note {
  /** Tick it starts at. */
  start: number;
  /** Tick it ends at, before any pedal. */
  end: number;
  /** MIDI pitch 0–127; for drums the key of the drum. */
  pitch: number;
  /** MIDI velocity 1–127. */
  velocity: number;
  /** General MIDI program 0–127. */
  program: number;
  /** Whether it is on the drum channel (the tenth). */
  drum: boolean;
}

/** A pedal value 0–127 or a bend −8192…8191 from a tick on. */
export interface Control {
  /** From when. */
  tick: number;
  /** The value, until the next one. */
  value: number;
}

/** The sustain pedal and pitch bends that act on a part, in order of time. */
export interface Controls {
  /** Values of the sustain pedal, 0–127. */
  pedals: Control[];
  /** Pitch bends, −8192…8191. */
  bends: Control[];
  /** Tick of the last controller or bend of any number; 0 if there is none. */
  lastTick: number;
}

/** The notes of one program under one set of controls; notes sorted by (start, pitch). */
export interface Part {
  /** General MIDI program, 0–127. */
  program: number;
  /** Whether its notes are drums. */
  drum: boolean;
  /** Its notes. */
  notes: Note[];
  /** The pedal and bends that act on them. */
  controls: Controls;
}

/** A song in ticks. */
export interface Score {
  /** Ticks of a quarter note. */
  ticksPerQuarter: number;
  /** All notes, sorted by (start, pitch), then in order of the parts. */
  notes: Note[];
  /** The notes by part. */
  parts: Part[];
  /** Tempi in order of time; before the first, 120 quarters a minute. */
  tempi: Tempo[];
  /** Signatures in order of time; empty if the file has none. */
  meters: Meter[];
  /** Tick of the last note end, control, tempo, signature, key or lyric (study §1.8). */
  endTick: number;
  /** The file it was read from, if that is known; errors about the score name it. */
  file?: string;
}

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
 * import { readScore } from "@lib/midi.ts";
 * import { recipe } from "@lib/recipe.ts";
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

/** Tick of the last note end, controller or bend of a part. */
export const lastTickOf = (part: Part): number =>
  part.notes.reduce((last, note) => Math.max(last, note.end), part.controls.lastTick);

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

/**
 * A MIDI file (format 1, as `@tonejs/midi` writes it) of a score's notes, tempi and signatures.
 *
 * Notes of one pitch that overlap in a part go to further tracks, so that each keeps its own length when read again.
 *
 * @example
 * ```ts
 * import { readScore, writeScore } from "@lib/midi.ts";
 * import { recipe } from "@lib/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const choices = recipe("sound", "demo");
 * const score = readScore(await Deno.readFile("data/freedoom/d_e1m1.mid"), choices);
 * assertEquals(readScore(writeScore(score), choices).notes.length, score.notes.length);
 * ```
 */
export function writeScore(score: Score): Uint8Array {
  const file = new tone.Midi();
  file.header.fromJSON({
    name: "",
    ppq: score.ticksPerQuarter,
    tempos: score.tempi.map(({ tick, microseconds }) => ({ ticks: tick, bpm: 6e7 / (microseconds + 1e-6) })),
    timeSignatures: score.meters.map(({ tick, numerator, denominator }) => ({
      ticks: tick,
      timeSignature: [numerator, denominator],
    })),
    keySignatures: [],
    meta: [],
  });
  const voices = new Map<string, { free: number[]; track: ReturnType<typeof file.addTrack> }>();
  const channels = new Map<number, number>();
  for (const note of score.notes) {
    const instrument = note.drum ? drums + note.program : note.program;
    if (!channels.has(instrument)) channels.set(instrument, [...channels.keys()].filter((key) => key < drums).length);
    for (let voice = 0;; voice++) {
      const key = `${instrument} ${voice}`;
      let held = voices.get(key);
      if (!held) {
        const track = file.addTrack();
        const turn = channels.get(instrument)! % 15; // channels 0–8 and 10–15, again and again
        track.channel = note.drum ? 9 : turn < 9 ? turn : turn + 1;
        track.instrument.number = note.program;
        voices.set(key, held = { free: Array(128).fill(0), track });
      }
      if (held.free[note.pitch] > note.start) continue;
      held.free[note.pitch] = note.end;
      held.track.addNote({
        midi: note.pitch,
        ticks: note.start,
        durationTicks: note.end - note.start,
        velocity: Math.min(1, (note.velocity + 0.5) / 127),
      });
      break;
    }
  }
  return file.toArray();
}
