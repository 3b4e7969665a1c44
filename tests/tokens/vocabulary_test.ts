import { assertEquals, assertThrows } from "@std/assert";
import {
  drumName,
  durationBins,
  kinds,
  nearestBin,
  tempoBins,
  type TokenKind,
  velocityBins,
  vocabulary,
} from "@lib/tokens/vocabulary.ts";

Deno.test("every id has a name of its own that leads back to it", () => {
  const names = Array.from({ length: vocabulary.size }, (_, id) => vocabulary.name(id));
  assertEquals(new Set(names).size, 560);
  names.forEach((name, id) => assertEquals(vocabulary.id(name), id));
});

Deno.test("each kind's ids are where the authors have them (STUDY §3.9)", () => {
  const expected: [TokenKind, number, number, string, string][] = [
    ["special", 0, 4, "<pad>", "<mask>"],
    ["Bar", 4, 1, "Bar_0", "Bar_0"],
    ["Tempo", 5, 32, "Tempo_0", "Tempo_31"],
    ["Instrument", 37, 129, "Instrument_Acoustic Grand Piano", "Instrument_Drum"],
    ["Pitch", 166, 128, "Pitch_0", "Pitch_127"],
    ["Pitch_Drum", 294, 128, "Pitch_Drum_0", "Pitch_Drum_127"],
    ["Position", 422, 48, "Position_0", "Position_47"],
    ["Duration", 470, 58, "Duration_0", "Duration_57"],
    ["Velocity", 528, 32, "Velocity_0", "Velocity_31"],
  ];
  for (const [kind, first, count, firstName, lastName] of expected) {
    assertEquals(kinds[kind], { first, count });
    assertEquals(vocabulary.name(first), firstName);
    assertEquals(vocabulary.name(first + count - 1), lastName);
    assertEquals(vocabulary.kind(first), kind);
    assertEquals(vocabulary.kind(first + count - 1), kind);
  }
});

Deno.test("the first value of every bin is the one the authors' code gives (STUDY §3.5–3.7)", () => {
  const firstOf = (bins: readonly number[], last: number) => {
    const first = new Map<number, number>();
    for (let value = 0; value <= last; value++) {
      const bin = nearestBin(bins, value);
      if (!first.has(bin)) first.set(bin, value);
    }
    return [...first].sort((a, b) => a[0] - b[0]).map(([, value]) => value).join(" ");
  };
  assertEquals(
    firstOf(tempoBins, 300),
    "0 33 39 45 51 57 62 68 74 80 86 91 97 103 109 115 120 126 132 138 144 149 155 161 167 173 178 184 190 196 202 208",
  );
  assertEquals(
    firstOf(velocityBins, 127),
    "0 4 8 12 16 20 24 28 32 36 40 44 48 52 56 60 64 69 73 77 81 85 89 93 97 101 105 109 113 117 121 125",
  );
  assertEquals(
    firstOf(durationBins, 2000),
    "0 2 3 4 5 6 7 8 9 10 11 12 14 17 18 20 23 28 34 40 46 55 67 79 91 103 115 127 139 151 163 175 187 205 229 253 " +
      "277 301 325 349 373 397 421 445 469 493 517 541 565 589 613 637 661 685 709 733 757",
  );
  assertEquals(nearestBin(durationBins, 21), 15); // the second 21, index 16, is never produced
});

Deno.test("unknown ids and names are refused by name", () => {
  assertThrows(() => vocabulary.name(560), RangeError, "found 560");
  assertThrows(() => vocabulary.kind(-1), RangeError, "found -1");
  assertThrows(() => vocabulary.id("Pitch_128"), RangeError, '"Pitch_128"');
});

Deno.test("drums have General MIDI's names, others their number", () => {
  // General MIDI 1's percussion key map: 35 and 81 are its ends; 27 and 87 those of General MIDI 2.
  const names = {
    35: "Acoustic Bass Drum",
    38: "Acoustic Snare",
    42: "Closed Hi-Hat",
    49: "Crash Cymbal 1",
    56: "Cowbell",
  };
  for (
    const [pitch, name] of Object.entries({
      ...names,
      75: "Claves",
      81: "Open Triangle",
      27: "High Q",
      87: "Open Surdo",
    })
  ) {
    assertEquals(drumName(Number(pitch)), name);
  }
  assertEquals([drumName(26), drumName(88)], ["drum 26", "drum 88"]);
});
