import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { encode } from "@lib/bert/bert.ts";
import { loadCheckpoint } from "@lib/bert/checkpoint.ts";
import { modelNames } from "@lib/bert/variants.ts";
import type { Corpus } from "@lib/corpus/store.ts";
import {
  belowChance,
  commonLabels,
  commonRows,
  nearest,
  sharedText,
  similarBarFigures,
  similarBarMap,
  type SimilarBars,
  similarBars,
} from "@lib/study/similar_bars.ts";
import { modelFolder } from "@lib/study/training_steps.ts";
import { notesOf } from "@lib/tokens/bar_format.ts";
import { drums } from "@lib/tokens/vocabulary.ts";
import { plantModels, withStudy } from "../support/composed_study.ts";

/** A bar's state of its Bar token in the last layer, encoded alone and without pads. */
async function embeddingsOf(dir: string, corpus: Corpus, bars: number[]): Promise<Float32Array[]> {
  const model = await loadCheckpoint(dir), rows: Float32Array[] = [];
  for (const bar of bars) {
    const tokens = Int32Array.from(corpus.tokens(bar));
    const states = await encode(model, tokens, [tokens.length]);
    rows.push(states.at(-1)!.slice(0, model.config.hidden));
  }
  model.weights.dispose();
  return rows;
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.hypot(...a) / Math.hypot(...b);
}

Deno.test("each model's neighbors are the nearest bars of other songs, as each bar encoded alone says", () =>
  withStudy({ split: { train: 0.4, validation: 0.3 } }, async (study, corpus) => {
    await plantModels(study);
    const found = await similarBars(study, corpus, { queries: 2, count: 2, barsPerSong: 3 });
    const { bars, queries, models } = found;
    const perSong = Map.groupBy(bars, corpus.song);
    assert(bars.every((bar) => corpus.songs[corpus.song(bar)].split !== "train"));
    assert([...perSong.values()].every((own) => own.length <= 3) && perSong.size > 3);
    assertEquals(queries.length, 2);
    assertEquals(new Set(queries.map((row) => corpus.song(bars[row]))).size, 2);
    for (const row of queries) {
      assertEquals(corpus.songs[corpus.song(bars[row])].split, "test");
      const { instruments, chords } = corpus.labels(bars[row]);
      assert(instruments.includes(drums) && instruments.length >= 3 && chords.length > 0);
    }
    assertEquals(models.map(({ model }) => model), [...modelNames]);
    for (const { model, neighbors } of [models[0], models[3]]) {
      const embedded = await embeddingsOf(modelFolder(study, model), corpus, bars);
      queries.forEach((row, q) => {
        const music = (bar: number) =>
          notesOf(corpus.tokens(bar)).map((n) => [n.position, n.pitch, n.instrument === 128]).join();
        const others = bars.map((bar, other) => ({
          row: other,
          bar,
          similarity: cosine(embedded[row], embedded[other]),
        }))
          .filter(({ bar }) => corpus.songs[corpus.song(bar)].cluster !== corpus.songs[corpus.song(bars[row])].cluster)
          .sort((a, b) => b.similarity - a.similarity);
        const own = music(bars[row]);
        const near = others.filter(({ bar }, i) => {
          const before = [own, ...others.slice(0, i).map((other) => music(other.bar))];
          return !before.includes(music(bar)); // of bars with the same music the first
        }).slice(0, 2);
        assertEquals(neighbors[q].map((one) => one.row), near.map((one) => one.row));
        neighbors[q].forEach(({ similarity }, i) => assertAlmostEquals(similarity, near[i].similarity, 1e-4));
      });
    }
    // Means over all bars, of shares from 0 to 1; the same bars again give the stored result.
    for (const { tempo, groove } of commonRows(found)) assert(tempo >= 0 && tempo <= 1 && groove > 0 && groove <= 1);
    const again = await similarBars(study, corpus, { queries: 2, count: 2, barsPerSong: 3 });
    assertEquals(again, found);
    const all = await similarBars(study, corpus, { queries: 1, count: 40, among: "all songs", barsPerSong: 3 });
    const own = corpus.song(bars[queries[0]]);
    assert(all.models[0].neighbors[0].some(({ row }) => corpus.song(all.bars[row]) === own), "its own song's bars");
  }));

Deno.test("tables, figures and maps keep models, bars and labels in their places", () =>
  withStudy({}, async (_, corpus) => {
    const bars = [0, 9, 17, 25], share = (value: number) => ({ groove: value, instruments: 0, chords: null, tempo: 1 });
    const neighbor = (row: number, similarity: number) => ({ row, similarity });
    const map = (x: number[], shares: number[]) => ({ x, y: x.map((value) => -value), shares });
    const planted: SimilarBars = {
      bars,
      queries: [1],
      chance: share(0.25),
      models: [
        {
          model: "BERT",
          neighbors: [[neighbor(3, 0.9), neighbor(0, 0.8)]],
          common: share(0.5),
          reference: 0.625,
          map: map([1, 2, 3, 4], [0.5, 0.3]),
        },
        {
          model: "BERT-aug",
          neighbors: [[neighbor(2, 0.7)]],
          common: share(0.125),
          reference: 0.5,
          map: map([5, 6, 7, 8], [0.2, 0.1]),
        },
      ],
    };
    assertEquals(commonRows(planted).map(({ model, groove }) => [model, groove]), [
      ["BERT", 0.5],
      ["BERT-aug", 0.125],
      ["a random other bar", 0.25],
    ]);
    const [{ data }] = similarBarFigures(corpus, planted), html = String(data["text/html"]);
    const name = (bar: number) => {
      const { file } = corpus.songs[corpus.song(bar)];
      return `${file.replace(".mid", "")}, bar ${corpus.barIndex(bar)}`;
    };
    const places = [
      ...["BERT<br>", "random pair: cosine 0.63", "BERT-aug<br>", `${name(9)}</figcaption>`],
      ...[`${name(25)}<br>cosine 0.900<br>shares`, `${name(17)}<br>cosine 0.700`, `${name(0)}<br>cosine 0.800`],
    ].map((text) => html.indexOf(text));
    assert(places.every((place, i) => place > (places[i - 1] ?? 0)), `${places}`);
    const { data: { values } } = similarBarMap(corpus, planted, "song") as unknown as {
      data: { values: { model: string; x: number; y: number; label: string }[] };
    };
    const fileOf = (bar: number) => corpus.songs[corpus.song(bar)].file;
    assertEquals(
      values.slice(0, 4).map(({ x, y, label }) => [x, y, label]),
      bars.map((bar, i) => [
        i + 1,
        -i - 1,
        fileOf(bar),
      ]),
    );
    assertEquals(values.map(({ x }) => x), [1, 2, 3, 4, 5, 6, 7, 8]);
    assertEquals([...new Set(values.map(({ model }) => model))], [
      "BERT (80% of the variance)",
      "BERT-aug (30% of the variance)",
    ]);
    assertEquals([...html.matchAll(/<audio /g)].length, 4);
    const below = belowChance(planted);
    assertEquals(
      below,
      "In BERT-aug nearest neighbors share less than random pairs do in groove (0.125 against 0.250).",
    );
    await Promise.resolve();
  }));

const labels = {
  chords: [0, 69],
  groove: [0, 12, 24],
  instruments: [30, 128],
  tempoBin: 16,
  meanVelocity: 70,
  meanDuration: 5,
  meanDurationQuarters: 0.5,
};

Deno.test("planted neighbors are found in their order, whatever the rows' lengths", () => {
  const random = stream(1, "planted"), columns = 16, rows = 40;
  const data = Float32Array.from({ length: rows * columns }, () => random.uniform() - 0.5);
  const planted = [[7, 0.01], [31, 0.1], [3, 0.4]]; // row, how far it is turned away from row 0
  for (const [row, away] of planted) {
    const length = 0.1 + 10 * random.uniform();
    for (let c = 0; c < columns; c++) {
      data[row * columns + c] = length * (data[c] + away * (random.uniform() - 0.5));
    }
  }
  const found = nearest({ rows, columns, data }, 0, 3);
  assertEquals(found.map(({ row }) => row), [7, 31, 3]);
  assert(found[0].similarity > 0.999 && found[0].similarity <= 1 + 1e-6);
  assertEquals(nearest({ rows, columns, data }, 0, 2, (row) => row !== 7).map(({ row }) => row), [
    31,
    3,
  ]);
  const opposite = Float32Array.of(1, 2, -2, -4, 0, 0, 2, -1);
  const cosines = nearest({ rows: 4, columns: 2, data: opposite }, 0, 3);
  assertEquals(cosines.map(({ row }) => row), [2, 3, 1]);
  [0, 0, -1].forEach((expected, i) => assertAlmostEquals(cosines[i].similarity, expected));
  assertThrows(() => nearest({ rows, columns, data }, 40, 1), RangeError, "found 40");
});

Deno.test("what bars have in common is 1 for the same labels and 0 for others", () => {
  assertEquals(commonLabels(labels, labels), { groove: 1, instruments: 1, chords: 1, tempo: 1 });
  const other = { ...labels, chords: [0], groove: [0, 6], instruments: [0], tempoBin: 17 };
  assertEquals(commonLabels(labels, other), { groove: 0.25, instruments: 0, chords: 0.5, tempo: 0 });
  assertEquals(commonLabels({ ...labels, chords: [] }, { ...labels, chords: [] }).chords, null);
});

Deno.test("what two bars share is said in words", () => {
  assertEquals(
    sharedText({ groove: 0.5, instruments: 1 / 3, chords: 0, tempo: 1 }),
    "shares 50% of groove, 33% of instruments, no chords, the tempo",
  );
  assertEquals(
    sharedText({ groove: 1, instruments: 0, chords: null, tempo: 0 }),
    "shares 100% of groove, no instruments, not the tempo",
  );
});
