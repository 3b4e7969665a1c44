import { assertEquals } from "@std/assert";
import { readScore } from "@lib/midi/read.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { tempoBins } from "@lib/tokens/vocabulary.ts";
import { sound } from "../support/reading.ts";

const folder = new URL("../../../shared/cases/midi/", import.meta.url);

/** Files that went wrong once, with what is right by the description that came with them. */
const cases: Record<string, (bytes: Uint8Array) => [found: unknown, right: unknown]> = {
  "drums-zero-length.mid": (bytes) => {
    const { notes } = readScore(bytes, sound);
    return [[notes.length, notes.filter(({ drum }) => drum).length], [24, 16]];
  },
  "left-over-tail.mid": (bytes) => [readScore(bytes, sound).notes.length, 8],
  "two-in-one.mid": (bytes) => [readScore(bytes, sound).notes.length, 16],
  "riff-short.rmi": (bytes) => [readScore(bytes, sound).notes.length, 16],
  "cc123.mid": (bytes) => [readScore(bytes, sound).notes.map(({ start, end }) => end - start), Array(8).fill(200)],
  "pedal-open.mid": (bytes) => {
    const { parts, endTick } = readScore(bytes, sound);
    return [[parts[0].controls.pedals.at(-1), endTick], [{ tick: 1920, value: 0 }, 1920]];
  },
  "bpm109.mid": (bytes) => [tempoBins[tokenize(readScore(bytes, sound), sound)[0].labels.tempoBin], 111],
  "bpm91.mid": (bytes) => [tempoBins[tokenize(readScore(bytes, sound), sound)[0].labels.tempoBin], 93],
  "gm2-drums.mid": (bytes) => [readScore(bytes, sound).notes.map(({ drum }) => drum), Array(16).fill(true)],
  "ts-same-tick.mid": (bytes) => [tokenize(readScore(bytes, sound), sound).length, 2],
};

for (const [name, check] of Object.entries(cases)) {
  let bytes: Uint8Array | undefined;
  try {
    bytes = Deno.readFileSync(new URL(name, folder));
  } catch { /* the folder is not part of the repository */ }
  Deno.test({
    name: `${name} is read as it is meant (needs ../shared)`,
    ignore: !bytes,
    fn: () => assertEquals(...check(bytes!)),
  });
}
