/**
 * Rows as a table in HTML, Markdown and plain text, with numbers aligned.
 * @module
 */

/** A value of a table; null and undefined show as a dash. */
export type Cell = string | number | boolean | null | undefined;

/** Options of {@link tableText}. */
export interface TableOptions {
  /** Columns to show in order, or their headings by key; by default all keys of the rows. */
  columns?: string[] | Record<string, string>;
  /** Above the table. */
  caption?: string;
  /** Decimals of the numbers in columns that are not all whole, for all columns or by key. */
  decimals?: number | Record<string, number>;
  /** Columns by key whose largest or smallest number is bold. */
  best?: Record<string, "max" | "min">;
}

/** `text` with HTML's special characters escaped. */
export const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const isNumber = (value: Cell): value is number => typeof value === "number";

/** A number with a fixed count of decimals and a true minus sign, thousands apart by commas. */
function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  const text = Math.abs(value).toLocaleString("en-US", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** A first column of at most so many characters is not broken over lines; nor are cells of at most so many. */
const NARROW = 28, SHORT = 18;

/** From so many columns on, intervals stand below their numbers in every row. */
const MANY = 6;

/**
 * What a click on a heading does: the rows sort by that column, up, down, and back to their own order. It stands in the
 * table itself, since notebooks and the report share nothing else. A front end may remove it; the table then does not sort.
 */
const sortOnClick = escapeHtml(
  `
  const head = event.target.closest('th'), body = this.tBodies[0];
  if (!head || !this.tHead.contains(head)) return;
  const rows = Array.from(body.rows), was = head.getAttribute('aria-sort');
  const to = was === 'ascending' ? 'descending' : was === 'descending' ? 'none' : 'ascending';
  const text = (row) => row.cells[head.cellIndex].textContent.trim();
  const number = (row) => parseFloat(text(row).replace(/,/g, '').replace('−', '-').replace('∞', 'Infinity'));
  const empty = (row) => Number(text(row) === '–' || text(row) === '');
  const numeric = rows.every((row) => empty(row) || !isNaN(number(row)));
  const order = (a, b) => numeric ? number(a) - number(b) : text(a).localeCompare(text(b), 'en', { numeric: true });
  rows.forEach((row, i) => row.dataset.row = row.dataset.row || i);
  rows.sort((a, b) => to === 'none' ? a.dataset.row - b.dataset.row
    : empty(a) - empty(b) || (empty(a) ? 0 : to === 'ascending' ? order(a, b) : order(b, a)));
  body.append(...rows);
  for (const cell of this.tHead.rows[0].cells) {
    cell.removeAttribute('aria-sort');
    if (cell.lastChild !== cell.firstChild) cell.lastChild.remove();
  }
  if (to === 'none') return;
  head.setAttribute('aria-sort', to);
  head.append(to === 'ascending' ? ' ▲' : ' ▼');
`.trim().replace(/\s*\n\s*/g, " "),
);

const width = (text: string): number => [...text].length;

/**
 * Rows as a table for browsers (HTML), Markdown readers and terminals (plain). Columns of numbers stand right.
 *
 * @throws {RangeError} if `columns` names one that no row has.
 *
 * @example
 * ```ts
 * import { tableText } from "@lib/notebook/table.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { plain } = tableText([{ model: "BERT", auc: 0.91234 }], { decimals: 2 });
 * assertEquals(plain, "model   auc\nBERT   0.91\n");
 * ```
 */
export function tableText(
  rows: readonly object[],
  options: TableOptions = {},
): { html: string; markdown: string; plain: string } {
  const { caption, decimals = 3, best = {} } = options;
  const records = rows as readonly Record<string, Cell>[];
  const known = [...new Set(records.flatMap((row) => Object.keys(row)))];
  const chosen = options.columns ?? known;
  const [keys, headings] = Array.isArray(chosen) ? [chosen, chosen] : [Object.keys(chosen), Object.values(chosen)];
  const unknown = records.length > 0 ? keys.filter((key) => !known.includes(key)) : [];
  if (unknown.length > 0) {
    throw new RangeError(`Table: expected columns among ${known.join(", ")}, found ${unknown.join(", ")}.`);
  }
  const columns = keys.map((key, i) => {
    const values = records.map((row) => row[key]), numbers = values.filter(isNumber);
    const places = typeof decimals === "number" ? decimals : decimals[key] ?? 3;
    const shown = numbers.every(Number.isInteger) ? 0 : places;
    const cells = values.map((value) =>
      isNumber(value) ? formatNumber(value, shown) : value === null || value === undefined ? "–" : String(value)
    );
    const finite = numbers.filter(Number.isFinite);
    const extreme = best[key] && finite.length > 0 && formatNumber(Math[best[key]](...finite), shown);
    return {
      heading: headings[i],
      cells: cells.map((text, row) => ({ text, bold: isNumber(values[row]) && text === extreme })),
      align: numbers.length > 0 ? "right" : "left",
      width: Math.max(...[headings[i], ...cells].map(width)),
    };
  });
  const lines = records.map((_, row) => columns.map((column) => ({ ...column, ...column.cells[row] })));
  const plain = [headings, ...lines.map((line) => line.map(({ text }) => text))].map((texts) =>
    texts.map((text, i) => {
      const room = " ".repeat(columns[i].width - width(text));
      return columns[i].align === "right" ? room + text : text + room;
    }).join("  ").trimEnd()
  );
  const markdownLine = (texts: string[]) => `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  const markdown = [
    markdownLine(headings),
    `| ${columns.map(({ align }) => align === "right" ? "--:" : ":--").join(" | ")} |`,
    ...lines.map((line) => markdownLine(line.map(({ text, bold }) => bold ? `**${text}**` : text))),
  ];
  const style = (text: string, i: number, short: number) => {
    const whole = i === 0 && columns[0].width <= NARROW || text.includes(" ") && width(text) <= short;
    return `style="text-align:${columns[i].align}${whole ? ";white-space:nowrap" : ""}"`;
  };
  const head = headings.map((heading, i) =>
    `<th scope="col" ${style(heading, i, 0)}><button type="button" style="all:unset;outline:revert;cursor:pointer">` +
    `${escapeHtml(heading.replace(/ ([↑↓])$/, "\u00a0$1"))}</button></th>`
  );
  const cell = (text: string) => {
    const code = escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
    return columns.length < MANY
      ? code
      : code.replace(/ (\[[^\]]*\])$/, '<br><span style="white-space:nowrap">$1</span>');
  };
  const body = lines.map((line) =>
    `<tr>${
      line.map(({ text, bold }, i) =>
        `<td ${style(text, i, SHORT)}>${bold ? `<strong>${cell(text)}</strong>` : cell(text)}</td>`
      ).join("")
    }</tr>`
  );
  const html = `<table class="numbers" style="font-variant-numeric:tabular-nums" onclick="${sortOnClick}">${
    caption ? `<caption style="text-align:left;padding-top:.8em">${escapeHtml(caption)}</caption>` : ""
  }<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
  return {
    html,
    markdown: [...(caption ? [`*${caption}*`, ""] : []), ...markdown, ""].join("\n"),
    plain: [...(caption ? [caption] : []), ...plain, ""].join("\n"),
  };
}
