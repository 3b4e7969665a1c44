/**
 * Rows as a table in HTML, Markdown and plain text, with numbers aligned.
 * @module
 */

/** A value of a table; null and undefined show as a dash. */
export type Cell = string | number | boolean | null | undefined;

/** Choices of {@link tableText}. */
export interface TableOptions {
  /** Columns to show in order, or their headings by key; all keys of the rows if left out. */
  columns?: string[] | Record<string, string>;
  /** Above the table. */
  caption?: string;
  /** Decimals of numbers that are not whole, for all columns or by key. */
  decimals?: number | Record<string, number>;
  /** Alignment by key; numbers stand right, text left. */
  align?: Record<string, "left" | "right" | "center">;
  /** Columns by key whose largest or smallest number is bold. */
  best?: Record<string, "max" | "min">;
}

/** A table in three notations. */
export interface TableText {
  /** For browsers. */
  html: string;
  /** For Markdown readers. */
  markdown: string;
  /** For terminals. */
  plain: string;
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

/** A first column of at most so many characters names its rows and is not broken over lines; nor are shorter cells. */
const NARROW = 28, SHORT = 18;

/** From so many columns on, intervals stand below their numbers: in every row, not only where there is no room. */
const MANY = 6;

/**
 * What a click on a heading does: the rows sort by that column, up, down, and back to their own order. It stands in the
 * table itself, since notebooks and the report share nothing else; where a front end removes it, the table stays as it is.
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

function pad(text: string, to: number, align: string): string {
  const room = " ".repeat(Math.max(0, to - width(text)));
  if (align === "right") return room + text;
  if (align === "left") return text + room;
  return room.slice(0, room.length >> 1) + text + room.slice(room.length >> 1);
}

/**
 * Rows of values as a table.
 *
 * @throws {RangeError} if a column is asked for that no row has.
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
export function tableText(rows: readonly object[], options: TableOptions = {}): TableText {
  const { caption, decimals = 3, align = {}, best = {} } = options;
  const records = rows as readonly Record<string, Cell>[];
  const known = [...new Set(records.flatMap((row) => Object.keys(row)))];
  const asked = options.columns ?? known;
  const keys = Array.isArray(asked) ? asked : Object.keys(asked);
  const headings = Array.isArray(asked) ? asked : Object.values(asked);
  const unknown = records.length > 0 ? keys.filter((key) => !known.includes(key)) : [];
  if (unknown.length > 0) {
    throw new RangeError(`Table: expected columns among ${known.join(", ")}, found ${unknown.join(", ")}.`);
  }
  const columns = keys.map((key, i) => {
    const values = records.map((row) => row[key]);
    const numbers = values.filter(isNumber);
    const places = typeof decimals === "number" ? decimals : decimals[key] ?? 3;
    const shown = numbers.every(Number.isInteger) ? 0 : places;
    const finite = numbers.filter(Number.isFinite);
    const extreme = best[key] === undefined ? NaN : best[key] === "max" ? Math.max(...finite) : Math.min(...finite);
    const cells = values.map((value) =>
      isNumber(value) ? formatNumber(value, shown) : value === null || value === undefined ? "–" : String(value)
    );
    const bold = isFinite(extreme) ? formatNumber(extreme, shown) : undefined;
    return {
      heading: headings[i],
      cells,
      bold: values.map((value, row) => isNumber(value) && cells[row] === bold),
      align: align[key] ?? (numbers.length > 0 ? "right" : "left"),
      width: Math.max(...[headings[i], ...cells].map(width)),
    };
  });
  const lines = records.map((_, row) => columns.map((column) => ({ ...column, text: column.cells[row] })));
  const plainLine = (texts: string[]) =>
    texts.map((text, i) => pad(text, columns[i].width, columns[i].align)).join("  ");
  const plain = [headings, ...lines.map((line) => line.map(({ text }) => text))].map((line) =>
    plainLine(line).trimEnd()
  );
  const markdownLine = (texts: string[]) => `| ${texts.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  const rules = { left: ":--", right: "--:", center: ":-:" };
  const markdown = [
    markdownLine(headings),
    `| ${columns.map((column) => rules[column.align]).join(" | ")} |`,
    ...lines.map((line, row) => markdownLine(line.map(({ text, bold }) => bold[row] ? `**${text}**` : text))),
  ];
  const whole = (text: string, i: number, most: number) =>
    i === 0 && columns[0].width <= NARROW || text.includes(" ") && width(text) <= most ? ";white-space:nowrap" : "";
  const head = columns.map(({ heading, align }, i) =>
    `<th scope="col" style="text-align:${align}${whole(heading, i, 0)}">` +
    `<button type="button" style="all:unset;outline:revert;cursor:pointer">${
      escapeHtml(heading.replace(/ ([↑↓])$/, "\u00a0$1"))
    }</button></th>`
  ).join("");
  const marked = (text: string) => {
    const code = escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
    return columns.length < MANY
      ? code
      : code.replace(/ (\[[^\]]*\])$/, '<br><span style="white-space:nowrap">$1</span>');
  };
  const body = lines.map((line, row) =>
    `<tr>${
      line.map((column, i) => {
        const text = marked(column.text), style = `text-align:${column.align}${whole(column.text, i, SHORT)}`;
        return `<td style="${style}">${column.bold[row] ? `<strong>${text}</strong>` : text}</td>`;
      }).join("")
    }</tr>`
  );
  const html = `<table class="numbers" style="font-variant-numeric:tabular-nums" onclick="${sortOnClick}">${
    caption ? `<caption style="text-align:left;padding-top:.8em">${escapeHtml(caption)}</caption>` : ""
  }<thead><tr>${head}</tr></thead><tbody>${body.join("\n")}</tbody></table>`;
  return {
    html,
    markdown: [...(caption ? [`*${caption}*`, ""] : []), ...markdown, ""].join("\n"),
    plain: [...(caption ? [caption] : []), ...plain, ""].join("\n"),
  };
}
