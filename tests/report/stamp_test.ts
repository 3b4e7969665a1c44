import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { stampOf } from "@lib/report/stamp.ts";
import { withStudy } from "../support/composed_study.ts";

Deno.test("the stamp has the run's choices, songs, store, times and libraries", () =>
  withStudy({ seed: 4, training: { steps: 9 } }, async (study, corpus) => {
    const libraries = await Deno.makeTempDir();
    await Deno.writeTextFile(`${libraries}/stamp.json`, '{"package":"tensorflow-cpu","version":"9.8.7"}');
    const seconds = { store: 65, training: 3600 }, began = Date.parse("2026-01-02T03:04:05Z");
    const times = { began, ended: began + 2_000_000, seconds, threads: [1, 2] };
    const stamp = await stampOf(study, times, libraries);
    await Deno.remove(libraries, { recursive: true });
    assertEquals([stamp.preset, stamp.scale, stamp.seed], ["sound", "smoke", "4"]);
    assertEquals(stamp.songs, `songs (12 songs, ${corpus.bars} bars)`); // a folder's name, not the machine's paths
    assertEquals(stamp["changed from the preset"], "seed = 4, training.steps = 9");
    assertEquals(stamp["corpus, SHA-256"], corpus.checksum);
    assertEquals(stamp["minutes of work"], "store 1:05, training 1:00:00, all 1:01:05");
    assertEquals([stamp.started, stamp.ended], ["2026-01-02 03:04 UTC", "2026-01-02 03:37 UTC"]);
    assertEquals(stamp["threads of a job"], "1, 2");
    assertEquals(stamp.libtensorflow, "tensorflow-cpu 9.8.7");
    assertMatch(stamp.Deno, /^\d+\.\d+\.\d+ \(V8 .*, TypeScript .*\)$/);
    assertEquals(stamp["products of training"], "float32"); // not begun: as the recipe says
    const precision = { precision: "bfloat16", reason: "the faster here" };
    await study.once("precision", { model: study.recipe.model, precision: "float32" }, () => precision);
    const begun = await stampOf(study, times, "/nowhere");
    assertEquals(begun["products of training"], "bfloat16 (the faster here)");
    assertStringIncludes(stamp.packages, "vega@");
    assertEquals(Object.keys(stamp).slice(0, 4), ["preset", "scale", "seed", "songs"]); // the page's head
  }));

const none = { began: 0, ended: 0, seconds: {}, threads: [] };

Deno.test("songs of the project are named by their place in it, and an unchanged preset says so", () =>
  withStudy({}, async (study) => {
    const { projectRoot } = await import("@lib/base/project.ts");
    const stamp = await stampOf({ ...study, data: `${projectRoot}/data/freedoom` }, none, "/nowhere");
    assertMatch(stamp.songs, /^data\/freedoom \(/);
    assertEquals(stamp["changed from the preset"], "nothing");
  }));
