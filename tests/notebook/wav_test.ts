import { assert, assertEquals, assertThrows } from "@std/assert";
import { wavBytes } from "@lib/notebook/wav.ts";

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
