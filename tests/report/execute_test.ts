import { assert, assertEquals, assertMatch } from "@std/assert";
import { executeAll, executeNotebook } from "@lib/report/execute.ts";

/** A stand-in for the runner's Python: a shell script that gets `RUNNER execute NOTEBOOK TARGET FOLDER`. */
async function withRunner(script: string, test: (python: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir(), python = `${folder}/python`;
  try {
    await Deno.writeTextFile(python, `#!/bin/sh\nnotebook=$3\ntarget=$4\nfolder=$5\n${script}\n`, { mode: 0o755 });
    await test(python, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const event = (fields: object) => `printf '%s\\n' '${JSON.stringify(fields)}'`;
const cell = (at: number, source: string) => event({ event: "cell", cell: at, of: 4, source });

Deno.test("events arrive in order, and a failing cell is the run's error", () =>
  withRunner(
    [
      'test "$notebook $target $folder $MINE" = "/n/02_a.ipynb /t/02_a.ipynb /n yes" || exit 9',
      cell(0, "first"),
      event({ event: "error", cell: 2, source: "throw 1", message: "Error: 1" }),
      "exit 1",
    ].join("\n"),
    async (python) => {
      const events: string[] = [];
      const run = await executeNotebook({
        python,
        notebook: "/n/02_a.ipynb",
        target: "/t/02_a.ipynb",
        env: { MINE: "yes" },
        onEvent: (event) => events.push(event.event),
      });
      assertEquals([run.notebook, run.error, events], [
        "02_a",
        { cell: 2, source: "throw 1", message: "Error: 1" },
        ["cell", "error"],
      ]);
      assert(run.seconds > 0);
    },
  ));

Deno.test("a runner that dies without a word is an error with its code and the end of what it said", () =>
  withRunner("echo 'no module named nbclient' >&2\nexit 7", async (python) => {
    const { error } = await executeNotebook({ python, notebook: "/n/a.ipynb", target: "/t/a.ipynb" });
    assertEquals([error?.cell, error?.message], [-1, "The runner ended with code 7.\nno module named nbclient"]);
  }));

Deno.test("lines tell the notebook, the cell and the time left; the first failure ends the run", () =>
  withRunner(
    [
      cell(2, "await train()"),
      event({ event: "progress", cell: 2, done: 1, total: 2, text: "half", finished: true }),
      event({ event: "print", cell: 2, text: "one\ntwo\n" }),
      'case "$notebook" in *02*) exit 3;; esac',
      event({ event: "done" }),
    ].join("\n"),
    async (python, folder) => {
      const lines: string[] = [], seen: number[] = [], { now } = performance;
      let calls = 0;
      performance.now = () => calls++ === 0 ? 0 : 6000; // six seconds have passed at every line
      const runs = await executeAll(["/n/01_a.ipynb", "/n/02_b.ipynb", "/n/03_c.ipynb"], {
        python,
        target: `${folder}/executed`,
        expected: { "01_a": 10, "02_b": 20, "03_c": 70 },
        say: (line) => lines.push(line),
        onNotebook: (runs) => void seen.push(runs.length),
      }).finally(() => performance.now = now);
      assertEquals(runs.map(({ notebook, error }) => [notebook, error?.cell]), [["01_a", undefined], ["02_b", -1]]);
      assertEquals(seen, [1, 2]);
      // The first notebook takes a tenth: 5% of all is done before its third cell of four, 6.25% in the middle of it.
      assertEquals(lines[0], "[1/3 01_a · 0:06, about 1:54 left] cell 3 of 4: await train()");
      assertEquals(lines[1], "[1/3 01_a · 0:06, about 1:30 left] half");
      assertEquals(lines.slice(2, 4), ["    one", "    two"]);
      assertMatch(lines[4], /^\[1\/3 01_a\] done in 0:0\d$/);
      assertEquals(lines[5], "[2/3 02_b · 0:06, about 0:24 left] cell 3 of 4: await train()"); // 10% and half of 20%
      assert(lines.at(-1)!.startsWith("\nFAILED: 02_b\n"));
      assert((await Deno.stat(`${folder}/executed`)).isDirectory);
    },
  ));
