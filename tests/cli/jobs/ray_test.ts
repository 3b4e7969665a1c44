import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { UserError } from "@lib/base/user_error.ts";
import { memoryEach, rayPlace } from "@lib/cli/jobs/ray.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { StudyJob } from "@lib/study/jobs/graph.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { withFolder } from "../../support/folder.ts";

/** A driver without Ray: it writes logs itself, and answers by the jobs' names. */
const standIn = (nodes: unknown[]) => [
  Deno.execPath(),
  "eval",
  "--no-check",
  `
  const say = (value) => console.log(JSON.stringify(value)), waiting = [];
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let rest = "", first = true;
  for await (const text of lines) {
    const all = (rest + text).split("\\n");
    rest = all.pop();
    for (const order of all.map((line) => JSON.parse(line))) {
      if (first) {
        if (order.address?.startsWith("localhost:")) say({ failed: "no cluster" });
        else say({ nodes: ${JSON.stringify(nodes)} });
        first = false;
        continue;
      }
      const { job, log, ...rest } = order, write = (text) => Deno.writeTextFileSync(log, text, { append: true });
      write(JSON.stringify(rest) + "\\n");
      if (job === "dies") Deno.exit(7);
      if (job === "waits") waiting.push(job);
      else if (job === "lost") say({ job, error: "its node died" });
      else if (job === "fails") write("why\\nit failed"), say({ job, code: 3 });
      else setTimeout(() => (write("finished\\n"), say({ job, code: 0 })), 50);
    }
  }
  for (const job of waiting) say({ job, code: -2 });`,
];

const twoNodes = [{ cpus: 2, memory: 2 ** 30 }, { cpus: 1, memory: 2 ** 31 }];

/** A study in a folder, and jobs that are done once their logs say so. */
function planted(runs: string): { study: Study; job: (name: string, needs?: string[]) => StudyJob } {
  const study = openStudy({ recipe: recipe("sound", "smoke"), name: "a", data: `${projectRoot}/data/freedoom`, runs });
  const isDone = (name: string) => {
    const log = study.path("log", `${name}.log`);
    return exists(log) && Deno.readTextFileSync(log).includes("finished");
  };
  const job = (name: string, needs: string[] = []): StudyJob => ({
    ...{ name, needs, steps: () => isDone(name) ? [] : [{ step: name, inputs: {} }], memory: (n) => n * 2 ** 32 },
    work: () => Promise.resolve(),
  });
  return { study, job };
}

const neverStopped = () => new AbortController().signal;

Deno.test("jobs go to Ray with what they need, are queued, run and done, each after what it needs; failures are told", () =>
  withFolder(async (runs) => {
    const { study, job } = planted(runs);
    const jobs = [job("one"), job("two", ["one"]), job("fails"), job("lost"), job("after", ["lost"])];
    const place = await rayPlace(study, jobs, { threads: 1, driver: standIn(twoNodes) });
    assertEquals([place.lanes, place.at], [3, "Ray on 2 nodes, 3 at a time, 1 thread each"]);
    const told: string[] = [], lines: string[] = [];
    const states = await place.doAll(jobs, {
      signal: neverStopped(),
      onChange: (states) => void told.push([...states].map(([, { state }]) => state).slice(0, 2).join()),
      onLine: (name, line) => void lines.push(`${name}: ${line}`),
    });
    await place.close();
    assertEquals([...states.values()].map(({ state }) => state), ["done", "done", "failed", "failed", "blocked"]);
    assertEquals([...new Set(told)], [
      ...["waiting,waiting", "queued,waiting", "running,waiting", "done,waiting", "done,queued", "done,running"],
      "done,done",
    ]);
    assert(lines.includes("two: finished"), lines.join());
    const errorOf = (name: string) => (states.get(name)!.error as Error).message;
    assertStringIncludes(errorOf("fails"), "with exit code 3");
    assertStringIncludes(errorOf("fails"), "  why\n  it failed");
    assertEquals(errorOf("lost"), "Ray: its node died");
    const order = JSON.parse((await Deno.readTextFile(study.path("log", "one.log"))).split("\n")[0]);
    assertEquals([order.cpus, order.memory], [1, 2 ** 31]); // the largest node's, as no node has 4 GiB
    assertEquals(order.command.slice(-7).join(" "), "job one --run a --threads 1 --attached");
    assertEquals(order.workers, 1);
    assertEquals([order.env.TF_NUM_INTRAOP_THREADS, order.env.NO_COLOR], ["1", "1"]);
  }));

Deno.test("when stopped, the driver's input ends and jobs that run are awaited; a driver that dies fails them", () =>
  withFolder(async (runs) => {
    const { study, job } = planted(runs), stop = new AbortController();
    const statesOf = async (name: string, signal: AbortSignal) => {
      const jobs = [job(name)], place = await rayPlace(study, jobs, { threads: 1, driver: standIn(twoNodes) });
      const onChange = (states: ReadonlyMap<string, { state: string }>) => {
        if (states.get("waits")?.state === "running") stop.abort();
      };
      const states = await place.doAll(jobs, { signal, onChange, onLine: () => {} });
      await place.close();
      return states.get(name)!;
    };
    assertEquals(await statesOf("waits", stop.signal), { state: "stopped" });
    const { state, error } = await statesOf("dies", neverStopped());
    assertEquals(state, "failed");
    assertStringIncludes((error as Error).message, "ended with exit code 7");
  }));

Deno.test("no cluster, or one whose nodes have too few cores, is refused with what Ray says or what to do", () =>
  withFolder(async (runs) => {
    const { study, job } = planted(runs), jobs = [job("one")];
    const at = (address: string | undefined, threads: number) =>
      rayPlace(study, jobs, { address, threads, driver: standIn(twoNodes) });
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 }), { port } = listener.addr;
    await assertRejects(() => at(`localhost:${port}`, 1), UserError, "Ray: no cluster");
    await assertRejects(() => at(undefined, 3), UserError, "expected a node with 3 cores");
    jobs.push({ ...job("many"), workers: 4 });
    await assertRejects(() => at(`localhost:${port}`, 1), UserError, "Ray: no cluster");
    await assertRejects(() => at(undefined, 1), UserError, "for each of 4 workers, found room for 3");
    listener.close();
    await assertRejects(() => at(`127.0.0.1:${port}`, 1), UserError, `expected a cluster at 127.0.0.1:${port}`);
  }));

Deno.test("workers of a training are told to Ray without numbers or addresses, each with its own memory", () =>
  withFolder(async (runs) => {
    const { study, job } = planted(runs), jobs = [{ ...job("pair"), workers: 2 }];
    const place = await rayPlace(study, jobs, { threads: 1, driver: standIn(twoNodes) });
    const never = neverStopped();
    const states = await place.doAll(jobs, { signal: never, onChange: () => {}, onLine: () => {} });
    await place.close();
    assertEquals([...states.values()].map(({ state }) => state), ["done"]);
    const order = JSON.parse((await Deno.readTextFile(study.path("log", "pair.log"))).split("\n")[0]);
    // The nodes have 1 and 2 GiB: two processes of 1 GiB have room, one on each.
    assertEquals([order.workers, order.cpus, order.memory], [2, 1, 2 ** 30]);
    assertEquals(order.command.slice(-7).join(" "), "job pair --run a --threads 1 --attached");
  }));

Deno.test("each worker may have what it needs, or the most that leaves room for all of them", () => {
  const nodes = [{ cpus: 0, memory: 2 ** 40 }, { cpus: 4, memory: 1000 }, { cpus: 2, memory: 700 }];
  const cases: [threads: number, workers: number, bytes: number, each: number][] = [
    ...[[1, 1, 900, 900], [1, 1, 5000, 1000], [1, 2, 900, 700], [1, 3, 900, 500], [2, 3, 900, 500]] as const,
    ...[[1, 5, 900, 333], [1, 5, 200, 200], [1, 6, 900, 250], [4, 1, 900, 900]] as const,
  ].map((one) => [...one]);
  for (const [threads, workers, bytes, each] of cases) {
    assertEquals(memoryEach(nodes, threads, workers, bytes), each, `${threads} ${workers} ${bytes}`);
  }
});
