/**
 * A notebook executed headless, on a Deno kernel of its own, with progress while it runs.
 * @module
 */
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { ReadableStream as NodeStream } from "node:stream/web";
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

/**
 * Tells of a notebook's events in lines: each cell as it begins, its progress at most every three seconds, what it
 * prints, and where it failed.
 */
export function narrator(say: (line: string) => void = console.log): (event: RunEvent) => void {
  let last = { text: "", at: -Infinity };
  return (event) => {
    if (event.event === "cell") say(`cell ${event.cell + 1} of ${event.of}: ${event.source.slice(0, 70)}`);
    else if (event.event === "error") say(`FAILED: cell ${event.cell + 1}\n\n${event.source}\n\n${event.message}`);
    else if (event.event === "print") event.text.trimEnd().split("\n").forEach((line) => say(`    ${line}`));
    else if (event.event === "progress") {
      const due = event.finished || performance.now() - last.at > 3000;
      if (!due || event.text === last.text) return;
      say(event.text);
      last = { text: event.text, at: performance.now() };
    }
  };
}
