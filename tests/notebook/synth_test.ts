import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Corpus } from "@lib/corpus/store.ts";
import { barSeconds, playerHtml, rollLegend, smallRoll, soundNotes } from "@lib/notebook/player.ts";
import { detokenize } from "@lib/tokens/remi.ts";
import { groupOf, soundGroups, type SoundNote, synthesize, wavBytes } from "@lib/notebook/synth.ts";
import { kinds, tempoBins } from "@lib/tokens/vocabulary.ts";

const rate = 11_025;
const note = (changes: Partial<SoundNote> = {}): SoundNote => (
  { start: 0, seconds: 1, pitch: 69, velocity: 100, program: 73, drum: false, ...changes }
);
const peak = (samples: Float32Array) => samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);

/** Power at a frequency, Hz, by its Fourier sum. */
function power(samples: Float32Array, frequency: number): number {
  const turn = 2 * Math.PI * frequency / rate, cos = Math.cos(turn), sin = Math.sin(turn);
  let re = 0, im = 0, x = 1, y = 0;
  for (const sample of samples) {
    re += sample * x;
    im += sample * y;
    [x, y] = [x * cos - y * sin, x * sin + y * cos];
  }
  return re * re + im * im;
}

Deno.test("A4 sounds at 440 Hz and A5 an octave higher, whatever the instrument", () => {
  const candidates = Array.from({ length: 161 }, (_, i) => 200 * 2 ** (i / 64)); // 200 to 1131 Hz in 64ths of an octave
  for (let program = 0; program < 128; program += 8) {
    for (const [pitch, expected] of [[69, 440], [81, 880]]) {
      const samples = synthesize([note({ program, pitch })], { rate, seconds: 0.3 });
      const loudest = candidates.reduce((a, b) => power(samples, a) >= power(samples, b) ? a : b);
      assert(Math.abs(Math.log2(loudest / expected)) <= 1 / 64, `program ${program}: ${loudest} Hz for ${expected}`);
    }
  }
});

Deno.test("no partial lies above half the rate, where it would fold down", () => {
  const samples = synthesize([note({ program: 56, pitch: 108 })], { rate }); // C8, 4186 Hz: the second partial is above
  const own = power(samples, 4186.01);
  for (const folded of [rate - 2 * 4186.01, 2 * rate - 4 * 4186.01]) {
    assert(power(samples, Math.abs(folded)) < 1e-4 * own, `${folded} Hz`);
  }
});

Deno.test("nothing sounds before its onset, after its end, or without notes", () => {
  assertEquals(peak(synthesize([], { seconds: 1 })), 0);
  assertEquals(synthesize([], { seconds: 1 }).length, rate);
  const samples = synthesize([note({ start: 0.5, seconds: 0.25 })], { rate, seconds: 2 });
  assertEquals(samples.length, 2 * rate);
  assertEquals(peak(samples.subarray(0, 0.5 * rate)), 0);
  assert(peak(samples.subarray(Math.round(0.55 * rate), 0.75 * rate)) > 0.01);
  assertEquals(peak(samples.subarray(Math.ceil(0.85 * rate))), 0);
});

Deno.test("louder notes sound louder in proportion, and a hundred at once do not clip", () => {
  const loud = peak(synthesize([note({ velocity: 120 })])), soft = peak(synthesize([note({ velocity: 40 })]));
  assert(Math.abs(loud / soft - 3) < 1e-3, `${loud} and ${soft}`);
  const chord = Array.from({ length: 100 }, (_, i) => note({ pitch: 30 + (i % 60), velocity: 127, program: i }));
  const samples = synthesize([...chord, note({ drum: true, pitch: 36 })]);
  assert(peak(samples) <= 0.981 && peak(samples) > 0.5, `${peak(samples)}`);
});

Deno.test("every drum of General MIDI sounds, a kick low and a closed hat high", () => {
  for (let pitch = 27; pitch <= 87; pitch++) {
    assert(peak(synthesize([note({ drum: true, pitch })], { seconds: 1 })) > 0.01, `drum ${pitch}`);
  }
  const below = (pitch: number) => {
    const samples = synthesize([note({ drum: true, pitch })], { seconds: 0.5 });
    const sum = (from: number, to: number) =>
      Array.from({ length: 60 }, (_, i) => power(samples, from + (to - from) * i / 60)).reduce((a, b) => a + b);
    return sum(20, 400) / sum(2000, 5000);
  };
  assert(below(36) > 10 && below(42) < 0.1, `${below(36)} ${below(42)}`);
});

Deno.test("notes before 0 and sounds of hours are refused", () => {
  assertThrows(() => synthesize([note({ start: -1 })]), RangeError, "found one at -1 s");
  assertThrows(() => synthesize([], { seconds: 3600 }), RangeError, "found 3600");
  assertThrows(() => wavBytes(Float32Array.of(0, 1.5)), RangeError, "found 1.5 at 1");
});

Deno.test("Python's wave module reads the WAV: mono, 16 or 8 bits, our rate and samples", async () => {
  const samples = synthesize([note({ seconds: 0.1 })], { rate }).subarray(0, 1001);
  const script = "import sys,wave,json,struct\nw=wave.open(sys.argv[1])\nn=w.getnframes()\nb=w.getsampwidth()\n" +
    "print(json.dumps([w.getnchannels(),b,w.getframerate(),n,struct.unpack('<%d%s'%(n,'_Bh'[b]),w.readframes(n))]))";
  for (const bits of [16, 8] as const) {
    const path = await Deno.makeTempFile({ suffix: ".wav" });
    await Deno.writeFile(path, wavBytes(samples, rate, bits));
    const { stdout, success } = await new Deno.Command("python3", { args: ["-c", script, path] }).output();
    await Deno.remove(path);
    assert(success);
    const [channels, width, found, count, values] = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([channels, width, found, count], [1, bits / 8, rate, 1001]);
    const [scale, zero] = bits === 16 ? [32_767, 0] : [127, 128];
    samples.forEach((sample, n) => assert(Math.abs((values[n] - zero) / scale - sample) <= 0.51 / scale));
  }
});

Deno.test("a score's ticks become seconds by its tempi, and a bar's tokens by their tempo", () => {
  const tempi = [{ tick: 0, microseconds: 1_000_000 }, { tick: 960, microseconds: 250_000 }];
  const at = (start: number, end: number) => ({ start, end, pitch: 60, velocity: 64, program: 0, drum: false });
  const score = { ticksPerQuarter: 480, notes: [at(0, 480), at(480, 1440), at(1920, 2400)], tempi };
  const sounded = soundNotes({ ...score, parts: [], meters: [], endTick: 2400 });
  assertEquals(sounded.map(({ start, seconds }) => [start, seconds]), [[0, 1], [1, 1.25], [2.5, 0.25]]);
  const late = soundNotes({
    ...score,
    tempi: [{ tick: 960, microseconds: 1_000_000 }],
    parts: [],
    meters: [],
    endTick: 0,
  });
  assertEquals(late[1].start, 0.5); // 120 quarters a minute before the first tempo
  const bar = { tokens: Uint16Array.of(kinds.Bar.first, kinds.Position.first, kinds.Tempo.first + 5, 2) };
  assertEquals(barSeconds([bar, bar]), 2 * 240 / tempoBins[5]);
  assertEquals(soundNotes(detokenize([bar])), []);
});

Deno.test("a player holds its sound, and says what it plays", () => {
  const html = playerHtml([note({ seconds: 0.05 })], { label: 'bar 3 of "A & B"', rate: 8000 });
  assert(html.includes('aria-label="player: bar 3 of &quot;A &amp; B&quot;"') && html.includes(" controls "));
  const bytes = Uint8Array.from(atob(html.match(/data:audio\/wav;base64,([^"]+)"/)![1]), (c) => c.charCodeAt(0));
  assertEquals(bytes, wavBytes(synthesize([note({ seconds: 0.05 })], { rate: 8000 }), 8000, 8));
});

Deno.test("all 128 programs and the drums have a group", () => {
  const found = Array.from({ length: 128 }, (_, program) => groupOf({ program, drum: false }));
  assertEquals(new Set([...found, groupOf({ program: 0, drum: true })]), new Set(soundGroups));
  assertEquals([0, 30, 33, 48, 56, 73, 81, 115].map((program) => found[program]), [
    ...["keys", "guitar", "bass", "strings", "winds", "winds", "synth", "other"] as const,
  ]);
});

Deno.test("in a small roll a doubled note is seen twice, in two colours and two marks of the legend", () => {
  const at = (kind: keyof typeof kinds, i: number) => kinds[kind].first + i;
  const note = (
    program: number,
    pitch: number,
  ) => [at("Position", 0), at("Instrument", program), at("Pitch", pitch), at("Velocity", 20), at("Duration", 11)];
  const frame = [at("Bar", 0), at("Position", 0), at("Tempo", 16)];
  const tokens = Uint16Array.from([...frame, ...note(0, 60), ...note(33, 60), ...note(33, 48), at("special", 2)]);
  const svg = smallRoll({ tokens: () => tokens } as unknown as Corpus, 0);
  const notes = [...svg.matchAll(/<rect [^>]*y="([\d.]+)"[^>]*height="([\d.]+)" fill="(#\w+)"><title>([^<]*)</g)];
  const of = (title: string) => {
    const [, y, height, fill] = notes.find((found) => found[4] === title)!;
    return { top: Number(y), bottom: Number(y) + Number(height), fill };
  };
  assertEquals(notes.length, 3);
  const piano = of("Acoustic Grand Piano 60");
  const [doubled, alone] = [60, 48].map((pitch) => of(`Electric Bass (finger) ${pitch}`));
  assert(piano.bottom <= doubled.top + 0.11 || doubled.bottom <= piano.top + 0.11, svg); // tenths of pixels
  assert(piano.fill !== doubled.fill && doubled.fill === alone.fill);
  const marks = [...svg.matchAll(/<path d="([^"]+)"/g)].map(([, path]) => path);
  assertEquals([marks.length, new Set(marks).size], [3, 2]);
  for (const mark of marks) assert(rollLegend().includes(mark), mark);
});
