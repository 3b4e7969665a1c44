import { assert, assertEquals, assertThrows } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import {
  folded,
  html,
  livePlot,
  markdown,
  progress,
  show,
  type Shown,
  stopped,
  stopSignal,
  table,
} from "@lib/notebook/notebook.ts";
import { bars } from "@lib/plots/charts.ts";

const plot = bars([{ label: "songs", value: 59 }], { title: "Songs", width: 300 });

/** What is printed while `work` runs, by console.log and console.error. */
async function printedBy(work: () => Promise<void>): Promise<{ log: string[]; error: string[] }> {
  const printed = { log: [] as string[], error: [] as string[] }, { log, error } = console;
  console.log = (line: string) => void printed.log.push(line);
  console.error = (line: string) => void printed.error.push(line);
  try {
    await work();
  } finally {
    Object.assign(console, { log, error });
  }
  return printed;
}

/** Runs `work` under a clock that it sets, in milliseconds. */
async function withClock(work: (set: (now: number) => void) => Promise<void> | void): Promise<void> {
  const { now } = performance;
  try {
    await work((at) => performance.now = () => at);
  } finally {
    performance.now = now;
  }
}

type Message = { type: string; content: Shown & { transient: { display_id?: string } } };

/** The messages that a kernel would send while `work` runs. */
async function messagesOf(work: () => Promise<void>): Promise<Message[]> {
  const sent: Message[] = [], own = Deno;
  const broadcast = (type: string, content: Message["content"]) => Promise.resolve(void sent.push({ type, content }));
  const set = (value: typeof Deno) => Object.defineProperty(globalThis, "Deno", { value, configurable: true });
  set(Object.create(own, { jupyter: { value: { broadcast } } })); // `jupyter` itself cannot be set
  try {
    await work();
  } finally {
    set(own);
  }
  return sent;
}

Deno.test("a table shows as HTML, Markdown and plain text, HTML as its text", () => {
  assertEquals(Object.keys(table([{ songs: 59 }]).data), ["text/html", "text/markdown", "text/plain"]);
  assertEquals(markdown("*x*").data, { "text/markdown": "*x*", "text/plain": "*x*" });
  assertEquals(html("<p>a <b>bar</b></p>").data, { "text/html": "<p>a <b>bar</b></p>", "text/plain": "a bar" });
  assertEquals(html("<svg/>", "Figure 1").data["text/plain"], "Figure 1");
});

Deno.test("outside a kernel, show prints plain text and a plot's description", async () => {
  const { log } = await printedBy(() => show("Songs", table([{ songs: 59 }]), plot));
  assertEquals(log, ["Songs", "songs\n   59\n", "Songs: songs 59"]);
});

Deno.test("in a kernel, each thing is one message; a plot is a spec, a PNG of its size and a description", async () => {
  let messages: Message[] = [];
  const { log } = await printedBy(async () => void (messages = await messagesOf(() => show("Songs", plot))));
  assertEquals([log, messages.map(({ type }) => type)], [[], ["display_data", "display_data"]]);
  const { data, metadata, transient } = messages[1].content;
  assertEquals(data["application/vnd.vegalite.v5+json"], plot);
  assertEquals([data["text/plain"], transient], ["Songs: songs 59", {}]);
  const png = Uint8Array.from(atob(String(data["image/png"])), (c) => c.charCodeAt(0));
  const { width, alt } = metadata["image/png"] as { width: number; alt: string };
  assertEquals([Math.round(new DataView(png.buffer).getUint32(16) / 2), alt], [width, "Songs: songs 59"]);
  assert(width > 300 && width < 420, `${width}`); // the plot's 300 pixels and its labels
});

Deno.test("in a terminal, progress has rate and time left, a line each two seconds", async () => {
  const { error } = await printedBy(() =>
    withClock(async (set) => {
      set(10_000);
      const bar = progress({ label: "training", total: 30, from: 10 });
      await bar.update(11, "loss 2"); // the first step may be done before the clock starts: no rate yet
      set(11_900);
      await bar.update(12);
      set(14_000);
      await bar.update(20, "loss 1.5"); // ten steps in four seconds
      set(16_000);
      await bar.update(13);
      await bar.done("done");
      const short = progress({ label: "songs", total: 3, unit: "songs" });
      set(16_200);
      await short.update(3);
      await short.done();
      set(19_000);
      await short.done();
    })
  );
  assertEquals(error, [
    "training: 11 of 30 steps · loss 2",
    "training: 20 of 30 steps, 2.5 steps/s, 0:04 left · loss 1.5",
    "training: 13 of 30 steps, 2.0 s each, 0:34 left",
    "training: 13 of 30 steps, 2.0 s each, took 0:06 · done",
    "songs: 3 of 3 songs", // too early for a rate
    "songs: 3 of 3 songs, 15.0 songs/s, took 0:00",
    "songs: 3 of 3 songs, 1.0 songs/s, took 0:03",
  ]);
});

Deno.test("where the caller knows the time left better, rate and time are its, or wait until it knows", async () => {
  const { error } = await printedBy(() =>
    withClock(async (set) => {
      set(0);
      const bar = progress({ label: "training", total: 100 });
      set(50_000);
      await bar.update(2, "loss 6", Infinity); // two steps that compiled
      set(60_000);
      await bar.update(20, "loss 5", 40); // two steps a second
      await bar.update(100, "", 0);
      await bar.done();
    })
  );
  assertEquals(error, [
    "training: 2 of 100 steps · loss 6",
    "training: 20 of 100 steps, 2.0 steps/s, 0:40 left · loss 5",
    "training: 100 of 100 steps, 1.7 steps/s, took 1:00",
  ]);
});

Deno.test("in a kernel, progress fills one output in place, at most four times a second", async () => {
  const messages = await messagesOf(() =>
    withClock(async (set) => {
      set(0);
      const bar = progress({ label: "songs & bars", total: 4, unit: "songs" });
      await bar.update(1);
      set(249);
      await bar.update(2);
      set(1000);
      await bar.update(3);
      await bar.done();
    })
  );
  assertEquals(messages.map(({ type }) => type), ["display_data", "update_display_data", "update_display_data"]);
  assertEquals(new Set(messages.map(({ content }) => content.transient.display_id)).size, 1);
  const states = messages.map(({ content }) => content.metadata.progress as Record<string, unknown>);
  assertEquals(states.map(({ done, rate, left, finished }) => [done, rate, left, finished]), [
    ...[[1, 0, null, false], [3, 3, 1 / 3, false], [3, 3, 1 / 3, true]],
  ]);
  const shown = String(messages[1].content.data["text/html"]);
  assert(shown.includes('max="4" value="3"') && shown.includes("songs &amp; bars: 3 of 4 songs, 3.0 songs/s"), shown);
  const over = String(messages[2].content.data["text/html"]); // folded away
  assert(over.startsWith("<details") && over.includes("<summary>songs &amp; bars: 0:01</summary>"), over);
});

Deno.test("what is folded opens by a line, and stays as it was in plain text", () => {
  const { data } = folded("a < b", table([{ songs: 59 }]));
  const text = String(data["text/html"]);
  assert(text.startsWith("<details><summary>a &lt; b</summary><table") && text.endsWith("</table></details>"));
  assertEquals([data["text/plain"], data["text/markdown"]], [
    table([{ songs: 59 }]).data["text/plain"],
    table([{ songs: 59 }]).data["text/markdown"],
  ]);
});

Deno.test("a live plot is redrawn in place when it is old enough, and ends as a picture", async () => {
  const messages = await messagesOf(() =>
    withClock(async (set) => {
      const live = livePlot({ seconds: 2 });
      for (const at of [5000, 6999, 7000]) {
        set(at);
        await live.update(() => ({ ...plot, at }));
      }
      await live.done(plot);
    })
  );
  const drawn = messages.map(({ type, content }) => [
    type,
    (content.data["application/vnd.vegalite.v5+json"] as { at?: number }).at,
    "image/png" in content.data,
  ]);
  assertEquals(drawn, [
    ["display_data", 5000, false],
    ["update_display_data", 7000, false],
    ["update_display_data", undefined, true],
  ]);
  const { log } = await printedBy(async () => {
    const live = livePlot({ seconds: 0 });
    await live.update(() => plot);
    await live.done(plot);
  });
  assertEquals(log, ["Songs: songs 59"]);
});

Deno.test("a stop also ends the cells queued behind it, for three seconds", () =>
  withClock((set) => {
    set(1000);
    assertEquals(stopped("enough").name, "AbortError");
    for (const at of [1000, 3999, 6998]) { // a queued cell that is stopped stops those behind it
      set(at);
      assertThrows(stopSignal, DOMException, "Not run, as a cell before it was stopped");
    }
    set(9999);
    assertEquals(stopSignal().aborted, false);
  }));

Deno.test("Ctrl-C aborts the signal and lets the loop end; with none open it ends the process", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(
    `${folder}/loop.ts`,
    `import { stopSignal } from "@lib/notebook/notebook.ts";
     const stop = stopSignal();
     console.log("started");
     for (let i = 0; i < 200 && !stop.aborted; i++) await new Promise((resolve) => setTimeout(resolve, 50));
     console.log("stopped", stop.aborted);
     await new Promise((resolve) => setTimeout(resolve, 10_000));`,
  );
  const config = `${projectRoot}/deno.json`;
  const args = ["run", "--quiet", "--allow-all", "--no-lock", "--config", config, `${folder}/loop.ts`];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  let printed = "";
  for await (const chunk of child.stdout) {
    printed += new TextDecoder().decode(chunk);
    if (/started\n$|true\n$/.test(printed)) child.kill("SIGINT");
  }
  assertEquals(printed, "started\nstopped true\n");
  assertEquals((await child.status).code, 130);
});
