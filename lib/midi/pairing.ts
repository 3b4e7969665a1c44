/**
 * Note-ons and note-offs → notes, by the MIDI standard or by the authors' reader, in time linear in the events.
 * @module
 */
import { bisect } from "../base/bisect.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";
import { channelSettings, drumChannel, valueOf } from "./channels.ts";
import type { Chunks } from "./chunks.ts";
import { bend, controller, type Events, off, on, program } from "./events.ts";
import type { Controls, Part } from "./score.ts";

/** The shortest duration is a quarter divided by this (STUDY §3.1). */
const positionsPerQuarter = 12;

const sustain = 64, allSoundOff = 120, resetAll = 121, allNotesOff = 123;

const noNumbers = (): number[] => [];
const noControls = (): Controls => ({ pedals: [], bends: [], lastTick: 0 });

/** Adds a bend or controller; those that release the pedal (121: and centre the bend) do so only if `all` count. */
function addControl(controls: Controls, { kinds, ticks, numbers, values }: Events, i: number, all: boolean): void {
  const tick = ticks[i], { pedals, bends } = controls;
  if (kinds[i] === bend) bends.push({ tick, value: values[i] });
  else if (numbers[i] === sustain) pedals.push({ tick, value: values[i] });
  else if (all && (numbers[i] === allSoundOff || numbers[i] === resetAll)) {
    pedals.push({ tick, value: 0 });
    if (numbers[i] === resetAll) bends.push({ tick, value: 0 });
  }
  controls.lastTick = Math.max(controls.lastTick, tick);
}

/** A tick as a small integer of the engine, where it is one: as a float64 it would be boxed in every note. */
const small = (tick: number): number => tick < 2 ** 31 ? tick | 0 : tick;

/** Adds the note from the on at index `from` to a tick. */
function addNote({ notes, program, drum }: Part, { ticks, numbers, values }: Events, from: number, end: number): void {
  const start = small(ticks[from]);
  notes.push({ start, end: small(end), pitch: numbers[from], velocity: values[from], program, drum });
}

/**
 * Parts by the rules of the authors' reader (STUDY §1.5–1.7, §16.3).
 *
 * There is one part for each (program, channel, track) with notes. An off ends every open note of its pitch that
 * started earlier, and the program is that at the off. Controls before a part's first note are shared by reference.
 */
export function pairLikePrettyMidi({ events, tracks }: Chunks): Part[] {
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
      else if (kind === on) valueOf(open, noteKey, noNumbers).push(i);
      else if (kind === off) {
        const ons = open.get(noteKey);
        if (!ons) continue;
        let closed = ons.length; // those that started on this very tick stay open, or vanish if they are all
        while (closed > 0 && ticks[ons[closed - 1]] === ticks[i]) closed--;
        if (closed === 0 || closed === ons.length) open.delete(noteKey);
        else open.set(noteKey, ons.slice(closed));
        if (closed === 0) continue;
        let part = own.get(partKey);
        if (!part) {
          const controls = early.get(channel) ?? noControls(), drum = channel === drumChannel;
          own.set(partKey, part = { program: programs[channel], drum, notes: [], controls });
          parts.push(part);
        }
        for (let k = 0; k < closed; k++) addNote(part, events, ons[k], ticks[i]);
      } else addControl(own.get(partKey)?.controls ?? valueOf(early, channel, noControls), events, i, false);
    }
  }
  return parts;
}

/** By channel, the ticks at which All Sound Off, All Notes Off or a mode message that implies it ends notes, ascending. */
function noteEnds({ count, kinds, ticks, channels, numbers }: Events): Map<number, number[]> {
  const ends = new Map<number, number[]>();
  for (let i = 0; i < count; i++) {
    if (kinds[i] !== controller || (numbers[i] !== allSoundOff && numbers[i] < allNotesOff)) continue;
    valueOf(ends, channels[i], noNumbers).push(ticks[i]);
  }
  for (const list of ends.values()) list.sort((a, b) => a - b);
  return ends;
}

/**
 * Parts by the MIDI standard: one for each (port, channel, program, drums or not) that has notes.
 *
 * An off ends the oldest open note of its track, channel and pitch. The program is that at the note-on, set in any
 * track. Notes that never end are left out. Pedals and bends act on the channel. The fields of `midi` decide on notes of
 * no length, on other controllers that end notes, and on drums.
 */
export function pairByStandard({ events, tracks, ticksPerQuarter }: Chunks, midi: CorpusRecipe["midi"]): Part[] {
  const { count, kinds, ticks, channels, numbers } = events;
  const settings = channelSettings(events, tracks, midi.drums);
  const all = midi.controllers === "all", ends = all ? noteEnds(events) : new Map<number, number[]>();
  const shortest = midi.zeroLength === "shortest" ? Math.max(1, Math.round(ticksPerQuarter / positionsPerQuarter)) : 0;
  const controls = new Map<number, Controls>(), parts = new Map<number, Part>();
  const controlsOf = (channel: number) => valueOf(controls, channel, noControls);
  const channelCount = 1 + channels.subarray(0, count).reduce((most, channel) => Math.max(most, channel), 0);
  const lastTicks = new Float64Array(channelCount); // of the tracks that play on a channel
  // Open notes by channel and pitch: the oldest and latest on, and after each on the next; -1 where there is none.
  const oldest = new Int32Array(128 * channelCount).fill(-1), latest = new Int32Array(128 * channelCount);
  const later = new Int32Array(count);
  const sounds = new Uint8Array(count); // of each on: the program, and 128 for drums

  /** Ends the oldest open note of a key. */
  const end = (key: number, tick: number) => {
    const i = oldest[key], channel = channels[i];
    oldest[key] = later[i];
    const until = tick > ticks[i] ? tick : tick + shortest;
    if (until === ticks[i]) return;
    const partKey = 256 * channel + sounds[i];
    const part = parts.get(partKey) ??
      { program: sounds[i] & 127, drum: sounds[i] > 127, notes: [], controls: controlsOf(channel) };
    if (part.notes.length === 0) parts.set(partKey, part);
    addNote(part, events, i, until);
  };
  /** Ends the open notes of a key that a controller ended up to a tick. */
  const endByController = (key: number, tick: number) => {
    const stops = ends.get(key >> 7);
    while (stops && oldest[key] >= 0) {
      const stop = stops[bisect(0, stops.length, (k) => stops[k] > ticks[oldest[key]])];
      if (!(stop <= tick)) return;
      end(key, stop);
    }
  };

  tracks.forEach(({ from, to, lastTick }, track) => {
    for (let i = from; i < to; i++) {
      const channel = channels[i], kind = kinds[i], key = channel * 128 + numbers[i];
      if (kind === on || kind === controller) lastTicks[channel] = Math.max(lastTicks[channel], lastTick);
      if (kind === on) {
        sounds[i] = settings.program(i, track) + (settings.isDrum(i, track) ? 128 : 0);
        later[i] = -1;
        if (oldest[key] < 0) oldest[key] = i;
        else later[latest[key]] = i;
        latest[key] = i;
      } else if (kind === off) {
        if (ends.size > 0) endByController(key, ticks[i]);
        if (oldest[key] >= 0) end(key, ticks[i]);
      } else {
        settings.see(i, track);
        if (kind === controller || kind === bend) addControl(controlsOf(channel), events, i, all);
      }
    }
    for (let i = from; i < to; i++) {
      const key = channels[i] * 128 + numbers[i];
      if (kinds[i] !== on || oldest[key] < 0) continue;
      endByController(key, Infinity);
      oldest[key] = -1; // the others never end
    }
  });
  for (const [channel, own] of controls) {
    for (const list of [own.pedals, own.bends]) list.sort((a, b) => a.tick - b.tick);
    if (!all || (own.pedals.at(-1)?.value ?? 0) < 64) continue;
    own.pedals.push({ tick: lastTicks[channel], value: 0 });
    own.lastTick = lastTicks[channel];
  }
  return [...parts.values()];
}
