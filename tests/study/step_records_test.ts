import { assert, assertEquals, assertRejects } from "@std/assert";
import { thisMachine } from "@lib/base/machine.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { doOnce, fingerprint, finished, knownThen, type StepRecord, stepsInWork } from "@lib/study/step_records.ts";

const alone = {
  say: (line: string) => {
    throw new Error(line); // no other process is at the step
  },
};

/** Runs a test in a run's folder. */
async function withRun(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/steps`);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a step is done once for the same key, and its record says what, when and how long", () =>
  withRun(async (folder) => {
    let times = 0;
    const work = async () => {
      await new Promise((resolve) => setTimeout(resolve, 60));
      return { songs: ++times };
    };
    const before = Date.now();
    assertEquals(await doOnce(folder, "make it", ["k1"], work, alone), { songs: 1 });
    assertEquals(await doOnce(folder, "make it", ["k1"], work, alone), { songs: 1 });
    const record: StepRecord = JSON.parse(await Deno.readTextFile(`${folder}/steps/make-it.json`));
    assertEquals([record.step, record.key, record.info], ["make it", "k1", { songs: 1 }]);
    assertEquals(record.machine, thisMachine());
    const ended = Date.parse(record.finished);
    assert(ended >= before && ended <= Date.now() && record.seconds > 0.05 && record.seconds < 30);
    assertEquals(await doOnce(folder, "make it", ["k2"], work, alone), { songs: 2 });
    assertEquals(finished(folder, "make it", ["k1"]), undefined);
    assertEquals(finished<object>(folder, "make it", ["k2"])?.info, { songs: 2 });
  }));

Deno.test("a step that failed is not done", () =>
  withRun(async (folder) => {
    const broken = () => Promise.reject(new Error("cut off"));
    await assertRejects(() => doOnce(folder, "train", ["k"], broken, alone), Error, "cut off");
    assertEquals(finished(folder, "train", ["k"]), undefined);
    assertEquals(await doOnce(folder, "train", ["k"], () => 1, alone), 1);
  }));

Deno.test("a step removes what one that was killed was writing as its record, and nothing of other steps", () =>
  withRun(async (folder) => {
    const names = ["make-it.json.0123abcd.tmp", "make-it-not.json.0123abcd.tmp", "make-it.json.notes.tmp"];
    for (const name of names) await Deno.writeTextFile(`${folder}/steps/${name}`, "half");
    await doOnce(folder, "make it", ["k"], () => 1, alone);
    const left = Array.from(Deno.readDirSync(`${folder}/steps`), ({ name }) => name).sort();
    assertEquals(left, ["make-it.json", ...names.slice(1)].sort());
  }));

Deno.test("keys differ by values, not by the order of fields", () => {
  assertEquals(fingerprint({ x: [1, { b: 1, a: 2 }] }), fingerprint({ x: [1, { a: 2, b: 1 }] }));
  const others = [{ x: [1, { a: 2, b: 2 }] }, { x: [{ a: 2, b: 1 }, 1] }, { y: [1, { a: 2, b: 1 }] }, {}];
  assertEquals(new Set([{ x: [1, { a: 2, b: 1 }] }, ...others].map(fingerprint)).size, 5);
});

Deno.test("two at once: one does the step, the other waits and gets its result", () =>
  withRun(async (folder) => {
    let times = 0, waits = 0;
    const work = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return ++times;
    };
    const say = () => void waits++;
    assertEquals(stepsInWork(folder), []);
    const results = await Promise.all([1, 2, 3].map(() => doOnce(folder, "train", ["k"], work, { say })));
    assertEquals([results, times, waits], [[1, 1, 1], 1, 2]);
  }));

Deno.test("a waiting step can be stopped, and one whose process was killed is taken over", () =>
  withRun(async (folder) => {
    const script = `
      const { doOnce } = await import(${JSON.stringify(import.meta.resolve("@lib/study/step_records.ts"))});
      await doOnce(${JSON.stringify(folder)}, "train", ["k"], () => {
        console.log("at it");
        return new Promise((resolve) => setTimeout(resolve, 60_000));
      });`;
    const other = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "piped" }).spawn();
    const reader = other.stdout.getReader();
    await reader.read(); // it is at the step
    assertEquals(stepsInWork(folder), ["train"]);
    const stop = new AbortController(), stopped = new DOMException("stopped", "AbortError");
    const waiting = doOnce(folder, "train", ["k"], () => 1, { say: () => stop.abort(stopped), signal: stop.signal });
    await assertRejects(() => waiting, DOMException, "stopped");
    const taken = doOnce(folder, "train", ["k"], () => "mine", { say: () => other.kill("SIGKILL") });
    assertEquals(await taken, "mine");
    await other.status;
    await reader.cancel();
  }));

Deno.test("recipe fields that are newer than the run are no inputs of its steps; all others are", () => {
  const all = recipe("sound", "smoke"), { minNotes: _, ...tokens } = all.tokens, { duplicates: __, ...older } = all;
  const stored = { ...older, tokens };
  assertEquals(knownThen({ ...all, data: "songs", model: "BERT" }, { ...stored }), {
    ...stored,
    data: "songs",
    model: "BERT",
  });
  const other = { tokens: { ...all.tokens, maxTokens: 64 }, seed: 5, scale: "small" };
  assertEquals(knownThen(other, { ...stored }), { ...other, tokens: { ...tokens, maxTokens: 64 } });
});
