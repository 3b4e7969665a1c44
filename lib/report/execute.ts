/**
 * Notebooks executed headless, each on a Deno kernel of its own, with progress while they run.
 * @module
 */
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { clock } from "../base/clock.ts";
import { projectRoot } from "../base/project.ts";
import { pythonEnvironment } from "../base/python.ts";

/** An event of a notebook that executes, as `notebook_runner.py` reports it. */
type RunEvent =
  | { event: "cell"; cell: number; of: number; source: string }
  | { event: "progress"; cell: number; done: number; total: number; text: string; finished: boolean }
  | { event: "print"; cell: number; text: string }
  | { event: "error"; cell: number; source: string; message: string }
  | { event: "done" };

/** How a notebook's execution ended: the file's name without extension, and the cell that failed; −1 if none ran. */
export type NotebookRun = {
  notebook: string;
  seconds: number;
  error?: { cell: number; source: string; message: string };
};

const runner = `${projectRoot}/lib/report/notebook_runner.py`;

/**
 * Executes a copy of one notebook by the virtual environment's Python; a failing cell is in the result, not thrown.
 *
 * @param options where the copy goes; the kernel's folder, the notebook's if left out; variables beside this process's
 */
export async function executeNotebook(
  { python, notebook, target, folder = notebook.replace(/\/[^/]*$/, ""), env = {}, onEvent = () => {} }: {
    python: string;
    notebook: string;
    target: string;
    folder?: string;
    env?: Record<string, string>;
    onEvent?: (event: RunEvent) => void;
  },
): Promise<NotebookRun> {
  const start = performance.now();
  const child = new Deno.Command(python, {
    args: [runner, "execute", notebook, target, folder],
    env: { ...pythonEnvironment(), ...env, PYTHONWARNINGS: "ignore", PYDEVD_DISABLE_FILE_VALIDATION: "1" },
    clearEnv: true,
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" }, // stdin closes when this process dies
  }).spawn();
  const complaints = new Response(child.stderr).text(), lines = Readable.fromWeb(child.stdout as unknown as NodeStream);
  let error: NotebookRun["error"], finished = false;
  for await (const line of createInterface({ input: lines })) {
    const event = JSON.parse(line) as RunEvent;
    if (event.event === "error") error = { cell: event.cell, source: event.source, message: event.message };
    if (event.event === "done") finished = true;
    onEvent(event);
  }
  await child.stdin.close().catch((error: unknown) => {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error; // the runner ended by itself
  });
  const { code } = await child.status;
  const said = (await complaints).trim().split("\n").slice(-12).join("\n");
  if (!finished) error ??= { cell: -1, source: "", message: `The runner ended with code ${code}.\n${said}` };
  return { notebook: basename(notebook, ".ipynb"), seconds: (performance.now() - start) / 1000, error };
}

/** Each notebook's share of a run's time, as measured at demo scale on two cores: the first guess of the time left. */
const usualShares: Record<string, number> = { "01": 0.02, "02": 0.11, "03": 0.54, "04": 0.33 };

/**
 * Executes notebooks in order, with progress and the time left; stops at the first one that fails.
 *
 * @param options the copies' folder; the seconds of each notebook last time; what is called after each, and awaited
 */
export async function executeAll(
  notebooks: string[],
  { python, target, env, expected = {}, say = (line) => console.log(line), onNotebook }: {
    python: string;
    target: string;
    env?: Record<string, string>;
    expected?: Record<string, number>;
    say?: (line: string) => void;
    onNotebook?: (runs: readonly NotebookRun[]) => Promise<void> | void;
  },
): Promise<NotebookRun[]> {
  await Deno.mkdir(target, { recursive: true });
  const names = notebooks.map((path) => basename(path, ".ipynb")), runs: NotebookRun[] = [];
  const known = names.every((name) => expected[name] !== undefined);
  const weights = names.map((name) => known ? expected[name] : usualShares[name.slice(0, 2)] ?? 1 / names.length);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const start = performance.now();
  for (const [i, notebook] of notebooks.entries()) {
    const before = weights.slice(0, i).reduce((sum, weight) => sum + weight, 0);
    let cells = { at: 0, of: 1 }, last = { text: "", at: -Infinity };
    const tell = (text: string, within: number) => {
      const elapsed = (performance.now() - start) / 1000;
      const done = (before + weights[i] * within) / all;
      const left = done > 0.02 ? `, about ${clock(elapsed * (1 - done) / done)} left` : "";
      say(`[${i + 1}/${names.length} ${names[i]} · ${clock(elapsed)}${left}] ${text}`);
      last = { text, at: performance.now() };
    };
    const onEvent = (event: RunEvent) => {
      if (event.event === "cell") {
        cells = { at: event.cell, of: event.of };
        tell(`cell ${event.cell + 1} of ${event.of}: ${event.source.slice(0, 70)}`, event.cell / event.of);
      } else if (event.event === "progress") {
        const due = event.finished || performance.now() - last.at > 3000;
        if (due && event.text !== last.text) tell(event.text, (cells.at + event.done / event.total) / cells.of);
      } else if (event.event === "print") {
        for (const line of event.text.trimEnd().split("\n")) say(`    ${line}`);
      }
    };
    const run = await executeNotebook({ python, notebook, target: `${target}/${names[i]}.ipynb`, env, onEvent });
    runs.push(run);
    if (run.error) {
      const where = run.error.cell < 0 ? "" : `, cell ${run.error.cell + 1}`;
      say(`\nFAILED: ${names[i]}${where}\n\n${run.error.source}\n\n${run.error.message}`);
    } else say(`[${i + 1}/${names.length} ${names[i]}] done in ${clock(run.seconds)}`);
    await onNotebook?.(runs);
    if (run.error) break;
  }
  return runs;
}
