import { assert, assertEquals } from "@std/assert";
import { modelLine, writeProbeTables } from "@lib/cli/encoders/probe_report.ts";
import { lineOf } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { withFolder } from "../../support/folder.ts";
import { plantedRows } from "../../support/planted_rows.ts";

Deno.test("tables and drawings show models with many layers and with one, beside the baselines that there are", () =>
  withFolder(async (folder) => {
    const planted = plantedRows({ poolings: ["bar"] });
    const single = planted.filter(({ model, layer, labels, layers }) =>
      model === "BERT-aug" && layer === 2 && labels === "true" && layers === "one"
    ).map((row) => ({ ...row, model: "single", layer: null, layers: "none" as const, pooling: "none" }));
    const rows = [...planted, ...single];
    assertEquals(modelLine(rows, "BERT"), lineOf("BERT"));
    assertEquals(modelLine(rows, "single"), lineOf("single", { layers: "none" }));
    const text = await writeProbeTables(
      folder,
      rows,
      ["BERT", "single"],
      ["9 bars are probed."],
      recipe("sound", "smoke"),
    );
    assert(text.includes("BERT") && text.includes("single") && !text.includes("hand-made"), text);
    const tables = await Deno.readTextFile(`${folder}/tables.md`);
    for (
      const part of ["# BERT, single", "- 9 bars are probed.", "bag of tokens", "BERT, control task", "minus the bag"]
    ) {
      assert(tables.includes(part), part);
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names, ["layers-authors.svg", "layers-sound.svg", "tables.md"]);
  }));
