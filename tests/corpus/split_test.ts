import { assert, assertEquals } from "@std/assert";
import { type Split, splits, splitSongs } from "@lib/corpus/split.ts";
import { recipe } from "@lib/recipe/recipe.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

/** Splits of songs none of which is a near-duplicate. */
const alone = (ids: string[], choices = sound) => splitSongs(ids, [...ids.keys()], choices);

Deno.test("the split is by seeded hash under sound, by order under authors, and sums to the shares", () => {
  const ids = Array.from({ length: 50 }, (_, i) => `song ${i}`), split = alone(ids);
  assertEquals(splits.map((name) => split.filter((one) => one === name).length), [30, 10, 10]);
  assertEquals(alone(ids.toReversed()).toReversed(), split);
  assert(alone(ids, { ...sound, seed: 1 }).join() !== split.join());
  assertEquals(
    alone(ids, authors).join(),
    [["train", 30], ["validation", 10], ["test", 10]]
      .flatMap(([name, count]) => Array(count as number).fill(name)).join(),
  );
  const thirds = { ...sound, split: { ...sound.split, train: 1 / 3, validation: 1 / 3 } }; // 3 · 1/3 is 1, not below it
  assertEquals(alone(["a", "b", "c"], thirds).toSorted(), ["test", "train", "validation"]);
});

Deno.test("a cluster is in one split, shares hold, and the order of songs does not matter", () => {
  const ids = Array.from({ length: 200 }, (_, i) => `song ${i}`),
    clusters = ids.map((_, i) => i - i % (i < 60 ? 3 : 1));
  const split = splitSongs(ids, clusters, sound);
  clusters.forEach((cluster, song) => assertEquals(split[song], split[cluster]));
  const share = (name: Split) => split.filter((one) => one === name).length / 200;
  assert(Math.abs(share("train") - 0.6) <= 0.01 && Math.abs(share("test") - 0.2) <= 0.01);
  const turned = splitSongs(ids.toReversed(), clusters.toReversed(), sound);
  assertEquals(turned.toReversed(), split);
  assertEquals(splitSongs(ids, clusters, recipe("authors", "demo")).lastIndexOf("train"), 119);
});

Deno.test("no split is empty while there are clusters for it, however large one is", () => {
  for (let seed = 0; seed < 50; seed++) {
    const ids = Array.from({ length: 12 }, (_, i) => `${seed} ${i}`), clusters = ids.map((_, i) => i < 10 ? 0 : i);
    assertEquals(new Set(splitSongs(ids, clusters, sound)).size, 3);
  }
  assertEquals(splitSongs([], [], sound), []);
});
