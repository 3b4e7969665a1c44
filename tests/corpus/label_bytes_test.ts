import { assertEquals } from "@std/assert";
import { labelBytes, packLabels, unpackLabels } from "@lib/corpus/label_bytes.ts";

const labels = {
  chords: [60, 0],
  groove: [0, 24, 47],
  instruments: [128],
  tempoBin: 31,
  meanVelocity: 80.5,
  meanDuration: null,
  meanDurationQuarters: 1 / 3,
};

Deno.test("a record has the bytes that the format says, where it begins in a buffer too", () => {
  const bytes = new Uint8Array(3 + labelBytes(labels) + 2).fill(9);
  packLabels(new DataView(bytes.buffer, 1), 2, 0x01020304, labels);
  const head = [9, 9, 9, 4, 3, 2, 1, 31, 1, 128, 3, 0, 24, 47, 2, 0, 60, 0];
  assertEquals([...bytes.subarray(0, head.length)], head);
  const means = [0, 0, 0, 0, 0, 32, 84, 64, 0, 0, 0, 0, 0, 0, 248, 127, 85, 85, 85, 85, 85, 85, 213, 63]; // of IEEE 754
  assertEquals([...bytes.subarray(head.length)], [...means, 9, 9]);
  assertEquals(unpackLabels(bytes.subarray(1), 2), { index: 0x01020304, labels });
});

Deno.test("empty sets and means of none come back", () => {
  const none = { chords: [], groove: [], instruments: [], tempoBin: 0 };
  const empty = { ...none, meanVelocity: null, meanDuration: 0, meanDurationQuarters: null };
  const bytes = new Uint8Array(labelBytes(empty));
  assertEquals(bytes.length, 33);
  packLabels(new DataView(bytes.buffer), 0, 0, empty);
  assertEquals(unpackLabels(bytes, 0), { index: 0, labels: empty });
});
