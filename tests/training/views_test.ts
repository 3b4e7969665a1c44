import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { augment, maskTokens, neighborOf, viewsOf } from "@lib/training/views.ts";
import { roundHalfEven } from "@lib/tokens/beats.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { eob, kinds, mask, vocabulary } from "@lib/tokens/vocabulary.ts";
import { plantedBar, plantedCorpus } from "../support/planted_corpus.ts";
import { smallCorpus } from "../support/small_run.ts";

const choices = recipe("sound", "smoke");
const corpus = await smallCorpus();
const bars = Array.from({ length: corpus.bars }, (_, bar) => bar);
const ofKind = (tokens: Uint16Array, kind: keyof typeof kinds) =>
  Array.from(tokens).filter((id) => vocabulary.kind(id) === kind).map((id) => id - kinds[kind].first);

Deno.test("15% of a bar's tokens are chosen, never Bar or <eob>, and the rest stay", () => {
  for (const bar of bars) {
    const tokens = corpus.tokens(bar), masked = maskTokens(tokens, choices, stream(0, bar));
    assertEquals(masked.positions.length, roundHalfEven(0.15 * tokens.length));
    assertEquals(new Set(masked.positions).size, masked.positions.length);
    masked.positions.forEach((position, i) => {
      assertEquals(masked.labels[i], tokens[position]);
      assert(position > 0 && tokens[position] !== eob);
    });
    const chosen = new Set(masked.positions);
    tokens.forEach((id, i) => assert(chosen.has(i) || masked.ids[i] === id));
  }
});

Deno.test("of the chosen, 80% are masked, 10% replaced by events, 10% kept", () => {
  let [hidden, kept, others, all] = [0, 0, 0, 0];
  for (let draw = 0; draw < 40_000 / corpus.bars; draw++) {
    for (const bar of bars) {
      const { ids, positions, labels } = maskTokens(corpus.tokens(bar), choices, stream(draw, bar));
      positions.forEach((position, i) => {
        all++;
        if (ids[position] === mask) hidden++;
        else if (ids[position] === labels[i]) kept++;
        else {
          others++;
          assert(ids[position] >= kinds.Bar.first, "a special was drawn");
        }
      });
    }
  }
  const bound = (share: number) => 5 * Math.sqrt(share * (1 - share) / all); // five standard deviations
  assertLess(Math.abs(hidden / all - 0.8), bound(0.8));
  const again = 0.1 / 556; // a random event may be the token itself
  assertLess(Math.abs(others / all - (0.1 - again)), bound(0.1));
  assertLess(Math.abs(kept / all - (0.1 + again)), bound(0.1));
});

Deno.test("augmenting shifts all pitches and all velocities alike, and leaves drums' pitch and everything else", () => {
  const shifts = new Set<string>();
  for (const bar of bars) {
    const tokens = corpus.tokens(bar), other = augment(tokens, choices, stream(1, bar));
    const shift = (kind: "Pitch" | "Velocity") => {
      const before = ofKind(tokens, kind), after = ofKind(other, kind);
      const moves = new Set(after.map((value, i) => value - before[i]));
      assert(moves.size <= 1, `bar ${bar}: ${[...moves]}`);
      return moves.values().next().value ?? 0;
    };
    const [pitch, velocity] = [shift("Pitch"), shift("Velocity")];
    assert(Math.abs(pitch) <= 6 && Math.abs(velocity) <= 3);
    shifts.add(`${pitch} ${velocity}`);
    tokens.forEach((id, i) => {
      const kind = vocabulary.kind(id);
      assertEquals(vocabulary.kind(other[i]), kind);
      if (kind !== "Pitch" && kind !== "Velocity") assertEquals(other[i], id);
    });
  }
  assert(shifts.size > 40, `${shifts.size} of 91 shifts were drawn`);
});

Deno.test("a neighbor is another bar of the song, and every one is drawn", () => {
  const song = corpus.songs[0], drawn = new Set<number>();
  for (let i = 0; i < 60 * song.bars; i++) {
    const neighbor = neighborOf(corpus, song.firstBar, choices, stream(i, "neighbor"));
    assertNotEquals(neighbor, song.firstBar);
    assertEquals(corpus.song(neighbor), 0);
    drawn.add(neighbor);
  }
  assertEquals(drawn.size, song.bars - 1);
});

Deno.test("a bar may be its own neighbor only where the recipe says so, or where it is alone", () => {
  const song = corpus.songs[1], self = recipe("sound", "smoke", { views: { neighborSelf: true } });
  const drawn = Array.from({ length: 60 * song.bars }, (_, i) => neighborOf(corpus, song.firstBar, self, stream(i)));
  assertEquals(new Set(drawn).size, song.bars);
  const alone = plantedCorpus(["train", plantedBar([60])], ["train", plantedBar([61])]);
  assertEquals([neighborOf(alone, 0, choices, stream(1)), neighborOf(alone, 1, self, stream(1))], [0, 1]);
});

Deno.test("where replacements are drawn from all ids, specials are among them", () => {
  const all = recipe("sound", "smoke", { masking: { replacements: "all", rate: 1, mask: 0, random: 1 } });
  const tokens = plantedBar(Array.from({ length: 100 }, (_, i) => i)), drawn = new Set<number>();
  for (let i = 0; i < 20; i++) maskTokens(tokens, all, stream(i)).ids.subarray(1, -1).forEach((id) => drawn.add(id));
  assert([0, 1, 2, 3].every((id) => drawn.has(id)) && drawn.size > 550);
});

Deno.test("shifts never leave the vocabulary: the lowest and the highest pitch together forbid all but 0", () => {
  const most = (pitches: number[]) => {
    const tokens = plantedBar(pitches), places = ofKind(tokens, "Pitch");
    const shifts = Array.from({ length: 200 }, (_, i) => ofKind(augment(tokens, choices, stream(i)), "Pitch")[0]);
    return [Math.min(...shifts) - places[0], Math.max(...shifts) - places[0]];
  };
  assertEquals([most([0, 127]), most([2, 60]), most([60, 125])], [[0, 0], [-2, 6], [-6, 2]]);
  const drums = plantedBar([35, 50], 128);
  const shifted = Array.from({ length: 50 }, (_, i) => augment(drums, choices, stream(i)));
  assert(shifted.every((other) => ofKind(other, "Pitch_Drum").join() === "35,50"));
  assert(new Set(shifted.map((other) => ofKind(other, "Velocity")[0])).size > 3);
});

Deno.test("the second view is the bar augmented but not masked, the neighbor, or the masked bar itself", () => {
  const pair = plantedCorpus(["train", plantedBar([60, 62, 64, 65]), plantedBar([70, 72])]), purposes: string[] = [];
  const views = (model: "BERT-aug" | "BERT-neighbor" | "BERT-dropout") =>
    viewsOf(pair, 0, 1, choices, model, (purpose) => (purposes.push(purpose), stream(3, purpose)));
  assertEquals(views("BERT-neighbor").second, pair.tokens(1));
  assertEquals(views("BERT-dropout").second, views("BERT-dropout").masked.ids);
  const { masked, second } = views("BERT-aug");
  assert(masked.ids.includes(mask) && !second.includes(mask));
  const moves = ofKind(second, "Pitch").map((pitch, i) => pitch - [60, 62, 64, 65][i]);
  assertEquals(new Set(moves).size, 1);
  assertEquals([...new Set(purposes)], ["mask", "augment"]);
});
