import { assert, assertEquals, assertThrows } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { chordNames } from "@lib/tokens/chords.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";
import { MidiError } from "@lib/midi/error.ts";
import { readScore } from "@lib/midi/read.ts";
import { writeScore } from "@lib/midi/write.ts";
import { type Recipe, recipe, type RecipeChanges } from "@lib/recipe/recipe.ts";
import { type Bar, detokenize, tokenize } from "@lib/tokens/remi.ts";
import { tempoBins, vocabulary } from "@lib/tokens/vocabulary.ts";
import { filesOf } from "../support/archive.ts";
import { file, meter, note, type RawEvent, tempo } from "../support/smf.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");
const bar = 1920;

const names = (tokens: Uint16Array) => Array.from(tokens, (id) => vocabulary.name(id));
const bars = (events: RawEvent[], choices: Recipe = sound, division = 480) =>
  tokenize(readScore(file([[meter(0), ...events]], division), choices), choices);
const ofKind = (bar: Bar, kind: string) => names(bar.tokens).filter((name) => name.startsWith(kind));
const with_ = (changes: RecipeChanges) => recipe("sound", "demo", changes);

// --- golden: the authors' converter ---

Deno.test("bars, tokens and labels of the golden scores are the authors' (golden/bars)", async () => {
  const { cases } = JSON.parse(await Deno.readTextFile("tests/golden/bars/cases.json"));
  let compared = 0;
  for (const { midi, bars: expected, error } of cases) {
    const score = readScore(await Deno.readFile(`tests/golden/bars/${midi}`), authors);
    if (error) {
      assertThrows(() => tokenize(score, authors), MidiError, "time signature");
      continue;
    }
    const found = tokenize(score, authors);
    assertEquals(found.length, expected.length, midi);
    found.forEach((bar, i) => {
      const { labels, ...rest } = bar;
      const want = expected[i], where = `${midi} bar ${i}`;
      assertEquals(names(rest.tokens), want.tokens, where);
      assertEquals([rest.startTick, rest.endTick, rest.kept], [want.startTick, want.endTick, want.kept], where);
      assertEquals(
        [labels.instruments, labels.chords.map((id) => chordNames[id]), tempoBins[labels.tempoBin], labels.groove],
        [want.inst, want.chord, want.tempo, want.groove],
        where,
      );
      assertEquals([labels.meanVelocity, labels.meanDuration], [want.meanVelocity, want.meanDuration], where);
      compared++;
    });
  }
  assert(compared >= 20, `compared ${compared} bars`);
});

const crcTable = new Uint32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
const crc32 = (bytes: Uint8Array) =>
  ~bytes.reduce((crc, byte) => crcTable[(crc ^ byte) & 255] ^ (crc >>> 8), 0xffffffff) >>> 0;

/** The bytes whose CRC-32 the golden songs give for a bar's labels. */
function labelBytes(labels: BarLabels): Uint8Array {
  const { instruments, chords, groove } = labels;
  const means = new DataView(new ArrayBuffer(16));
  [labels.meanVelocity, labels.meanDuration].forEach((mean, i) => {
    if (mean === null) means.setUint32(8 * i + 4, 0x7ff80000, true);
    else means.setFloat64(8 * i, mean, true);
  });
  const counted = [instruments.length, ...instruments, chords.length & 255, chords.length >> 8];
  return Uint8Array.from([
    ...counted,
    ...chords,
    tempoBins[labels.tempoBin],
    groove.length,
    ...groove,
    ...new Uint8Array(means.buffer),
  ]);
}

interface GoldenSong {
  path: string;
  status: string;
  nBars: number;
  all: Record<"startTick" | "endTick" | "nTokens" | "crcTokens" | "crcLabels", number[]> & { kept: string };
  bars: { bar: number; ids: string; meanVelocity: number | null; meanDuration: number | null }[];
}

function statusOf(bytes: Uint8Array): { status: string; bars: Bar[] } {
  try {
    return { status: "ok", bars: tokenize(readScore(bytes, authors), authors) };
  } catch (error) {
    if (!(error instanceof MidiError)) throw error;
    const rejected = ["no-time-signature", "not-4/4", "no-notes"].includes(error.reason);
    return { status: rejected ? `rejected: ${error.reason}` : "error", bars: [] };
  }
}

/** Throws unless a song comes out as the authors' converter had it; returns its number of bars. */
function compareSong(song: GoldenSong, bytes: Uint8Array): number {
  const { status, bars } = statusOf(bytes);
  assertEquals(status, song.status.startsWith("error") ? "error" : song.status, song.path);
  if (status !== "ok") return 0;
  assertEquals(bars.length, song.nBars, song.path);
  bars.forEach((bar, i) => {
    const found = [bar.startTick, bar.endTick, bar.kept, bar.tokens.length, crc32(new Uint8Array(bar.tokens.buffer))];
    const { startTick, endTick, kept, nTokens, crcTokens, crcLabels } = song.all;
    const want = [startTick[i], endTick[i], kept[i] === "1", nTokens[i], crcTokens[i]];
    assertEquals([...found, crc32(labelBytes(bar.labels))], [...want, crcLabels[i]], `${song.path} bar ${i}`);
  });
  for (const { bar, ids } of song.bars) {
    assertEquals(new Uint8Array(bars[bar].tokens.buffer).toBase64(), ids, `${song.path} bar ${bar}`);
  }
  return bars.length;
}

const readLines = (path: string | URL): GoldenSong[] =>
  gunzipSync(Deno.readFileSync(path)).toString().trim().split("\n").map((line: string) => JSON.parse(line));

Deno.test("every bar of the freedoom songs among the golden ones is the authors' (golden/songs)", () => {
  const songs = readLines("tests/golden/songs/freedoom.jsonl.gz");
  const total = songs.reduce(
    (sum, song) => sum + compareSong(song, Deno.readFileSync(`data/freedoom/${song.path}`)),
    0,
  );
  assertEquals([songs.length, total], [11, 1051]);
});

const shared = new URL("../../../shared/", import.meta.url);
const [archive, golden, extra] = [
  "corpus/midi-corpus.tar.gz",
  "golden/reference/songs.jsonl.gz",
  "golden/reference/songs_extra.jsonl.gz",
].map((path) => new URL(path, shared));
const exists = (url: URL) => {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
};

Deno.test({
  name: "every bar of 226 songs is the authors', and every refusal is of their class (needs ../shared)",
  ignore: ![archive, golden, extra].every(exists),
  fn() {
    const songs = [...readLines(golden), ...readLines(extra)];
    const files = filesOf(archive, new Set(songs.map((song) => `midi/${song.path}`)));
    const total = songs.reduce((sum, song) => sum + compareSong(song, files.get(`midi/${song.path}`)!), 0);
    assertEquals([songs.length, total], [226, 16828]);
  },
});

// --- each difference of `sound`, alone, on a score of known truth (STUDY §13) ---

const six = (start: number, length = 40): RawEvent[] =>
  [60, 61, 62, 63, 64, 65].flatMap((pitch) => note(start, start + length, pitch));

Deno.test("a missing signature is 4/4 under sound and a refusal under authors (STUDY §13 row 1)", () => {
  const bytes = file([six(0)]);
  assertEquals(tokenize(readScore(bytes, sound), sound).length, 1);
  const error = assertThrows(() => tokenize(readScore(bytes, authors), authors), MidiError);
  assertEquals(error.reason, "no-time-signature");
});

Deno.test("any other signature refuses the song, and so does a song without notes", () => {
  for (const other of [meter(bar, 3), meter(bar, 2, 1), meter(bar, 8, 3)]) {
    assertEquals(assertThrows(() => bars([...six(0), other, ...six(bar)]), MidiError).reason, "not-4/4");
  }
  for (const choices of [sound, authors]) {
    assertEquals(assertThrows(() => bars([[0, 0xff, 1, 0]], choices), MidiError).reason, "no-notes");
  }
});

Deno.test("a long bar is cut after a whole note under sound and inside one under authors (STUDY §13 row 4)", () => {
  const events = Array.from({ length: 110 }, (_, i) => note(0, 40, i)).flat();
  const [bySound] = bars(events), [byAuthors] = bars(events, authors);
  assertEquals(bySound.tokens.length, 3 + 101 * 5 + 1);
  assertEquals(byAuthors.tokens.length, 512);
  assertEquals(names(byAuthors.tokens).slice(-2), ["Pitch_101", "<eob>"]);
  assertEquals(bars(events, with_({ tokens: { maxTokens: 128 } }))[0].tokens.length, 3 + 24 * 5 + 1);
});

Deno.test("labels are those of the notes left by the cut under sound, of all under authors (STUDY §13 row 22)", () => {
  const events = [
    ...Array.from({ length: 101 }, (_, i) => note(0, 40, i, 50)).flat(),
    ...Array.from({ length: 101 }, (_, i) => note(960, 1920, i, 100)).flat(),
  ];
  const { labels: cut } = bars(events)[0], { labels: whole } = bars(events, authors)[0];
  assertEquals([cut.groove, cut.meanVelocity, cut.meanDuration], [[0], 50, 0]);
  assertEquals([whole.groove, whole.meanVelocity, whole.meanDuration], [[0, 24], 75, (0 + 17) / 2]);
});

Deno.test("bars of fewer than six notes have tokens but are not kept", () => {
  for (const choices of [sound, authors]) {
    const [first, second, third] = bars([...six(0), ...six(2 * bar).slice(0, 10)], choices);
    assertEquals([first.kept, second.kept, third.kept], [true, false, false]);
    assertEquals([second.tokens.length, third.tokens.length, third.index], [4, 29, 2]);
    assertEquals([second.labels.meanVelocity, second.labels.meanDuration], [null, null]);
    assertEquals(second.labels.meanDurationQuarters, null);
  }
});

Deno.test("a note played early goes to the nearest position under sound, one lower under authors (STUDY §13 row 5)", () => {
  const early = [...note(0, 40, 50), ...note(475, 515, 60), ...note(bar - 5, bar + 35, 62)];
  assertEquals(bars(early).map((b) => ofKind(b, "Position").slice(1)), [["Position_0", "Position_12"], ["Position_0"]]);
  assertEquals(bars(early, authors).map((b) => ofKind(b, "Position").slice(1)), [
    ["Position_0", "Position_11", "Position_47"],
  ]);
});

Deno.test("a note just before the end of the song is not lost when it is rounded to the next bar", () => {
  const found = bars([...six(0), ...note(bar - 10, bar, 70)]);
  assertEquals(found.map((b) => ofKind(b, "Pitch").length), [6, 1]);
});

Deno.test("with 100 ticks a quarter exact notes stay exact under sound (STUDY §3.2)", () => {
  const events = Array.from({ length: 16 }, (_, i) => note(25 * i, 25 * i + 25, 60 + i)).flat();
  const positions = (choices: Recipe) => ofKind(bars(events, choices, 100)[0], "Position").slice(1);
  assertEquals(positions(sound), Array.from({ length: 16 }, (_, i) => `Position_${3 * i}`));
  assert(positions(authors).includes("Position_14")); // tick 125, position 15: their grid point is 125.00000000000001
});

Deno.test("the tempo is that at the bar line under sound, of the first change in the bar under authors (STUDY §13 row 22)", () => {
  const events = [tempo(0, 1_000_000), ...six(0), tempo(960, 500_000), ...six(bar)];
  assertEquals(bars(events).map((b) => tempoBins[b.labels.tempoBin]), [59, 122]);
  assertEquals(bars(events, authors).map((b) => tempoBins[b.labels.tempoBin]), [59, 59]); // a second change in a bar is lost
});

Deno.test("a tempo goes to the nearest bin under sound; authors round it down to whole quarters a minute first", () => {
  const binsOf = (
    choices: Recipe,
    bpm: number,
    us: number,
  ) => [tempoBins[bars([tempo(0, us), ...six(0)], choices)[0].labels.tempoBin], bpm];
  const nearest = (bpm: number) => tempoBins.reduce((a, b) => Math.abs(b - bpm) < Math.abs(a - bpm) ? b : a);
  let differ = 0;
  for (let bpm = 30; bpm <= 210; bpm++) {
    for (const us of [Math.round(6e7 / bpm), Math.trunc(6e7 / bpm)]) {
      assertEquals(binsOf(sound, bpm, us), [nearest(bpm), bpm]);
    }
    if (binsOf(authors, bpm, Math.round(6e7 / bpm))[0] !== nearest(bpm)) differ++;
  }
  assertEquals(differ, 20);
  assertEquals([108.4, 107.6].map((bpm) => binsOf(sound, bpm, Math.round(6e7 / bpm))[0]), [111, 105]);
});

Deno.test("tempi before the first note hold under sound and are lost under authors (STUDY §4.2)", () => {
  const events = [tempo(0, 1_000_000), tempo(960, 500_000), ...six(bar)];
  assertEquals(bars(events).map((b) => tempoBins[b.labels.tempoBin]), [122]);
  assertEquals(bars(events, authors).map((b) => tempoBins[b.labels.tempoBin]), [59]);
});

Deno.test("repeated signatures start a new bar where they stand", () => {
  for (const choices of [sound, authors]) {
    const found = bars([...six(0), meter(960), ...six(960)], choices);
    assertEquals(found.map((b) => [b.startTick, b.endTick]), [[0, 960], [960, 1000]]);
    assertEquals(ofKind(found[1], "Position")[1], "Position_0");
  }
});

Deno.test("notes are in order of start, drums before programs, pitch", () => {
  const events: RawEvent[] = [[0, 0xc0, 7], ...note(0, 40, 62), ...note(0, 40, 60), ...note(0, 40, 38, 64, 9)];
  assertEquals(ofKind(bars(events)[0], "Pitch"), ["Pitch_Drum_38", "Pitch_60", "Pitch_62"]);
});

Deno.test("mean duration is given in bins and in quarters (STUDY §13 row 15)", () => {
  const { labels } = bars([...note(0, 480, 60), ...note(480, 1920, 62)])[0];
  assertEquals([labels.meanDuration, labels.meanDurationQuarters], [(11 + 19) / 2, 2]);
});

// --- and back ---

Deno.test("tokens → score → MIDI → tokens is the identity on all songs of freedoom", async () => {
  let compared = 0;
  for await (const { name } of Deno.readDir("data/freedoom")) {
    if (!name.endsWith(".mid")) continue;
    const score = readScore(await Deno.readFile(`data/freedoom/${name}`), sound);
    if (score.meters.some(({ numerator }) => numerator !== 4) || score.meters.some((m) => m.denominator !== 4)) {
      continue;
    }
    const first = tokenize(score, sound);
    const again = tokenize(readScore(writeScore(detokenize(first)), sound), sound);
    assertEquals(again.length, first.length, name);
    again.forEach((bar, i) => {
      assertEquals(names(bar.tokens), names(first[i].tokens), `${name} bar ${i}`);
      compared++;
    });
  }
  assert(compared > 4000, `compared ${compared} bars`);
});

Deno.test("each bar alone, tokens → score → MIDI → tokens, is the identity on all songs of freedoom", async () => {
  let compared = 0;
  for await (const { name } of Deno.readDir("data/freedoom")) {
    if (!name.endsWith(".mid")) continue;
    const score = readScore(await Deno.readFile(`data/freedoom/${name}`), sound);
    if (score.meters.some(({ numerator, denominator }) => numerator !== 4 || denominator !== 4)) continue;
    for (const bar of tokenize(score, sound)) {
      if (bar.labels.groove.length === 0) continue; // a bar of no notes is no song
      const [again, ...more] = tokenize(readScore(writeScore(detokenize([bar])), sound), sound);
      assertEquals([again.tokens, more.length], [bar.tokens, 0], `${name} bar ${bar.index}`);
      compared++;
    }
  }
  assert(compared > 4000, `compared ${compared} bars`);
});

Deno.test("a bar that was cut inside a note comes back with its whole notes", () => {
  const events = Array.from({ length: 110 }, (_, i) => note(0, 40, i)).flat();
  assertEquals(detokenize(bars(events, authors)).notes.length, 101);
});
