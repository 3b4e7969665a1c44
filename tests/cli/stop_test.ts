import { assertEquals, assertRejects } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { stoppable } from "@lib/cli/stop.ts";
import { inProcess } from "../support/process.ts";

/** Work that a signal stops, once or twice: its clean-up takes a while. */
const script = (signal: string, times: number) => `
  import { stoppable } from "file://${encodeURI(projectRoot)}/lib/cli/stop.ts";
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  Deno.exit(await stoppable(async (signal) => {
    const stopped = new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    for (let i = 0; i < ${times}; i++) setTimeout(() => Deno.kill(Deno.pid, "${signal}"), 100 * i);
    try {
      await stopped;
      return 0;
    } finally {
      await wait(300);
      console.log("cleaned up");
    }
  }));`;

Deno.test("a signal aborts the work, which cleans up before its exit code is given; a second one ends it at once", async () => {
  const runs = [["SIGINT", 1], ["SIGTERM", 1], ["SIGINT", 2]] as const;
  const found = await Promise.all(runs.map(([signal, times]) => inProcess(script(signal, times))));
  assertEquals(found.slice(0, 2).map(({ code, out, err }) => [code, out, err.trim()]), [
    [130, "cleaned up", "Stopping."],
    [143, "cleaned up", "Stopping."],
  ]);
  assertEquals([found[2].code, found[2].out], [130, ""]);
});

Deno.test("work that is not stopped has its own exit code and errors", async () => {
  assertEquals(await stoppable(() => Promise.resolve(3)), 3);
  await assertRejects(() => stoppable(() => Promise.reject(new Error("mine"))), Error, "mine");
});
