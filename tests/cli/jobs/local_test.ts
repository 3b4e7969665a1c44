import { assertEquals } from "@std/assert";
import { jobsAlone, lanesFor } from "@lib/cli/jobs/local.ts";
import { recipe } from "@lib/recipe/recipe.ts";

Deno.test("a narrow encoder's jobs have a core each, if they fit; a wide one's or a GPU's run one at a time", () => {
  const demo = recipe("sound", "demo"), base = recipe("sound", "base");
  const machine = { cores: 8, gpu: false, free: 64, bytes: 1 };
  assertEquals(lanesFor(demo, {}, machine), { lanes: 8, threads: 1 });
  assertEquals(lanesFor(base, {}, machine), { lanes: 1, threads: 8 });
  assertEquals(lanesFor(demo, {}, { ...machine, gpu: true }), { lanes: 1, threads: 8 });
  assertEquals(lanesFor(demo, {}, { ...machine, free: 3.5 }), { lanes: 3, threads: 2 });
  assertEquals(lanesFor(demo, {}, { ...machine, free: 0.5 }), { lanes: 1, threads: 8 });
  assertEquals(lanesFor(demo, { jobs: 2 }, machine), { lanes: 2, threads: 4 });
  assertEquals(lanesFor(demo, { jobs: 16 }, machine), { lanes: 16, threads: 1 });
  assertEquals(lanesFor(demo, { threads: 3 }, machine), { lanes: 2, threads: 3 });
  assertEquals(lanesFor(base, { jobs: 2, threads: 1 }, machine), { lanes: 2, threads: 1 });
  // The workers of a training count as jobs, and share out the cores also where they are more than those.
  assertEquals(lanesFor(demo, { workers: 2 }, machine), { lanes: 8, threads: 1 });
  assertEquals(lanesFor(base, { workers: 2 }, machine), { lanes: 2, threads: 4 });
  assertEquals(lanesFor(base, { workers: 16 }, machine), { lanes: 16, threads: 1 });
  assertEquals(lanesFor(demo, { workers: 4, jobs: 2 }, machine), { lanes: 2, threads: 2 });
  assertEquals(lanesFor(demo, { workers: 4, threads: 3 }, machine), { lanes: 4, threads: 3 });
});

Deno.test("nothing runs beside a job that each other one needs, or that needs each other one", () => {
  const jobs = (needs: Record<string, string[]>) => Object.entries(needs).map(([name, needs]) => ({ name, needs }));
  const alone = (needs: Record<string, string[]>) => [...jobsAlone(jobs(needs))].sort();
  assertEquals(alone({ store: [], a: ["store"], b: ["store"], sum: ["a", "b"], page: ["sum"] }), [
    "page",
    "store",
    "sum",
  ]);
  assertEquals(alone({ store: [], a: ["store"], b: ["a"] }), ["a", "b", "store"]);
  assertEquals(alone({ store: [], other: [], a: ["store"], page: ["a", "other"] }), ["page"]);
  assertEquals(alone({ a: [], b: [] }), []);
});
