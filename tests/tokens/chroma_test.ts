import { assert, assertEquals } from "@std/assert";
import { type Random, stream } from "@lib/base/random.ts";
import type { Control, Note, Part, Score } from "@lib/midi/score.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { findBeats } from "@lib/tokens/beats.ts";
import { beatChroma } from "@lib/tokens/chroma.ts";

const sound = recipe("sound", "demo"), pedal = recipe("sound", "demo", { midi: { controllers: "pedal" } });

/** A part drawn by `random`: notes, pedal and bends in the first `ticks` ticks. */
function drawPart(random: Random, ticks: number, drum: boolean): Part {
  const times = (count: number) => Array.from({ length: count }, () => random.integer(ticks)).sort((a, b) => a - b);
  const notes = times(30).map((start): Note => ({
    start,
    end: start + 1 + random.integer(random.uniform() < 0.1 ? ticks : 20),
    pitch: random.integer(4) === 0 ? random.integer(128) : [0, 1, 60, 61, 126, 127][random.integer(6)],
    velocity: 1 + random.integer(127),
    program: 0,
    drum,
  }));
  const pressed = times(6).map((tick): Control => ({ tick, value: [0, 63, 64, 127][random.integer(4)] }));
  const pedals = [...pressed, { tick: 500, value: 0 }];
  const bends = times(8).map((tick): Control => ({ tick, value: [-8192, -5000, 0, 1024, 8191][random.integer(5)] }));
  const lastTick = Math.max(...pedals.map(({ tick }) => tick), ...bends.map(({ tick }) => tick));
  return { program: 0, drum, notes, controls: { pedals, bends, lastTick } };
}

const scoreOf = (parts: Part[], endTick: number): Score => ({
  ticksPerQuarter: 6,
  notes: [],
  parts,
  tempi: [],
  meters: [],
  endTick,
});

/** The chroma by way of a dense roll of 128 pitches × ticks, as pretty_midi computes it. */
function chromaByRoll(parts: Part[], beats: number[]): number[] {
  const chroma = Array<number>(12 * beats.length).fill(0);
  for (const { notes, controls: { pedals, bends, lastTick } } of parts.filter(({ drum }) => !drum)) {
    const width = Math.max(lastTick, beats.at(-1)!, ...notes.map(({ end }) => end));
    let roll = Array.from({ length: 128 }, () => Array<number>(width).fill(0));
    for (const { start, end, pitch, velocity } of notes) for (let t = start; t < end; t++) roll[pitch][t] += velocity;
    let down = -1;
    for (const { tick, value } of pedals) {
      if (down < 0 && value >= 64) down = tick;
      if (down < 0 || value >= 64) continue;
      for (const row of roll) for (let t = down + 1; t < tick; t++) row[t] = Math.max(row[t], row[t - 1]);
      down = -1;
    }
    const bent = roll.map((row) => row.slice());
    bends.forEach(({ tick, value }, i) => {
      const shift = value / 4096, whole = Math.trunc(shift), part = Math.abs(shift - whole), sign = Math.sign(shift);
      for (let t = tick; t < Math.min(width, bends[i + 1]?.tick ?? width); t++) {
        const moved = (row: number) => roll[row - whole]?.[t] ?? 0;
        for (let row = 0; row < 128; row++) {
          const behind = row - sign, alone = behind < 0 || behind > 127 || sign === 0;
          bent[row][t] = alone ? moved(row) : (1 - part) * moved(row) + part * moved(behind);
        }
      }
    });
    roll = bent;
    for (let beat = 0; beat + 1 < beats.length; beat++) {
      roll.forEach((row, pitch) => {
        const columns = row.slice(beats[beat], beats[beat + 1]);
        chroma[12 * beat + pitch % 12] += columns.reduce((sum, value) => sum + value, 0) / Math.max(1, columns.length);
      });
    }
  }
  return chroma;
}

/** A part without its pedal, its notes lengthened tick by tick while the pedal is down and their key is not struck. */
function lengthened({ notes, controls, ...part }: Part): Part {
  const { pedals } = controls;
  const longer = notes.map((note) => {
    let end = note.end;
    const strokes = notes.filter(({ start, pitch }) => start > note.start && pitch === note.pitch);
    const isDown = (pedals.findLast(({ tick }) => tick <= end)?.value ?? 0) >= 64;
    if (!isDown || strokes.some(({ start }) => start <= end)) return note;
    do end++; while (
      !pedals.some(({ tick, value }) => tick === end && value < 64) && !strokes.some(({ start }) => start === end)
    );
    return { ...note, end };
  });
  return { ...part, notes: longer, controls: { ...controls, pedals: [] } };
}

for (const choices of [pedal, sound]) {
  const name = choices === pedal
    ? "the pedal keeps a pitch loud"
    : "the pedal lengthens notes till their key is struck";
  Deno.test(`chroma is the mean over a dense roll of pitches and ticks, bends applied; ${name}`, () => {
    for (let song = 0; song < 30; song++) {
      const random = stream(song, "roll"), parts = [false, true, false].map((drum) => drawPart(random, 500, drum));
      const end = 520 + random.integer(500), beats = findBeats(scoreOf(parts, end), sound);
      const chroma = beatChroma(scoreOf(parts, end), beats, choices);
      const wanted = chromaByRoll(choices === pedal ? parts : parts.map(lengthened), beats.ticks);
      assertEquals(chroma.length, wanted.length);
      const wrong = wanted.findIndex((value, i) => Math.abs(chroma[i] - value) > 1e-9 * Math.max(1, value));
      assert(wrong < 0, `song ${song}, beat ${Math.floor(wrong / 12)}: ${wanted[wrong]}, found ${chroma[wrong]}`);
    }
  });
}

Deno.test("notes of one pitch that overlap add up, and a chord of two octaves counts twice", () => {
  const note = (start: number, end: number, pitch: number): Note => (
    { start, end, pitch, velocity: 30, program: 0, drum: false }
  );
  const controls = { pedals: [], bends: [], lastTick: 0 };
  const notes = [note(0, 6, 60), note(3, 6, 60), note(0, 6, 72), note(6, 9, 62)];
  const score = scoreOf([{ program: 0, drum: false, notes, controls }], 18);
  const chroma = beatChroma(score, findBeats(score, sound), sound);
  assertEquals([...chroma.subarray(0, 3), ...chroma.subarray(12, 15), ...chroma.subarray(24)], [
    ...[30 + 15 + 30, 0, 0],
    ...[0, 0, 15],
    ...Array(12).fill(0),
  ]);
});
