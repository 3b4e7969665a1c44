import { assert, assertAlmostEquals, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { splits } from "@lib/corpus/split.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { readRows } from "@lib/matrix/rows.ts";
import type { BarTable } from "@lib/metrics/tasks.ts";
import {
  barFeatures,
  barType,
  controlTask,
  drawBars,
  permuteLabels,
  tokenCounts,
  withControls,
} from "@lib/probing/controls.ts";
import { probeLayer } from "@lib/probing/probe.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { BarLabels } from "@lib/tokens/labels.ts";
import { vocabulary } from "@lib/tokens/vocabulary.ts";
import { features, find, meta, study, tables } from "../support/planted_tables.ts";

const multiset = (labels: BarLabels[], of: (bar: BarLabels) => unknown) => labels.map((bar) => String(of(bar))).sort();

Deno.test("a drawing takes each song's bars at most once and no more than told, another each time", () => {
  const draws = drawBars(tables, study);
  assertEquals(draws.length, 3);
  for (const { train, test } of draws) {
    assertEquals([train.length, test.length], [25 * 4, 10 * 3]);
    for (const [rows, songs, most] of [[train, tables.train.songs, 4], [test, tables.test.songs, 3]] as const) {
      assertEquals(new Set(rows).size, rows.length);
      const counts = Map.groupBy(rows, (row) => songs[row]);
      assert([...counts.values()].every((held) => held.length === most));
    }
  }
  assertNotEquals([...draws[0].train], [...draws[1].train]);
  assertEquals(drawBars(tables, study), draws);
});

Deno.test("a drawing of 0 bars of a song is of all of them", () => {
  const [draw] = drawBars(
    tables,
    recipe("sound", "smoke", { probing: { draws: 1, drawnTrainBars: 0, drawnTestBars: 2 } }),
  );
  assertEquals([...draw.train], [...tables.train.labels.keys()]);
  assertEquals(draw.test.length, 20);
});

Deno.test("permuted labels are the same labels on other bars, song after song", () => {
  for (const by of ["songs", "bars"] as const) {
    const { labels, songs } = permuteLabels(tables.train, by, 0), own = tables.train.labels;
    assertEquals(songs, tables.train.songs);
    const asked = [
      (bar: BarLabels) => bar.tempoBin,
      (bar: BarLabels) => bar.chords,
      (bar: BarLabels) => bar.meanVelocity,
    ];
    for (const answer of asked) assertEquals(multiset(labels, answer), multiset(own, answer));
    assertEquals(labels.map(({ chords }) => chords.length), own.map(({ chords }) => chords.length));
    const kept = labels.filter((bar, r) => bar.meanDuration === own[r].meanDuration).length;
    assertLess(kept, own.length / 5);
    const place = new Map(own.map(({ meanDuration }, r) => [meanDuration, r]));
    const runs = labels.slice(1).filter((bar, r) =>
      place.get(bar.meanDuration) === place.get(labels[r].meanDuration)! + 1
    );
    if (by === "songs") assert(runs.length > 0.85 * own.length, `${runs.length} bars follow the one before`);
    else assertLess(runs.length, 0.1 * own.length);
  }
});

Deno.test("a control task gives a type one answer wherever it stands, spread as the true ones are", () => {
  const types = (table: BarTable<BarLabels[]>) => table.labels.map((_, r) => (7 * r) % 40);
  const of = { train: types(tables.train), validation: types(tables.validation), test: types(tables.test) };
  const control = controlTask(tables, of, 0), answers = new Map<number, unknown>();
  const chordsOf = new Map<number, number[]>();
  for (const split of splits) {
    control[split].labels.forEach(({ chords, ...rest }, r) => {
      assertEquals(chords.length > 0, tables[split].labels[r].chords.length > 0);
      const given = chordsOf.get(of[split][r]) ?? chords;
      if (chords.length > 0) { // also of bars with one chord
        chordsOf.set(of[split][r], given);
        assertEquals(chords, given);
      }
      const known = answers.get(of[split][r]) ?? rest;
      assertEquals(rest, known);
      answers.set(of[split][r], known);
    });
  }
  assert(new Set([...answers.values()].map((held) => JSON.stringify(held))).size > 20);
  const id = vocabulary.id;
  const bar = ["Bar_0", "Position_0", "Tempo_3", "Pitch_Drum_36", "Pitch_60", "Pitch_48", "<eob>"].map(id);
  assertEquals([barType(bar, "lowest-pitch"), barType(bar, "first-note")], [id("Pitch_48"), id("Pitch_Drum_36")]);
  assertEquals(barType([id("Pitch_Drum_40"), id("Pitch_Drum_36")], "lowest-pitch"), id("Pitch_Drum_40"));
});

Deno.test("probes on permuted labels find nothing; control tasks are learned where the type is in the features alone", async () => {
  const types = (table: BarTable<BarLabels[]>) => table.labels.map(({ instruments }) => instruments[0]);
  const all = withControls(
    tables,
    { train: types(tables.train), validation: types(tables.validation), test: types(tables.test) },
    study,
  );
  const rows = await probeLayer(features(), all, study, meta, { protocols: ["sound"] });
  assert(find(rows, "T", "accuracy").value > 0.95 && find(rows, "I", "aucWeighted").value > 0.95);
  // One permutation may rank a class high or low as a whole, so that the area is 1/2 on average only.
  const areas = await Promise.all(Array.from({ length: 16 }, async (_, seed) => {
    const control = { ...tables, labels: "permuted", train: permuteLabels(tables.train, "songs", seed) } as const;
    const asked = { protocols: ["sound"], labels: ["permuted"], tasks: ["I"] } as const;
    return find(
      await probeLayer(features(), { ...tables, controls: [control] }, study, meta, asked),
      "I",
      "aucWeighted",
      "permuted",
    ).value;
  }));
  assertAlmostEquals(areas.reduce((sum, area) => sum + area / 16, 0), 0.5, 0.1);
  assertAlmostEquals(find(rows, "T", "accuracy", "permuted").value, 1 / 3, 0.15);
  assertLess(find(rows, "MV", "r2", "permuted").value, 0.1);
  // The type is the instrument, which the features hold: the list of three is learned by heart.
  assert(find(rows, "MV", "r2", "control").value > 0.95);
  const other = withControls(
    tables,
    { train: types(tables.train), validation: types(tables.validation), test: types(tables.test).map((_, r) => r % 3) },
    study,
  );
  const unlearned = await probeLayer(features(), other, study, meta, { protocols: ["sound"], labels: ["control"] });
  assertLess(find(unlearned, "MV", "r2", "control").value, 0.1);
  assert(unlearned.every(({ labels }) => labels === "control"));
});

Deno.test("token counts leave out what does not vary in training", () => {
  const bars = [[4, 7, 7], [4, 9], [4, 9, 9], [5]];
  const { columns, source } = barFeatures((row) => bars[row], { rows: 4, fitted: 2 }, tokenCounts);
  assertEquals(columns, 2); // 7 and 9
  assertEquals([...readRows(source, 2)], [2, 0, 0, 1, 0, 2, 0, 0]);
});

Deno.test("features of more bars than are held at once stand in order, in memory and in a file", async () => {
  const rows = 3000, describe = ({ 0: id }: ArrayLike<number>) => Float32Array.of(1, id, -id);
  const folder = await Deno.makeTempDir();
  try {
    for (const sinkOf of [undefined, (columns: number) => createNpy(`${folder}/x.npy`, rows, columns)]) {
      const { columns, source } = barFeatures((row) => [row], { rows, fitted: 2 }, describe, sinkOf);
      const found = readRows(source, columns);
      assertEquals([columns, found.length], [2, 2 * rows]);
      assert(found.every((value, i) => value === (i % 2 === 0 ? 1 : -1) * (i >> 1)));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
