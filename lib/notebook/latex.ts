/**
 * Tables as LaTeX.
 * @module
 */
import type { Cell } from "./table.ts";

const replacements: Record<string, string> = {
  "\\": "\\textbackslash{}",
  "&": "\\&",
  "%": "\\%",
  "$": "\\$",
  "#": "\\#",
  "_": "\\_",
  "{": "\\{",
  "}": "\\}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "±": "$\\pm$",
  "−": "$-$",
  "↑": "$\\uparrow$",
  "↓": "$\\downarrow$",
  "α": "$\\alpha$",
  "–": "--",
  "\u00a0": "~",
};

const escapeLatex = (text: string): string =>
  text.replaceAll(/[\\&%$#_{}~^±−↑↓α–\u00a0]/g, (character) => replacements[character]);

/**
 * Rows as a LaTeX `table` with booktabs' rules. Numbers that are not whole have three decimals; missing values are dashes.
 *
 * @example
 * ```ts
 * import { toLatex } from "@lib/notebook/latex.ts";
 * import { assert } from "@std/assert";
 *
 * assert(toLatex([{ model: "BERT", "C ↑": 0.5 }], { caption: "Scores" }).includes("BERT & 0.500 \\\\"));
 * ```
 */
export function toLatex(rows: readonly object[], { caption, label }: { caption: string; label?: string }): string {
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
