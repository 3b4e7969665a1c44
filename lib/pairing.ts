/**
 * Note-ons and note-offs → notes, by the two sets of rules a recipe may ask for.
 * @module
 */
import type { Controls, Note, Part, TrackEvent } from "./midi.ts";

const drumChannel = 9;
const sustain = 64;

const silent = (): Controls => ({ pedals: [], bends: [], lastTick: 0 });

function control(controls: Controls, { tick, type, number, value }: TrackEvent): void {
  if (type === "bend") controls.bends.push({ tick, value });
  else if (number === sustain) controls.pedals.push({ tick, value });
  controls.lastTick = Math.max(controls.lastTick, tick);
}

/**
 * Parts by the rules of the authors' reader (study §1.5–1.7, §16.3).
 *
 * One part a (program, channel, track) that has notes; an off ends every open note of its pitch that started earlier,
 * the program is that of the off; controls that come before a part's first note are shared by reference.
 */
export function pairLikePrettyMidi(tracks: TrackEvent[][]): Part[] {
  const parts: Part[] = [];
  for (const events of tracks) {
    const programs = new Uint8Array(16);
    const open = new Map<number, TrackEvent[]>();
    const ofProgram = new Map<number, Part>(); // by channel and program
    const stragglers = new Map<number, Controls>(); // by channel
    for (const event of events) {
      const channel = event.channel % 16; // ports do not count
      const partKey = channel * 128 + programs[channel];
      const noteKey = channel * 128 + event.number;
      if (event.type === "program") programs[channel] = event.number;
      else if (event.type === "on") {
        const held = open.get(noteKey);
        if (held) held.push(event);
        else open.set(noteKey, [event]);
      } else if (event.type === "off") {
        const held = open.get(noteKey);
        if (!held) continue;
        const closed = held.filter((on) => on.tick !== event.tick);
        if (closed.length > 0 && closed.length < held.length) {
          open.set(noteKey, held.filter((on) => on.tick === event.tick));
        } else open.delete(noteKey);
        if (closed.length === 0) continue;
        let part = ofProgram.get(partKey);
        if (!part) {
          const controls = stragglers.get(channel) ?? silent();
          part = { program: programs[channel], drum: channel === drumChannel, notes: [], controls };
          ofProgram.set(partKey, part);
          parts.push(part);
        }
        for (const on of closed) part.notes.push(note(on, event.tick, part.program, part.drum));
      } else {
        let controls = ofProgram.get(partKey)?.controls ?? stragglers.get(channel);
        if (!controls) stragglers.set(channel, controls = silent());
        control(controls, event);
      }
    }
  }
  return parts;
}

const note = (on: TrackEvent, end: number, program: number, drum: boolean): Note => ({
  start: on.tick,
  end,
  pitch: on.number,
  velocity: on.value,
  program,
  drum,
});

interface Change {
  tick: number;
  track: number;
  index: number;
  program: number;
}

/** Program changes of every channel, in order of time, then of track. */
function programChanges(tracks: TrackEvent[][]): Map<number, Change[]> {
  const changes = new Map<number, Change[]>();
  tracks.forEach((events, track) =>
    events.forEach(({ type, channel, tick, number }, index) => {
      if (type !== "program") return;
      const held = changes.get(channel);
      const change = { tick, track, index, program: number };
      if (held) held.push(change);
      else changes.set(channel, [change]);
    })
  );
  for (const held of changes.values()) held.sort((a, b) => a.tick - b.tick || a.track - b.track);
  return changes;
}

/** The program in force for a note-on: the latest change; of those at one tick, its own track's, then the last. */
function programAt(changes: Change[], on: TrackEvent, track: number, index: number): number {
  let low = 0, high = changes.length; // the first change after the note's tick
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle].tick <= on.tick) low = middle + 1;
    else high = middle;
  }
  let found: Change | undefined;
  for (let i = low - 1; i >= 0 && (!found || changes[i].tick === found.tick); i--) {
    const change = changes[i];
    const own = change.track === track;
    if (own && change.tick === on.tick && change.index > index) continue;
    if (own) return change.program;
    found ??= change;
  }
  return found?.program ?? 0;
}

/**
 * Parts by the MIDI standard: one a (port, channel, program) that has notes.
 *
 * An off ends the oldest open note of its track, channel and pitch; the program is that of the note-on, set in any
 * track; notes of no length and notes that never end are left out; pedals and bends act on the channel.
 */
export function pairByStandard(tracks: TrackEvent[][]): Part[] {
  const changes = programChanges(tracks);
  const controls = new Map<number, Controls>();
  const parts = new Map<number, Part>();
  const controlsOf = (channel: number) => {
    let held = controls.get(channel);
    if (!held) controls.set(channel, held = silent());
    return held;
  };
  tracks.forEach((events, track) => {
    const open = new Map<number, { queue: { on: TrackEvent; program: number }[]; head: number }>();
    events.forEach((event, index) => {
      const { channel, type, number, tick } = event;
      const key = channel * 128 + number;
      if (type === "on") {
        const program = programAt(changes.get(channel) ?? [], event, track, index);
        let held = open.get(key);
        if (!held) open.set(key, held = { queue: [], head: 0 });
        held.queue.push({ on: event, program });
      } else if (type === "off") {
        const held = open.get(key);
        if (!held || held.head === held.queue.length) return;
        const { on, program } = held.queue[held.head++];
        if (on.tick === tick) return;
        let part = parts.get(channel * 128 + program);
        if (!part) {
          part = { program, drum: channel % 16 === drumChannel, notes: [], controls: controlsOf(channel) };
          parts.set(channel * 128 + program, part);
        }
        part.notes.push(note(on, tick, program, part.drum));
      } else if (type !== "program") control(controlsOf(channel), event);
    });
  });
  const early = (a: { tick: number }, b: { tick: number }) => a.tick - b.tick;
  for (const { pedals, bends } of controls.values()) {
    pedals.sort(early);
    bends.sort(early);
  }
  return [...parts.values()];
}
