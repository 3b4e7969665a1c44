import { assert, assertEquals } from "@std/assert";
import { mutants, outcomes } from "../support/mutants.ts";

Deno.test("2,000 mutated songs give bars or a MidiError that says why, under both presets", () => {
  const counts = new Map<string, number>();
  for (const mutant of mutants(2_000, 1)) {
    try {
      for (const outcome of outcomes(mutant)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    } catch (cause) {
      throw new Error(`Mutant ${mutant.number} of seed 1, from ${mutant.song}`, { cause });
    }
  }
  assertEquals([...counts.values()].reduce((sum, count) => sum + count), 4_000);
  assert(counts.size > 8 && counts.get("bars")! > 600, JSON.stringify([...counts])); // they get that far
});

Deno.test("a seed always makes the same mutants", () => {
  const bytes = () => [...mutants(20, 7)].map((mutant) => mutant.bytes.join());
  assertEquals(bytes(), bytes());
});
