/**
 * The outputs of a notebook's cell (plots, tables, text, progress), and the stop button.
 *
 * This is the only file that touches `Deno.jupyter`. Outside a kernel everything works too and prints plain text.
 * @module
 */
import { Buffer } from "node:buffer";
import { clock } from "../base/clock.ts";
import { render } from "../plots/render.ts";
import { escapeHtml, type TableOptions, tableText } from "./table.ts";
import type { Spec } from "../plots/theme.ts";

/** One output as in Jupyter's messages: its content by MIME type, and facts about it for front ends and the runner. */
export type Shown = Record<"data" | "metadata", Record<string, unknown>>;

type Broadcast = (type: string, content: Record<string, unknown>) => Promise<void>;

/** The kernel's broadcast, or undefined outside a kernel, where Deno's getter throws. */
function kernel(): Broadcast | undefined {
  try {
    return (Deno as unknown as { jupyter: { broadcast: Broadcast } }).jupyter.broadcast;
  } catch {
    return undefined; // this is how Deno says that no kernel runs
  }
}

/** A pause: Jupyter may drop a cell's last message if the cell ends before it leaves. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

/** One output that each call draws anew in its place. */
function outputInPlace(): (shown: Shown) => Promise<void> {
  const id = crypto.randomUUID();
  let type = "display_data";
  return async (shown) => {
    const first = type;
    type = "update_display_data";
    await kernel()?.(first, { ...shown, transient: { display_id: id } });
  };
}

const vega = "application/vnd.vegalite.v5+json";

/** A plot as a spec for JupyterLab and VS Code, as a PNG for other front ends, and as its description. */
async function plotBundle(spec: Spec): Promise<Shown> {
  const { png } = await render(spec, { scale: 2 });
  const pixels = new DataView(png.buffer).getUint32(16); // width, from the PNG's header
  const { description } = spec, picture = Buffer.from(png).toString("base64");
  return {
    data: { [vega]: spec, "image/png": picture, "text/plain": description },
    metadata: { "image/png": { width: Math.round(pixels / 2), alt: description } },
  };
}

/** Text in Markdown. */
export const markdown = (text: string): Shown => (
  { data: { "text/markdown": text, "text/plain": text }, metadata: {} }
);

/** HTML, and what to print where there is no browser. */
export const html = (text: string, plain: string = text.replace(/<[^>]*>/g, "")): Shown => (
  { data: { "text/html": text, "text/plain": plain }, metadata: {} }
);

/** An output that a line of text opens. */
export function folded(summary: string, shown: Shown): Shown {
  const { data, metadata } = shown, inside = String(data["text/html"] ?? escapeHtml(String(data["text/plain"])));
  const text = `<details><summary>${escapeHtml(summary)}</summary>${inside}</details>`;
  return { data: { ...data, "text/html": text }, metadata };
}

/** Rows as a table. */
export function table(rows: readonly object[], options: TableOptions = {}): Shown {
  const { html, markdown, plain } = tableText(rows, options);
  return { data: { "text/html": html, "text/markdown": markdown, "text/plain": plain }, metadata: {} };
}

/**
 * Shows plots, tables and strings (as Markdown), one below the other. End every cell with `await show(…)`.
 *
 * @example
 * ```ts
 * import { show, table } from "@lib/notebook/notebook.ts";
 *
 * await show("Scores by model", table([{ model: "BERT", auc: 0.91 }]));
 * ```
 */
export async function show(...things: (Spec | Shown | string)[]): Promise<void> {
  if (performance.now() < stoppedUntil) stayQuiet();
  for (const thing of things) {
    const isSpec = (value: Spec | Shown): value is Spec => "$schema" in value;
    const shown = typeof thing === "string" ? markdown(thing) : isSpec(thing) ? await plotBundle(thing) : thing;
    if (!kernel()) console.log(String(shown.data["text/plain"] ?? ""));
    await kernel()?.("display_data", { ...shown, transient: {} });
    await settle();
  }
}

/** Seconds before a rate is shown: the first step may be done before the clock starts. */
const SETTLED = 0.5;

/**
 * A progress bar with rate and time left, redrawn at most four times a second; in a terminal a line every two seconds.
 * `update` is cheap to call often; `done` folds the last state away, without time left. A note is such as the loss;
 * `left` are seconds where the caller knows better than the mean of what is done (`Infinity`: not yet).
 *
 * @param options `from` was done before this run and does not count in the rate
 */
export function progress(
  { label, total, unit = "steps", from = 0 }: { label: string; total: number; unit?: string; from?: number },
): { update(done: number, note?: string, left?: number): Promise<void>; done(note?: string): Promise<void> } {
  const output = outputInPlace(), start = performance.now(), inKernel = kernel() !== undefined;
  let drawn = inKernel ? -Infinity : 0,
    latest: { done: number; note: string; left?: number } = { done: from, note: "" };
  async function draw(finished: boolean): Promise<void> {
    drawn = performance.now();
    const elapsed = (drawn - start) / 1000, { done, note } = latest;
    const told = finished ? undefined : latest.left, known = elapsed >= SETTLED || finished && elapsed > 0;
    const rate = told !== undefined ? (total - done) / told : known ? (done - from) / elapsed : 0;
    const left = told ?? (rate > 0 ? (total - done) / rate : Infinity);
    const speed = rate >= 1 || rate === 0 ? `${rate.toFixed(1)} ${unit}/s` : `${(1 / rate).toFixed(1)} s each`;
    const time = finished ? `took ${clock(elapsed)}` : `${clock(left)} left`;
    const pace = rate > 0 || finished ? `, ${speed}, ${time}` : "";
    const text = `${label}: ${done} of ${total} ${unit}${pace}${note === "" ? "" : ` · ${note}`}`;
    if (!inKernel) return console.error(text);
    const name = escapeHtml(label);
    const bar =
      `<progress max="${total}" value="${done}" style="vertical-align:middle" aria-label="${name}"></progress> ` +
      escapeHtml(text);
    const folded =
      `<details style="font-size:.85em;opacity:.75;margin:0"><summary>${name}: ${clock(elapsed)}</summary>` +
      `${escapeHtml(text)}</details>`;
    const state = { label, done, total, unit, rate, left: Number.isFinite(left) ? left : null, text, finished };
    await output({ ...html(finished ? folded : bar, text), metadata: { progress: state } });
  }
  return {
    async update(done, note = "", left) {
      latest = { done, note, left };
      if (performance.now() - drawn >= (inKernel ? 250 : 2000)) await draw(false);
    },
    async done(note = latest.note) {
      latest = { done: latest.done, note };
      await draw(true);
      await settle();
    },
  };
}

/** A plot that is redrawn in place at most every `seconds`; pictures take time, so only the final one is drawn as such. */
export function livePlot(
  { seconds }: { seconds: number },
): { update(make: () => Spec): Promise<void>; done(spec: Spec): Promise<void> } {
  const output = outputInPlace();
  let drawn = -Infinity;
  return {
    async update(make) {
      if (!kernel() || performance.now() - drawn < seconds * 1000) return;
      const spec = make();
      drawn = performance.now();
      await output({ data: { [vega]: spec, "text/plain": spec.description }, metadata: {} });
    },
    async done(spec) {
      if (!kernel()) return console.log(spec.description);
      await output(await plotBundle(spec));
      await settle();
    },
  };
}

/** The controllers of running loops; undefined until the first {@link stopSignal} listens for SIGINT. */
let running: Set<AbortController> | undefined;

/**
 * Deno's kernel goes on with the cells queued behind a stopped one. For so many milliseconds after the stop, or after the
 * last thing that such a cell did, those that wait for a signal are stopped too, and errors are told in one line.
 */
const QUEUED = 3000;
let stoppedUntil = -Infinity, quiet: ReturnType<typeof setTimeout> | undefined;

const behind = "Not run, as a cell before it was stopped; run this cell to start it.";

/** Begins or prolongs the time in which queued cells are quiet. */
function stayQuiet(): void {
  stoppedUntil = performance.now() + QUEUED;
  if (!kernel()) return;
  clearTimeout(quiet);
  const errors = Error as { prepareStackTrace?: (error: Error, sites: unknown[]) => unknown };
  // The kernel prints an error's stack: what a cell lacks because of the stop is no news.
  errors.prepareStackTrace = () => {
    stayQuiet();
    return behind;
  };
  quiet = setTimeout(() => errors.prepareStackTrace = undefined, QUEUED);
  Deno.unrefTimer(quiet as unknown as number);
}

/** The error that ends a stopped loop, with its message for a trace; a {@link stopSignal} requested right after throws too. */
export function stopped(message: string): DOMException {
  stayQuiet();
  const error = new DOMException(message, "AbortError");
  Object.defineProperty(error, "stack", { value: message });
  return error;
}

/** Stops every loop that runs, as the stop button does; whether there was one. */
export function stopRunning(): boolean {
  const open = [...running ?? []];
  for (const controller of open) controller.abort(stopped("Stopped by the stop button."));
  running?.clear();
  return open.length > 0;
}

/**
 * A signal that the stop button (or Ctrl-C) aborts; the kernel and its state live on.
 * In a terminal a second Ctrl-C ends the process.
 *
 * @throws {DOMException} `AbortError` right after a stop: the cell was queued behind the stopped one.
 */
export function stopSignal(): AbortSignal {
  if (performance.now() < stoppedUntil) throw stopped(behind);
  if (!running) {
    running = new Set<AbortController>();
    Deno.addSignalListener("SIGINT", () => void (!stopRunning() && !kernel() && Deno.exit(130)));
  }
  const controller = new AbortController();
  running.add(controller);
  return controller.signal;
}
