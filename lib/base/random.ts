/**
 * Named streams of random numbers. The seed and its names alone fix a stream: no draw depends on what another part
 * drew before, on the number of workers, or on where a run was resumed.
 * @module
 */

/** A stream of random numbers: `uniform` in [0, 1), of 32 bits; `integer` uniform in 0…n−1. */
export type Random = { uniform(): number; integer(n: number): number };

/** FNV-1a of text, then mixed: 32 bits that differ wherever the text does. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The stream of `seed` called `names`: sfc32, a counter-based 128-bit generator (C. Doty-Humphrey, PractRand). */
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
  const uniform = () => next() / 2 ** 32;
  return { uniform, integer: (n) => Math.floor(uniform() * n) };
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
export const sample = <T>(items: Iterable<T>, n: number, random: Random): T[] => shuffle(items, random).slice(0, n);
