import { assert, assertAlmostEquals, assertEquals, assertLess, assertStringIncludes, assertThrows } from "@std/assert";
import { bestTestRow } from "@lib/findings/best_layer.ts";
import { tableRows } from "@lib/findings/table_rows.ts";
import { lineOf } from "@lib/probing/rows.ts";
import { probe } from "@lib/study/probing_steps.ts";
import { worstBarFigures, worstBars, worstOf } from "@lib/study/worst_bars.ts";
import { withStudy } from "../support/composed_study.ts";

Deno.test("the largest errors come first, one of each song, beside the error over all bars", () => {
  const predictions = [
    { bar: 0, truth: 10, read: 12 },
    { bar: 1, truth: 10, read: 4 },
    { bar: 2, truth: 5, read: 5 },
    { bar: 3, truth: 0, read: 5 },
    { bar: 4, truth: 7, read: 10 },
  ];
  const songOf = (bar: number) => [8, 8, 9, 8, 9][bar];
  const { worst, rmse } = worstOf(predictions, songOf, 3);
  assertEquals(worst.map(({ bar }) => bar), [1, 4]); // bar 3 errs by 5, but shares bar 1's song
  assertAlmostEquals(rmse, Math.sqrt((4 + 36 + 0 + 25 + 9) / 5));
  assertEquals(worstOf(predictions, (bar) => bar, 3).worst.map(({ bar }) => bar), [1, 3, 4]);
});

Deno.test("the probe behind the worst bars is the one whose error stands in the results table", () =>
  withStudy({ probing: { layerMix: "none" } }, async (study, corpus) => {
    const rows = tableRows(await probe(study, corpus, "BERT"), "bar");
    const [velocity, duration] = await worstBars(study, corpus, rows, "BERT", { count: 2 });
    assertEquals([velocity.task, duration.task], ["MV", "MD"]);
    for (const { task, rmse, bars, worst, layer } of [velocity, duration]) {
      const row = bestTestRow(rows, lineOf("BERT"), task, "sound")!;
      assertEquals([layer, bars], [row.layer, row.rows]);
      assertLess(Math.abs(rmse - row.value), 1e-3 * row.value); // float32 in other batches
      const label = ({ bar }: { bar: number }) => {
        const { meanVelocity, meanDuration } = corpus.labels(bar);
        return task === "MV" ? meanVelocity : meanDuration;
      };
      assertEquals(worst.map(({ truth }) => truth), worst.map(label));
      assertEquals(new Set(worst.map(({ bar }) => corpus.song(bar))).size, worst.length);
      assert(worst.every(({ bar }) => corpus.songs[corpus.song(bar)].split === "test"));
    }
    const html = String(worstBarFigures(corpus, velocity).data["text/html"]), [{ truth, read }] = velocity.worst;
    assertStringIncludes(html, `BERT, layer ${velocity.layer}: the test bars with the largest errors in mean velocity`);
    assertStringIncludes(html, `mean velocity ${truth.toFixed(0)}, predicted ${read.toFixed(0)}`);
    assertStringIncludes(String(worstBarFigures(corpus, duration).data["text/plain"]), "mean duration, bins");
    assertThrows(() => worstBars(study, corpus, [], "BERT"), RangeError, "probe of MV in BERT");
  }));

Deno.test("a model's probing leaves the worst bars that notebook 4 asks for, equal to those embedded anew", () =>
  withStudy({ probing: { layerMix: "none" } }, async (study, corpus) => {
    const rows = tableRows(await probe(study, corpus, "BERT"), "bar"), steps = study.path("steps");
    const before = Deno.readTextFileSync(`${steps}/mistakes-BERT.json`);
    const notebook = Deno.readTextFileSync(new URL("../../notebooks/04_probe_layers.ipynb", import.meta.url));
    const [, asked] = notebook.match(/worstBars\(study, corpus, rows, \\"BERT\\", (\{.*?\})\)/)!;
    const options = JSON.parse(asked.replaceAll('\\"', '"').replaceAll(/(\w+):/g, '"$1":'));
    const kept = await worstBars(study, corpus, rows, "BERT", options);
    assertEquals(Deno.readTextFileSync(`${steps}/mistakes-BERT.json`), before); // nothing was done again
    const anew = await worstBars(study, corpus, rows, "BERT", { ...options, count: options.count + 1 });
    kept.forEach(({ rmse, worst, ...rest }, i) => {
      const { rmse: wanted, worst: more, ...others } = anew[i];
      assertEquals(rest, others);
      assertLess(Math.abs(rmse - wanted), 1e-3 * wanted); // float32 in other batches
      assertEquals(worst.map(({ bar }) => bar), more.slice(0, options.count).map(({ bar }) => bar));
    });
  }));
