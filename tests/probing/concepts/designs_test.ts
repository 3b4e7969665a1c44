import { assert, assertEquals } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { type Design, designs, drawScene, type Scene } from "@lib/probing/concepts/designs.ts";
import { handFeatureNames, handFeatures } from "@lib/probing/hand_features.ts";
import { type BarNote, encodeBar } from "@lib/tokens/bar_format.ts";
import { durationBins } from "@lib/tokens/vocabulary.ts";

const scenes = Array.from({ length: 12 }, (_, i) => drawScene(stream(5, i)));
const designOf = (name: string): Design => designs.find((design) => design.name === name)!;

/** The bars of a scene: first factor × second. */
const table = ({ factors: [a, b], compose }: Design, scene: Scene): BarNote[][][] =>
  a.values.map((_, first) => b.values.map((_, second) => compose([first, second], scene)));

/** A property of notes as a multiset. */
const multiset = (notes: readonly BarNote[], of: (note: BarNote) => unknown) =>
  notes.map((note) => String(of(note))).sort();

/** What each design leaves alone when its first factor changes. */
const untouched: Record<string, ((note: BarNote) => unknown)[]> = {
  "pitch class and register": [
    ({ position, duration }) => `${position} ${duration}`,
    (n) => n.velocity,
    (n) => n.instrument,
  ],
  "interval and key": [({ position, duration }) => `${position} ${duration}`, (n) => n.velocity, (n) => n.instrument],
  "mode and key": [({ position, duration }) => `${position} ${duration}`, (n) => n.velocity, (n) => n.instrument],
  "chord quality and key": [
    ({ position, duration }) => `${position} ${duration}`,
    (n) => n.velocity,
    (n) => n.instrument,
  ],
  "inversion and bass": [({ position, duration }) => `${position} ${duration}`, (n) => n.velocity, (n) => n.instrument],
  "rhythm and instrument": [(n) => n.pitch, (n) => n.velocity, (n) => n.instrument, (n) => n.duration],
  "syncopation and beats": [(n) => n.pitch, (n) => n.velocity, (n) => n.instrument, (n) => n.duration],
  "dynamics and level": [({ position, pitch, duration }) => `${position} ${pitch} ${duration}`, (n) => n.velocity],
  "role and key": [({ position, pitch, duration }) => `${position} ${pitch} ${duration}`, (n) => n.velocity],
  "chord quality and rhythm": [({ position, duration }) => `${position} ${duration}`, (n) => n.velocity],
  "mode and dynamics": [({ position, duration }) => `${position} ${duration}`, (n) => n.velocity],
  "interval and register": [({ position, duration }) => `${position} ${duration}`, (n) => n.velocity],
};

Deno.test("in each design the asked factor changes what it names and leaves all else as it is", () => {
  assertEquals(Object.keys(untouched), designs.map(({ name }) => name));
  for (const design of designs) {
    for (const scene of scenes) {
      const bars = table(design, scene);
      for (const [second] of design.factors[1].values.entries()) {
        const first = bars[0][second], texts = bars.map((row) => JSON.stringify(row[second]));
        assertEquals(new Set(texts).size, texts.length, `${design.name}: two values give one bar`);
        for (const row of bars) {
          for (const of of untouched[design.name]) {
            assertEquals(multiset(row[second], of), multiset(first, of), design.name);
          }
        }
      }
      for (const note of bars.flat(2)) {
        assert(note.position >= 0 && note.position < 48 && note.pitch >= 0 && note.pitch < 128 && note.velocity <= 127);
      }
    }
  }
});

/** Hand-made features of a bar, by name. */
function features(notes: readonly BarNote[]): Record<string, number> {
  const sorted = notes.toSorted((a, b) => a.position - b.position || a.pitch - b.pitch);
  const values = handFeatures(encodeBar(sorted, 16, 512));
  return Object.fromEntries(handFeatureNames.map((name, i) => [name, values[i]]));
}

Deno.test("chords, keys, intervals, rhythms and dynamics are those that other programs' definitions find", () => {
  for (const scene of scenes) {
    const { factors: [qualities, keys], compose } = designOf("chord quality and key");
    for (const [q, quality] of qualities.values.entries()) {
      for (const [key, root] of keys.values.entries()) {
        const found = features(compose([q, key], scene));
        // An augmented triad has three roots; the doubled root weighs more where a triad is compared with its template.
        const best = Object.entries(found).filter(([name]) =>
          name.startsWith(`${quality} `)
        ).sort(([, a], [, b]) => b - a)[0];
        assert(found[`${quality} ${root}`] > best[1] - 1e-5, `${quality} ${root}: ${best}`);
      }
    }
    const intervals = designOf("interval and register"), short = { ...scene, length: 3 }; // no start meets the next one
    intervals.factors[0].values.forEach((_, interval) => {
      const found = features(intervals.compose([interval, 2], short));
      assertEquals(found[`vertical interval ${(interval + 1) % 12}`], 1);
      assertEquals(found.range, interval + 1);
    });
    const pitches = designOf("pitch class and register");
    pitches.factors[0].values.forEach((name, pitch) => {
      const found = features(pitches.compose([pitch, 3], scene));
      assertEquals([found[`pitch class ${name}`], found.lowest], [1, 72 + pitch]); // octave 5 begins at 72
    });
    const dynamics = designOf("dynamics and level");
    const [rise, fall, arch, valley] = [0, 1, 2, 3].map((contour) => features(dynamics.compose([contour, 1], scene)));
    assert(rise["velocity with time"] > 0.95 && fall["velocity with time"] < -0.95);
    assert(Math.abs(arch["velocity with time"]) < 0.25 && Math.abs(valley["velocity with time"]) < 0.25);
    const syncopation = designOf("syncopation and beats");
    const [on, eighth, sixteenth] = [0, 1, 2].map((early) =>
      features(syncopation.compose([early, 6], scene)).syncopation
    );
    assert(on < eighth && eighth < sixteenth, `${on}, ${eighth}, ${sixteenth}`);
  }
  const onsets = (rhythm: number) =>
    designOf("rhythm and instrument").compose([rhythm, 0], scenes[0]).map((n) => n.position / 3);
  assertEquals(onsets(1), [0, 3, 6, 10, 12]); // the son clave
});

Deno.test("modes are the white keys' from each of their degrees, inversions share their bass, and the piano has its role", () => {
  const white = [0, 2, 4, 5, 7, 9, 11];
  designOf("mode and key").factors[0].values.forEach((_, mode) => {
    const notes = designOf("mode and key").compose([mode, 5], scenes[0]).filter(({ pitch }) => pitch >= 60);
    const degrees = new Set(notes.map(({ pitch }) => (pitch - 65 + 24) % 12));
    assertEquals(
      [...degrees].sort((a, b) => a - b),
      white.map((key) => (key - white[mode] + 12) % 12).sort((a, b) => a - b),
    );
  });
  for (const scene of scenes) {
    const { compose } = designOf("inversion and bass"),
      bars = [0, 1, 2].map((inversion) => compose([inversion, 4], scene));
    const bass = bars.map((notes) => Math.min(...notes.map(({ pitch }) => pitch)));
    assertEquals(new Set(bass).size, 1);
    const third = scene.choice ? 4 : 3;
    bars.forEach((notes, inversion) => {
      const pitches = [...new Set(notes.map(({ pitch }) => pitch))].sort((a, b) => a - b);
      const root = pitches[inversion === 0 ? 0 : 3 - inversion] % 12; // the tone above the gap of a fourth
      assertEquals(new Set(pitches.map((pitch) => (pitch - root + 120) % 12)), new Set([0, third, 7]), `${inversion}`);
    });
    const roles = [0, 1, 2].map((role) =>
      designOf("role and key").compose([role, 7], scene).filter((n) => n.instrument === 0)
    );
    assertEquals(roles.map((notes) => notes.length), [8, 6, 4]);
    assertEquals(roles.map((notes) => durationBins[notes[0].duration]), [6, 24, 12]);
  }
});
