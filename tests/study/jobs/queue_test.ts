import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkJobs, type Job, type JobState, runQueue, type Turn } from "@lib/study/jobs/queue.ts";

const pause = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Jobs that write down their begin and end; each takes some turns of the event loop. */
function planted(
  graph: Record<string, string[]>,
  { memory = {}, before = [], failing = [], turns = {} }: {
    memory?: Record<string, number>;
    before?: string[];
    failing?: string[];
    turns?: Record<string, number>;
  } = {},
) {
  const told: string[] = [], done = new Set(before), running = new Set<string>();
  const most = { jobs: 0, memory: 0 };
  const jobs = Object.entries(graph).map(([name, needs]): Job => ({
    ...{ name, needs, memory: memory[name] ?? 0, done: () => done.has(name) },
    async run(signal) {
      assert(needs.every((need) => done.has(need)), `${name} began before its needs were done`);
      told.push(`+${name}`);
      running.add(name);
      most.jobs = Math.max(most.jobs, running.size);
      most.memory = Math.max(most.memory, [...running].reduce((sum, one) => sum + (memory[one] ?? 0), 0));
      for (let turn = 0; turn < (turns[name] ?? 3) && !signal.aborted; turn++) await pause();
      running.delete(name);
      told.push(`-${name}`);
      if (signal.aborted) throw new Error("stopped");
      if (failing.includes(name)) throw new Error(`${name} fails`);
      done.add(name);
    },
  }));
  return { jobs, told, most, done };
}

const statesOf = (states: ReadonlyMap<string, { state: JobState }>): Record<string, JobState> =>
  Object.fromEntries([...states].map(([name, { state }]) => [name, state]));

const diamond = { store: [], a: ["store"], b: ["store"], page: ["a", "b"] };

Deno.test("one lane does jobs one after another, in the list's order where needs allow", async () => {
  const { jobs, told, most } = planted({ page: ["a", "b"], b: ["store"], a: ["store"], store: [] });
  const states = await runQueue(jobs, { lanes: 1 });
  assertEquals(told, ["+store", "-store", "+b", "-b", "+a", "-a", "+page", "-page"]);
  assertEquals(most.jobs, 1);
  assertEquals(statesOf(states), { page: "done", b: "done", a: "done", store: "done" });
});

Deno.test("as many jobs run at a time as there are lanes, and as needs allow", async () => {
  const wide = Object.fromEntries(Array.from("abcdefg", (name) => [name, []]));
  for (const [lanes, found] of [[2, 2], [3, 3], [20, 7]]) {
    const { jobs, most } = planted(wide);
    await runQueue(jobs, { lanes });
    assertEquals(most.jobs, found);
  }
  const { jobs, most } = planted(diamond);
  await runQueue(jobs, { lanes: 8 });
  assertEquals(most.jobs, 2);
});

Deno.test("a lane that is free is used at once, not when a whole round is over", async () => {
  const { jobs, told } = planted({ long: [], a: [], b: [], c: [] }, { turns: { long: 40, a: 1, b: 1, c: 1 } });
  await runQueue(jobs, { lanes: 2 });
  assertEquals(told.at(-1), "-long");
});

Deno.test("jobs that run at a time fit into memory together; one that never fits runs alone", async () => {
  const memory = { a: 3, b: 3, c: 3, huge: 50, d: 3 };
  const { jobs, most, told } = planted({ a: [], b: [], c: [], huge: [], d: [] }, { memory });
  const states = await runQueue(jobs, { lanes: 5, memory: 7 });
  assertEquals(new Set(Object.values(statesOf(states))), new Set(["done"]));
  const others = told.slice(told.indexOf("+huge") + 1, told.indexOf("-huge"));
  assertEquals(others, []);
  assertEquals(most, { jobs: 2, memory: 50 });
  assert(told.indexOf("+d") > told.indexOf("-huge"), "a small job behind it does not overtake a large one");
});

Deno.test("a failure keeps back only what needs it, however far away, and its error is kept", async () => {
  const graph = { store: [], a: ["store"], b: ["store"], ofA: ["a"], ofB: ["b"], all: ["ofA", "ofB"], page: ["all"] };
  const { jobs } = planted(graph, { failing: ["a"] });
  const states = await runQueue(jobs, { lanes: 2 });
  assertEquals(statesOf(states), {
    ...{ store: "done", a: "failed", b: "done", ofA: "blocked", ofB: "done", all: "blocked", page: "blocked" },
  });
  assertEquals((states.get("a")!.error as Error).message, "a fails");
});

Deno.test("what is done is not run; a job that ends without its result failed", async () => {
  const { jobs, told } = planted(diamond, { before: ["store", "b"] });
  const lying = jobs.map((job) => job.name === "a" ? { ...job, run: () => Promise.resolve() } : job);
  assertEquals(statesOf(await runQueue(lying, { lanes: 2 })), {
    ...{ store: "done", a: "failed", b: "done", page: "blocked" },
  });
  assertEquals(told, []);
  await runQueue(jobs, { lanes: 2 });
  assertEquals(told, ["+a", "-a", "+page", "-page"]);
});

Deno.test("a job that another process did meanwhile is not run", async () => {
  const { jobs, told, done } = planted(diamond, { turns: { a: 5 } });
  const onChange = () => void (told.includes("-a") && done.add("b"));
  await runQueue(jobs, { lanes: 1, onChange });
  assertEquals(told, ["+store", "-store", "+a", "-a", "+page", "-page"]);
});

Deno.test("when stopped, what runs is awaited, nothing more starts, and started again the rest is done", async () => {
  const stop = new AbortController(), { jobs, told } = planted(diamond, { turns: { a: 60, b: 2 } });
  const onChange = () => void (told.includes("-b") && stop.abort());
  const states = await runQueue(jobs, { lanes: 2, signal: stop.signal, onChange });
  assertEquals(statesOf(states), { store: "done", a: "stopped", b: "done", page: "waiting" });
  assertEquals(told, ["+store", "-store", "+a", "+b", "-b", "-a"]);
  const again = await runQueue(jobs.map((job) => ({ ...job })), { lanes: 2 });
  assertEquals(new Set(Object.values(statesOf(again))), new Set(["done"]));
  assertEquals(told.slice(6).filter((line) => line.startsWith("+")), ["+a", "+page"]);
});

Deno.test("each change is told with the state of all jobs", async () => {
  const { jobs } = planted({ a: [], b: ["a"] }), told: string[] = [];
  await runQueue(jobs, { lanes: 1, onChange: (states) => void told.push(Object.values(statesOf(states)).join()) });
  assertEquals(told, ["waiting,waiting", "running,waiting", "done,waiting", "done,running", "done,done"]);
});

Deno.test("jobs that cannot be ordered are refused: a name twice, a need that is no job, a circle", () => {
  const job = (name: string, ...needs: string[]) => ({ name, needs });
  checkJobs([job("a", "b"), job("b")]);
  assertThrows(() => checkJobs([job("a"), job("b"), job("a")]), RangeError, "found a twice");
  assertThrows(() => checkJobs([job("a", "x")]), RangeError, "a needs x");
  const circle = [job("a", "b"), job("b", "c"), job("c", "d"), job("d", "b")];
  assertThrows(() => checkJobs(circle), RangeError, "b → c → d → b");
  assertThrows(() => checkJobs([job("a", "a")]), RangeError, "a → a");
});

Deno.test("a job that an engine queues is queued until it says that it runs, also anew; once over it says no more", async () => {
  const seen: string[] = [];
  let late = (_: Turn) => {};
  const job: Job = {
    ...{ name: "a", needs: [], memory: 0, done: () => seen.includes("running") },
    async run(_, onTurn) {
      late = onTurn;
      for (const turn of ["running", "running", "queued", "running"] as const) await pause().then(() => onTurn(turn));
    },
  };
  const onChange = (states: ReadonlyMap<string, { state: JobState }>) => void seen.push(states.get("a")!.state);
  const states = await runQueue([job], { lanes: Infinity, first: "queued", onChange });
  late("queued");
  assertEquals(seen, ["waiting", "queued", "running", "queued", "running", "done"]);
  assertEquals(statesOf(states), { a: "done" });
});

Deno.test("a job of several lanes starts where so many are free, or alone, and none overtakes it", async () => {
  const { jobs, told } = planted({ a: [], wide: [], b: [], c: [], wider: [], d: [] }, { turns: { a: 1, b: 2, c: 6 } });
  jobs[1].lanes = 2;
  jobs[4].lanes = 9;
  const states = await runQueue(jobs, { lanes: 2 });
  assertEquals(new Set([...states.values()].map(({ state }) => state)), new Set(["done"]));
  assertEquals(told.join(" "), "+a -a +wide -wide +b +c -b -c +wider -wider +d -d");
});
