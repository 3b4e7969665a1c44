import { assert, assertEquals, assertRejects } from "@std/assert";
import { runPool } from "@lib/base/worker_pool.ts";
import { UserError } from "@lib/base/user_error.ts";
import { adder, type PoolJob } from "../support/pool_worker.ts";

const url = new URL("../support/pool_worker.ts", import.meta.url);
const run = (
  jobs: Iterable<PoolJob> | AsyncIterable<PoolJob>,
  options: Parameters<typeof runPool<{ base: number }, PoolJob, number>>[4],
) => runPool(adder, url, { base: 100 }, jobs, options);

Deno.test("answers come in the jobs' order, whoever is done first, on workers or on this thread", async () => {
  const jobs = [{ n: 1, ms: 60 }, { n: 2 }, { n: 3, ms: 20 }, { n: 4 }, { n: 5 }];
  for (const options of [{ workers: 0 }, { workers: 1 }, { workers: 2 }, { workers: 2, lanes: 2 }]) {
    const done: number[] = [];
    assertEquals(await run(jobs, { ...options, onDone: ({ n }) => done.push(n) }), [101, 102, 103, 104, 105]);
    assertEquals(done.toSorted(), [1, 2, 3, 4, 5]);
    if (options.workers === 2) assert(done[0] !== 1, `${done}`);
  }
  assertEquals(await run([], { workers: 1 }), []);
});

Deno.test("a job is fetched only when there is room for it", async () => {
  let fetched = 0, done = 0, most = 0;
  const jobs = async function* () {
    for (let n = 0; n < 8; n++) {
      most = Math.max(most, ++fetched - done);
      yield await Promise.resolve({ n, ms: 1 });
    }
  };
  await run(jobs(), { workers: 1, lanes: 2, onDone: () => void done++ });
  assertEquals([fetched, done, most], [8, 8, 2]);
});

Deno.test("buffers of the transfer list are moved, others are copied", async () => {
  const moved = Uint8Array.of(7, 8), copied = Uint8Array.of(9);
  const jobs = [{ n: 1, bytes: moved }, { n: 2, bytes: copied }];
  const transfer = ({ n, bytes }: PoolJob) => n === 1 ? [bytes!.buffer] : [];
  assertEquals(await run(jobs, { workers: 1, transfer }), [116, 111]);
  assertEquals([moved.length, copied.length], [0, 1]);
});

Deno.test("an error keeps its name, message, stack and cause, and whether a person can mend it", async () => {
  for (const workers of [0, 1]) {
    const user = await assertRejects(() => run([{ n: 1 }, { n: 2, fail: "user" }], { workers }), UserError, "no 2");
    assertEquals([user.name, (user.cause as Error).name, (user.cause as Error).message], [
      "UserError",
      "RangeError",
      "too far",
    ]);
    assert(user.stack!.includes("pool_worker.ts"), user.stack);
    const fault = await assertRejects(() => run([{ n: 3, fail: "fault" }], { workers }), Error, "fault 3");
    assert(!(fault instanceof UserError) && fault.name === "TypeError");
    await assertRejects(() => run([{ n: 4, fail: "thrown text" }], { workers }), Error, "text 4");
    const failure = (error: Error, { n }: PoolJob) => new Error(`job ${n}: ${error.message}`);
    await assertRejects(() => run([{ n: 5, fail: "fault" }], { workers, failure }), Error, "job 5: fault 5");
  }
});

Deno.test("the first failure ends the jobs, and the source of jobs is closed", async () => {
  for (const workers of [0, 2]) {
    let closed = false, fetched = 0;
    const jobs = function* () {
      try {
        for (let n = 0; n < 100_000; n++, fetched++) yield { n, fail: n === 2 ? "fault" as const : undefined };
      } finally {
        closed = true;
      }
    };
    await assertRejects(() => run(jobs(), { workers }), Error, "fault 2");
    assert(closed && fetched < 50_000, `${closed} ${fetched}`);
  }
});

Deno.test("an abort stops at once with the signal's reason, also while a job runs", async () => {
  for (const workers of [0, 1]) {
    const stop = new AbortController(), running = run([{ n: 1, ms: 2000 }, { n: 2 }], { workers, signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await assertRejects(() => running, Error, "enough");
    await assertRejects(() => run([{ n: 1 }], { workers, signal: stop.signal }), Error, "enough");
  }
});

Deno.test({ name: "a worker that cannot start fails the jobs, none waits for ever", sanitizeOps: false }, async () => {
  const none = new URL("../support/no_such_module.ts", import.meta.url);
  await assertRejects(
    () => runPool(adder, none, { base: 0 }, [{ n: 1 }, { n: 2 }], { workers: 1 }),
    Error,
    "a worker failed",
  );
});
