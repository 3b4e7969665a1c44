import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { handFeatureNames, handFeatures } from "@lib/probing/hand_features.ts";
import { type BarNote, encodeBar } from "@lib/tokens/bar_format.ts";
import { drums, durationBins, nearestBin, tempoBins, velocityBins } from "@lib/tokens/vocabulary.ts";
import { goldenJson } from "../support/golden.ts";

type Named = Record<string, number>;

/** The features of a bar by name. */
function named(notes: BarNote[], tempoBin = 16): Named {
  const values = handFeatures(encodeBar(notes, tempoBin, 4096));
  assertEquals(values.length, handFeatureNames.length);
  assert(values.every(Number.isFinite));
  return Object.fromEntries(handFeatureNames.map((name, i) => [name, values[i]]));
}

/** A note, by default a quarter of middle C on the first beat, played by the piano. */
const note = (changes: Partial<BarNote> = {}): BarNote => (
  { position: 0, instrument: 0, pitch: 60, velocity: 90, duration: durationBins.indexOf(12), ...changes }
);

const pitchClasses = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];

/** Starts of a rhythm in sixteenths, as `x..x` writes them. */
const rhythm = (text: string): BarNote[] =>
  [...text].flatMap((sign, i) => sign === "x" ? [note({ position: 3 * i, duration: 2 })] : []);

Deno.test("keys, register, melody, lengths and density are those of music21", async () => {
  type Case = {
    kind: "melody" | "chords";
    bpm: number;
    notes: Record<"position" | "pitch" | "length" | "velocity", number>[];
    keys: Named;
    features: Named;
  };
  const cases = await goldenJson<Case[]>("hand/music21.json.gz");
  assertEquals(cases.length, 8);
  for (const { kind, bpm, notes, keys, features } of cases) {
    const bin = tempoBins.indexOf(bpm);
    assert(bin >= 0);
    const own = named(notes.map((one) => note({ ...one, duration: durationBins.indexOf(one.length) })), bin);
    for (const [key, value] of Object.entries(keys)) {
      const [mode, tonic] = key.split(" ");
      assertAlmostEquals(own[`${mode} ${pitchClasses[Number(tonic)]}`], value, 1e-6, key);
    }
    const compared = [
      ["range", "Range"],
      ["mean pitch", "Primary Register"],
      ["bass register", "Importance of Bass Register"],
      ["middle register", "Importance of Middle Register"],
      ["high register", "Importance of High Register"],
      ...(kind === "chords" ? [] : [
        ["interval size", "Average Melodic Interval"],
        ["repeated", "Repeated Notes"],
        ["stepwise", "Stepwise Motion"],
        ["by third", "Melodic Thirds"],
        ["rising", "Direction of Motion"],
        ["notes a second", "Note Density"],
        ["mean length", "Average Note Duration"],
        ["longest", "Maximum Note Duration"],
        ["shortest", "Minimum Note Duration"],
      ]),
    ];
    for (const [name, theirs] of compared) {
      const inSeconds = theirs.endsWith("Note Duration"); // theirs; ours are in quarters
      const value = features[theirs] * (inSeconds ? bpm / 60 : 1);
      assertAlmostEquals(own[name], value, 1e-5 * Math.max(1, value), `${kind}: ${name}`);
    }
  }
});

Deno.test("syncopation is Longuet-Higgins and Lee's, reckoned by hand", () => {
  const of = (text: string) => named(rhythm(text)).syncopation;
  assertEquals(of("x...x...x...x..."), 0);
  assertEquals(of("x.x.x.x.x.x.x.x."), 0);
  // Of the weight 0 −4 −3 −4 −2 −4 −3 −4 | −1 −4 −3 −4 −2 −4 −3 −4:
  assertEquals(of("...x............"), -1 - -4); // the half note's rest after a sixteenth
  assertEquals(of("x..x..x...x.x..."), (-2 - -4) + (-1 - -3) + 0); // son clave: 3, 6 and 10
  assertEquals(of("..x...x...x...x."), (-2 - -3) + (-1 - -3) + (-2 - -3)); // the last ends with the bar
  const parts = named([...rhythm("x...x...x...x..."), note({ position: 9, instrument: drums, pitch: 36 })]);
  assertEquals([parts["syncopation of pitches"], parts["syncopation of drums"]], [0, -1 - -4]);
});

Deno.test("transposition turns what is on pitch classes, and leaves rhythm, lengths and dynamics", () => {
  const random = stream(3, "bar");
  const notes = Array.from({ length: 30 }, () =>
    note({
      ...{ position: random.integer(48), instrument: 8 * random.integer(4), pitch: 40 + random.integer(40) },
      ...{ velocity: velocityBins[random.integer(32)], duration: random.integer(16) },
    }));
  const before = named(notes), after = named(notes.map((one) => ({ ...one, pitch: one.pitch + 7 })));
  const reordered = named(notes.toReversed());
  for (const name of handFeatureNames) {
    assertAlmostEquals(reordered[name], before[name], 1e-5 * Math.max(1, Math.abs(before[name])), name);
    const root = pitchClasses.findIndex((pitchClass) => name.endsWith(` ${pitchClass}`));
    const turned = root < 0 ? name : name.replace(/\S+$/, pitchClasses[(root + 7) % 12]);
    const moved = ["lowest", "highest", "mean pitch"].includes(name) || (name.endsWith(": pitch") && before[name] > 0);
    if (name.endsWith("register")) continue;
    assertAlmostEquals(after[turned], before[name] + (moved ? 7 : 0), 1e-4, name);
  }
});

Deno.test("voices are counted at each position up to the bar's end, and drums are no pitches", () => {
  const long = durationBins.indexOf(96);
  const bar = named([note({ duration: long }), note({ pitch: 67, position: 24, duration: long })]);
  assertAlmostEquals(bar.voices, 1.5, 1e-6);
  assertEquals([bar["most voices"], bar["one voice"], bar.silence, bar["longest"]], [2, 0.5, 0, 8]);
  assertAlmostEquals(bar["pitch class C"], 2 / 3, 1e-6);
  assertEquals([bar["bass C"], bar["vertical interval 7"]], [1, 1]);
  const struck = named([
    ...[36, 38, 36, 42].map((pitch, i) => note({ position: 12 * i + (i === 3 ? 6 : 0), instrument: drums, pitch })),
  ]);
  assertEquals([struck.kick, struck.snare, struck["closed hi-hat"], struck["other drums"]], [2, 1, 1, 0]);
  assertEquals(struck["closed hi-hat on the quarter"], 0);
  assertEquals([struck.silence, struck.voices, struck["mean pitch"], struck["pitch class C"]], [1, 0, 0, 0]);
  assertEquals(named([]).notes, 0);
});

Deno.test("instrument families, dynamics and tempo are told apart", () => {
  const bar = named(
    [0, 12, 24, 36].map((position, i) =>
      note({ position, instrument: i < 2 ? 33 : 73, velocity: velocityBins[4 * i + 8] })
    ),
    nearestBin(tempoBins, 122),
  );
  assertEquals([bar["bass: plays"], bar["pipe: plays"], bar["piano: plays"]], [1, 1, 0]);
  assertEquals([bar["bass: share of notes"], bar["pipe: starts"]], [0.5, 2]);
  assert(bar["pipe: velocity"] > bar["bass: velocity"] && bar["velocity with time"] > 0.99);
  assertEquals([bar.tempo, bar.allegro, bar.presto, bar.accent], [122, 1, 0, 0]);
  assertEquals(named([note()], 0).largo, 1);
});
