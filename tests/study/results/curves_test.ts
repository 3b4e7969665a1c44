import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { curvePoints, trainingCurve } from "@lib/study/results/curves.ts";
import type { StepLog } from "@lib/training/step_log.ts";

/** A log whose measures are known: the loss of a step is 10 less a hundredth of it. */
const logs = (steps: number, until = steps) =>
  Array.from({ length: until }, (_, i) => ({
    ...{ step: i + 1, steps, tokens: 100 * (i + 1), seconds: 0.5 * (i + 1) },
    ...{ masked: 10 - (i + 1) / 100, accuracy: (i + 1) / 1000, contrast: 0 },
    ...((i + 1) % 50 === 0 ? { validation: { loss: 9, accuracy: 0.5 } } : {}),
  } as StepLog));

Deno.test("a curve has at most two hundred points, the last step's too, and every validation", () => {
  const { training, validation } = trainingCurve(logs(930), { model: "BERT", seed: 0 });
  assertEquals([training.step.slice(0, 3), training.step.at(-1)], [[5, 10, 15], 930]);
  assert(training.step.length <= 200);
  assertEquals(validation.step.length, 18);
  assertEquals([training.tokens[0], training.seconds[0], validation.loss[0]], [500, 2.5, 9]);
  // The mean of a straight line over nine steps is the line.
  training.step.slice(0, -1).forEach((step, i) => assertAlmostEquals(training.masked[i], 10 - step / 100, 1e-4));
  const whole = trainingCurve(logs(60), { model: "BERT", seed: 0 });
  assertEquals(whole.training.step.length, 60);
  // A training that has not ended has the points that it will have.
  const part = trainingCurve(logs(930, 400), { model: "BERT", seed: 0 });
  assertEquals(part.training.step.slice(0, 80), training.step.slice(0, 80));
});

Deno.test("the points of several seeds are their mean, as far as all came, and each seed", () => {
  const curve = (seed: number, more: number, steps: number) => {
    const one = trainingCurve(logs(100, steps), { model: "BERT-aug", seed });
    one.validation.loss = one.validation.loss.map((loss) => loss + more);
    return one;
  };
  const points = curvePoints([curve(0, 0, 100), curve(1, 1, 50)], "validation");
  const losses = points.filter(({ measure }) => measure === "MLM loss, nats");
  assertEquals(losses.map(({ step, value, seed }) => [step, value, seed]), [
    ...[[50, 9.5, undefined], [50, 9, 0], [100, 9, 0], [50, 10, 1]],
  ]);
  assert(points.every(({ series }) => series === "BERT-aug"));
});

Deno.test("one seed is a series' own line; steps may be tokens or minutes; a loss of nothing has no points", () => {
  const one = trainingCurve(logs(100), { model: "BERT", seed: 3 });
  const at = (over: "step" | "tokens" | "seconds") => curvePoints([one], "training", over);
  assert(at("step").every(({ seed }) => seed === undefined));
  assertEquals([at("step"), at("tokens"), at("seconds")].map(([first]) => first.step), [1, 100 / 1e6, 0.5 / 60]);
  assertEquals(new Set(at("step").map(({ measure }) => measure)), new Set(["MLM loss, nats", "MLM accuracy"]));
});
