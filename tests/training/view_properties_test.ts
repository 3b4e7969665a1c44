import { assert, assertEquals, assertLess } from "@std/assert";
import { augment, maskTokens, neighborOf } from "@lib/training/views.ts";
import { projectRoot } from "@lib/base/project.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { stream } from "@lib/base/random.ts";
import { type Preset, recipe } from "@lib/recipe/recipe.ts";
import { eob, kinds, mask, type TokenKind, vocabulary } from "@lib/tokens/vocabulary.ts";

/** Masks and views of every bar of the embedded songs, drawn so often that each property is asked of so many bars. */
const BARS = 4_000;

const corpora = new Map<Preset, Corpus>();
for (const preset of ["sound", "authors"] as const) {
  const dir = await Deno.makeTempDir();
  await buildCorpus(`${projectRoot}/data/freedoom`, dir, recipe(preset, "demo"));
  corpora.set(preset, await openCorpus(dir));
  await Deno.remove(dir, { recursive: true });
}

/** Calls `look` with every bar of a preset, and a number that tells the draws apart; returns how many. */
function everyBar(preset: Preset, look: (tokens: Uint16Array, bar: number, draw: number) => void): number {
  const corpus = corpora.get(preset)!, draws = Math.ceil(BARS / corpus.bars);
  for (let draw = 0; draw < draws; draw++) {
    for (let bar = 0; bar < corpus.bars; bar++) look(corpus.tokens(bar), bar, draw);
  }
  return draws * corpus.bars;
}

const isOf = (id: number, kind: TokenKind) => id >= kinds[kind].first && id < kinds[kind].first + kinds[kind].count;

/** Whether a count is within five standard deviations of what a share of `all` gives. */
function assertShare(count: number, all: number, share: number, what: string): void {
  const bound = 5 * Math.sqrt(share * (1 - share) * all);
  assertLess(Math.abs(count - share * all), bound, `${what}: ${count} of ${all}, expected ${share}`);
}

for (const preset of ["sound", "authors"] as const) {
  const choices = recipe(preset, "demo");

  Deno.test(`${preset}: masks choose the right number of tokens, never Bar or <eob>, and replace them as told`, () => {
    let [chosen, masked, kept, specials, events] = [0, 0, 0, 0, 0];
    const places = new Float64Array(10); // of chosen tokens along the bar: as likely everywhere
    const seen = everyBar(preset, (tokens, bar, draw) => {
      const { ids, positions, labels } = maskTokens(tokens, choices, stream(draw, "mask", bar));
      assert(Math.abs(100 * positions.length - 15 * tokens.length) < 50, "not the nearest whole number to 15%");
      assertEquals(new Set(positions).size, positions.length);
      const touched = new Set(positions);
      for (let i = 0; i < tokens.length; i++) if (!touched.has(i)) assert(ids[i] === tokens[i]);
      positions.forEach((position, i) => {
        assert(tokens[position] === labels[i] && !isOf(labels[i], "Bar") && labels[i] !== eob);
        places[Math.min(9, Math.floor(10 * (position - 1) / (tokens.length - 2)))]++;
        const id = ids[position];
        chosen++;
        if (id === mask) masked++;
        else if (id === labels[i]) kept++;
        else if (isOf(id, "special")) specials++;
        else events++;
      });
    });
    assert(seen >= BARS, `${seen} bars`);
    const ids = choices.masking.replacements === "events" ? 556 : 560; // what a replacement is drawn from
    const specialIds = ids - 556; // <mask> among them, which counts as masked
    assertShare(masked, chosen, 0.8 + 0.1 * (specialIds > 0 ? 1 : 0) / ids, "masked");
    assertShare(kept, chosen, 0.1 + 0.1 / ids, "kept");
    assertShare(events, chosen, 0.1 * (556 - 1) / ids, "other events");
    if (specialIds === 0) assertEquals(specials, 0);
    else assertShare(specials, chosen, 0.1 * (specialIds - 1) / ids, "specials");
    for (const count of places) assertLess(Math.abs(count / chosen - 0.1), 0.01);
  });

  Deno.test(`${preset}: augmenting keeps contour and drums, stays in range, and redraws what would leave it`, () => {
    const shifts = new Map<number, number>(), loudness = new Map<number, number>();
    const seen = everyBar(preset, (tokens, bar, draw) => {
      const other = augment(tokens, choices, stream(draw, "augment", bar));
      assertEquals(other.length, tokens.length);
      const moves = { Pitch: new Set<number>(), Velocity: new Set<number>() };
      let [low, high] = [127, 0];
      tokens.forEach((id, i) => {
        assert(vocabulary.kind(other[i]) === vocabulary.kind(id), "a shift left its kind's range");
        if (isOf(id, "Pitch")) {
          moves.Pitch.add(other[i] - id);
          [low, high] = [Math.min(low, id - kinds.Pitch.first), Math.max(high, id - kinds.Pitch.first)];
        } else if (isOf(id, "Velocity")) moves.Velocity.add(other[i] - id);
        else assert(other[i] === id);
      });
      assert(moves.Pitch.size <= 1 && moves.Velocity.size <= 1, "one shift for all");
      const [pitch] = moves.Pitch, [velocity] = moves.Velocity;
      if (pitch !== undefined && low >= 6 && high <= 121) shifts.set(pitch, (shifts.get(pitch) ?? 0) + 1);
      if (velocity !== undefined) loudness.set(velocity, (loudness.get(velocity) ?? 0) + 1);
    });
    assert(seen >= BARS, `${seen} bars`);
    const all = shifts.values().reduce((a, b) => a + b, 0);
    assertEquals([...shifts.keys()].sort((a, b) => a - b), [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6]);
    for (const [shift, count] of shifts) assertShare(count, all, 1 / 13, `pitch shift ${shift}`);
    assertEquals([...loudness.keys()].sort((a, b) => a - b), [-3, -2, -1, 0, 1, 2, 3]);
  });

  Deno.test(`${preset}: a neighbor is of the same song, and itself only where the recipe allows it`, () => {
    const corpus = corpora.get(preset)!;
    let [itself, all] = [0, 0], expected = 0;
    const seen = everyBar(preset, (_, bar, draw) => {
      const neighbor = neighborOf(corpus, bar, choices, stream(draw, "neighbor", bar));
      assertEquals(corpus.song(neighbor), corpus.song(bar));
      const { bars } = corpus.songs[corpus.song(bar)];
      all++;
      if (neighbor === bar) itself++;
      if (bars === 1) assertEquals(neighbor, bar);
      expected += bars === 1 ? 1 : choices.views.neighborSelf ? 1 / bars : 0;
    });
    assert(seen >= BARS && all === seen);
    assertLess(Math.abs(itself - expected), 5 * Math.sqrt(expected) + 1e-9);
  });
}
