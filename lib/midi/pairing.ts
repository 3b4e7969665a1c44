/**
 * Note-ons and note-offs → notes, by the MIDI standard or by the authors' reader; both in time linear in the events.
 * @module
 */
import { bisect } from "../base/bisect.ts";
import { bend, type Events, off, on, program, type Track } from "./events.ts";
import type { Controls, Part } from "./score.ts";

const drumChannel = 9;
const sustain = 64;

const noControls = (): Controls => ({ pedals: [], bends: [], lastTick: 0 });

function addControl(controls: Controls, { kinds, ticks, numbers, values }: Events, i: number): void {
  const tick = ticks[i];
  if (kinds[i] === bend) controls.bends.push({ tick, value: values[i] });
  else if (numbers[i] === sustain) controls.pedals.push({ tick, value: values[i] });
  controls.lastTick = Math.max(controls.lastTick, tick);
}

/** A tick as a small integer of the engine, where it is one: as a float64 it would be boxed in every note. */
const small = (tick: number): number => tick < 2 ** 31 ? tick | 0 : tick;

/** Adds the note from the on at index `from` to a tick. */
function addNote({ notes, program, drum }: Part, { ticks, numbers, values }: Events, from: number, end: number): void {
  const start = small(ticks[from]);
  notes.push({ start, end: small(end), pitch: numbers[from], velocity: values[from], program, drum });
}

/** The value of a key; made and kept where there is none. */
function valueOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

/**
 * Parts by the rules of the authors' reader (STUDY §1.5–1.7, §16.3).
 *
 * There is one part for each (program, channel, track) with notes. An off ends every open note of its pitch that
 * started earlier, and the program is that at the off. Controls before a part's first note are shared by reference.
 */
export function pairLikePrettyMidi(events: Events, tracks: Track[]): Part[] {
  const { kinds, ticks, numbers } = events;
  const parts: Part[] = [];
  for (const { from, to } of tracks) {
    const programs = new Uint8Array(16);
    const open = new Map<number, number[]>(); // by channel and pitch: indices of ons, by time
    const own = new Map<number, Part>(); // by channel and program
    const early = new Map<number, Controls>(); // by channel
    for (let i = from; i < to; i++) {
      const channel = events.channels[i] & 15; // ports do not count
      const partKey = channel * 128 + programs[channel], noteKey = channel * 128 + numbers[i];
      const kind = kinds[i];
      if (kind === program) programs[channel] = numbers[i];
      else if (kind === on) valueOf(open, noteKey, () => []).push(i);
      else if (kind === off) {
        const ons = open.get(noteKey) ?? [];
        let closed = ons.length; // those that started on this very tick stay open, or vanish if they are all
        while (closed > 0 && ticks[ons[closed - 1]] === ticks[i]) closed--;
        if (closed === 0 || closed === ons.length) open.delete(noteKey);
        else open.set(noteKey, ons.slice(closed));
        if (closed === 0) continue;
        const part = valueOf(own, partKey, () => {
          const controls = early.get(channel) ?? noControls(), drum = channel === drumChannel;
          parts.push({ program: programs[channel], drum, notes: [], controls });
          return parts.at(-1)!;
        });
        for (let k = 0; k < closed; k++) addNote(part, events, ons[k], ticks[i]);
      } else addControl(own.get(partKey)?.controls ?? valueOf(early, channel, noControls), events, i);
    }
  }
  return parts;
}

/** A setting of a channel from a tick on. */
interface Change {
  tick: number;
  /** The last track that changes it at the tick, and to which value. */
  track: number;
  value: number;
  /** The value without that track's changes; −1 where no other track makes any. */
  otherValue: number;
}

/** The program changes of every channel, in order of time, one a tick. */
function programChanges({ kinds, ticks, channels, numbers }: Events, tracks: Track[]): Map<number, Change[]> {
  const all = new Map<number, Omit<Change, "otherValue">[]>();
  tracks.forEach(({ from, to }, track) => {
    for (let i = from; i < to; i++) {
      if (kinds[i] !== program) continue;
      valueOf(all, channels[i], () => []).push({ tick: ticks[i], track, value: numbers[i] });
    }
  });
  return new Map(
    all.entries().map(([channel, changes]) => {
      const merged: Change[] = [];
      for (const { tick, track, value } of changes.sort((a, b) => a.tick - b.tick || a.track - b.track)) {
        const last = merged.at(-1);
        if (last?.tick !== tick) merged.push({ tick, track, value, otherValue: -1 });
        else Object.assign(last, { track, value }, last.track === track ? {} : { otherValue: last.value });
      }
      return [channel, merged];
    }),
  );
}

/**
 * The value in force for a note-on of `track`, whose own last change so far is `own`: that of the latest tick; of
 * those at one tick the track's own, then the last track's.
 */
function valueAt(changes: Change[], tick: number, track: number, own?: { tick: number; value: number }): number {
  const after = bisect(0, changes.length, (i) => changes[i].tick > tick);
  for (let i = after - 1; i >= 0; i--) { // goes on at most once: the track's changes at this tick may still be to come
    const change = changes[i];
    if (own?.tick === change.tick) return own.value;
    if (change.track !== track) return change.value;
    if (change.otherValue >= 0) return change.otherValue;
  }
  return 0;
}

/**
 * Parts by the MIDI standard: one for each (port, channel, program) that has notes.
 *
 * An off ends the oldest open note of its track, channel and pitch. The program is that at the note-on, set in any
 * track. Notes of no length and notes that never end are left out. Pedals and bends act on the channel.
 */
export function pairByStandard(events: Events, tracks: Track[]): Part[] {
  const { kinds, ticks, channels, numbers } = events;
  const changes = programChanges(events, tracks);
  const controls = new Map<number, Controls>(), parts = new Map<number, Part>();
  const controlsOf = (channel: number) => valueOf(controls, channel, noControls);
  const keys = 128 * (1 + channels.subarray(0, events.count).reduce((most, channel) => Math.max(most, channel), 0));
  // Open notes by channel and pitch: the oldest and latest on, and after each on the next; -1 where there is none.
  const oldest = new Int32Array(keys).fill(-1), latest = new Int32Array(keys), later = new Int32Array(events.count);
  const programs = new Uint8Array(events.count);
  tracks.forEach(({ from, to }, track) => {
    const own = new Map<number, { tick: number; value: number }>(); // last program change here, by channel
    for (let i = from; i < to; i++) {
      const channel = channels[i], kind = kinds[i], key = channel * 128 + numbers[i];
      if (kind === on) {
        programs[i] = valueAt(changes.get(channel) ?? [], ticks[i], track, own.get(channel));
        later[i] = -1;
        if (oldest[key] < 0) oldest[key] = i;
        else later[latest[key]] = i;
        latest[key] = i;
      } else if (kind === off) {
        const started = oldest[key];
        if (started < 0) continue;
        oldest[key] = later[started];
        if (ticks[started] === ticks[i]) continue;
        const part = valueOf(parts, channel * 128 + programs[started], () => {
          const drum = channel % 16 === drumChannel;
          return { program: programs[started], drum, notes: [], controls: controlsOf(channel) };
        });
        addNote(part, events, started, ticks[i]);
      } else if (kind === program) own.set(channel, { tick: ticks[i], value: numbers[i] });
      else addControl(controlsOf(channel), events, i);
    }
    for (let i = from; i < to; i++) if (kinds[i] === on) oldest[channels[i] * 128 + numbers[i]] = -1; // never ended
  });
  for (const { pedals, bends } of controls.values()) {
    for (const list of [pedals, bends]) list.sort((a, b) => a.tick - b.tick);
  }
  return [...parts.values()];
}
