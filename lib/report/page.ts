/**
 * Executed notebooks as one HTML page that opens offline: contents, prose, tables, plots, folded code and a stamp.
 * @module
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../base/python.ts";
import { UserError } from "../base/user_error.ts";
import { escapeHtml } from "../notebook/table.ts";

/** An output of a cell, as nbformat 4 stores it; `data` is its content by MIME type. */
type NotebookOutput = {
  output_type: "display_data" | "execute_result" | "stream" | "error";
  data?: Record<string, string | string[] | Record<string, unknown>>;
  metadata?: Record<string, Record<string, unknown>>;
  text?: string | string[];
  traceback?: string[];
};

/** A notebook of the page: its file name without extension, and its cells. */
export type Chapter = {
  name: string;
  /** Cells of the executed notebook, as nbformat 4 stores them. */
  cells: { cell_type: "markdown" | "code" | "raw"; outputs?: NotebookOutput[] }[];
  /** For each cell its source as HTML, and for each of its outputs its Markdown as HTML, null where it has none. */
  rendered: { html: string; outputs: (string | null)[] }[];
};

const style = `
:root { color-scheme: light dark; --ink: #1f2328; --paper: #ffffff; --faint: #d8dee4; --quiet: #59636e; --box: #f6f8fa;
  --link: #0059a8; --k: #8250df; --s: #0a6640; --c: #59636e; --n: #0550ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --faint: #30363d; --quiet: #9198a1;
  --box: #161b22; --link: #79b8ff; --k: #d2a8ff; --s: #7ee2a8; --c: #9198a1; --n: #79c0ff; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.6 system-ui, "DejaVu Sans", sans-serif; }
header, main, footer { max-width: 66rem; margin: 0 auto; padding: 1rem 1.5rem; }
h1 { font-size: 1.9rem; line-height: 1.25; margin: 1.5rem 0 .3rem; }
h2 { font-size: 1.5rem; margin: 3rem 0 .8rem; padding-top: 1.2rem; border-top: 1px solid var(--faint); }
h3 { font-size: 1.2rem; margin: 2rem 0 .6rem; } h4, h5, h6 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
a { color: var(--link); } .anchor-link { display: none; }
nav ol { columns: 2; column-gap: 2.5rem; padding-left: 0; list-style: none; } nav ol ol { columns: 1; padding-left: 1.2rem; font-size: .9rem; }
nav li { break-inside: avoid; }
.about, .progress, figcaption, summary { color: var(--quiet); font-size: .88rem; }
details { margin: .6rem 0; } summary { cursor: pointer; }
pre { background: var(--box); border: 1px solid var(--faint); border-radius: 6px; padding: .7rem .9rem; overflow-x: auto;
  font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; margin: .5rem 0; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .88em; }
img { max-width: 100%; height: auto; border-radius: 6px; border: 1px solid var(--faint); }
.output { margin: .9rem 0; overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .8rem 0; } caption { padding: .3rem 0; color: var(--quiet); }
th, td { padding: .28rem .5rem; border-bottom: 1px solid var(--faint); } th { border-bottom-width: 2px; }
.error { border-color: #cf222e; }
.highlight .k, .highlight .kd, .highlight .kr, .highlight .kc, .highlight .kt, .highlight .kn { color: var(--k); }
.highlight .s1, .highlight .s2, .highlight .sb, .highlight .sr { color: var(--s); }
.highlight .c1, .highlight .cm { color: var(--c); font-style: italic; }
.highlight .mi, .highlight .mf { color: var(--n); }
@media (max-width: 40rem) { nav ol { columns: 1; } }
audio { max-width: 100%; vertical-align: middle; }
@media print { details, audio { display: none; } h2 { break-before: page; border: 0; } .output { break-inside: avoid; } }
`;

const joined = (text: unknown): string => Array.isArray(text) ? text.join("") : String(text ?? "");
// deno-lint-ignore no-control-regex -- terminal colours are control characters
const uncoloured = (text: unknown): string => escapeHtml(joined(text).replace(/\u001b\[[0-9;]*m/g, ""));

/** An output as HTML: its richest notation that needs no scripts. */
function outputHtml(output: NotebookOutput, markdown: string | null): string {
  if (output.output_type === "stream") return `<pre>${uncoloured(output.text)}</pre>`;
  if (output.output_type === "error") return `<pre class="error">${uncoloured(output.traceback?.join("\n"))}</pre>`;
  const data = output.data ?? {}, progress = output.metadata?.progress;
  if (progress) return `<p class="progress">${escapeHtml(String(progress.text))}</p>`;
  if (data["text/html"]) return joined(data["text/html"]);
  if (data["image/png"]) {
    const { alt = "", width } = output.metadata?.["image/png"] ?? {};
    const size = width === undefined ? "" : ` width="${Number(width)}"`;
    const bytes = joined(data["image/png"]).replaceAll("\n", "");
    return `<img src="data:image/png;base64,${bytes}" alt="${escapeHtml(String(alt))}"${size}>`;
  }
  if (markdown !== null) return markdown;
  return `<pre>${uncoloured(data["text/plain"])}</pre>`;
}

type Heading = { level: number; id: string; text: string };

/** Prose with headings one level lower, as the page has a title of its own, and with ids that no other notebook has. */
function withHeadings(html: string, prefix: string, headings: Heading[]): string {
  return html.replace(/<h([1-5])[^>]*>([\s\S]*?)<\/h\1>/g, (_, digit: string, content: string) => {
    const bare = content.replace(/<a class="anchor-link"[\s\S]*?<\/a>/g, "");
    const text = bare.replace(/<[^>]*>/g, "").trim();
    const slug = `${prefix}-${text.toLowerCase().replace(/&\w+;/g, "").replace(/[^\p{L}\p{N}]+/gu, "-")}`;
    const twins = headings.filter(({ id }) => id === slug || id.startsWith(`${slug}~`)).length;
    const id = twins === 0 ? slug : `${slug}~${twins}`;
    const level = Number(digit) + 1;
    headings.push({ level, id, text });
    return `<h${level} id="${escapeHtml(id)}">${bare}</h${level}>`;
  });
}

/** Links to another notebook lead to its section, as the file does not lie beside the page. */
const linkedInside = (html: string): string =>
  html.replace(/href="(?:\.\/)?([^"/:#]+)\.ipynb"/g, (_, name: string) => `href="#${name}"`);

function chapterHtml({ name, cells, rendered }: Chapter, headings: Heading[]): string {
  const parts = cells.map((cell, i) => {
    if (cell.cell_type === "markdown") return withHeadings(linkedInside(rendered[i].html), name, headings);
    if (cell.cell_type !== "code") return "";
    const outputs = (cell.outputs ?? []).map((output, k) => outputHtml(output, rendered[i].outputs[k] ?? null));
    const shown = outputs.map((html) => `<div class="output">${html}</div>`).join("\n");
    return `<details><summary>code</summary>${rendered[i].html}</details>\n${shown}`;
  });
  return `<section id="${escapeHtml(name)}">\n${parts.join("\n")}\n</section>`;
}

/** The contents: a list of the notebooks' titles, each with its sections. */
function contents(headings: Heading[]): string {
  const link = ({ id, text }: Heading) => `<a href="#${escapeHtml(encodeURIComponent(id))}">${text}</a>`;
  const entries: { top: Heading; under: Heading[] }[] = [];
  for (const heading of headings) {
    if (heading.level === 2) entries.push({ top: heading, under: [] });
    if (heading.level === 3) entries.at(-1)?.under.push(heading);
  }
  const items = entries.map(({ top, under }) => {
    const links = under.map((heading) => `<li>${link(heading)}</li>`).join("");
    return `<li>${link(top)}${links && `<ol>${links}</ol>`}</li>`;
  });
  return `<nav aria-label="Contents"><ol>${items.join("\n")}</ol></nav>`;
}

/** The addresses that a page would fetch when it opens: scripts, styles, pictures, frames and imports. */
export function outsideReferences(html: string): string[] {
  const tag = /<(?!a[\s>])[a-z][^>]*?\s(?:src|href|srcset|data|poster|action)\s*=\s*["']?((?:https?:)?\/\/[^"'\s>]+)/gi;
  const scripts = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/gi)]
    .flatMap(([, code]) => [...code.matchAll(/((?:https?:)\/\/[^"'`\s]+)/g)]);
  const styles = [...html.matchAll(/(?:url\(\s*["']?|@import\s+["'])((?:https?:)?\/\/[^"')\s]+)/gi)];
  return [...html.matchAll(tag), ...scripts, ...styles].map((match) => match[1]);
}

/**
 * The report's page; `stamp` has the names and values of how the run came about.
 *
 * @throws {Error} if it would not open offline, naming what it would fetch.
 */
export function reportPage(
  { title, chapters, stamp }: { title: string; chapters: Chapter[]; stamp: Record<string, string> },
): string {
  const headings: Heading[] = [];
  const sections = chapters.map((chapter) => chapterHtml(chapter, headings));
  const rows = Object.entries(stamp).map(([name, value]) =>
    `<tr><th scope="row" style="text-align:left">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`
  );
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="about">${escapeHtml(Object.entries(stamp).slice(0, 4).map((pair) => pair.join(" ")).join(" · "))}</p>
${contents(headings)}
</header>
<main>
${sections.join("\n")}
</main>
<footer>
<h2 id="stamp">How this page came about</h2>
<table>${rows.join("\n")}</table>
</footer>
</body>
</html>
`;
  const outside = outsideReferences(page);
  if (outside.length === 0) return page;
  throw new Error(`Report: expected a page that opens offline, found references to ${outside.slice(0, 5).join(", ")}.`);
}

/** The chapters of executed notebooks, rendered by nbconvert; throws a {@link UserError} with its message. */
export async function readChapters(files: string[], python: string): Promise<Chapter[]> {
  return await Promise.all(files.map(async (file): Promise<Chapter> => {
    const args = [fileURLToPath(new URL("notebook_runner.py", import.meta.url)), "render", file];
    const env = { ...pythonEnvironment(), PYTHONWARNINGS: "ignore" };
    const { code, stdout, stderr } = await new Deno.Command(python, { args, env, clearEnv: true }).output();
    const [printed, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (code !== 0) throw new UserError(`Report: expected nbconvert to render ${file}, found:\n${said}`);
    const { cells } = JSON.parse(await Deno.readTextFile(file));
    return { name: basename(file, ".ipynb"), cells, rendered: JSON.parse(printed) };
  }));
}
