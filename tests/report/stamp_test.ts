import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { stampOf } from "@lib/report/stamp.ts";
import { withStudy } from "../support/composed_study.ts";

Deno.test("the stamp has the run's choices, songs, store, times and libraries", () =>
  withStudy({ seed: 4, training: { steps: 9 } }, async (study, corpus) => {
    const libraries = await Deno.makeTempDir();
    await Deno.writeTextFile(`${libraries}/stamp.json`, '{"package":"tensorflow-cpu","version":"9.8.7"}');
    const runs = [{ notebook: "01_tokenize", seconds: 65 }, { notebook: "02_train_bert", seconds: 3600 }];
    const stamp = await stampOf(study, runs, libraries);
    await Deno.remove(libraries, { recursive: true });
    assertEquals([stamp.preset, stamp.scale, stamp.seed], ["sound", "smoke", "4"]);
    assertEquals(stamp.songs, `songs (12 songs, ${corpus.bars} bars)`); // a folder's name, not the machine's paths
    assertEquals(stamp["changed from the preset"], "seed = 4, training.steps = 9");
    assertEquals(stamp["corpus, SHA-256"], corpus.checksum);
    assertEquals(stamp.minutes, "01_tokenize 1:05, 02_train_bert 1:00:00, all 1:01:05");
    assertEquals(stamp.libtensorflow, "tensorflow-cpu 9.8.7");
    const time = (text: string) => Date.parse(text.replace(" UTC", "Z").replace(" ", "T"));
    const minutes = (time(stamp.ended) - time(stamp.started)) / 60_000;
    assert(minutes === 61 || minutes === 62, `${minutes}`); // of 61:05, both ends cut to whole minutes
    assertMatch(stamp.Deno, /^\d+\.\d+\.\d+ \(V8 .*, TypeScript .*\)$/);
    assertEquals(stamp["products of training"], "float32"); // not begun: as the recipe says
    const precision = { precision: "bfloat16", reason: "the faster here" };
    await study.once("precision", { model: study.recipe.model, precision: "float32" }, () => precision);
    const begun = await stampOf(study, runs, "/nowhere");
    assertEquals(begun["products of training"], "bfloat16 (the faster here)");
    assertStringIncludes(stamp.packages, "vega@");
    assertEquals(Object.keys(stamp).slice(0, 4), ["preset", "scale", "seed", "songs"]); // the page's head
  }));

Deno.test("songs of the project are named by their place in it, and an unchanged preset says so", () =>
  withStudy({}, async (study) => {
    const { projectRoot } = await import("@lib/base/project.ts");
    const stamp = await stampOf({ ...study, data: `${projectRoot}/data/freedoom` }, [], "/nowhere");
    assertMatch(stamp.songs, /^data\/freedoom \(/);
    assertEquals(stamp["changed from the preset"], "nothing");
  }));
