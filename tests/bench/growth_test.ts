import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { best, cores, gpus, lastEnd, reduction, steps, tables, training } from "./growth.ts";

Deno.test("the page has the tables that its figures give", () => {
  const page = Deno.readTextFileSync(`${projectRoot}/data/studies/growth/README.md`).replaceAll(/ +/g, " ");
  for (const line of tables().filter((line) => /\d/.test(line))) assertStringIncludes(page, line);
});

Deno.test("the longest jobs start first, each where it can begin first", () => {
  const jobs = [3, 5, 3, 4, 5]; // of two groups: 5 + 4 and 5 + 3 + 3; of three: 5 + 3, 5 and 4 + 3
  assertEquals([1, 2, 3, 5, 9].map((groups) => lastEnd(jobs, groups)), [20, 11, 8, 5, 5]);
});

Deno.test("one worker reduces nothing, many send the gradient twice; more of them never take longer at their best", () => {
  assertEquals(reduction(1, gpus(1)), 0);
  assertAlmostEquals(reduction(1e9, gpus(8)) * 50e9, 2 * 4 * 86_473_520, 1e3);
  assertAlmostEquals(training(2, 1, gpus(1)) / training(1, 1, gpus(1)), 2, 1e-9);
  assert(Math.abs(steps * 144 / (3 * 0.8) - 9_971_616) < 1);
  for (const  of of[gpus, cores]) {
    const times = [1, 2, 8, 16, 64, 192].map((count) => best([1, 2, 2, 2], of(count)).seconds);
    assertEquals(times, times.toSorted((a, b) => b - a));
  }
});
