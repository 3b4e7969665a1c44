/**
 * MIDI bytes ↔ a score: notes, tempi, signatures and controls in ticks.
 *
 * `midi-file` decodes the events, {@link readChunks} makes the bytes fit for it, and notes are paired here, in time
 * linear in the events, by the MIDI standard or by the rules of the authors' reader (study §1). `@tonejs/midi` writes.
 * @module
 */
import { parseMidi } from "midi-file";
import tone from "@tonejs/midi";
import { concat, MidiError, readChunks } from "./chunks.ts";
import { pairByStandard, pairLikePrettyMidi } from "./pairing.ts";
import { drums } from "./vocabulary.ts";
import type { Recipe } from "./recipe.ts";

export { MidiError, type MidiReason } from "./chunks.ts";

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
  tick: number;
  value: number;
}

/** The sustain pedal and pitch bends that act on a part, in order of time. */
export interface Controls {
  pedals: Control[];
  bends: Control[];
  /** Tick of the last controller or bend of any number; 0 if there is none. */
  lastTick: number;
}

/** The notes of one program under one set of controls; notes sorted by (start, pitch). */
export interface Part {
  program: number;
  drum: boolean;
  notes: Note[];
  controls: Controls;
}

/** A tempo from a tick on. */
export interface Tempo {
  tick: number;
  /** Microseconds a quarter. */
  microseconds: number;
}

/** A time signature from a tick on. */
export interface Meter {
  tick: number;
  numerator: number;
  denominator: number;
}

/** A song in ticks. */
export interface Score {
  ticksPerQuarter: number;
  /** All notes, sorted by (start, pitch), then in order of the parts. */
  notes: Note[];
  parts: Part[];
  /** Tempi in order of time; before the first, 120 quarters a minute. */
  tempi: Tempo[];
  /** Signatures in order of time; empty if the file has none. */
  meters: Meter[];
  /** Tick of the last note end, control, tempo, signature, key or lyric (study §1.8). */
  endTick: number;
}

/** Tick and content of an event that matters here. */
export interface TrackEvent {
  tick: number;
  type: "on" | "off" | "program" | "controller" | "bend";
  /** Channel 0–15, plus 16 times the port where ports count. */
  channel: number;
  /** Pitch, program or controller number. */
  number: number;
  /** Velocity, controller value or bend. */
  value: number;
}

interface Track {
  events: TrackEvent[];
  tempi: Tempo[];
  meters: Meter[];
  /** Tick of the last key signature or lyric, and of the last event of any kind. */
  lastText: number;
  lastTick: number;
}

interface ParsedEvent {
  deltaTime: number;
  type: string;
  channel: number;
  noteNumber: number;
  velocity: number;
  programNumber: number;
  controllerType: number;
  value: number;
  port: number;
  microsecondsPerBeat: number;
  numerator: number;
  denominator: number;
}

/** `midi-file`'s parser with what it throws made into a {@link MidiError}; it publishes no types. */
function parseEvents(track: Uint8Array): ParsedEvent[] {
  const head = new Uint8Array(22);
  const view = new DataView(head.buffer);
  [0x4d546864, 6, 0x00000001, 0x00604d54].forEach((word, i) => view.setUint32(4 * i, word));
  view.setUint16(16, 0x726b);
  view.setUint32(18, track.length);
  try {
    return parseMidi(concat([head, track])).tracks[0] as unknown as ParsedEvent[];
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new MidiError("parser", `Expected MIDI events, but the parser says: ${message}`);
  }
}

function readTrack(bytes: Uint8Array): Track {
  const track: Track = { events: [], tempi: [], meters: [], lastText: 0, lastTick: 0 };
  let tick = 0, port = 0;
  for (const event of parseEvents(bytes)) {
    tick += event.deltaTime;
    const channel = event.channel + 16 * port;
    const push = (type: TrackEvent["type"], number: number, value: number) =>
      track.events.push({ tick, type, channel, number, value });
    switch (event.type) {
      case "noteOn":
        push("on", event.noteNumber, event.velocity);
        break;
      case "noteOff":
        push("off", event.noteNumber, 0);
        break;
      case "programChange":
        push("program", event.programNumber, 0);
        break;
      case "controller":
        push("controller", event.controllerType, event.value);
        break;
      case "pitchBend":
        push("bend", 0, event.value);
        break;
      case "portPrefix":
        port = event.port;
        break;
      case "setTempo":
        track.tempi.push({ tick, microseconds: event.microsecondsPerBeat });
        break;
      case "timeSignature":
        track.meters.push({ tick, numerator: event.numerator, denominator: event.denominator });
        break;
      case "keySignature":
      case "lyrics":
        track.lastText = tick;
    }
  }
  track.lastTick = tick;
  return track;
}

const byTick = (a: { tick: number }, b: { tick: number }) => a.tick - b.tick;
/** Longest score: 100,000 quarters (14 hours at 120 a minute); and ticks the authors' reader can index (§1.2). */
const maxQuarters = 100_000, maxTicks = 1e7;

/**
 * The score in the bytes of a MIDI file, by the rules of `recipe.midi` (study §1).
 *
 * `standard`: note-offs end the oldest open note of their track, channel and pitch; notes of no length and notes that
 * never end are left out; program changes hold for their channel from any track, at equal ticks a track's own first.
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
 * const score = readScore(bytes, recipe("sound", "demo"));
 * assertEquals(score.notes.every((note) => note.end > note.start), true);
 * ```
 */
export function readScore(bytes: Uint8Array, recipe: Recipe): Score {
  const strict = recipe.midi.reading === "pretty_midi";
  const { ticksPerQuarter, tracks: chunks, format } = readChunks(bytes, strict);
  const tracks = chunks.map(readTrack);
  if (format === 2 && !strict) inSequence(tracks);
  const lastTick = tracks.reduce((last, track) => Math.max(last, track.lastTick), 0);
  if (strict && lastTick + 1 > maxTicks) {
    throw new MidiError("tick-limit", `Expected at most ${maxTicks} ticks, found ${lastTick + 1}`);
  }
  const heard = recipe.midi.metaTracks === "first" ? tracks.slice(0, 1) : tracks;
  const tempi = heard.flatMap((track) => track.tempi).sort(byTick);
  const meters = heard.flatMap((track) => track.meters).sort(byTick);
  if (strict && tempi.some((tempo) => tempo.microseconds === 0)) throw new MidiError("tempo", "A tempo is 0");
  if (strict && meters.some((meter) => meter.numerator === 0)) throw new MidiError("meta", "A signature is 0");

  const events = tracks.map((track) => track.events);
  const parts = strict ? pairLikePrettyMidi(events) : pairByStandard(events);
  const byStart = (a: Note, b: Note) => a.start - b.start || a.pitch - b.pitch;
  for (const part of parts) part.notes.sort(byStart);
  const notes = parts.flatMap((part) => part.notes).sort(byStart);
  let endTick = Math.max(0, ...heard.map((track) => track.lastText), meters.at(-1)?.tick ?? 0);
  const sounding = strict ? heldTempi(tempi, ticksPerQuarter) : tempi.filter((tempo) => tempo.microseconds > 0);
  endTick = Math.max(endTick, sounding.at(-1)?.tick ?? 0);
  for (const part of parts) endTick = Math.max(endTick, lastTickOf(part));
  if (endTick > maxQuarters * ticksPerQuarter) {
    throw new MidiError("tick-limit", `Expected at most ${maxQuarters} quarters, found ${endTick / ticksPerQuarter}`);
  }
  return { ticksPerQuarter, notes, parts, tempi: sounding, meters, endTick };
}

/** Tick of the last note end, controller or bend of a part. */
export const lastTickOf = (part: Part): number =>
  part.notes.reduce((last, note) => Math.max(last, note.end), part.controls.lastTick);

/** Format 2: each track starts where the one before it ended. */
function inSequence(tracks: Track[]): void {
  let offset = 0;
  for (const track of tracks) {
    for (const event of [...track.events, ...track.tempi, ...track.meters]) event.tick += offset;
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
