import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { assertText } from "../support/snapshots.ts";
import { groupOf, soundGroups, type SoundNote, synthesize, wavBytes } from "@lib/notebook/synth.ts";

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
  assertEquals(synthesize([], { seconds: 1 }).length, 22_050);
  const samples = synthesize([note({ start: 0.5, seconds: 0.25 })], { rate, seconds: 2 });
  assertEquals(samples.length, 2 * rate);
  assertEquals(peak(samples.subarray(0, 0.5 * rate)), 0);
  assert(peak(samples.subarray(Math.round(0.55 * rate), 0.75 * rate)) > 0.01);
  assertEquals(peak(samples.subarray(Math.ceil(0.85 * rate))), 0);
});

Deno.test("a drum sounds from its onset on", () => {
  const samples = synthesize([note({ drum: true, pitch: 38, start: 0.25 })], { rate, seconds: 1 });
  assertEquals(between(samples, 0, 0.249), 0);
  assert(between(samples, 0.25, 0.26) > 0.01);
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
});

Deno.test("all 128 programs and the drums have a group", () => {
  const found = Array.from({ length: 128 }, (_, program) => groupOf({ program, drum: false }));
  assertEquals(new Set([...found, groupOf({ program: 0, drum: true })]), new Set(soundGroups));
  assertEquals([0, 30, 33, 48, 56, 73, 81, 115].map((program) => found[program]), [
    ...["keys", "guitar", "bass", "strings", "winds", "winds", "synth", "other"] as const,
  ]);
});

/** The largest sample between two times, seconds. */
const between = (samples: Float32Array, from: number, to: number) =>
  peak(samples.subarray(Math.round(from * rate), Math.round(to * rate)));

Deno.test("a piano fades while it is held, an organ does not; both stop within 70 ms of the note's end", () => {
  for (const [program, fades] of [[0, true], [16, false]] as const) {
    const samples = synthesize([note({ program })], { rate, seconds: 1.5 });
    // To 1/e in 0.9 s: from 0.1 to 0.9 s by exp(−0.8/0.9).
    const kept = between(samples, 0.88, 0.92) / between(samples, 0.08, 0.12);
    assertAlmostEquals(kept, fades ? Math.exp(-0.8 / 0.9) : 1, 0.03, `program ${program}`);
    assert(between(samples, 1.03, 1.06) < between(samples, 0.95, 0.99), "it is let go at the end");
    assertEquals(between(samples, 1.07, 1.5), 0);
  }
});

Deno.test("strings swell for 60 ms, a kick falls from 130 to 48 Hz and is gone after half a second", () => {
  const strings = synthesize([note({ program: 40 })], { rate });
  assertAlmostEquals(between(strings, 0.025, 0.03) / between(strings, 0.1, 0.2), 0.5, 0.1);
  const kick = synthesize([note({ drum: true, pitch: 36 })], { rate, seconds: 1 });
  assert(power(kick.subarray(0, 0.02 * rate), 120) > 3 * power(kick.subarray(0, 0.02 * rate), 250));
  assert(power(kick.subarray(0.1 * rate, 0.3 * rate), 50) > 10 * power(kick.subarray(0.1 * rate, 0.3 * rate), 120));
  assertEquals(between(kick, 0.46, 1), 0); // five times 0.09 s
});

Deno.test("a sound that is cut fades out in its last 20 ms", () => {
  const samples = synthesize([note({ program: 16, seconds: 5 })], { rate, seconds: 0.5 });
  assertAlmostEquals(between(samples, 0.489, 0.491) / between(samples, 0.4, 0.48), 0.5, 0.1);
  assert(between(samples, 0.4995, 0.5) < 0.1 * between(samples, 0.4, 0.48));
});

Deno.test("families and drums sound as the kept loudness and brightness say", () => {
  // Root mean squares of the samples and of their differences in four windows of 0.05 s, in thousandths.
  const sound = (changes: Partial<SoundNote>) => {
    const samples = synthesize([note({ seconds: 0.15, velocity: 127, ...changes })], { rate, seconds: 0.3 });
    const rms = (of: (n: number) => number, from: number) => {
      const size = Math.round(0.05 * rate), start = Math.round(from * rate) + 1;
      return Math.round(1000 * Math.hypot(...Array.from({ length: size }, (_, i) => of(start + i))) / Math.sqrt(size));
    };
    return [0, 0.05, 0.1, 0.15].map((from) =>
      `${rms((n) => samples[n], from)} ${rms((n) => samples[n] - samples[n - 1], from)}`
    ).join(", ");
  };
  const families = Array.from({ length: 16 }, (_, i) => `program ${8 * i}: ${sound({ program: 8 * i })}`);
  const drums = Array.from({ length: 61 }, (_, i) => `drum ${27 + i}: ${sound({ drum: true, pitch: 27 + i })}`);
  assertText("sounds.txt", [...families, ...drums, ""].join("\n"));
});

Deno.test("Python's wave module reads the WAV: mono, 16 or 8 bits, our rate and samples", async () => {
  const rate = 11_025, samples = Float32Array.from({ length: 1001 }, (_, n) => Math.sin(n * n / 500)); // an odd number
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

Deno.test("a WAV's header states its sizes in bytes", () => {
  const bytes = wavBytes(new Float32Array(5), 8000), view = new DataView(bytes.buffer);
  // RIFF's length is all but its first 8 bytes; bytes a second; bytes a frame; length of the data.
  assertEquals([4, 28, 40].map((at) => view.getUint32(at, true)), [bytes.length - 8, 16_000, 10]);
  assertEquals([view.getUint16(32, true), bytes.length, wavBytes(new Float32Array(5), 8000, 8).length], [2, 54, 50]);
});

Deno.test("samples outside of −1…1 are refused", () => {
  assertThrows(() => wavBytes(Float32Array.of(0, 1.5), 8000), RangeError, "found 1.5 at 1");
  assertThrows(() => wavBytes(Float32Array.of(NaN), 8000), RangeError, "found NaN at 0");
  assertEquals(wavBytes(Float32Array.of(-1, 1), 8000, 8).slice(44), Uint8Array.of(1, 255));
});
