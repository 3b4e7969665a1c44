import { assert, assertEquals } from "@std/assert";
import axe from "axe-core";
import { barFigure } from "@lib/notebook/player.ts";
import { synthesize } from "@lib/notebook/synth.ts";
import { handCorpus, handNote } from "../support/hand_corpus.ts";
import { layerPlot } from "@lib/plots/figures.ts";
import { tableText } from "@lib/notebook/table.ts";
import { reportPage } from "@lib/report/page.ts";
import { pageScript } from "@lib/report/page_script.ts";
import { chromium, inBrowser, type Watched } from "../support/browser.ts";

const points = ["BERT", "BERT-aug"].flatMap((model, m) =>
  ["Chords ↑\nAUC", "Groove ↑\nAUC"].flatMap((metric) =>
    [1, 2, 3].map((layer) => ({ model, metric, layer, value: 0.5 + m / 10 + layer / 50, low: 0.4, high: 0.8 }))
  )
);
const scores = ["BERT", "BERT-aug", "BERT-neighbor"].map((model, i) => ({
  model,
  ...Object.fromEntries(
    ["C: AUC", "GP: AUC", "I: AUC", "T: accuracy", "MV: RMSE, velocity ↓", "MD: RMSE, bins ↓", "SC: entropy ↓"]
      .map((task) => [task, `${(10 - i).toFixed(2)} [10.16,\u00a015.57]`]),
  ),
}));

const songs = handCorpus([{ file: "a.mid", split: "train", kept: [{ notes: [handNote(60)] }, { notes: [] }] }]);
const songsPlayer = barFigure(songs, 0);
const output = (data: Record<string, unknown>) => ({ output_type: "display_data" as const, data });
const page = await reportPage({
  front: [{ title: "In short", id: "short", html: "<p>Three findings.</p>" }],
  chapters: [{
    name: "01_one",
    cells: [{ cell_type: "markdown" }, {
      cell_type: "code",
      outputs: [
        output({ "application/vnd.vegalite.v5+json": layerPlot(points, { title: "Figure 2" }) }),
        output({ "text/html": songsPlayer }),
        output({ "text/html": barFigure(songs, 1) }),
        output({ "text/html": tableText(scores, { caption: "Table 2, best & last" }).html }),
      ] as never,
    }, { cell_type: "markdown" }],
    rendered: [
      { html: "<h1>1 · One</h1><p>Prose.</p><h2>Part</h2>", outputs: [] },
      { html: '<div class="highlight"><pre>await show(1)</pre></div>', outputs: [null, null, null, null] },
      { html: `<h2>More</h2>${"<p>Prose.</p>".repeat(60)}<h2>End</h2>${"<p>Prose.</p>".repeat(60)}`, outputs: [] },
    ],
  }],
  stamp: { preset: "sound", scale: "smoke", packages: "a@1, ".repeat(60) },
});

const inPage = (name: string, use: (watched: Watched) => Promise<void>) =>
  Deno.test({
    name,
    ignore: chromium === undefined,
    fn: () =>
      inBrowser(page, async (watched) => {
        await use(watched);
        assertEquals(watched.complaints, []);
      }),
  });

Deno.test("the script names nothing that is not in it", () => {
  assert(!/\b(?:import|export|require|Deno)\b/.test(pageScript()));
  new Function(pageScript()); // it is JavaScript
});

const tip = "document.getElementById('tip').textContent";

inPage("the mark nearest to the pointer says its value, and away from marks nothing does", async ({ page }) => {
  const mark = await page.$("[data-v^='BERT-aug, layer 2']");
  await mark!.scrollIntoView();
  const box = (await mark!.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2 + 9, box.y + box.height / 2 + 3); // beside it
  assertEquals(await page.evaluate(tip), "BERT-aug, layer 2: 0.640 [0.400, 0.800]");
  assertEquals(await page.evaluate("document.querySelectorAll('.plot .on').length"), 1);
  await page.mouse.move(3, 3);
  assertEquals(await page.evaluate(tip), "");
});

inPage("the arrow keys walk through a plot's values and change the series, Escape ends it", async ({ page }) => {
  await page.focus(".panels");
  const seen: unknown[] = [];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowUp", "End", "Escape"] as const) {
    await page.keyboard.press(key);
    await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50)))"); // it scrolls
    seen.push(String(await page.evaluate(tip)).replace(/:.*/, ""));
  }
  assertEquals(seen, ["BERT, layer 1", "BERT, layer 2", "BERT-aug, layer 2", "BERT-aug, layer 3", ""]);
});

inPage("a legend's button hides its series and shows it again, by mouse and by keyboard", async ({ page }) => {
  const shown = "[...document.querySelectorAll('.panels [data-s]')].filter((m) => m.getClientRects().length)" +
    ".map((m) => m.dataset.s).sort().join('')";
  const both = await page.evaluate(shown);
  await page.click(".legend button[data-s='1']");
  assertEquals(await page.evaluate(shown), String(both).replace(/1/g, ""));
  assertEquals(
    await page.$eval(".legend button[data-s='1']", (button) => button.getAttribute("aria-pressed")),
    "false",
  );
  await page.focus(".panels");
  await page.keyboard.press("End");
  assert(String(await page.evaluate(tip)).startsWith("BERT, ")); // what is hidden has no say
  await page.focus(".legend button[data-s='1']");
  await page.keyboard.press("Enter");
  assertEquals(await page.evaluate(shown), both);
});

inPage("a player makes the library's own sound from its notes, once, with a line over its roll", async ({ page }) => {
  await page.evaluate(`globalThis.heard = []; const copy = AudioBuffer.prototype.copyToChannel;
    AudioBuffer.prototype.copyToChannel = function (samples, channel) {
      heard.push([this.sampleRate, ...samples.subarray(0, 4000)]); copy.call(this, samples, channel); };`);
  await page.focus("button.play");
  await page.keyboard.press("Enter");
  await page.waitForSelector("figure .cursor");
  const [line, roll] = await Promise.all(
    ["figure .cursor", "figure:has(.play) svg"].map(async (of) => (await (await page.$(of))!.boundingBox())!),
  );
  const isOver = line.x >= roll.x - 2 && line.x <= roll.x + roll.width && Math.abs(line.height - roll.height) < 1;
  assert(isOver, JSON.stringify([line, roll]));
  const pressed = async () =>
    await page.$$eval("button.play", (all) => all.map((one) => one.getAttribute("aria-pressed")));
  assertEquals(await pressed(), ["true", "false"]);
  await (await page.$$("button.play"))[1].click(); // the other one: only one plays
  assertEquals(await pressed(), ["false", "true"]);
  await page.keyboard.press("Enter");
  assertEquals(await pressed(), ["false", "false"]);
  assertEquals(await page.$(".cursor"), null);
  await page.focus("button.play");
  await page.keyboard.press("Enter"); // again: the sound is made once
  const heard = await page.evaluate("heard") as number[][];
  assertEquals([heard.length, heard[0][0]], [2, 22_050]);
  const [, notes, seconds] = songsPlayer.match(/data-notes="([^"]*)" data-seconds="([^"]*)"/)!;
  const [start, length, pitch, velocity, program] = notes.split(",").map(Number);
  const note = { start: start / 1000, seconds: length / 1000, pitch, velocity, program, drum: false };
  const own = synthesize([note], { rate: 22_050, seconds: Number(seconds) });
  own.subarray(0, 4000).forEach((sample, i) => assert(Math.abs(sample - heard[0][i + 1]) < 1e-6));
});

inPage("a table is sorted by keyboard, and saved as it stands, as CSV and as LaTeX", async ({ page }) => {
  await page.evaluate(`globalThis.saved = []; URL.createObjectURL = (blob) => {
    saved.push(blob.text()); return "about:blank"; }; HTMLAnchorElement.prototype.click = function () {
    saved.push(this.download); };`);
  await page.focus("table.numbers th:nth-child(2) [role=button]");
  await page.keyboard.press("Enter");
  const [csv, csvName, latex, latexName] = await page.evaluate(`(async () => {
    for (const button of document.querySelectorAll(".save button")) button.click();
    return await Promise.all(saved);
  })()`) as string[];
  assertEquals([csvName, latexName], ["table-2-best-last.csv", "table-2-best-last.tex"]);
  const lines = csv.trim().split("\r\n");
  assertEquals(lines[0].slice(0, 24), "model,C: AUC,GP: AUC,I: ");
  assertEquals(lines.slice(1).map((line) => line.split(",")[0]), ["BERT-neighbor", "BERT-aug", "BERT"]);
  assert(lines[1].startsWith('BERT-neighbor,"8.00 [10.16, 15.57]"'));
  assert(
    latex.includes("\\caption{Table 2, best \\& last}") && latex.includes("BERT-neighbor & 8.00 [10.16, 15.57] &"),
  );
});

inPage("the contents mark the section that is read, and each heading has its link", async ({ page }) => {
  const current = "document.querySelector('nav [aria-current]')?.textContent";
  await page.setViewport({ width: 1280, height: 800 });
  await page.evaluate("document.getElementById('01_one-more').scrollIntoView()");
  await page.waitForFunction(`${current} === "More"`);
  const links = await page.$$eval("h2 .here, h3 .here", (all) => all.map((link) => link.getAttribute("href")));
  assertEquals(links, ["#short", "#01_one-1-one", "#01_one-part", "#01_one-more", "#01_one-end", "#cite", "#stamp"]);
  const box = await (await page.$("nav"))!.boundingBox();
  assert(box!.y >= 0 && box!.x < 300, "the contents stay in view");
  await page.setViewport({ width: 390, height: 800 });
  await page.waitForFunction("!document.querySelector('nav details').open");
  await page.click("nav summary");
  await page.click("nav a[href='#short']");
  assertEquals(await page.evaluate("document.querySelector('nav details').open"), false);
});

for (const width of [390, 1280, 1920]) {
  inPage(`at ${width} pixels nothing is wider than the page, in a narrow and in a wide font`, async ({ page }) => {
    await page.setViewport({ width, height: 900 });
    for (
      const font of ["Liberation Sans Narrow, DejaVu Sans Condensed, sans-serif", "DejaVu Sans, Verdana, sans-serif"]
    ) {
      await page.addStyleTag({ content: `body, svg, table { font-family: ${font} !important; }` });
      const [whole, table, room] = await page.evaluate(`[document.documentElement.scrollWidth,
        document.querySelector("table.numbers").scrollWidth, document.querySelector("table.numbers").parentElement.clientWidth]`) as number[];
      assertEquals(whole, width, font);
      if (width >= 1280) assert(table <= room, `a table of ${table} in ${room} px, ${font}`);
      const first = `document.querySelector("table.numbers td").getBoundingClientRect().left`;
      const before = await page.evaluate(first);
      await page.evaluate(`document.querySelector("table.numbers").parentElement.scrollLeft = 200`);
      assertEquals(await page.evaluate(first), before); // the first column stays
    }
  });
}

for (const scheme of ["light", "dark"]) {
  inPage(`axe finds no fault of accessibility, ${scheme}`, async ({ page }) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate("axe.run()") as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    assertEquals(violations.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html)]), []);
  });
}
