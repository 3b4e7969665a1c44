import { assertAlmostEquals, assertEquals } from "@std/assert";
import { worstOf } from "@lib/study/worst_bars.ts";

Deno.test("the largest errors come first, one of each song, beside the error over all bars", () => {
  const predictions = [
    { bar: 0, truth: 10, read: 12 },
    { bar: 1, truth: 10, read: 4 },
    { bar: 2, truth: 5, read: 5 },
    { bar: 3, truth: 0, read: 5 },
    { bar: 4, truth: 7, read: 10 },
  ];
  const songOf = (bar: number) => [8, 8, 9, 8, 9][bar];
  const { worst, rmse } = worstOf(predictions, songOf, 3);
  assertEquals(worst.map(({ bar }) => bar), [1, 4]); // bar 3 errs by 5, but shares bar 1's song
  assertAlmostEquals(rmse, Math.sqrt((4 + 36 + 0 + 25 + 9) / 5));
  assertEquals(worstOf(predictions, (bar) => bar, 3).worst.map(({ bar }) => bar), [1, 3, 4]);
});
