import { assert, assertEquals } from "@std/assert";
import { measureUseOf } from "@lib/study/model_use.ts";
import { openStudy } from "@lib/study/study.ts";
import { plantModels, withStudy } from "../support/composed_study.ts";

Deno.test("what a run's model uses is measured once, for the layers whose states others read", () =>
  withStudy({ probing: { usedBars: 12, usedControls: 1, bootstraps: 10 } }, async (study, corpus) => {
    await plantModels(study);
    const rows = await measureUseOf(study, corpus, ["BERT", "untrained"]);
    assertEquals([...new Set(rows.map(({ model }) => model))], ["BERT", "untrained"]);
    assertEquals([...new Set(rows.map(({ layer }) => layer))], [1]); // of two layers
    assert(rows.every(({ rank, columns, count }) => rank > 0 && rank <= columns / 4 && count > 0));
    assert(rows.some(({ task }) => task === "MV") && rows.some(({ tokens }) => tokens === "others"));
    const record = () => JSON.parse(Deno.readTextFileSync(study.path("steps", "use-BERT.json")));
    const before = record();
    assertEquals(await measureUseOf(study, corpus, ["BERT", "untrained"]), rows);
    assertEquals(record(), before);
    const recipe = { ...study.recipe, probing: { ...study.recipe.probing, usedBars: 0 } };
    const off = openStudy({ name: study.name, runs: study.folder.replace(/\/[^/]*$/, ""), recipe });
    assertEquals(await measureUseOf(off, corpus, ["BERT"]), []);
  }));
