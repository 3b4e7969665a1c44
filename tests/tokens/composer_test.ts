import { assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { chordNames } from "@lib/tokens/chords.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";
import { readScore } from "@lib/midi/read.ts";
import type { BarTable, Task } from "@lib/metrics/tasks.ts";
import { permuteLabels } from "@lib/probing/controls.ts";
import type { ProbeTables } from "@lib/probing/rows.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import type { LayerFeatures } from "@lib/probing/rows.ts";
import { stream } from "@lib/base/random.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { tempoBins } from "@lib/tokens/vocabulary.ts";
import { choices as drawn, compose, type Composed } from "../support/composer.ts";

const study = recipe("sound", "smoke", { probing: { bootstraps: 1, clusters: 20 } });

/** Bars of composed songs: what they were made of, and what reading and labelling their MIDI files says. */
function corpusOf(first: number, songs: number): { truth: Composed[]; table: BarTable<BarLabels[]> } {
  const truth: Composed[] = [], labels: BarLabels[] = [], of: number[] = [];
  for (let song = first; song < first + songs; song++) {
    const { bytes, bars } = compose(7, song, 24), read = tokenize(readScore(bytes, study), study);
    assertEquals(read.length, bars.length);
    for (const [i, bar] of read.entries()) {
      truth.push(bars[i]);
      labels.push(bar.labels);
      of.push(song);
    }
  }
  return { truth, table: { labels, songs: Int32Array.from(of) } };
}

const splits = { train: corpusOf(0, 40), validation: corpusOf(40, 12), test: corpusOf(52, 16) };
const all = Object.values(splits).flatMap(({ truth, table }) =>
  truth.map((bar, i) => ({ bar, labels: table.labels[i] }))
);

Deno.test("a composed bar's groove, instruments, tempo, dynamics and durations are read as they were written", () => {
  for (const { bar, labels } of all) {
    assertEquals(labels.groove, bar.groove);
    assertEquals(labels.instruments, bar.instruments);
    assertEquals(tempoBins[labels.tempoBin], bar.tempo);
    assertAlmostEquals(labels.meanVelocity!, bar.velocity, 2); // half a bin
    assertAlmostEquals(labels.meanDurationQuarters!, bar.duration / 12, 1e-12);
  }
});

Deno.test("what a composed song is made of is drawn independently", () => {
  const names = ["root", "offbeat", "drums", "piano", "tempo", "velocity", "duration"] as const;
  const columns = all.map(({ bar }) => [
    Math.floor(chordNames.indexOf(bar.chord) / 7),
    Number(bar.groove.includes(18)),
    Number(bar.instruments.includes(128)),
    Number(bar.instruments.includes(0)),
    bar.tempo,
    bar.velocity,
    bar.duration,
  ]);
  const rows = columns.length, mean = names.map((_, i) => columns.reduce((sum, row) => sum + row[i], 0) / rows);
  const product = (i: number, j: number) =>
    columns.reduce((sum, row) => sum + (row[i] - mean[i]) * (row[j] - mean[j]), 0) / rows;
  for (let i = 0; i < names.length; i++) {
    assertGreater(product(i, i), 0);
    for (let j = 0; j < i; j++) {
      const r = product(i, j) / Math.sqrt(product(i, i) * product(j, j));
      assertLess(Math.abs(r), 4 / Math.sqrt(rows), `${names[i]} and ${names[j]}`); // four standard errors
    }
  }
});

Deno.test("chord recognition finds the chords that were written, but for those that are alike from several roots", () => {
  const share = (qualities: string[]) => {
    const of = all.filter(({ bar }) => qualities.includes(bar.chord.split(":")[1]));
    const missed = of.filter(({ bar, labels }) => !labels.chords.includes(chordNames.indexOf(bar.chord))).length;
    const more = of.filter(({ bar, labels }) => labels.chords.some((chord) => chordNames[chord] !== bar.chord)).length;
    return { missed: missed / of.length, more: more / of.length, bars: of.length };
  };
  const found = { fifth: share(["maj", "min", "dom7", "maj7", "min7"]), dim: share(["dim"]), aug: share(["aug"]) };
  const text = (n: number) => `${(100 * n).toFixed(1)}%`;
  for (const [name, { missed, more, bars }] of Object.entries(found)) {
    console.log(
      `${bars} composed bars (${name}): ${text(missed)} miss their chord, ${text(more)} hold another as well`,
    );
  }
  // Every beat is played in full, so that a window of one beat holds the chord and nothing else: where a fifth makes
  // it sure of its root, only windows across bar lines can err. A diminished chord has none, and longer windows may
  // win. An augmented one is the same three tones from three roots, of which the lowest is named: two thirds miss.
  assertLess(found.fifth.missed, 0.02);
  assertLess(found.fifth.more, 0.05);
  assertLess(found.dim.missed, 0.15);
  assertLess(Math.abs(found.aug.missed - 2 / 3), 0.15);
});

const names = ["C", "GP", "I", "T", "MV", "MD"] as const;
type Planted = typeof names[number];

/** Features that hold one thing about each bar, mixed into 24 columns of noise. */
function plant(truth: Composed[], what: Planted, split: string): Float32Array {
  const mix = stream(3, "mixing", what), noise = stream(4, "noise", what, split), columns = 24;
  const code = (bar: Composed): number[] => {
    const [root, quality] = bar.chord.split(":"), id = chordNames.indexOf(`${root}:maj`) / 7;
    if (what === "C") {
      return [...Array(12).keys()].map((r) => Number(r === id)).concat(
        chordNames.slice(0, 7).map((name) => Number(name === `C:${quality}`)),
      );
    }
    if (what === "GP") return drawn.offbeats.map((position) => Number(bar.groove.includes(position)));
    if (what === "I") return [...drawn.programs, 128].map((instrument) => Number(bar.instruments.includes(instrument)));
    if (what === "T") return drawn.tempi.map((bpm) => Number(bpm === bar.tempo));
    return [what === "MV" ? bar.velocity / 40 : bar.duration / 2];
  };
  const width = code(truth[0]).length, matrix = Array.from({ length: width * columns }, () => mix.uniform() - 0.5);
  return Float32Array.from(truth.flatMap((bar) => {
    const held = code(bar);
    return Array.from(
      { length: columns },
      (_, c) => held.reduce((sum, value, i) => sum + value * matrix[i * columns + c], 0.02 * (noise.uniform() - 0.5)),
    );
  }));
}

const metrics: Record<Planted, string> = {
  C: "aucWeighted",
  GP: "aucWeighted",
  I: "aucWeighted",
  T: "accuracy",
  MV: "r2",
  MD: "r2",
};

async function scores(what: Planted, tables: ProbeTables): Promise<Record<Planted, number>> {
  const features: LayerFeatures = {
    columns: 24,
    train: plant(splits.train.truth, what, "train"),
    validation: plant(splits.validation.truth, what, "validation"),
    test: plant(splits.test.truth, what, "test"),
  };
  const meta = { model: "planted", seed: 0, layer: 1, layers: "one", pooling: "bar", input: "trained" } as const;
  const rows = await probeLayer(features, tables, study, meta, { tasks: names, protocols: ["sound"] });
  const of = (task: Task) =>
    rows.find((row) => row.task === task && row.metric === metrics[task as Planted] && row.split === "test")!.value;
  return Object.fromEntries(names.map((task) => [task, of(task)])) as Record<Planted, number>;
}

const tables: ProbeTables = { train: splits.train.table, validation: splits.validation.table, test: splits.test.table };
const shuffled = (draw: number): ProbeTables => ({
  ...tables,
  train: permuteLabels(splits.train.table, "bars", 2 * draw),
  validation: permuteLabels(splits.validation.table, "bars", 2 * draw + 1),
});
/** What knows nothing scores, and what a probe must reach that is given the answer. */
const guess: Record<Planted, number> = { C: 0.5, GP: 0.5, I: 0.5, T: 1 / drawn.tempi.length, MV: 0, MD: 0 };
const reached: Record<Planted, number> = { C: 0.85, GP: 0.99, I: 0.99, T: 0.99, MV: 0.99, MD: 0.99 };
const DRAWS = 6;

for (const what of names) {
  Deno.test(`features that hold ${what} alone: its probe finds it, the others what shuffled labels give`, async () => {
    const honest = await scores(what, tables), nulls: Record<Planted, number>[] = [];
    for (let draw = 0; draw < DRAWS; draw++) nulls.push(await scores(what, shuffled(draw)));
    for (const task of names) {
      const values = nulls.map((scores) => scores[task]), mean = values.reduce((sum, value) => sum + value / DRAWS, 0);
      const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (DRAWS - 1));
      const text = `${task}: ${honest[task]}, shuffled ${mean} ± ${std}`;
      // Four standard errors; a fit on 960 bars to noise of 24 columns costs R² some 0.03.
      assertLess(Math.abs(mean - guess[task]), 4 * std / Math.sqrt(DRAWS) + 0.05, text);
      if (task !== what) assertLess(Math.abs(honest[task] - mean), 4 * std + 0.05, text);
      else assertGreater(honest[task], Math.max(reached[task], mean + 3 * std), text);
    }
  });
}
