/**
 * Rows as a table in HTML, Markdown and plain text, with numbers aligned.
 * @module
 */

/** A value of a table; null and undefined show as a dash. */
export type Cell = string | number | boolean | null | undefined;

/**
 * How a table looks: its caption; its columns in order, or their headings by key (by default all keys of the rows); the
 * decimals of columns that are not all whole, and the columns whose largest or smallest number is bold, by key.
 */
export type TableOptions = {
  caption?: string;
  columns?: string[] | Record<string, string>;
  decimals?: number | Record<string, number>;
  best?: Record<string, "max" | "min">;
};

/** `text` with HTML's special characters escaped. */
export const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

const isNumber = (value: Cell): value is number => typeof value === "number";

/** A number with a fixed count of decimals and a true minus sign, thousands apart by commas. */
function formatNumber(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "–" : value > 0 ? "∞" : "−∞";
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  const text = Math.abs(value).toLocaleString("en-US", digits);
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

/** A heading that the keyboard has reached is pressed by Enter or the space bar. */
const pressByKey = escapeHtml(
  "if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); event.target.click(); }",
);

const width = (text: string): number => [...text].length;

/**
 * Rows as a table for browsers (HTML), Markdown readers and terminals (plain). Columns of numbers stand right.
 *
 * @throws {RangeError} if `columns` names one that no row has.
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
    const textOf = (value: Cell) => isNumber(value) ? formatNumber(value, shown) : String(value ?? "–");
    const finite = numbers.filter(Number.isFinite);
    const extreme = best[key] && finite.length > 0 && textOf(Math[best[key]](...finite));
    const cells = values.map((value) => ({ text: textOf(value), bold: isNumber(value) && textOf(value) === extreme }));
    const widest = Math.max(...[headings[i], ...cells.map(({ text }) => text)].map(width));
    return { cells, align: numbers.length > 0 ? "right" : "left", width: widest };
  });
  const lines = records.map((_, row) => columns.map(({ cells }) => cells[row]));
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
    `<th scope="col" ${style(heading, i, 0)}><span role="button" tabindex="0" style="cursor:pointer">` +
    `${escapeHtml(heading.replace(/ ([↑↓])$/, "\u00a0$1"))}</span></th>`
  );
  const cell = (text: string) => {
    const code = escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>"), interval = / (\[[^\]]*\]|±\u00a0\S+)$/;
    return columns.length < MANY ? code : code.replace(interval, '<br><span style="white-space:nowrap">$1</span>');
  };
  const body = lines.map((line) => {
    const bolded = line.map(({ text, bold }) => bold ? `<strong>${cell(text)}</strong>` : cell(text));
    return `<tr>${line.map(({ text }, i) => `<td ${style(text, i, SHORT)}>${bolded[i]}</td>`).join("")}</tr>`;
  });
  const top = caption ? `<caption style="text-align:left;padding-top:.8em">${escapeHtml(caption)}</caption>` : "";
  return {
    html:
      `<table class="numbers" style="font-variant-numeric:tabular-nums" onclick="${sortOnClick}" onkeydown="${pressByKey}">` +
      `${top}` +
      `<thead><tr>${head.join("")}</tr></thead><tbody>${body.join("\n")}</tbody></table>`,
    markdown: [...(caption ? [`*${caption}*`, ""] : []), ...markdown, ""].join("\n"),
    plain: [...(caption ? [caption] : []), ...plain, ""].join("\n"),
  };
}
