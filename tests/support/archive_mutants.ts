/**
 * Small archives with bytes changed, for fuzzing: `deno task fuzz-archives -- N [seed]` reads N of them.
 *
 * What must hold for any bytes: the archive is refused by a `CorpusError`, or its files come, in bounded time. A song
 * whose bytes, its name among them, were not changed comes whole or has a line.
 * @module
 */
import { joinBytes } from "@lib/base/bytes.ts";
import { type Random, stream } from "@lib/base/random.ts";
import { openSource } from "@lib/corpus/sources.ts";
import { CorpusError } from "@lib/corpus/store.ts";
import { gzipSync } from "node:zlib";
import { tarEnd, tarEntry, zip } from "./archives.ts";

/** A song of an archive, and where its bytes stand: name, header and content. */
interface Planted {
  file: string;
  text: string;
  ranges: [from: number, to: number][];
}

/** An archive, whole. */
interface Original {
  name: string;
  bytes: Uint8Array;
  songs: Planted[];
}

const bytesOfText = (text: string) => new TextEncoder().encode(text);
const textOf = (i: number, random: Random) =>
  `MThd song ${i} ` + Array.from({ length: 40 + random.integer(600) }, () => "abcdefgh"[random.integer(8)]).join("");

/** Songs, and a file that is none, in folders. */
function contents(random: Random): [file: string, text: string][] {
  return Array.from({ length: 4 + random.integer(5) }, (_, i) => [
    i === 2 ? "read.me" : `${i % 3 ? "" : "deep/er/"}${i === 4 ? "long ".repeat(24) : ""}${i}.mid`,
    textOf(i, random),
  ]);
}

function tarOf(random: Random): Omit<Original, "name"> {
  const parts: Uint8Array[] = [], songs: Planted[] = [];
  let at = 0;
  for (const [file, text] of contents(random)) {
    const long = file.length > 100, short = long ? "short.mid" : file, gnu = random.integer(2) === 0;
    const path = `path=${file}\n`, record = `${path.length + 4} ${path}`;
    const before = !long
      ? []
      : gnu
      ? [tarEntry({ name: "././@LongLink", type: "L" }, bytesOfText(`${file}\0`))]
      : [tarEntry({ name: "pax", type: "x" }, bytesOfText(record))];
    const entry = joinBytes([
      ...before,
      tarEntry({ name: short, magic: gnu ? "ustar  \0" : undefined }, bytesOfText(text)),
    ]);
    if (file.endsWith(".mid")) songs.push({ file, text, ranges: [[at, at + entry.length]] });
    parts.push(entry);
    at += entry.length;
  }
  return { bytes: joinBytes([...parts, tarEnd]), songs };
}

function zipOf(random: Random): Omit<Original, "name"> {
  const files = contents(random), bytes = zip(files.map(([file, text]) => [file, bytesOfText(text)]));
  const of = (last: number) =>
    Array.from(bytes.keys()).filter((at) => bytes[at] === 80 && bytes[at + 1] === 75 && bytes[at + 2] === last);
  const local = [...of(3), of(1)[0]], central = [...of(1), of(5)[0]];
  const songs = files.map(([file, text], i): Planted => ({
    file,
    text,
    ranges: [[local[i], local[i + 1]], [central[i], central[i + 1]]],
  }));
  return { bytes, songs: songs.filter(({ file }) => file.endsWith(".mid")) };
}

function original(random: Random): Original {
  const kind = random.integer(5);
  if (kind < 2) return { name: "a.zip", ...zipOf(random) };
  const tar = tarOf(random);
  if (kind < 4) return { name: "a.tar", ...tar };
  const bytes = new Uint8Array(gzipSync(tar.bytes));
  return { name: "a.tar.gz", bytes, songs: tar.songs.map((song) => ({ ...song, ranges: [[0, bytes.length]] })) };
}

/** Changes bytes as damaged archives have them changed; also gives the ranges of the original that were. */
function mutate({ bytes }: Original, random: Random): [Uint8Array, changed: [number, number][]] {
  const parts = [bytes], changed: [number, number][] = [];
  let whole = joinBytes(parts);
  const at = random.integer(whole.length), length = 1 + random.integer(500);
  switch (random.integer(7)) {
    case 0:
      return [whole.subarray(0, at), [[at, whole.length]]];
    case 1:
      return [joinBytes([whole.subarray(0, at), whole.subarray(at + length)]), [[at, at + length]]];
    case 2: {
      const from = random.integer(whole.length), more = whole.slice(from, from + length);
      return [joinBytes([whole.subarray(0, at), more, whole.subarray(at)]), [[at, at + 1]]];
    }
    case 3: // bytes before or behind
      return random.integer(2)
        ? [joinBytes([whole.slice(0, length).reverse(), whole]), []]
        : [joinBytes([whole, whole.slice(0, length).reverse()]), []];
    default:
      whole = whole.slice();
      for (let times = 1 + random.integer(3); times > 0; times--) {
        const place = random.integer(whole.length), values = [0, 1, 0x7f, 0x80, 0xff, random.integer(256)];
        const value = random.integer(2)
          ? whole[place] ^ (1 << random.integer(8))
          : values[random.integer(values.length)];
        for (let i = 0; i < (random.integer(4) ? 1 : 4) && place + i < whole.length; i++) whole[place + i] = value;
        changed.push([place, place + 4]);
      }
      return [whole, changed];
  }
}

/**
 * Reads mutant `number`: "refused" as a whole, "lines" if one has a line, else "songs".
 *
 * @throws if a song went missing without a line, or anything but a `CorpusError` was thrown
 */
export async function archiveOutcome(
  folder: string,
  seed: number,
  number: number,
): Promise<"refused" | "lines" | "songs"> {
  const random = stream(seed, "archive mutant", String(number)), whole = original(random);
  const [bytes, changed] = mutate(whole, random), path = `${folder}/${whole.name}`;
  await Deno.writeFile(path, bytes);
  const found = new Map<string, string>(),
    texts = new Set<string>(),
    planted = new Set(whole.songs.map(({ file }) => file));
  let lines = 0, nameless = 0, damaged = false;
  try {
    for await (const { file, bytes, refused } of (await openSource(path)).files()) {
      if (refused) lines++;
      if (refused && (found.has(file) || !planted.has(file))) nameless++;
      if (file === "(end of the archive)") nameless = Infinity; // of a tar cut between blocks nobody knows how many are missing
      if (refused?.detail.includes("all up to the next whole header")) damaged = true;
      if (refused && !/xpected .*found/s.test(refused.detail)) throw new Error(`A poor line: ${refused.detail}`);
      const text = refused ? "" : new TextDecoder().decode(bytes);
      found.set(file, text);
      texts.add(text);
    }
  } catch (error) {
    if (error instanceof CorpusError && /xpected .*found/s.test(error.message)) return "refused";
    throw error;
  }
  // A song counts if its name, its text (a lost long name leaves the short one) or a line without its name stands for it.
  const missing = whole.songs.filter(({ file, text }) => !found.has(file) && !texts.has(text));
  const untouched = missing.filter((song) => !isTouched(song, changed));
  if (untouched.length > nameless) {
    throw new Error(`${untouched.map(({ file }) => file)}: lost, though nothing changed it`);
  }
  // Only a long name in a tar has no checksum, and no copy to compare it with; in a zip both copies may be changed.
  const short = missing.filter((song) =>
    whole.name === "a.zip" ? changed.filter((one) => isTouched(song, [one])).length < 2 : song.file.length <= 100
  );
  // A line on a damaged header stands for the damaged ones behind it, too.
  if (short.length > nameless && !(damaged && short.every((song) => isTouched(song, changed)))) {
    throw new Error(`${short.map(({ file }) => file)}: lost without a line`);
  }
  for (const song of whole.songs) {
    const there = found.get(song.file);
    if (there && !texts.has(song.text) && !isTouched(song, changed)) throw new Error(`${song.file}: other bytes`);
  }
  return lines > 0 ? "lines" : "songs";
}

/** Whether bytes of a song, of its name among them, were changed. */
const isTouched = ({ ranges }: Planted, changed: [number, number][]): boolean =>
  changed.some(([from, to]) => ranges.some(([a, b]) => from < b && to > a));

if (import.meta.main) {
  const [count = 10_000, seed = 1] = Deno.args.filter((arg) => arg !== "--").map(Number);
  const folder = await Deno.makeTempDir(), counts: Record<string, number> = {};
  let slowest = 0;
  for (let number = 0; number < count; number++) {
    const start = performance.now();
    try {
      const outcome = await archiveOutcome(folder, seed, number);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    } catch (error) {
      console.error(`Seed ${seed}, mutant ${number}, kept in ${folder}:`, error);
      Deno.exit(1);
    }
    slowest = Math.max(slowest, performance.now() - start);
  }
  await Deno.remove(folder, { recursive: true });
  console.table(counts);
  console.log(`${count} archives of seed ${seed}; the slowest took ${slowest.toFixed(0)} ms`);
}
