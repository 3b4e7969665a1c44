import { assert, assertEquals } from "@std/assert";
import { byRoom, readSummary, summaryLine, testFiles } from "./run.ts";
import { lacking, numericalTests } from "./stages.ts";

Deno.test("a level is skipped where the processor lacks what it needs", () => {
  const cpuinfo = "model name\t: X\nflags\t\t: fpu avx avx2 fma avx512f\nbugs\t\t: none\n";
  assertEquals(lacking({ needs: ["avx2", "fma"] }, cpuinfo), []);
  assertEquals(lacking({ needs: ["avx512f", "avx512bw"] }, cpuinfo), ["avx512bw"]);
  assertEquals([lacking({ needs: ["avx2"] }, ""), lacking({ needs: [] }, "")], [["avx2"], []]);
});

Deno.test("the closing line of a run is read as it is written, the last one counting", () => {
  const counts = { passed: 480, failed: 1, skipped: 3 };
  assertEquals(readSummary(`1 passed, 0 failed\n...\n${summaryLine(counts)}\n`), counts);
  assertEquals(readSummary(summaryLine({ ...counts, skipped: 0 })), { ...counts, skipped: 0 });
  assertEquals(readSummary("ok | 5 passed | 0 failed"), undefined);
});

Deno.test("further levels compute, and leave out what kills processes or is XLA's", async () => {
  const files = await numericalTests();
  assertEquals(files.filter((file) => /engine\/xla\/|study\/jobs\/|kill_test/.test(file)), []);
  for (const room of ["engine", "matrix", "bert", "training", "probing", "study"]) {
    assert(files.some((file) => file.startsWith(`tests/${room}/`)), room);
  }
});

Deno.test("each test file belongs to one room, and all are found", async () => {
  const files = ["tests/a_test.ts", "tests/bert/b_test.ts", "tests/bert/deep/c_test.ts", "tests/midi/d_test.ts"];
  const rooms = { tests: files.slice(0, 1), "tests/bert": files.slice(1, 3), "tests/midi": files.slice(3) };
  assertEquals(Object.fromEntries(byRoom(files)), rooms);
  const found = await testFiles("tests");
  assert(found.includes("tests/stages_test.ts") && found.includes("tests/notebooks_test.ts"), found.join("\n"));
  assertEquals(byRoom(found).flatMap(([, files]) => files).toSorted(), found);
});
