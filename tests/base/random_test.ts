import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { hash32, type Random, sample, shuffle, stream } from "@lib/base/random.ts";

const draws = (random: Random, n: number) => Array.from({ length: n }, () => random.uniform());

Deno.test("the generator is sfc32: 128 bits of state, as PractRand's text defines it", () => {
  // A second writing of sfc32, in exact integers, from the published three lines.
  const name = JSON.stringify([7, "mask", 3]), two = 2n ** 32n;
  let [a, b, c] = ["a", "b", "c"].map((letter) => BigInt(hash32(name + letter))), counter = 1n;
  const next = () => {
    const result = (a + b + counter++) % two;
    a = b ^ (b >> 9n);
    b = (c + ((c << 3n) % two)) % two;
    c = ((((c << 21n) | (c >> 11n)) % two) + result) % two;
    return Number(result) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  assertEquals(draws(stream(7, "mask", 3), 50), Array.from({ length: 50 }, next));
});

Deno.test("FNV-1a before its mixing separates texts that differ in one letter", () => {
  const texts = Array.from({ length: 20_000 }, (_, i) => `song ${i}`);
  assert(new Set(texts.map(hash32)).size >= 19_999); // about 0.05 collisions are expected of 32 random bits
  const high = texts.filter((text) => hash32(text) >= 2 ** 31).length;
  assert(Math.abs(high - 10_000) < 5 * Math.sqrt(5_000), `${high} have the top bit`);
});

Deno.test("streams depend on seed and names alone, and on each of them", () => {
  const first = draws(stream(1, "a", 2), 5);
  stream(1, "b").uniform();
  assertEquals(draws(stream(1, "a", 2), 5), first);
  for (
    const other of [stream(2, "a", 2), stream(1, "a", 3), stream(1, "a", "2"), stream(1, "a2"), stream(1, "a", 2, 0)]
  ) {
    assertNotEquals(draws(other, 5), first);
  }
});

Deno.test("uniform fills [0, 1), integers fill 0…n−1 evenly", () => {
  const random = stream(0, "uniform"), values = draws(random, 20_000);
  const mean = values.reduce((a, b) => a + b) / values.length;
  assert(values.every((value) => value >= 0 && value < 1) && Math.abs(mean - 0.5) < 5 / Math.sqrt(12 * values.length));
  const counts = new Array(6).fill(0);
  for (let i = 0; i < 12_000; i++) counts[random.integer(6)]++;
  const squares = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
  assert(squares < 20.5, `χ² ${squares}`); // five degrees of freedom: 20.5 is exceeded once in a thousand
});

Deno.test("a shuffle is a permutation, each order as likely; the input stays", () => {
  const items = ["a", "b", "c"], seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = shuffle(items, stream(i, "shuffle")).join("");
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assertEquals(items, ["a", "b", "c"]);
  assertEquals([...seen.keys()].toSorted(), ["abc", "acb", "bac", "bca", "cab", "cba"]);
  const squares = [...seen.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  assert(squares < 20.5, `χ² ${squares}`);
});

Deno.test("a sample has n different items, or all of them", () => {
  const items = Array.from({ length: 10 }, (_, i) => i), drawn = sample(items, 4, stream(3, "s"));
  assertEquals([drawn.length, new Set(drawn).size, drawn.every((item) => items.includes(item))], [4, 4, true]);
  assertEquals(sample(items, 20, stream(3, "s")).toSorted((a, b) => a - b), items);
});
