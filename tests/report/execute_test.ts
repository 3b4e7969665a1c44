import { assert, assertEquals } from "@std/assert";
import { executeNotebook, narrator } from "@lib/report/execute.ts";

/** A stand-in for the runner's Python: a shell script that gets `RUNNER execute NOTEBOOK TARGET FOLDER`. */
async function withRunner(script: string, test: (python: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir(), python = `${folder}/python`;
  try {
    await Deno.writeTextFile(python, `#!/bin/sh\nnotebook=$3\ntarget=$4\nfolder=$5\n${script}\n`, { mode: 0o755 });
    await test(python);
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

Deno.test("lines tell each cell, what it prints, its progress now and then, and where it failed", () => {
  const lines: string[] = [], tell = narrator((line) => void lines.push(line)), { now } = performance;
  const progress = (done: number, finished = false) =>
    ({ event: "progress", cell: 2, done, total: 9, text: `${done} of 9`, finished }) as const;
  let time = 10_000;
  performance.now = () => time;
  try {
    tell({ event: "cell", cell: 2, of: 4, source: `await train()${" ".repeat(60)}cut` });
    tell(progress(1));
    time += 1000;
    tell(progress(2)); // too soon
    time += 2500;
    tell(progress(3));
    tell(progress(9, true));
    tell(progress(9, true)); // the same again
    tell({ event: "print", cell: 2, text: "one\ntwo\n" });
    tell({ event: "error", cell: 3, source: "throw 1", message: "Error: 1" });
    tell({ event: "done" });
  } finally {
    performance.now = now;
  }
  assertEquals(lines.map((line) => line.trimEnd()), [
    "cell 3 of 4: await train()",
    ...["1 of 9", "3 of 9", "9 of 9"],
    ...["    one", "    two"],
    "FAILED: cell 4\n\nthrow 1\n\nError: 1",
  ]);
});
