import { assert, assertEquals, assertRejects } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { UserError } from "@lib/base/user_error.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { composeConcepts } from "@lib/probing/concepts/compose.ts";
import { handFeatureLine, lineOf, tokenCountLine } from "@lib/probing/rows.ts";
import { probeConceptsOf, probeGivenConcepts } from "@lib/study/concepts.ts";
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

Deno.test("files of composed bars are probed in a run once, with what their vectors hold", () =>
  withStudy({ probing: { conceptBars: 60, bootstraps: 20 } }, async (study) => {
    const folder = study.path("files", "x").slice(0, -2), { bars, corpus } = composeConcepts(study.recipe);
    const write = async (name: string, left: number) => {
      const npy = createNpy(`${folder}/${name}.npy`, bars.length - left, 24), lines = ["song,bar"];
      for (const [bar, { values: [a, b] }] of bars.slice(left).entries()) { // the truth of every design
        npy.append(Float32Array.from({ length: 24 }, (_, i) => Number(i === a || i === 12 + b)));
        lines.push(`${corpus.songs[corpus.song(bar + left)].file},${corpus.barIndex(bar + left)}`);
      }
      npy.finish();
      await Deno.writeTextFile(`${folder}/${name}.csv`, lines.join("\n"));
      return `${folder}/${name}.npy`;
    };
    const path = await write("truth", 0), { rows, lines, notes } = await probeGivenConcepts(study, [path]);
    assertEquals([lines, rows.length], [[lineOf("truth", { layers: "none" })], 16]);
    assert(rows.every(({ value }) => value === 1));
    assertEquals(notes.length, 1);
    const record = () => JSON.parse(Deno.readTextFileSync(study.path("steps", "concepts-truth.json")));
    const before = record();
    assertEquals((await probeGivenConcepts(study, [path])).rows, rows);
    assertEquals(record(), before);
    await write("truth", 1);
    assertEquals((await probeGivenConcepts(study, [path])).notes.length, 2); // a bar is missing
    assert(record().key !== before.key);
    const refused = async () => await probeGivenConcepts(study, [await write("BERT", 0)]);
    await assertRejects(refused, UserError, "expected a name that no model of the run has, found BERT");
    assert(!exists(`${study.folder}/probes/concepts-truth`));
  }));
