import { assertEquals, assertLess } from "@std/assert";
import { largestDifference } from "../../support/golden.ts";
import { gradientCases, gradientsOf } from "../../support/gradients_child.ts";
import { onPlugin } from "../../support/plugin.ts";
import { inProcess } from "../../support/process.ts";
import { tidily } from "../../support/tensors.ts";

onPlugin(
  "gradients on XLA equal finite differences, and libtensorflow's",
  tidily(async () => {
    const { code, out, err } = await inProcess({ script: "tests/support/gradients_child.ts", args: [] }, {
      ENGINE: "xla",
    });
    assertEquals(code, 0, err);
    const found: Awaited<ReturnType<typeof gradientsOf>>[] = JSON.parse(out);
    for (const [i, each] of gradientCases.entries()) {
      const { by, near } = found[i], { by: library } = await gradientsOf(each);
      by.forEach((gradient, input) => {
        const place = `${each.name}, input ${input}: ${gradient}`;
        assertLess(largestDifference(gradient, near[input]), 5e-3, `${place} is not ${near[input]}`);
        assertLess(largestDifference(gradient, library[input]), 1e-5, `${place} is not ${library[input]}`);
      });
    }
  }),
);
