import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { augment, maskTokens, neighborOf } from "@lib/training/views.ts";
import { evaluationPlans, rowsOf, trainingBatch, trainingPlans } from "@lib/training/batches.ts";
import { roundHalfEven } from "@lib/tokens/beats.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { eob, kinds, mask, vocabulary } from "@lib/tokens/vocabulary.ts";

const choices = recipe("sound", "smoke");
const songs = new URL("../../data/freedoom/", import.meta.url);

/** A corpus of a few embedded songs, built once for the file. */
const corpus: Corpus = await (async () => {
  const source = await Deno.makeTempDir(), dir = await Deno.makeTempDir();
  for (const name of ["d_adrian", "d_ampie", "d_betwee", "d_bunny", "d_countd", "d_e1m1"]) {
    await Deno.copyFile(new URL(`${name}.mid`, songs), `${source}/${name}.mid`);
  }
  await buildCorpus(source, dir, choices);
  const opened = await openCorpus(dir);
  await Deno.remove(source, { recursive: true });
  await Deno.remove(dir, { recursive: true });
  return opened;
})();

const bars = Array.from({ length: corpus.bars }, (_, bar) => bar);
const ofKind = (tokens: Uint16Array, kind: keyof typeof kinds) =>
  Array.from(tokens).filter((id) => vocabulary.kind(id) === kind).map((id) => id - kinds[kind].first);

Deno.test("halves round to the even integer", () => {
  assertEquals([0.5, 1.5, 2.5, 5.1, 5.9, 6].map(roundHalfEven), [0, 2, 2, 5, 6, 6]);
});

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

Deno.test("an epoch visits every training bar at most once, in full batches of one bucket", () => {
  const seen = new Map<number, number>(), train = new Set(corpus.barsOf("train"));
  for (const plan of trainingPlans(corpus, choices, "BERT")) {
    if (plan.epoch > 0) break;
    assertEquals(plan.bars.length, rowsOf(plan.length, choices.training));
    for (const bar of plan.bars) {
      assert(train.has(bar));
      assert(corpus.tokens(bar).length <= plan.length);
      seen.set(bar, (seen.get(bar) ?? 0) + 1);
    }
  }
  assert([...seen.values()].every((times) => times === 1));
  const waiting = choices.training.buckets.length * rowsOf(256, choices.training);
  assert(seen.size > train.size - waiting, `${seen.size} of ${train.size} bars were visited`);
});

Deno.test("evaluation visits every bar exactly once", () => {
  const visited = evaluationPlans(corpus, bars, choices).flatMap((plan) => plan.bars);
  assertEquals(visited.toSorted((a, b) => a - b), bars);
});

Deno.test("a variant's second views follow the first: the neighbor unmasked, dropout's the same", () => {
  for (const model of ["BERT-neighbor", "BERT-dropout"] as const) {
    const plan = trainingPlans(corpus, choices, model).next().value;
    const { ids, length, lengths } = trainingBatch(corpus, plan, choices, model), rows = plan.bars.length;
    assertEquals(lengths.length, 2 * rows);
    plan.partners.forEach((partner, row) => {
      const second = ids.slice((rows + row) * length, (rows + row) * length + lengths[rows + row]);
      const first = ids.slice(row * length, row * length + lengths[row]);
      if (model === "BERT-neighbor") assertEquals(Array.from(second), Array.from(corpus.tokens(partner)));
      else assertEquals(second, first);
      assert(first.includes(mask));
    });
  }
});

Deno.test("the same plan gives the same batch, another epoch other masks", () => {
  const plan = trainingPlans(corpus, choices, "BERT").next().value;
  const batch = trainingBatch(corpus, plan, choices, "BERT");
  assertEquals(trainingBatch(corpus, plan, choices, "BERT"), batch);
  assertNotEquals(trainingBatch(corpus, { ...plan, epoch: 1 }, choices, "BERT").positions, batch.positions);
});
