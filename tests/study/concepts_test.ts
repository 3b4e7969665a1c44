import { assert, assertEquals } from "@std/assert";
import { handFeatureLine, tokenCountLine } from "@lib/probing/rows.ts";
import { probeConceptsOf } from "@lib/study/concepts.ts";
import { openStudy } from "@lib/study/study.ts";
import { plantModels, withStudy } from "../support/composed_study.ts";

Deno.test("a run's models, an untrained one and the baselines are probed for concepts once; other bars make them anew", () =>
  withStudy({ probing: { conceptBars: 60, bootstraps: 20 } }, async (study, corpus) => {
    await plantModels(study);
    const rows = await probeConceptsOf(study, corpus, ["BERT"]);
    const names = ["BERT", "untrained", handFeatureLine.model, tokenCountLine.model];
    assertEquals([...new Set(rows.map(({ model }) => model))], names);
    assertEquals(rows.filter(({ model }) => model === "BERT").length, 16 * (study.recipe.model.layers + 1));
    const value = (model: string) => rows.find((row) => row.model === model && row.concept === "interval")!;
    assert(value(handFeatureLine.model).value > 0.9);
    assert(rows.filter(({ layer }) => layer === 0).every(({ value, chance }) => value < chance + 0.2)); // the same Bar token
    const record = () => JSON.parse(Deno.readTextFileSync(study.path("steps", "concepts-BERT.json")));
    const before = record();
    assertEquals(await probeConceptsOf(study, corpus, ["BERT"]), rows);
    assertEquals(record(), before);
    const probing = (conceptBars: number) => ({ ...study.recipe, probing: { ...study.recipe.probing, conceptBars } });
    const open = (bars: number) =>
      openStudy({ name: study.name, runs: study.folder.replace(/\/[^/]*$/, ""), recipe: probing(bars) });
    assertEquals(await probeConceptsOf(open(0), corpus, ["BERT"]), []);
    await probeConceptsOf(open(120), corpus, ["BERT"]);
    assert(record().key !== before.key);
  }));
