import { assert, assertEquals, assertGreater, assertThrows } from "@std/assert";
import { type PackedPlan, packedPlans, packShape } from "@lib/training/packing/plans.ts";
import { recipe, type RecipeChanges, RecipeError } from "@lib/recipe/recipe.ts";
import { UserError } from "@lib/base/user_error.ts";
import type { ModelName } from "@lib/bert/variants.ts";
import { plantedBar, plantedCorpus } from "../../support/planted_corpus.ts";
import { smallCorpus } from "../../support/small_run.ts";

const corpus = await smallCorpus();
const packed = (training: RecipeChanges["training"] = {}) =>
  recipe("sound", "smoke", { training: { packing: "rows", ...training } });
const take = (count: number, choices = packed(), model: ModelName = "BERT", of = corpus): PackedPlan[] => {
  const plans = packedPlans(of, choices, model);
  return Array.from({ length: count }, () => plans.next().value);
};
const sizeOf = (bar: number) => corpus.tokens(bar).length;

Deno.test("rows have the recipe's lengths and at most its tokens, and the longest bar has room", () => {
  for (const buckets of [[512], [256, 512], [64, 128, 192, 256, 320, 384, 448, 512]]) {
    for (const batchTokens of [1024, 5376]) {
      const { blocks, most } = packShape(corpus, packed({ rowLengths: buckets, batchTokens }));
      const tokens = blocks.reduce((sum, { rows, length }) => sum + rows * length, 0);
      assert(tokens <= batchTokens && tokens > batchTokens - 512, `${tokens} of ${batchTokens}`);
      assert(blocks.every(({ length, slots }) => buckets.includes(length) && slots >= 1 && slots <= 8));
      assertEquals(blocks.at(-1)!.length, 512);
      assertGreater(most, 1);
    }
  }
});

Deno.test("bars of a row lie one after another, within its length, slots and chosen tokens, in either view", () => {
  for (const model of ["BERT", "BERT-neighbor"] as const) {
    for (const { bars, partners, places, shape, epochs, epoch } of take(40, packed({ batchTokens: 3000 }), model)) {
      assert(bars.length >= 2 && bars.length <= shape.most && new Set(bars).size === bars.length);
      assertEquals(Math.min(...epochs), epoch);
      for (const [view, own] of [["first", bars], ["second", partners]] as const) {
        const rows = Map.groupBy(places.keys(), (i) => `${places[i][view].block} ${places[i][view].row}`);
        for (const laid of rows.values()) {
          let column = 0, chosen = 0;
          laid.forEach((i, slot) => {
            const place = places[i][view];
            assertEquals([place.slot, place.column, place.chosen], [slot, column, chosen]);
            column += sizeOf(own[i]), chosen += Math.round(0.15 * sizeOf(own[i]));
          });
          const { length, slots } = shape.blocks[places[laid[0]][view].block];
          assert(column <= length && laid.length <= slots);
        }
      }
    }
  }
});

Deno.test("each epoch has every training bar once, and bars wait in order for a few batches at most", () => {
  const train = [...corpus.barsOf("train")], visits = new Map<string, number>();
  const plans = take(200);
  for (const { bars, epochs } of plans) bars.forEach((bar, i) => visits.set(`${epochs[i]} ${bar}`, 0));
  const seen = plans.flatMap(({ bars, epochs }) => bars.map((bar, i) => ({ bar, epoch: epochs[i] })));
  assertEquals(visits.size, seen.length, "a bar came twice in an epoch");
  const last = plans.at(-1)!.epoch;
  assertGreater(last, 1);
  for (let epoch = 0; epoch < last; epoch++) {
    const own = seen.filter((one) => one.epoch === epoch).map(({ bar }) => bar).sort((a, b) => a - b);
    assertEquals(own, train);
  }
});

Deno.test("rows are full: fewer pads than in batches of one length", () => {
  const share = (choices: ReturnType<typeof packed>) => {
    const plans = take(60, choices),
      tokens = plans.flatMap(({ bars }) => bars).reduce((sum, bar) => sum + sizeOf(bar), 0);
    const room = plans[0].shape.blocks.reduce((sum, { rows, length }) => sum + rows * length, 0);
    return tokens / (plans.length * room);
  };
  assertGreater(share(packed({ rowLengths: [512], batchTokens: 4096 })), 0.9);
  assertGreater(share(packed({ rowLengths: [256, 512], batchTokens: 4096 })), 0.85);
});

Deno.test("the same seed gives the same batches, another seed others", () => {
  const of = (seed: number) => {
    const choices = packed();
    return take(5, { ...choices, seed }).map(({ bars, places }) => ({ bars, places }));
  };
  assertEquals(of(3), of(3));
  assert(JSON.stringify(of(3)) !== JSON.stringify(of(4)));
});

Deno.test("a corpus with fewer bars than a batch has room for has each of them once a batch", () => {
  const three = plantedCorpus(["train", plantedBar([60]), plantedBar([61, 62]), plantedBar([63])]);
  for (const { bars } of take(4, packed(), "BERT", three)) assertEquals(bars.toSorted(), [0, 1, 2]);
  const one = plantedCorpus(["train", plantedBar([60])]);
  assertThrows(() => take(1, packed(), "BERT", one), UserError, "at least 2 bars, found 1");
});

Deno.test("the authors' encoder, whose pads take part, refuses packing", () => {
  const choices = { training: { packing: "rows" as const } };
  assertThrows(
    () => recipe("authors", "smoke", choices),
    RecipeError,
    "training.packing rows needs model.encoder bert",
  );
});
