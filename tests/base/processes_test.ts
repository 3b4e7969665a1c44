import { assertEquals } from "@std/assert";
import { howEnded, interrupt, lineCutter } from "@lib/base/processes.ts";

Deno.test("lines are told once they are whole, wherever the parts were cut; the rest is given back", () => {
  const text = "one\n\ntwo\nthree";
  for (let first = 0; first <= text.length; first++) {
    const lines: string[] = [], cut = lineCutter((line) => lines.push(line));
    cut(text.slice(0, first));
    assertEquals([cut(text.slice(first)), lines], ["three", ["one", "", "two"]]);
  }
});

Deno.test("a process is stopped as by Ctrl-C, and how it ended is said; one that has ended is left alone", async () => {
  const run = (code: string) =>
    new Deno.Command(Deno.execPath(), { args: ["eval", "--no-config", code], stdin: "null", stdout: "piped" }).spawn();
  const waiting = run("console.log(1); setTimeout(() => {}, 60_000);"), reader = waiting.stdout.getReader();
  await reader.read();
  interrupt(waiting);
  await reader.cancel();
  assertEquals(howEnded(await waiting.status), "by SIGINT");
  interrupt(waiting);
  const failing = run("Deno.exit(3)");
  await failing.stdout.cancel();
  assertEquals(howEnded(await failing.status), "with exit code 3");
  assertEquals(howEnded({ success: false, code: 137, signal: "SIGKILL" }), "by SIGKILL (out of memory?)");
});
