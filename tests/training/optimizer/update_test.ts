import { assertLess } from "@std/assert";
import { type BertConfig, bertConfig } from "@lib/bert/config.ts";
import { tf } from "@lib/engine/mod.ts";
import type { Tensor } from "@lib/engine/types.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { adamWScalars } from "@lib/training/optimizer/adamw.ts";
import { optimizerUpdate } from "@lib/training/optimizer/update.ts";
import { goldenJson, largestDifference } from "../../support/golden.ts";
import { tidily } from "../../support/tensors.ts";

Deno.test(
  "three steps equal PyTorch's Muon and AdamW, gradients clipped",
  tidily(async () => {
    type Golden = { config: Partial<BertConfig>; rates: number[]; weightDecay: number; clipNorm: number } & {
      start: number[];
      gradients: number[][];
      norms: number[];
      after: number[][];
    };
    const golden = await goldenJson<Golden>("muon.json.gz");
    const encoder = { ...bertConfig(recipe("sound", "smoke")), ...golden.config };
    const { weightDecay, clipNorm } = golden,
      changes = { optimizer: "muon", beta2: 0.99, weightDecay, clipNorm } as const;
    const { training } = recipe("sound", "smoke", { training: changes });
    let state: Tensor[] = [golden.start, golden.start.map(() => 0), golden.start.map(() => 0)].map((v) =>
      tf.tensor1d(v)
    );
    const all = tf.ones([golden.start.length]);
    golden.gradients.forEach((gradient, i) => {
      const next = tf.tidy(() => {
        const [weights, first, second] = state, scalars = adamWScalars(training, i + 1, golden.rates[i]);
        const made = optimizerUpdate(
          encoder,
          { weights, first, second },
          tf.tensor1d(gradient),
          scalars,
          training,
          all,
        );
        return [made.weights, made.first, made.second, made.norm];
      });
      assertLess(Math.abs(next[3].dataSync()[0] - golden.norms[i]), 1e-6 * golden.norms[i]);
      // moves of at most 0.06, of products whose rounding the iterations enlarge
      assertLess(largestDifference(next[0].dataSync(), golden.after[i]), 2e-6);
      tf.dispose([...state, next[3]]);
      state = next.slice(0, 3);
    });
    tf.dispose([...state, all]);
  }),
);
