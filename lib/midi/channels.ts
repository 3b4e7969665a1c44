/**
 * Settings of channels over time: program, bank, and whether a channel plays drums.
 * @module
 */
import { bisect } from "../base/bisect.ts";
import { controller, drumPart, drumSetup, type Events, gsReset, program, type Track, xgOn } from "./events.ts";

/** The tenth channel, which plays drums unless it is made melodic. */
export const drumChannel = 9;

/** The value of a key; made and kept where there is none. */
export function valueOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, value = make());
  return value;
}

/** The value that an event gives to a setting, if it is one that does. */
type ValueOf = (events: Events, i: number) => number | undefined;

const programs: ValueOf = ({ kinds, numbers }, i) => kinds[i] === program ? numbers[i] : undefined;
const banks: ValueOf = ({ kinds, numbers, values }, i) =>
  kinds[i] === controller && numbers[i] === 0 ? values[i] : undefined;
const drumParts: ValueOf = ({ kinds, numbers, values }, i) =>
  kinds[i] === drumSetup && numbers[i] === drumPart ? values[i] : undefined;

/**
 * A setting's value from a tick on, by the last track that changes it there; `otherValue` is the value without that
 * track's changes, −1 where no other track makes any.
 */
type Change = Record<"tick" | "track" | "value" | "otherValue", number>;

/** The changes of a setting by channel, in order of time, one a tick. */
function changesOf(value: ValueOf, events: Events, tracks: Track[]): Map<number, Change[]> {
  const all = new Map<number, Change[]>();
  tracks.forEach(({ from, to }, track) => {
    for (let i = from; i < to; i++) {
      const set = value(events, i), change = { tick: events.ticks[i], track, value: set!, otherValue: -1 };
      if (set !== undefined) valueOf(all, events.channels[i], () => []).push(change);
    }
  });
  for (const [channel, changes] of all) {
    const merged: Change[] = [];
    for (const change of changes.sort((a, b) => a.tick - b.tick || a.track - b.track)) {
      const last = merged.at(-1);
      if (last?.tick !== change.tick) merged.push(change);
      else Object.assign(last, change, { otherValue: last.track === change.track ? last.otherValue : last.value });
    }
    all.set(channel, merged);
  }
  return all;
}

/**
 * A setting over time: `at` is its value for an event of a track, where `see` has been given all events of that track
 * before it. It is that of the latest tick; of those at one tick the track's own so far, then the last track's.
 */
function settingOf(value: ValueOf, events: Events, tracks: Track[]) {
  const { ticks, channels } = events, all = changesOf(value, events, tracks);
  const own = new Map<number, { track: number; tick: number; value: number }>(); // a track's last change, by channel
  return {
    isUsed: all.size > 0,
    see(i: number, track: number): void {
      const set = value(events, i);
      if (set !== undefined) own.set(channels[i], { track, tick: ticks[i], value: set });
    },
    at(i: number, track: number): number | undefined {
      const changes = all.get(channels[i]);
      if (!changes) return undefined;
      const last = own.get(channels[i]);
      for (let k = bisect(0, changes.length, (k) => changes[k].tick > ticks[i]) - 1; k >= 0; k--) {
        const change = changes[k];
        if (last?.track === track && last.tick === change.tick) return last.value;
        if (change.track !== track) return change.value;
        if (change.otherValue >= 0) return change.otherValue; // the track's own change at this tick is still to come
      }
    },
  };
}

/** What channels are set to when event `i` of a track comes; `see` is called with each event, in order. */
type Channels = {
  see(i: number, track: number): void;
  program(i: number, track: number): number;
  isDrum(i: number, track: number): boolean;
};

/** The programs of channels, 0 where none is set, and whether they play drums; `see` as in {@link settingOf}. */
export function channelSettings(events: Events, tracks: Track[], drums: "any-channel" | "channel-10"): Channels {
  const settings = [programs, banks, drumParts].map((value) => settingOf(value, events, tracks));
  const [own, bank, part] = settings, used = settings.filter(({ isUsed }) => isUsed);
  const hasSetup = (number: number) =>
    events.kinds.subarray(0, events.count).some((kind, i) => kind === drumSetup && events.numbers[i] === number);
  const gs = hasSetup(gsReset) && !hasSetup(xgOn); // there the banks 126 and 127 are older sound modules
  return {
    see: (i, track) => used.forEach((setting) => setting.see(i, track)),
    program: (i, track) => own.at(i, track) ?? 0,
    isDrum(i, track) {
      const isTenth = events.channels[i] % 16 === drumChannel;
      if (drums === "channel-10" || !(bank.isUsed || part.isUsed)) return isTenth;
      const selected = bank.at(i, track);
      if (selected === 120 || (!gs && (selected === 126 || selected === 127))) return true; // GM2; XG
      return selected !== 121 && Boolean(part.at(i, track) ?? isTenth); // GM2 makes a channel melodic by 121
    },
  };
}
