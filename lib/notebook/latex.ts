/**
 * Tables as LaTeX.
 * @module
 */
import type { Cell } from "./table.ts";

/**
 * Rows as a LaTeX `table` with booktabs' rules. Numbers that are not whole have three decimals; missing values are dashes.
 * It names nothing outside itself, as a page has it in its script.
 */
export function toLatex(rows: readonly object[], { caption, label }: { caption: string; label?: string }): string {
  const replacements: Record<string, string> = {
    ...{ "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "\u00a0": "~", "–": "--" },
    ...{ "±": "$\\pm$", "−": "$-$", "↑": "$\\uparrow$", "↓": "$\\downarrow$", "α": "$\\alpha$" },
  };
  const escapeLatex = (text: string): string =>
    text.replaceAll(/[\\&%$#_{}~^±−↑↓α–\u00a0]/g, (character) => replacements[character] ?? `\\${character}`);
  const records = rows as readonly Record<string, Cell>[], keys = [...new Set(records.flatMap(Object.keys))];
  const cell = (value: Cell): string =>
    value === null || value === undefined
      ? "--"
      : escapeLatex(typeof value === "number" && !Number.isInteger(value) ? value.toFixed(3) : String(value));
  return [
    "% needs \\usepackage{booktabs}",
    "\\begin{table}",
    `\\caption{${escapeLatex(caption)}}`,
    ...(label ? [`\\label{${label}}`] : []),
    `\\begin{tabular}{l${"r".repeat(Math.max(0, keys.length - 1))}}`,
    "\\toprule",
    `${keys.map(escapeLatex).join(" & ")} \\\\`,
    "\\midrule",
    ...records.map((row) => `${keys.map((key) => cell(row[key])).join(" & ")} \\\\`),
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
    "",
  ].join("\n");
}
