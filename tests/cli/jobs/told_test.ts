import { assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { inProcess } from "../../support/process.ts";

/** A step that listens, or does not, and is told by a signal; a loop that heeds it takes a while to save. */
const script = (signal: string, listens: boolean) => `
  import { stoppedWhenTold } from "file://${encodeURI(projectRoot)}/lib/cli/jobs/told.ts";
  import { stopSignal } from "file://${encodeURI(projectRoot)}/lib/notebook/notebook.ts";
  const told = stoppedWhenTold();
  if (told() !== undefined) throw new Error("told before a signal came");
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));
  setTimeout(() => Deno.kill(Deno.pid, "${signal}"), 50);
  if (${listens}) {
    const stop = stopSignal();
    while (!stop.aborted) await wait(10);
    await wait(100);
    console.log("saved", stop.reason.name);
  } else await wait(20_000);
  Deno.exit(told() ?? 1);`;

Deno.test("SIGUSR2 and SIGTERM stop a loop that saves its state, or the process at once, each with its exit code", async () => {
  const runs = [["SIGUSR2", true], ["SIGTERM", true], ["SIGUSR2", false]] as const;
  const found = await Promise.all(runs.map(([signal, listens]) => inProcess(script(signal, listens))));
  assertEquals(found.map(({ code, out, err }) => [code, out, err.trim()]), [
    [75, "saved AbortError", "Told to stop by SIGUSR2."], // and no debugger listens, as one does after SIGUSR1
    [143, "saved AbortError", "Told to stop by SIGTERM."],
    [75, "", "Told to stop by SIGUSR2."],
  ]);
});
