/**
 * WAV files.
 * @module
 */

/**
 * Samples in [−1, 1] as a WAV file: mono, 16 bits a sample, or 8 for half the bytes and some hiss.
 *
 * @throws {RangeError} if a sample is outside or not a number.
 */
export function wavBytes(samples: Float32Array, rate: number, bits: 8 | 16 = 16): Uint8Array<ArrayBuffer> {
  const frame = bits / 8, size = frame * samples.length;
  const bytes = new Uint8Array(44 + size + size % 2), view = new DataView(bytes.buffer); // chunks have even lengths
  const text = (at: number, letters: string) => bytes.set(new TextEncoder().encode(letters), at);
  text(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true); // PCM
  view.setUint16(22, 1, true); // one channel
  view.setUint32(24, rate, true);
  view.setUint32(28, frame * rate, true); // bytes a second
  view.setUint16(32, frame, true);
  view.setUint16(34, bits, true);
  text(36, "data");
  view.setUint32(40, size, true);
  samples.forEach((sample, n) => {
    if (!(Math.abs(sample) <= 1)) throw new RangeError(`WAV: expected samples in −1…1, found ${sample} at ${n}.`);
    if (bits === 16) view.setInt16(44 + 2 * n, Math.round(32_767 * sample), true);
    else view.setUint8(44 + n, 128 + Math.round(127 * sample));
  });
  return bytes;
}
