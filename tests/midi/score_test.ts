import { assertEquals } from "@std/assert";
import { lastTickOf, type Part } from "@lib/midi/score.ts";

Deno.test("a part lasts until its last note end or control, whichever is later", () => {
  const note = (start: number, end: number) => ({ start, end, pitch: 60, velocity: 64, program: 0, drum: false });
  const part = (ends: number[], lastTick: number): Part => ({
    program: 0,
    drum: false,
    notes: ends.map((end) => note(0, end)),
    controls: { pedals: [], bends: [], lastTick },
  });
  assertEquals([part([30, 90, 50], 20), part([30, 90, 50], 100), part([], 7)].map(lastTickOf), [90, 100, 7]);
});
