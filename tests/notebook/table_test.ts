import { assert, assertEquals, assertThrows } from "@std/assert";
import { chromium, inBrowser } from "../support/browser.ts";
import { tableText } from "@lib/notebook/table.ts";

/** Numbers of a Markdown table's body, back from their text. */
function parseMarkdown(text: string): (number | string)[][] {
  return text.trim().split("\n").filter((line) => line.startsWith("|")).slice(2).map((line) =>
    line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => {
      const bare = cell.trim().replaceAll("**", "").replaceAll(",", "").replace("−", "-");
      return bare !== "" && Number.isFinite(Number(bare)) ? Number(bare) : bare;
    })
  );
}

const rows = [
  { model: "BERT", auc: 0.91237, songs: 12345, note: null },
  { model: "a | b", auc: -0.5, songs: 7, note: "<b>" },
];

Deno.test("a table's Markdown parses back to its numbers", () => {
  const { markdown } = tableText(rows, { decimals: 4 });
  assertEquals(parseMarkdown(markdown), [["BERT", 0.9124, 12345, "–"], ["a \\| b", -0.5, 7, "<b>"]]);
});

Deno.test("numbers stand right with equal decimals, and the best is bold", () => {
  const { html, markdown, plain } = tableText(rows, { decimals: { auc: 2 }, best: { auc: "max", songs: "min" } });
  assertEquals(plain, "model    auc   songs  note\nBERT    0.91  12,345  –\na | b  −0.50       7  <b>\n");
  assert(markdown.includes("**0.91**") && markdown.includes("**7**") && !markdown.includes("**12,345**"));
  assert(html.includes('<td style="text-align:right"><strong>0.91</strong></td>'));
  assert(html.includes("&lt;b&gt;") && !html.includes("<b>"));
});

Deno.test("in wide tables intervals stand below their numbers in every row; names in backticks are code", () => {
  const row = (value: string) => Object.fromEntries(["a", "b", "c", "d", "e", "f"].map((key) => [key, value]));
  const { html, markdown } = tableText([row("0.5 (1) [0.4, 0.6]"), row("10.5 [9, 11]"), row("see `auto`")]);
  assertEquals([...html.matchAll(/<br><span style="white-space:nowrap">\[[\d., ]+\]<\/span><\/td>/g)].length, 12);
  assertEquals([...html.matchAll(/see <code>auto<\/code>/g)].length, 6);
  assert(markdown.includes("| 0.5 (1) [0.4, 0.6] |") && !tableText([{ a: "0.5 [0.4, 0.6]" }]).html.includes("<br>"));
});

Deno.test("numbers have three decimals if nothing else is said, none if all are whole", () => {
  assertEquals(tableText([{ a: 0.12345, b: 2 }, { a: 1, b: 3 }]).plain, "    a  b\n0.123  2\n1.000  3\n");
});

Deno.test("a first column of 28 characters, and short cells, are not broken over lines", () => {
  const whole = (text: string, at: number) => {
    const { html } = tableText([at === 0 ? { a: text } : { a: "x".repeat(40), b: text }]);
    return html.includes(`style="text-align:left;white-space:nowrap">${text}</td>`);
  };
  const words = (length: number) => "ab ".repeat(length).slice(0, length - 1) + "c";
  assertEquals([whole(words(28), 0), whole(words(29), 0)], [true, false]);
  assertEquals([whole(words(18), 1), whole(words(19), 1), whole("word", 1)], [true, false, false]);
});

Deno.test("equal winners are both bold, a row of no number never", () => {
  const { markdown } = tableText([{ a: 0.5 }, { a: 0.5001 }, { a: NaN }, { a: null }], {
    decimals: 2,
    best: { a: "max" },
  });
  assertEquals([...markdown.matchAll(/\*\*0\.50\*\*/g)].length, 2);
  assertEquals(markdown.split("\n").filter((line) => line === "| – |").length, 2);
  const only = (row: object) => tableText([row, { a: "none" }], { best: { a: "max" } }).markdown.includes("**");
  assertEquals([only({ a: 7 }), only({ a: "7" }), only({ a: Infinity })], [true, false, false]);
});

Deno.test("columns can be chosen, ordered and named; an unknown one is refused", () => {
  const { plain } = tableText(rows, { columns: { songs: "Songs", model: "Model" } });
  assertEquals(plain.split("\n")[0], " Songs  Model");
  for (const some of [rows, rows.slice(1)]) {
    assertThrows(() => tableText(some, { columns: ["modle"] }), RangeError, "found modle");
  }
  assertEquals(tableText([], { columns: ["model"] }).plain, "model\n");
});

Deno.test({
  name: "a click on a heading sorts a table's rows by value, again turns them, once more restores them",
  ignore: chromium === undefined,
  async fn() {
    const numbers = [9, 10.5, -1, null, 1200];
    const { html } = tableText(numbers.map((n, i) => ({ name: `song ${12 - i}`, n })), { caption: "<songs>" });
    const script = `const seen = [];
      const note = () => seen.push([...document.querySelectorAll("tbody td:last-child")].map((td) => td.textContent));
      const heads = document.querySelectorAll("th");
      for (const head of [1, 1, 1, 0, 0]) {
        heads[head].querySelector("[role=button]").click();
        note();
        seen.at(-1).push([...heads].map((th) => th.getAttribute("aria-sort") ?? "none").join());
      }
      document.body.textContent = JSON.stringify(seen);`;
    const page = `<!doctype html><meta charset="utf-8"><body>${html}<script>${script}</script></body>`;
    const seen = await inBrowser(page, async ({ page }) => await page.evaluate("document.body.textContent") as string);
    assertEquals(JSON.parse(seen), [
      ["−1.000", "9.000", "10.500", "1,200.000", "–", "none,ascending"],
      ["1,200.000", "10.500", "9.000", "−1.000", "–", "none,descending"],
      ["9.000", "10.500", "−1.000", "–", "1,200.000", "none,none"],
      ["1,200.000", "–", "−1.000", "10.500", "9.000", "ascending,none"],
      ["9.000", "10.500", "−1.000", "–", "1,200.000", "descending,none"],
    ]);
  },
});

Deno.test("without styles and scripts, as GitHub shows an executed notebook, a table keeps its caption, names and numbers", () => {
  const rows = ["BERT", "BERT-aug"].map((model, i) => ({ model, auc: `0.${i}12 [0.${i}01, 0.${i}23]` }));
  const { html } = tableText(rows, { caption: "Table 2" });
  const bare = html.replace(/<(style|script|svg)[^]*?<\/\1>/g, "").replace(/ (?:style|class|on\w+)="[^"]*"/g, "");
  const cells = [...bare.matchAll(/<(?:t[dh]|caption)[^>]*>([^]*?)<\/(?:t[dh]|caption)>/g)]
    .map(([, cell]) => cell.replace(/<[^>]*>/g, " ").replace(/[\s\u00a0]+/g, " ").trim());
  assertEquals(cells, ["Table 2", "model", "auc", ...rows.flatMap(({ model, auc }) => [model, auc])]);
});
