import { assertEquals } from "@std/assert";
import { paperModels, paperTables } from "@lib/findings/paper.ts";
import { projectRoot } from "@lib/base/project.ts";
import { tasks } from "@lib/metrics/tasks.ts";

/** The rows of lib/STUDY.md's tables in section 11.9, by their first cell; numbers are read back from their text. */
const section =
  Deno.readTextFileSync(`${projectRoot}/lib/STUDY.md`).match(/\*?\*?11\.9\*?\*? [\s\S]*?(?=\n\*?\*?11\.10)/)![0];
const lines = new Map(
  section.split("\n").filter((line) => line.trim().startsWith("|")).map((line) => {
    const [name, ...cells] = line.split("|").slice(1, -1).map((cell) => cell.trim());
    return [`${name} ${cells[0].includes("/") ? "table 1" : cells[0].includes("e-") ? "std" : ""}`.trim(), cells];
  }),
);
const short = (model: string) => model.replace("BERT-", "");

Deno.test("the paper's tables are those of the study's specification", () => {
  for (const model of paperModels) {
    const [mlm, ntXent] = lines.get(`${model} table 1`)!;
    const pair = (text: string) => text.split("/").map(Number);
    const { table1, table2, table3 } = paperTables, own = table1[model];
    assertEquals([own.mlm.train, own.mlm.validation], pair(mlm), model);
    assertEquals(own.ntXent && [own.ntXent.train, own.ntXent.validation], ntXent === "–" ? null : pair(ntXent), model);
    const last = lines.get(`${short(model)} L12`)!.map(Number), stds = lines.get(`${model} std`)!.map(Number);
    const name = model === "BERT" ? "BERT best (layer)" : `${short(model)} best`;
    const best = lines.get(name)!.map((cell) => cell.match(/[\d.]+/g)!.map(Number));
    tasks.forEach((task, i) => {
      assertEquals(table2[model][task], { value: last[i], std: stds[i], layer: 12 }, `${model} ${task}`);
      assertEquals(table3[model][task], { value: best[i][0], layer: best[i][1] }, `${model} ${task}`);
    });
  }
});
