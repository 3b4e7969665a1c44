/**
 * Executed notebooks as one HTML page that opens offline: contents, prose, tables, plots, folded code and a stamp.
 * @module
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { projectRoot } from "../base/project.ts";
import { pythonEnvironment } from "../base/python.ts";
import { UserError } from "../base/user_error.ts";
import { escapeHtml } from "../notebook/table.ts";
import { plotHtml } from "../plots/live.ts";
import type { Spec } from "../plots/theme.ts";
import { liveHtml } from "./live_html.ts";
import { pageScript } from "./page_script.ts";
import { pageStyle } from "./page_style.ts";

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
  cells: { cell_type: "markdown" | "code" | "raw"; outputs?: NotebookOutput[]; metadata?: { tags?: string[] } }[];
  /** For each cell its source as HTML, and for each of its outputs its Markdown as HTML, null where it has none. */
  rendered: { html: string; outputs: (string | null)[] }[];
};

const joined = (text: unknown): string => Array.isArray(text) ? text.join("") : String(text ?? "");
// deno-lint-ignore no-control-regex -- terminal colours are control characters
const uncoloured = (text: unknown): string => escapeHtml(joined(text).replace(/\u001b\[[0-9;]*m/g, ""));

const vega = "application/vnd.vegalite.v5+json";

/** An output as HTML: its richest notation that needs no network; `id` is its own in the page. */
async function outputHtml(output: NotebookOutput, markdown: string | null, id: string): Promise<string> {
  if (output.output_type === "stream") return `<pre>${uncoloured(output.text)}</pre>`;
  if (output.output_type === "error") return `<pre class="error">${uncoloured(output.traceback?.join("\n"))}</pre>`;
  const data = output.data ?? {};
  if (data["text/html"]) return liveHtml(joined(data["text/html"]), id);
  if (data[vega]) return await plotHtml(data[vega] as Spec, id);
  if (data["image/png"]) {
    const { alt = "", width } = output.metadata?.["image/png"] ?? {};
    const size = width === undefined ? "" : ` width="${Number(width)}"`;
    const bytes = joined(data["image/png"]).replaceAll("\n", "");
    return `<img src="data:image/png;base64,${bytes}" alt="${escapeHtml(String(alt))}"${size}>`;
  }
  if (markdown !== null) return markdown;
  return `<pre>${uncoloured(data["text/plain"])}</pre>`;
}

const isPlot = (html: string): boolean => html.startsWith('<figure class="plot"');

/** A cell's outputs; what it tells of its progress is folded away. */
async function outputsHtml(outputs: NotebookOutput[], rendered: (string | null)[], id: string): Promise<string> {
  const told = outputs.flatMap(({ metadata }) => metadata?.progress ? [String(metadata.progress.text)] : []);
  const shown: string[] = [];
  for (const [k, output] of outputs.entries()) {
    if (output.metadata?.progress) continue;
    const html = await outputHtml(output, rendered[k] ?? null, `${id}-${k}`), last = shown.length - 1;
    const beside = isPlot(html) && isPlot(shown[last]?.replace(/^<div class="output">/, "") ?? ""); // small ones, if they fit
    if (beside) shown[last] = shown[last].replace(/<\/div>$/, `${html}</div>`);
    else shown.push(`<div class="output">${html}</div>`);
  }
  const progress = told.length === 0
    ? []
    : [`<details class="progress"><summary>what ran (${told.length})</summary>${
      told.map((text) => `<p>${escapeHtml(text)}</p>`).join("")
    }</details>`];
  return [...progress, ...shown].join("\n");
}

type Heading = { level: number; id: string; text: string };

/** A link to a heading, to copy; `text` is HTML. */
const permalink = (id: string, text: string): string =>
  `<a class="here" href="#${escapeHtml(encodeURIComponent(id))}" aria-label="Link to ${
    text.replaceAll('"', "&quot;")
  }">#</a>`;

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
    return `<h${level} id="${escapeHtml(id)}">${bare}${permalink(id, text)}</h${level}>`;
  });
}

/** Links to another notebook lead to its section, as the file does not lie beside the page. */
const linkedInside = (html: string): string =>
  html.replace(/href="(?:\.\/)?([^"/:#]+)\.ipynb"/g, (_, name: string) => `href="#${name}"`);

async function chapterHtml({ name, cells, rendered }: Chapter, headings: Heading[]): Promise<string> {
  const parts: string[] = []; // one after the other, as headings are numbered in their order
  for (const [i, cell] of cells.entries()) {
    if (cell.metadata?.tags?.includes("remove-cell")) continue; // words to those who run the notebook
    if (cell.cell_type === "markdown") parts.push(withHeadings(linkedInside(rendered[i].html), name, headings));
    if (cell.cell_type !== "code") continue;
    const outputs = await outputsHtml(cell.outputs ?? [], rendered[i].outputs, `${name}-${i}`);
    parts.push(`<details><summary>code</summary>${rendered[i].html}</details>`, outputs);
  }
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
  return `<nav aria-label="Contents"><details open><summary>Contents</summary><ol>${
    items.join("\n")
  }</ol></details></nav>`;
}

/** The addresses that a page would fetch when it opens: scripts, styles, pictures, frames and imports. */
export function outsideReferences(html: string): string[] {
  const tag = /<(?!a[\s>])[a-z][^>]*?\s(?:src|href|srcset|data|poster|action)\s*=\s*["']?((?:https?:)?\/\/[^"'\s>]+)/gi;
  const scripts = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/gi)]
    .flatMap(([, code]) => [...code.matchAll(/((?:https?:)\/\/[^"'`\s]+)/g)]);
  const styles = [...html.matchAll(/(?:url\(\s*["']?|@import\s+["'])((?:https?:)?\/\/[^"')\s]+)/gi)];
  return [...html.matchAll(tag), ...scripts, ...styles].map((match) => match[1]);
}

/** A section before the notebooks': its heading, its name in links, and its content as HTML. */
export type Section = { title: string; id: string; html: string };

const { version } = JSON.parse(await Deno.readTextFile(`${projectRoot}/deno.json`)) as { version: string };

const paper = {
  title: "Systematic Analysis of Music Representations from BERT",
  authors: "Sangjun Han, Hyeongrae Ihm, Woohyung Lim",
  arxiv: "2306.04628",
};

/** BibTeX of the paper and of this workspace. */
const bibtex = `@article{han2023systematic,
  title   = {${paper.title}},
  author  = {${paper.authors.replaceAll(", ", " and ")}},
  journal = {arXiv preprint arXiv:${paper.arxiv}},
  year    = {2023}
}
@software{music_bert_workspace,
  title   = {Music representations from {BERT}, layer by layer},
  author  = {{The contributors}},
  version = {${version}},
  note    = {A reproduction of arXiv:${paper.arxiv}; MIT licence}
}`;

/**
 * A page: its title, the sections that a reader wants first, the chapters of executed notebooks, and how it came about.
 *
 * @param parts `stamp` has the names and values of how the run came about
 * @throws {Error} if it would not open offline, naming what it would fetch.
 */
export async function reportPage(
  { front = [], chapters, stamp }: { front?: Section[]; chapters: Chapter[]; stamp: Record<string, string> },
): Promise<string> {
  const headings: Heading[] = front.map(({ title, id }) => ({ level: 2, id, text: escapeHtml(title) }));
  const first = front.map(({ title, id, html }) =>
    `<section><h2 id="${id}">${escapeHtml(title)}${permalink(id, escapeHtml(title))}</h2>\n${html}</section>`
  );
  const sections: string[] = [];
  for (const chapter of chapters) sections.push(await chapterHtml(chapter, headings));
  const last = [["cite", "How to cite"], ["stamp", "How this page came about"]];
  headings.push(...last.map(([id, text]) => ({ level: 2, id, text })));
  const [cite, stamped] = last.map(([id, text]) => `<h2 id="${id}">${text}${permalink(id, text)}</h2>`);
  const rows = Object.entries(stamp).map(([name, value]) =>
    `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`
  );
  const run = Object.entries(stamp).filter(([name]) => /^(state|preset|scale|seed|songs)$/.test(name))
    .map(([name, value]) => value.startsWith(name) ? value : `${name} ${value}`); // a folder of songs may be called songs
  const title = `A reproduction of “${paper.title}”`;
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${pageStyle}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="by">The paper: ${paper.authors}, <a href="https://arxiv.org/abs/${paper.arxiv}">arXiv ${paper.arxiv}</a> (2023).
This page is by others: version ${escapeHtml(version)}${
    stamp.commit ? `, commit ${escapeHtml(stamp.commit)}` : ""
  }, MIT licence, <a href="#cite">how to cite</a>.</p>
<p class="by">${escapeHtml(run.join(" · "))}</p>
</header>
<div class="columns">
${contents(headings)}
<main id="main">
${[...first, ...sections].join("\n")}
<section>${cite}
<pre>${escapeHtml(bibtex)}</pre></section>
<section>${stamped}
<div class="output"><table class="stamp">${rows.join("\n")}</table></div></section>
</main>
</div>
<script>
${pageScript()}
</script>
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
