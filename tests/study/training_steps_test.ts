import { assert, assertAlmostEquals, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { kinds } from "@lib/tokens/vocabulary.ts";
import {
  compareCurves,
  corpusOf,
  curvesOf,
  encoderText,
  evaluationsOf,
  modelFolder,
  mostCommonGuess,
  otherCorpusOf,
  probingPrecision,
  train,
  trained,
} from "@lib/study/training_steps.ts";
import type { StepLog } from "@lib/training/step_log.ts";
import { trainingLog } from "@lib/training/step_log.ts";
import { bfloat16Problem } from "@lib/engine/library.ts";
import { withStudy } from "../support/composed_study.ts";

Deno.test("a curve's point is the mean of the nine steps around it; validation stays as it is", () => {
  const logs = Array.from({ length: 20 }, (_, i) => ({
    step: i + 1,
    masked: (i + 1) ** 2,
    accuracy: 0.5,
    contrast: 0,
    ...(i === 9 ? { validation: { loss: 3, accuracy: 0.25 } } : {}),
  })) as StepLog[];
  const rows = curvesOf(logs),
    of = (measure: string, series = "training") =>
      rows.filter((row) => row.measure === measure && row.series === series).map(({ step, value }) => [step, value]);
  const masked = new Map(of("MLM loss, nats") as [number, number][]);
  assertAlmostEquals(masked.get(10)!, 100 + 60 / 9); // mean of (10 + d)², d from −4 to 4
  assertAlmostEquals(masked.get(1)!, (1 + 4 + 9 + 16 + 25) / 5);
  assertAlmostEquals(masked.get(20)!, (256 + 289 + 324 + 361 + 400) / 5);
  assertEquals(of("MLM accuracy").length, 20);
  assertEquals(of("NT-Xent loss, nats"), []); // plain BERT has none
  assertEquals([of("MLM loss, nats", "validation"), of("MLM accuracy", "validation")], [[[10, 3]], [[10, 0.25]]]);
});

for (const type of ["float32", "bfloat16"] as const) {
  Deno.test(`encoders trained in ${type} embed bars for probes in float32, or in ${type} if they should`, () =>
    withStudy({ training: { precision: type } }, async (study) => {
      const of = (precision: "float32" | "as-trained") =>
        probingPrecision({ ...study, recipe: { ...study.recipe, probing: { ...study.recipe.probing, precision } } });
      const offered = bfloat16Problem() === undefined ? type : "float32";
      assertEquals([await of("float32"), await of("as-trained")], ["float32", offered]);
    }));
}

Deno.test("a model is trained and measured once, whoever asks again", () =>
  withStudy({ training: { steps: 4, validateEvery: 2 } }, async (study, corpus) => {
    const { model, mlm, contrast, seconds } = await train(study, corpus, "BERT-neighbor");
    const dir = modelFolder(study, "BERT-neighbor"), logs = await trainingLog(dir);
    assertEquals([model, logs.length, seconds], ["BERT-neighbor", 4, logs[3].seconds]);
    assertEquals([contrast!.validation.order, contrast!.otherOrder.order, contrast!.dropping], [
      "song-disjoint",
      "song-order",
      null,
    ]);
    const { correct, count } = Object.values(mlm.validation.songs).reduce(
      (sum, song) => ({ correct: sum.correct + song.correct, count: sum.count + song.count }),
      { correct: 0, count: 0 },
    );
    assertAlmostEquals(mlm.validation.accuracy, correct / count); // songs and all tokens tell the same
    const validation = new Set(corpus.songs.flatMap(({ split }, song) => split === "validation" ? [song] : []));
    assert(mlm.validation.songs.every(({ song }) => validation.has(song)));
    assert(mlm.train.songs.every(({ song }) => corpus.songs[song].split === "train"));
    const weights = (await Deno.stat(`${dir}/model.safetensors`)).mtime;
    assertEquals((await train(study, corpus, "BERT-neighbor")).mlm, mlm);
    (await trained(study, corpus, "BERT-neighbor")).weights.dispose();
    assertEquals(evaluationsOf(study, ["BERT", "BERT-neighbor"]).map((one) => [one.model, one.seed, one.mlm]), [
      ["BERT-neighbor", 0, mlm],
    ]);
    assertEquals((await Deno.stat(`${dir}/model.safetensors`)).mtime, weights);
    const [masked, ntXent] = await compareCurves(study) as unknown as { data: { values: { series: string }[] } }[];
    for (const { data: { values } } of [masked, ntXent]) {
      assertEquals(new Set(values.map(({ series }) => series)), new Set(["BERT-neighbor"]));
    }
    assertStringIncludes(await encoderText(study), "2 layers of width 32 with 2 heads");
  }));

Deno.test("the guess without a model is each kind's most common training token", () =>
  withStudy({ training: { validationBars: 500 } }, async (study, corpus) => {
    const counts = new Map<number, number>();
    for (const bar of corpus.barsOf("train")) {
      for (const token of corpus.tokens(bar)) counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const guess = mostCommonGuess(study, corpus), { first, count } = kinds.Tempo;
    const tempi = Array.from({ length: count }, (_, i) => first + i);
    const [common] = tempi.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
    const bars = corpus.barsOf("validation"), hits = bars.filter((bar) => corpus.tokens(bar)[2] === common).length;
    const tempo = guess.kinds.find(({ kind }) => kind === "Tempo")!;
    // Each bar has one tempo; the chosen ones are a sample of them.
    assertGreater(tempo.count, 0);
    if (hits === 0 || hits === bars.length) assertEquals(tempo.accuracy, hits / bars.length);
    else assert(Math.abs(tempo.accuracy - hits / bars.length) < 3 * 0.5 / Math.sqrt(tempo.count));
    await Promise.resolve();
  }));

Deno.test("the songs as the other preset reads them are a store of their own, made once", () =>
  withStudy({ seed: 5 }, async (study, corpus) => {
    const other = (await otherCorpusOf(study))!;
    assertEquals([corpus.recipe.preset, other.recipe.preset, other.recipe.seed], ["sound", "authors", 5]);
    const made = (await Deno.stat(study.path("corpus-authors", "manifest.json"))).mtime;
    await otherCorpusOf(study);
    assertEquals((await Deno.stat(study.path("corpus-authors", "manifest.json"))).mtime, made);
    const again = await corpusOf(study);
    assertEquals(again.checksum, corpus.checksum);
    [other, again].forEach((each) => each.close());
    await Deno.rename(study.data, `${study.data} elsewhere`); // what was made stays
    const there = (await otherCorpusOf(study))!;
    assertEquals(there.checksum, other.checksum);
    there.close();
  }));

Deno.test("songs that have moved are not read under the other preset", () =>
  withStudy({}, async (study) => {
    await Deno.rename(study.data, `${study.data} elsewhere`);
    assertEquals(await otherCorpusOf(study), undefined);
  }));

Deno.test("songs that cannot be read are not read under the other preset", () =>
  withStudy({}, async (study) => {
    const manifest = `${study.data}/manifest.json`;
    await Deno.symlink(manifest, manifest); // a link to itself, which root cannot read either
    assertEquals(await otherCorpusOf(study).finally(() => Deno.remove(manifest)), undefined);
  }));

Deno.test("each seed is a training of its own, with weights and evaluation of its own", () =>
  withStudy({ seed: 4, training: { seeds: 2, steps: 2, validateEvery: 2 } }, async (study, corpus) => {
    const first = await train(study, corpus, "BERT");
    const folders = Array.from(Deno.readDirSync(`${study.folder}/models`), ({ name }) => name).sort();
    assertEquals(folders, ["BERT", "BERT-seed-5"]);
    const [a, b] = folders.map((name) => Deno.readFileSync(`${study.folder}/models/${name}/model.safetensors`));
    assert(a.length === b.length && a.some((byte, i) => byte !== b[i]));
    const evaluations = evaluationsOf(study, ["BERT"]);
    assertEquals(evaluations.map(({ seed }) => seed), [4, 5]);
    assertEquals(evaluations[0], first);
    const songs = evaluations.map(({ mlm }) => mlm.validation.songs.map(({ song, count }) => [song, count]));
    assertEquals(songs[0], songs[1]); // the same tokens are masked
    assert(evaluations[0].mlm.validation.loss !== evaluations[1].mlm.validation.loss);
    const [other, own] = [await trained(study, corpus, "BERT", 5), await trained(study, corpus, "BERT")];
    const [x, y] = await Promise.all([other, own].map(({ weights }) => weights.data<"float32">()));
    assert(x.some((value, i) => value !== y[i]));
    [other, own].forEach(({ weights }) => weights.dispose());
  }));
