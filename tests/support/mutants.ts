/**
 * Real songs with bytes changed, for fuzzing: `deno task fuzz -- N [seed]` runs N of them.
 *
 * What must hold for any bytes: {@link readScore} and {@link tokenize} give bars or throw a `MidiError`, in bounded time.
 * @module
 */
import { taskArguments } from "@lib/cli/arguments.ts";
import { MidiError, type MidiReason } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import { type Preset, recipe } from "@lib/recipe/recipe.ts";
import { type Random, stream } from "@lib/base/random.ts";
import { tokenize } from "@lib/tokens/remi.ts";

const presets: Preset[] = ["sound", "authors"];
const recipes = presets.map((preset) => recipe(preset, "smoke"));
const folder = new URL("../../data/freedoom/", import.meta.url);
const longest = 20_000;

/** Bytes that mean something in a MIDI file: status bytes, metas, lengths, chunk names. */
const meaningful = [
  0x00,
  0x7f,
  0x80,
  0x81,
  0x90,
  0x99,
  0xb0,
  0xc0,
  0xe0,
  0xf0,
  0xf7,
  0xf8,
  0xff,
  0x2f,
  0x40,
  0x51,
  0x58,
  0x78,
  0x79,
  0x7b,
];

/** One mutant: its number, the song it was made from, and its bytes. */
export interface Mutant {
  number: number;
  song: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** Changes bytes in one of the ways that files are damaged in: noise, bits, cuts, holes, repeats, splices, lengths. */
function mutate(original: Uint8Array, other: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const bytes = Array.from(original);
  for (let times = 1 + random.integer(4); times > 0 && bytes.length > 0; times--) {
    const at = random.integer(bytes.length), length = 1 + random.integer(Math.min(200, bytes.length));
    switch (random.integer(10)) {
      case 0:
        bytes[at] = random.integer(256);
        break;
      case 1:
        bytes[at] = meaningful[random.integer(meaningful.length)];
        break;
      case 2:
        bytes[at] ^= 1 << random.integer(8);
        break;
      case 3:
        if (random.integer(4) === 0) bytes.length = at;
        break;
      case 4:
        bytes.splice(at, length);
        break;
      case 5:
        bytes.splice(at, 0, ...bytes.slice(at, at + length));
        break;
      case 6: {
        const from = random.integer(other.length);
        bytes.splice(at, 0, ...other.subarray(from, from + length));
        break;
      }
      case 7:
      case 8: // data for data, so that the file still makes sense
        if (bytes[at] < 128) bytes[at] = random.integer(128);
        break;
      default: { // the header, or a track's length
        const tracks = bytes.flatMap((byte, i) => byte === 0x4d && bytes[i + 1] === 0x54 ? [i] : []);
        const track = tracks[random.integer(tracks.length)] ?? 0;
        const field = random.integer(2) === 0 ? 4 + random.integer(10) : track + 4 + random.integer(4);
        if (field < bytes.length) bytes[field] = random.integer(256);
      }
    }
  }
  return Uint8Array.from(bytes);
}

/** `count` mutants of the embedded songs, the same for the same seed; of songs up to 20,000 bytes. */
export function* mutants(count: number, seed: number): Generator<Mutant> {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".mid")).sort();
  const songs = names.map((name) => ({ name, bytes: Deno.readFileSync(new URL(name, folder)) }))
    .filter(({ bytes }) => bytes.length <= longest);
  for (let number = 0; number < count; number++) {
    const random = stream(seed, "mutant", String(number)), song = songs[random.integer(songs.length)];
    const other = songs[random.integer(songs.length)];
    yield { number, song: song.name, bytes: mutate(song.bytes, other.bytes, random) };
  }
}

/**
 * What both presets make of a mutant: "bars" or the reason of the refusal.
 *
 * @throws whatever is thrown that is not a `MidiError` with words, and on bars that are not well formed.
 */
export function outcomes({ bytes }: Mutant): ("bars" | MidiReason)[] {
  return recipes.map((recipe) => {
    try {
      const score = readScore(bytes, recipe, "mutant");
      if (score.notes.some(({ start, end }) => !(end > start))) throw new Error("A note of no length");
      for (const { tokens, startTick, endTick, labels } of tokenize(score, recipe)) {
        const whole = tokens.length >= 4 && tokens.length <= 512 && tokens[0] === 4 && tokens.at(-1) === 2;
        if (!whole || tokens.some((id) => id >= 560)) throw new Error(`Bar at ${startTick}: tokens ${tokens}`);
        if (!(endTick > startTick)) throw new Error(`Bar from ${startTick} to ${endTick}`);
        if (labels.chords.some((chord) => !(chord >= 0 && chord < 84))) throw new Error(`Chords ${labels.chords}`);
      }
      return "bars";
    } catch (error) {
      if (!(error instanceof MidiError)) throw error;
      if (error.file !== "mutant" || !error.message.includes("xpected")) {
        throw new Error("A poor error", { cause: error });
      }
      return error.reason;
    }
  });
}

if (import.meta.main) {
  const [count = 10_000, seed = 1] = taskArguments("fuzz").positionals.map(Number);
  const counts: Record<string, number> = {}, start = performance.now();
  let slowest = 0, slowestNumber = 0;
  for (const mutant of mutants(count, seed)) {
    const from = performance.now();
    try {
      for (const outcome of outcomes(mutant)) counts[outcome] = (counts[outcome] ?? 0) + 1;
    } catch (error) {
      const path = await Deno.makeTempFile({ prefix: `mutant-${seed}-${mutant.number}-`, suffix: ".mid" });
      await Deno.writeFile(path, mutant.bytes);
      console.error(`Seed ${seed}, mutant ${mutant.number} of ${mutant.song}, kept as ${path}:`, error);
      Deno.exit(1);
    }
    if (performance.now() - from > slowest) [slowest, slowestNumber] = [performance.now() - from, mutant.number];
  }
  console.table(counts);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${count} mutants of seed ${seed}, both presets: ${seconds} s; slowest ${slowest.toFixed(0)} ms (${slowestNumber})`,
  );
}
