import { assertAlmostEquals, assertEquals } from "@std/assert";
import { trainingSecondsLeft } from "@lib/training/pace/time_left.ts";
import type { StepLog } from "@lib/training/step_log.ts";

const training = { steps: 100, validateEvery: 25 };

/** Logs of steps that took so many seconds each: `c` compiled, `v` were validated. */
function logsOf(...took: [seconds: number, kind?: "c" | "v"][]): StepLog[] {
  let seconds = 0;
  return took.map(([own, kind], i) => {
    seconds += own;
    const validation = kind === "v" ? { validation: { loss: 1, accuracy: 0 } } : {};
    return { step: i + 1, steps: 100, seconds, ...validation, ...(kind === "c" && { compiled: true }) } as StepLog;
  });
}

const twenty = (seconds: number) => Array.from({ length: 20 }, (): [number] => [seconds]);

Deno.test("steps that compiled are left out, however long they took", () => {
  assertEquals(trainingSecondsLeft(logsOf([9, "c"]), training), Infinity);
  assertAlmostEquals(trainingSecondsLeft(logsOf([9, "c"], [2], [7, "c"], [3]), training), 96 * 2.5);
});

Deno.test("a validation counts once for each that is to come, beside its step", () => {
  const logs = logsOf(...twenty(2), ...twenty(2).slice(0, 4), [12, "v"], [2]);
  assertAlmostEquals(trainingSecondsLeft(logs, training), 74 * 2 + 3 * 10); // after steps 50, 75 and 100
  const twice = logsOf([1], [11, "v"], [1], [5, "v"], [1]); // the first one compiled
  assertAlmostEquals(trainingSecondsLeft(twice, { steps: 10, validateEvery: 2 }), 5 * 1 + 3 * 4);
});

Deno.test("one long wait counts little, a machine that became slower much", () => {
  assertAlmostEquals(trainingSecondsLeft(logsOf(...twenty(1), [1000]), training), 79 * (20 + 4) / 21);
  const many = (seconds: number) => Array.from({ length: 10 }, () => twenty(seconds)).flat();
  const slow = logsOf(...many(1), ...many(3));
  assertAlmostEquals(trainingSecondsLeft(slow, { steps: 500, validateEvery: 1000 }), 100 * 3);
});

Deno.test("nothing is left after the last step", () => {
  assertEquals(trainingSecondsLeft(logsOf([1], [1], [1]), { steps: 3, validateEvery: 2 }), 0);
});
