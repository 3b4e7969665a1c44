import { assertAlmostEquals, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { roundingBound } from "./rounding.ts";

Deno.test("float32 sums in several orders stay within the bound, most of it left; a wrong term does not", () => {
  const random = stream(1, "rounding");
  for (const n of [10, 1000, 100_000]) {
    const x = Float32Array.from({ length: n }, () => 2 * random.uniform() - 1);
    let forward = Math.fround(0), backward = Math.fround(0), exact = 0, most = 0;
    for (let i = 0; i < n; i++) {
      forward = Math.fround(forward + x[i]);
      backward = Math.fround(backward + x[n - 1 - i]);
      exact += x[i];
      most = Math.max(most, Math.abs(forward), Math.abs(backward));
    }
    const bound = roundingBound([n], most);
    for (const sum of [forward, backward]) assertLess(Math.abs(sum - exact), bound / 4);
    assertLess(bound, 0.1);
  }
  assertAlmostEquals(roundingBound([4], 1), 2 ** -20, 1e-12);
  assertAlmostEquals(roundingBound([3, 1], 2, "bfloat16"), 2 ** -3, 1e-12);
});
