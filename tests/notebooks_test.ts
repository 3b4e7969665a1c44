import { assert, assertEquals } from "@std/assert";
import { modelNames } from "@lib/bert/variants.ts";
import { table1 } from "@lib/findings/accuracy_tables.ts";
import { claimTable } from "@lib/findings/claim_table.ts";
import { claims } from "@lib/findings/claims.ts";
import { scoreTable } from "@lib/findings/score_tables.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { judgeClaims } from "@lib/findings/verdicts.ts";
import { toCsv } from "@lib/probing/results.ts";
import { handFeatureLine, lineOf, majorityLine, tokenCountLine, untrainedLine } from "@lib/probing/rows.ts";
import { openResults } from "@lib/study/results/folder.ts";
import { notebooks, writeReport } from "@lib/cli/jobs/page.ts";
import { executeNotebook } from "@lib/report/execute.ts";
import { outsideReferences } from "@lib/report/page.ts";
import { openStudy } from "@lib/study/study.ts";
import { projectRoot } from "@lib/base/project.ts";

const python = `${projectRoot}/.venv/bin/python`;
const ready = [python, `${projectRoot}/.venv/libtensorflow/stamp.json`].every((path) => {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
});
if (!ready) console.warn("Notebook tests are skipped: .venv is not set up; run `deno task setup` first.");

/** A notebook of code cells, written to a temporary folder. */
function writeNotebook(sources: string[]): { notebook: string; target: string } {
  const folder = Deno.makeTempDirSync();
  const cells = sources.map((source, i) => ({
    cell_type: "code",
    id: `cell-${i}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  const metadata = { kernelspec: { name: "deno", language: "typescript", display_name: "Deno" } };
  const notebook = `${folder}/test.ipynb`;
  Deno.writeTextFileSync(notebook, JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  return { notebook, target: `${folder}/executed.ipynb` };
}

/** The outputs of each cell of an executed notebook. */
function outputsOf(path: string): Record<string, unknown>[][] {
  const { cells } = JSON.parse(Deno.readTextFileSync(path)) as { cells: { outputs: Record<string, unknown>[] }[] };
  return cells.map((cell) => cell.outputs);
}

/** An output as plain text; nbformat stores text as a list of lines. */
const textOf = (output: Record<string, unknown>): string =>
  [(output.data as Record<string, string | string[]>)["text/plain"]].flat().join("");

const folder = `${projectRoot}/notebooks`;

Deno.test("no cell ends with a value, which the kernel would print", () => {
  for (const name of ["01_tokenize", "02_train_bert", "03_contrastive_variants", "04_probe_layers"]) {
    const { cells } = JSON.parse(Deno.readTextFileSync(`${folder}/${name}.ipynb`)) as {
      cells: { cell_type: string; source: string | string[] }[];
    };
    const code = cells.filter(({ cell_type }) => cell_type === "code").map(({ source }) => [source].flat().join(""));
    const last = code.map((text) => text.split("\n").findLast((line) => /^[a-z]/i.test(line))!);
    const values = last.filter((line) =>
      !/^(const|let|var|import) |^await (show|writeTables|writeResults)\(/.test(line)
    );
    assertEquals(values, [], name);
  }
});

Deno.test({
  name: "80 cells that end with show lose no output",
  ignore: !ready,
  async fn() {
    const shows = Array.from({ length: 80 }, (_, i) => `await show("canary ${i}");`);
    const { notebook, target } = writeNotebook(['import { show } from "@lib/notebook/notebook.ts";', ...shows]);
    const { error } = await executeNotebook({ python, notebook, target, folder });
    assertEquals(error, undefined);
    const texts = outputsOf(target).slice(1).map((outputs) => outputs.map(textOf));
    assertEquals(texts, shows.map((_, i) => [`canary ${i}`]));
  },
});

Deno.test({
  name: "progress is told while a cell runs, and the notebook keeps its last state",
  ignore: !ready,
  async fn() {
    const { notebook, target } = writeNotebook([
      `import { progress } from "@lib/notebook/notebook.ts";
       const bar = progress({ label: "counting", total: 8 });
       for (let i = 1; i <= 8; i++) {
         await new Promise((resolve) => setTimeout(resolve, 100));
         await bar.update(i);
       }
       await bar.done("counted");`,
    ]);
    const told: number[] = [];
    const onEvent = (event: { event: string; done?: number }) => {
      if (event.event === "progress") told.push(event.done!);
    };
    await executeNotebook({ python, notebook, target, folder, onEvent });
    assert(told.length >= 3 && told.at(-1) === 8, `progress at ${told}`);
    const [outputs] = outputsOf(target);
    assertEquals(outputs.length, 1);
    assert(textOf(outputs[0]).endsWith("counted"));
  },
});

Deno.test({
  name: "a failing cell is reported with its source and message, and what ran before is kept",
  ignore: !ready,
  async fn() {
    const { notebook, target } = writeNotebook([
      'import { show } from "@lib/notebook/notebook.ts"; await show("before");',
      'throw new Error("told you so");',
    ]);
    const { error } = await executeNotebook({ python, notebook, target, folder });
    assertEquals(error?.cell, 1);
    assert(error?.source.includes("throw") && error.message.includes("told you so"));
    assertEquals(outputsOf(target)[0].length, 1);
  },
});

Deno.test({
  name: "the stop button's signal stops a loop and leaves the kernel its state",
  ignore: !ready,
  async fn() {
    const { notebook, target } = writeNotebook([
      'import { show, stopSignal } from "@lib/notebook/notebook.ts"; let turns = 0;',
      `const stop = stopSignal();
       while (!stop.aborted && turns < 1000) {
         if (++turns === 5) Deno.kill(Deno.pid, "SIGINT");
         await new Promise((resolve) => setTimeout(resolve, 20));
       }`,
      "await show(`alive after ${turns < 1000 && turns >= 5}`);",
    ]);
    const { error } = await executeNotebook({ python, notebook, target, folder });
    assertEquals(error, undefined);
    assertEquals(textOf(outputsOf(target)[2][0]), "alive after true");
  },
});

Deno.test({
  name: "cells queued behind a stopped one end in one line each, and later errors have their traces again",
  ignore: !ready,
  async fn() {
    const cells = [
      'import { show, stopSignal, stopped } from "@lib/notebook/notebook.ts";',
      `const stop = stopSignal(); console.log("interrupt me");
       while (!stop.aborted) await new Promise((resolve) => setTimeout(resolve, 20));
       const evaluation = await Promise.reject(stopped("Stopped after step 3; run the cell again to go on."));`,
      "await show(`accuracy ${evaluation.accuracy}`);", // lacks what the stopped cell makes
      'await show("needs nothing");',
      "stopSignal();",
      "await new Promise((resolve) => setTimeout(resolve, 4000)); nothingThere;",
    ];
    const child = new Deno.Command(python, {
      args: [`${projectRoot}/tests/support/run_all.py`, folder],
      env: { JUPYTER_PATH: `${projectRoot}/.venv/share/jupyter`, PYTHONWARNINGS: "ignore" },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(cells)));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    assert(success, new TextDecoder().decode(stderr));
    const [first, stopped, lacking, fine, waiting, later] = JSON.parse(new TextDecoder().decode(stdout));
    const behind = [["Not run, as a cell before it was stopped; run this cell to start it."]];
    assertEquals([first, fine], [[], []]);
    assertEquals(stopped, [["Stopped after step 3; run the cell again to go on."]]);
    assertEquals([lacking, waiting], [behind, behind]);
    assert(later[0].length > 1 && later[0][0].includes("nothingThere is not defined"), JSON.stringify(later));
  },
});

/** Whether a process runs; one that ended and was not waited for does not. */
function runs(pid: number): boolean {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] }).outputSync();
  const state = new TextDecoder().decode(stdout).trim();
  return state !== "" && !state.startsWith("Z");
}

for (const victim of ["the report", "the report and its runner"]) {
  Deno.test({
    name: `kill -9 of ${victim} ends the kernel too`,
    ignore: !ready,
    async fn() {
      const { notebook, target } = writeNotebook([
        'console.log("kernel", Deno.pid); await new Promise((resolve) => setTimeout(resolve, 100));',
        "await new Promise((resolve) => setTimeout(resolve, 60_000));",
      ]);
      const script = `
        const { executeNotebook } = await import(${JSON.stringify(import.meta.resolve("@lib/report/execute.ts"))});
        const onEvent = (event) => console.log(JSON.stringify(event));
        await executeNotebook({ ...${JSON.stringify({ python, notebook, target, folder })}, onEvent });`;
      const report = new Deno.Command(Deno.execPath(), { args: ["eval", script], stdout: "piped" }).spawn();
      let kernel = 0;
      for await (const text of report.stdout.pipeThrough(new TextDecoderStream())) {
        kernel = Number(/kernel (\d+)/.exec(text)?.[1] ?? kernel);
        if (kernel > 0 && text.includes('"cell":1')) break;
      }
      assert(runs(kernel));
      const { stdout } = new Deno.Command("ps", { args: ["-axo", "pid=,ppid="] }).outputSync();
      const pairs = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
        line.trim().split(/ +/).map(Number)
      );
      const runner = pairs.find(([, parent]) => parent === report.pid)![0];
      report.kill("SIGKILL");
      if (victim.endsWith("runner")) Deno.kill(runner, "SIGKILL");
      await report.status;
      for (let i = 0; i < 100 && runs(kernel); i++) await new Promise((resolve) => setTimeout(resolve, 100));
      assert(!runs(kernel) && !runs(runner));
    },
  });
}

Deno.test({
  name: "a kernel that is started outside the project runs in it",
  ignore: !ready,
  async fn() {
    const { notebook, target } = writeNotebook([
      'import { show } from "@lib/notebook/notebook.ts"; import { projectRoot } from "@lib/base/project.ts";',
      "await show(projectRoot);",
    ]);
    const { error } = await executeNotebook({ python, notebook, target, folder: Deno.makeTempDirSync() });
    assertEquals(error, undefined);
    assertEquals(textOf(outputsOf(target)[1][0]), projectRoot);
  },
});

/** Compares the tables that notebook 04 wrote with those made from the folder that the run's digest writes. */
async function sameTables(name: string, run: string): Promise<void> {
  const { writeDigest } = await import("@lib/study/digest.ts"); // it loads the engine
  await writeDigest({ parts: [name], out: `${run}/digest` });
  const { rows, evaluations, recipe } = await openResults(`${run}/digest`), table = tableRows(rows, "bar");
  const lines = [
    ...modelNames.map((model) => lineOf(model)),
    untrainedLine,
    handFeatureLine,
    tokenCountLine,
    majorityLine,
  ];
  const [sound, authors] = (["sound", "authors"] as const).map((protocol) =>
    judgeClaims(claims, rows, evaluations, protocol, recipe)
  );
  const expected: Record<string, object[]> = {
    table1: table1(evaluations),
    "table2-sound": scoreTable(table, lines, "sound", "last"),
    "table2-authors": scoreTable(table, lines, "authors", "last"),
    "table3-sound": scoreTable(table, lines, "sound", "best"),
    "table3-authors": scoreTable(table, lines, "authors", "best"),
    claims: claimTable(sound, authors),
  };
  for (const [file, made] of Object.entries(expected)) {
    const columns = [...new Set(made.flatMap(Object.keys))];
    assertEquals(Deno.readTextFileSync(`${run}/tables/${file}.csv`), toCsv(made, columns), file);
  }
}

Deno.test({
  name: "the four notebooks run at smoke scale, from a few songs to the page",
  ignore: !ready,
  async fn() {
    const songs = Deno.makeTempDirSync();
    const midi = [...Deno.readDirSync(`${projectRoot}/data/freedoom`)].map((entry) => entry.name)
      .filter((name) => name.endsWith(".mid")).sort().slice(0, 12);
    for (const name of midi) Deno.copyFileSync(`${projectRoot}/data/freedoom/${name}`, `${songs}/${name}`);
    const name = `test-${Deno.pid}`;
    const run = `${projectRoot}/data/runs/${name}`;
    try {
      const args = [
        "run",
        "--quiet",
        "-A",
        `${projectRoot}/lib/cli/main.ts`,
        "report",
        "--scale",
        "smoke",
        "--name",
        name,
        "--data",
        songs,
      ];
      const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stderr: "piped" }).spawn();
      const parts: string[][] = []; // sections of the page while the run goes on
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
        Deno.stdout.writeSync(new TextEncoder().encode(text));
        if (!text.includes("The page so far")) continue;
        const page = Deno.readTextFileSync(`${run}/report.html`);
        parts.push(Array.from(page.matchAll(/<section id="([^"]+)"/g), ([, id]) => id));
      }
      assertEquals((await child.status).code, 0);
      assert(parts.length > 1 && parts.every((sections) => sections[0] === "01_tokenize"), JSON.stringify(parts));
      assert(parts[0].length < 4, "a page of the first notebooks before the last has run");
      const names = notebooks().map((path) => path.replace(/^.*\//, ""));
      assertEquals(names.length, 4);
      assertEquals(notebooks(`${run}/notebooks`).map((path) => path.replace(/^.*\//, "")), names);
      assertEquals(JSON.parse(Deno.readTextFileSync(`${run}/recipe.json`)).scale, "smoke");
      const page = Deno.readTextFileSync(`${run}/report.html`);
      assertEquals(outsideReferences(page), []);
      assert(page.includes('<figure class="plot"') && !page.includes("data:image/png;base64,"));
      await writeReport(openStudy({ name }), python);
      assertEquals(Deno.readTextFileSync(`${run}/report.html`), page);
      await sameTables(name, run);
    } finally {
      await Deno.remove(songs, { recursive: true });
      await Deno.remove(run, { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
  },
});
