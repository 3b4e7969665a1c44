import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { chooseEngine, engineChoice, hostAndPort, idleNotes } from "@lib/engine/choice.ts";
import { EngineError } from "@lib/engine/types.ts";

Deno.test("ENGINE is one of a list, and anything else gets the list", () => {
  assertEquals([undefined, "", "cpu", "libtensorflow"].map(engineChoice), ["auto", "auto", "cpu", "libtensorflow"]);
  const { message } = assertThrows(() => engineChoice("cuda"), EngineError, 'found "cuda"');
  for (const name of ["auto", "xla", "libtensorflow", "cpu", "webgpu"]) assertStringIncludes(message, `\n  ${name}: `);
});

Deno.test("each engine runs where it is asked for; of itself XLA with a GPU's plug-in, WebGPU without a library", () => {
  const chosen = (library: boolean, plugin: boolean) =>
    (["auto", "xla", "libtensorflow", "cpu", "webgpu"] as const).map((choice) => chooseEngine(choice, library, plugin));
  const [own, tensorflow] = [["XLA", "libtensorflow", "libtensorflow", "WebGPU"], ["libtensorflow"]];
  assertEquals(chosen(true, true), ["XLA", ...own]);
  assertEquals(chosen(false, true), ["XLA", ...own]);
  assertEquals(chosen(true, false), [...tensorflow, ...own]);
  assertEquals(chosen(false, false), ["WebGPU", ...own]);
});

Deno.test("a GPU that libtensorflow leaves idle is told with the reason and what to do", () => {
  const note = (found: Partial<Parameters<typeof idleNotes>[0]>): string => {
    const notes = idleNotes({ choice: "auto", driver: "570.86.15", plugin: false, ...found });
    assertEquals(notes.length, 1, notes.join());
    return notes[0];
  };
  assertEquals(idleNotes({ choice: "auto", driver: undefined, plugin: false }), []);
  assertStringIncludes(note({}), "driver 570.86.15 is here, but no GPU is used: XLA has no plug-in here");
  assertStringIncludes(note({}), "deno task setup");
  assertStringIncludes(note({ driver: "unknown" }), "NVIDIA's driver is here, but no GPU is used: XLA");
  assertStringIncludes(note({ plugin: true }), "does not start");
  for (const choice of ["cpu", "libtensorflow"] as const) {
    assertStringIncludes(note({ choice, plugin: true }), `ENGINE=${choice} says so.`);
  }
});

Deno.test("an address is a host and a port, IPv6 in brackets", () => {
  assertEquals(hostAndPort("node:80"), { hostname: "node", port: 80 });
  assertEquals(hostAndPort("[::1]:4000"), { hostname: "::1", port: 4000 });
});
