import { assertEquals } from "@std/assert";
import { toLatex } from "@lib/notebook/latex.ts";

Deno.test("a table's LaTeX has its caption, label, headings and cells in order", () => {
  const rows = [
    { model: "BERT", "C ↑": 0.12345, songs: 12, note: "−0.5 [0,\u00a01] ± 2" },
    { model: "a_b & c", "C ↑": null, note: "50% $x$ {#1} ~^\\ 1–2 α ↓" },
  ];
  assertEquals(toLatex(rows, { caption: "Scores_1", label: "tab:scores" }).split("\n"), [
    "% needs \\usepackage{booktabs}",
    "\\begin{table}",
    "\\caption{Scores\\_1}",
    "\\label{tab:scores}",
    "\\begin{tabular}{lrrr}",
    "\\toprule",
    "model & C $\\uparrow$ & songs & note \\\\",
    "\\midrule",
    "BERT & 0.123 & 12 & $-$0.5 [0,~1] $\\pm$ 2 \\\\",
    "a\\_b \\& c & -- & -- & 50\\% \\$x\\$ \\{\\#1\\} \\textasciitilde{}\\textasciicircum{}\\textbackslash{} 1--2 $\\alpha$ $\\downarrow$ \\\\",
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
    "",
  ]);
  assertEquals(toLatex([{ a: 1 }], { caption: "x" }).includes("\\label"), false);
});
