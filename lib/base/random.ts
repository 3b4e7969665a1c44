/**
 * Named streams of random numbers from one seed.
 *
 * A stream is fixed by the seed and its names alone, so that no draw depends on what another part drew before,
 * on the number of workers, or on where a run was resumed.
 * @module
 */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number;
  /** Uniform integer in 0…n−1. */
  integer(n: number): number;
}

/** FNV-1a of text, then mixed: 32 bits that differ wherever the text does. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * The stream of `seed` called `names`: sfc32, a counter-based 128-bit generator (C. Doty-Humphrey, PractRand).
 *
 * @example
 * ```ts
 * import { stream } from "@lib/base/random.ts";
 * import { assertEquals, assertNotEquals } from "@std/assert";
 *
 * assertEquals(stream(0, "mask", 3).uniform(), stream(0, "mask", 3).uniform());
 * assertNotEquals(stream(0, "mask", 3).uniform(), stream(0, "mask", 4).uniform());
 * ```
 */
export function stream(seed: number, ...names: (string | number)[]): Random {
  const name = JSON.stringify([seed, ...names]);
  let a = hash32(name + "a"), b = hash32(name + "b"), c = hash32(name + "c"), counter = 1;
  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return {
    uniform: () => next() / 2 ** 32,
    integer: (n) => Math.floor((next() / 2 ** 32) * n),
  };
}

/** `items` in random order (Fisher–Yates); the input is left as it is. */
export function shuffle<T>(items: Iterable<T>, random: Random): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** `n` of `items` without replacement (all of them, shuffled, if there are fewer). */
export function sample<T>(items: Iterable<T>, n: number, random: Random): T[] {
  return shuffle(items, random).slice(0, n);
}
