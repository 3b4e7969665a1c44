/**
 * Note-ons and note-offs → notes, by the two sets of rules a recipe may ask for; both in time linear in the events.
 * @module
 */
import { bend, controller, type Events, off, on, program, type Track } from "./events.ts";
import type { Controls, Note, Part } from "./score.ts";

const drumChannel = 9;
const sustain = 64;

const silent = (): Controls => ({ pedals: [], bends: [], lastTick: 0 });

function control(controls: Controls, { kinds, ticks, numbers, values }: Events, i: number): void {
  const tick = ticks[i];
  if (kinds[i] === bend) controls.bends.push({ tick, value: values[i] });
  else if (numbers[i] === sustain) controls.pedals.push({ tick, value: values[i] });
  controls.lastTick = Math.max(controls.lastTick, tick);
}

/** A tick as the engine's small integer where it is one: read from a float64 array it would be boxed in every note. */
const small = (tick: number): number => tick < 2 ** 31 ? tick | 0 : tick;

/** The note from the on at index `from` to a tick. */
const note = ({ ticks, numbers, values }: Events, from: number, end: number, { program, drum }: Part): Note => ({
  start: small(ticks[from]),
  end: small(end),
  pitch: numbers[from],
  velocity: values[from],
  program,
  drum,
});

/**
 * Parts by the rules of the authors' reader (study §1.5–1.7, §16.3).
 *
 * One part a (program, channel, track) that has notes; an off ends every open note of its pitch that started earlier,
 * the program is that of the off; controls that come before a part's first note are shared by reference.
 */
export function pairLikePrettyMidi(events: Events, tracks: Track[]): Part[] {
  const { kinds, ticks, numbers } = events;
  const parts: Part[] = [];
  for (const { from, to } of tracks) {
    const programs = new Uint8Array(16);
    const open = new Map<number, number[]>(); // by channel and pitch: indices of ons, by time
    const ofProgram = new Map<number, Part>(); // by channel and program
    const stragglers = new Map<number, Controls>(); // by channel
    for (let i = from; i < to; i++) {
      const channel = events.channels[i] & 15; // ports do not count
      const partKey = channel * 128 + programs[channel];
      const noteKey = channel * 128 + numbers[i];
      const kind = kinds[i];
      if (kind === program) programs[channel] = numbers[i];
      else if (kind === on) {
        const held = open.get(noteKey);
        if (held) held.push(i);
        else open.set(noteKey, [i]);
      } else if (kind === off) {
        const held = open.get(noteKey);
        if (!held || held.length === 0) continue;
        let closed = held.length; // those that started on this very tick stay open, or vanish if they are all
        while (closed > 0 && ticks[held[closed - 1]] === ticks[i]) closed--;
        if (closed === 0 || closed === held.length) open.delete(noteKey);
        else open.set(noteKey, held.slice(closed));
        if (closed === 0) continue;
        let part = ofProgram.get(partKey);
        if (!part) {
          const controls = stragglers.get(channel) ?? silent();
          part = { program: programs[channel], drum: channel === drumChannel, notes: [], controls };
          ofProgram.set(partKey, part);
          parts.push(part);
        }
        for (let k = 0; k < closed; k++) part.notes.push(note(events, held[k], ticks[i], part));
      } else {
        let controls = ofProgram.get(partKey)?.controls ?? stragglers.get(channel);
        if (!controls) stragglers.set(channel, controls = silent());
        control(controls, events, i);
      }
    }
  }
  return parts;
}

/** The program changes of a channel at one tick, by what they leave in force. */
interface Change {
  tick: number;
  /** The last track that changes the program at the tick, and to which. */
  track: number;
  program: number;
  /** The same without that track; −1 where no other track does. */
  otherProgram: number;
}

/** Program changes of every channel, in order of time. */
function programChanges(events: Events, tracks: Track[]): Map<number, Change[]> {
  const all = new Map<number, { tick: number; track: number; program: number }[]>();
  tracks.forEach(({ from, to }, track) => {
    for (let i = from; i < to; i++) {
      if (events.kinds[i] !== program) continue;
      const change = { tick: events.ticks[i], track, program: events.numbers[i] };
      const held = all.get(events.channels[i]);
      if (held) held.push(change);
      else all.set(events.channels[i], [change]);
    }
  });
  const merged = new Map<number, Change[]>();
  for (const [channel, changes] of all) {
    const held: Change[] = [];
    for (const { tick, track, program } of changes.sort((a, b) => a.tick - b.tick || a.track - b.track)) {
      const last = held.at(-1);
      if (last?.tick !== tick) held.push({ tick, track, program, otherProgram: -1 });
      else Object.assign(last, { track, program }, last.track === track ? {} : { otherProgram: last.program });
    }
    merged.set(channel, held);
  }
  return merged;
}

/**
 * The program in force for a note-on of `track`, whose own last change so far is `own`: that of the latest tick; of
 * those at one tick the track's own, then the last track's.
 */
function programAt(changes: Change[], tick: number, track: number, own?: { tick: number; program: number }): number {
  let low = 0, high = changes.length; // the first change after the note's tick
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle].tick <= tick) low = middle + 1;
    else high = middle;
  }
  for (let i = low - 1; i >= 0; i--) { // goes on at most once: only changes at the note's own tick can be to come
    const change = changes[i];
    if (own?.tick === change.tick) return own.program;
    if (change.track !== track) return change.program;
    if (change.otherProgram >= 0) return change.otherProgram;
  }
  return 0;
}

/**
 * Parts by the MIDI standard: one a (port, channel, program) that has notes.
 *
 * An off ends the oldest open note of its track, channel and pitch; the program is that of the note-on, set in any
 * track; notes of no length and notes that never end are left out; pedals and bends act on the channel.
 */
export function pairByStandard(events: Events, tracks: Track[]): Part[] {
  const { kinds, ticks, channels, numbers } = events;
  const changes = programChanges(events, tracks);
  const controls = new Map<number, Controls>();
  const parts = new Map<number, Part>();
  const controlsOf = (channel: number) => {
    let held = controls.get(channel);
    if (!held) controls.set(channel, held = silent());
    return held;
  };
  const keys = 128 * (1 + channels.subarray(0, events.count).reduce((most, channel) => Math.max(most, channel), 0));
  // Open notes by channel and pitch: the oldest and latest on, and after each on the next; -1 where there is none.
  const oldest = new Int32Array(keys).fill(-1), latest = new Int32Array(keys), later = new Int32Array(events.count);
  const programs = new Uint8Array(events.count);
  tracks.forEach(({ from, to }, track) => {
    const own = new Map<number, { tick: number; program: number }>(); // last program change here, by channel
    for (let i = from; i < to; i++) {
      const channel = channels[i], kind = kinds[i], key = channel * 128 + numbers[i];
      if (kind === on) {
        const of = changes.get(channel);
        if (of) programs[i] = programAt(of, ticks[i], track, own.get(channel));
        later[i] = -1;
        if (oldest[key] < 0) oldest[key] = i;
        else later[latest[key]] = i;
        latest[key] = i;
      } else if (kind === off) {
        const started = oldest[key];
        if (started < 0) continue;
        oldest[key] = later[started];
        if (ticks[started] === ticks[i]) continue;
        const partKey = channel * 128 + programs[started];
        let part = parts.get(partKey);
        if (!part) {
          const drum = channel % 16 === drumChannel;
          part = { program: programs[started], drum, notes: [], controls: controlsOf(channel) };
          parts.set(partKey, part);
        }
        part.notes.push(note(events, started, ticks[i], part));
      } else if (kind === program) own.set(channel, { tick: ticks[i], program: numbers[i] });
      else if (kind === controller || kind === bend) control(controlsOf(channel), events, i);
    }
    for (let i = from; i < to; i++) if (kinds[i] === on) oldest[channels[i] * 128 + numbers[i]] = -1; // never ended
  });
  const early = (a: { tick: number }, b: { tick: number }) => a.tick - b.tick;
  for (const { pedals, bends } of controls.values()) {
    pedals.sort(early);
    bends.sort(early);
  }
  return [...parts.values()];
}
