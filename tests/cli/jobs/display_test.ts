import { assert, assertEquals } from "@std/assert";
import { secondsLeft, statusLines, usualSeconds } from "@lib/cli/jobs/display.ts";
import type { JobState } from "@lib/study/jobs/queue.ts";

const at = (states: Record<string, JobState>) =>
  new Map(Object.entries(states).map(([name, state]) => [name, { state }]));

Deno.test("what runs has a line with its time and its log's last line, cut at the width; the rest stands by states", () => {
  const states = at({
    corpus: "done",
    "train-BERT": "running",
    "train-BERT-aug": "running",
    b: "waiting",
    c: "blocked",
  });
  const began = new Map([["train-BERT", 1000], ["train-BERT-aug", 61_000]]);
  const lines = new Map([["train-BERT", "40 of 200 steps, 1.9 steps/s, 1:23 left"]]);
  assertEquals(statusLines({ states, began, lines }, 91_000, 60), [
    "done     corpus",
    "running  train-BERT     1:30  40 of 200 steps, 1.9 steps/s,",
    "         train-BERT-aug 0:30",
    "blocked  c",
    "waiting  b",
  ]);
});

Deno.test("many names wrap, each whole, within the width", () => {
  const names = Array.from({ length: 40 }, (_, i) => `probe-BERT-seed-${i}`);
  const states = at(Object.fromEntries(names.map((name) => [name, "waiting"])));
  const lines = statusLines({ states, began: new Map(), lines: new Map() }, 0, 70);
  assert(lines.length > 5 && lines.every((line) => line.length <= 70));
  assertEquals(lines.join(" ").replace("waiting", "").trim().split(/ +/), names);
});

Deno.test("a job takes as long as those alike: other seeds, else other models that train or are probed so", () => {
  const known = new Map([["train-BERT", 10], ["train-BERT-aug", 30], ["train-BERT-aug-seed-1", 50], ["corpus", 4]]);
  assertEquals(usualSeconds("train-BERT-seed-2", known), 10);
  assertEquals(usualSeconds("train-BERT-aug-seed-2", known), 40);
  assertEquals(usualSeconds("train-BERT-dropout", known), 40);
  assertEquals(usualSeconds("probe-BERT", known), undefined);
  assertEquals(usualSeconds("corpus-2-of-4", known), undefined); // not as the store that merges them
  assertEquals(usualSeconds("corpus-2-of-4", new Map([["corpus-1-of-4", 9], ["corpus", 4]])), 9);
});

Deno.test("the time left is that of all that waits and of what is left of what runs, shared by the lanes", () => {
  const known = new Map([["train-BERT", 10], ["probe-BERT", 20]]);
  const states = at({ "train-BERT": "done", "train-BERT-seed-1": "running", "probe-BERT-seed-1": "waiting" });
  const began = new Map([["train-BERT-seed-1", 0]]);
  assertEquals(secondsLeft({ states, began }, known, 1, 4000), 26);
  assertEquals(secondsLeft({ states, began }, known, 2, 4000), 13);
  const two = () => 2; // each takes both lanes
  assertEquals([1, 2, 4].map((lanes) => secondsLeft({ states, began }, known, lanes, 4000, two)), [26, 26, 13]);
  assertEquals(secondsLeft({ states, began }, known, 1, 60_000), 20); // it takes longer than usual
  assertEquals(secondsLeft({ states, began }, new Map(), 1, 0), undefined);
});
