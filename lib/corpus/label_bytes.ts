/**
 * A bar's labels as bytes: uint32 index of the bar in its song; uint8 tempo bin; uint8 count of instruments, then one
 * each; uint8 count of positions, then one each; uint16 count of chords, then a uint8 class each; float64 mean
 * velocity, mean duration bin, mean duration in quarters (NaN for null). Little-endian, not aligned.
 * @module
 */
import type { BarLabels } from "../tokens/labels.ts";

/** Bytes of the record of a bar's labels. */
export const labelBytes = ({ chords, groove, instruments }: BarLabels): number =>
  4 + 1 + 1 + 1 + 2 + 3 * 8 + chords.length + groove.length + instruments.length;

/** Writes the record of a bar's labels and its index in the song, {@link labelBytes} long, at a byte of `view`. */
export function packLabels(view: DataView, offset: number, index: number, labels: BarLabels): void {
  const { chords, groove, instruments, tempoBin, meanVelocity, meanDuration, meanDurationQuarters } = labels;
  view.setUint32(offset, index, true);
  view.setUint8(offset + 4, tempoBin);
  let at = offset + 5;
  for (const values of [instruments, groove]) {
    view.setUint8(at++, values.length);
    for (const value of values) view.setUint8(at++, value);
  }
  view.setUint16(at, chords.length, true);
  at += 2;
  for (const chord of chords) view.setUint8(at++, chord);
  for (const mean of [meanVelocity, meanDuration, meanDurationQuarters]) {
    view.setFloat64(at, mean ?? Number.NaN, true);
    at += 8;
  }
}

/** The labels and the index of the record at a byte offset. */
export function unpackLabels(bytes: Uint8Array, offset: number): { index: number; labels: BarLabels } {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = offset + 5;
  const list = (count: number) => Array.from(bytes.subarray(at, at += count));
  const instruments = list(bytes[at++]);
  const groove = list(bytes[at++]);
  at += 2;
  const chords = list(view.getUint16(at - 2, true));
  const [meanVelocity, meanDuration, meanDurationQuarters] = [0, 8, 16].map((by) => {
    const mean = view.getFloat64(at + by, true);
    return Number.isNaN(mean) ? null : mean;
  });
  return {
    index: view.getUint32(offset, true),
    labels: {
      chords,
      groove,
      instruments,
      tempoBin: bytes[offset + 4],
      meanVelocity,
      meanDuration,
      meanDurationQuarters,
    },
  };
}
