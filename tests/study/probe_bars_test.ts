import { assertEquals, assertLess } from "@std/assert";
import { recipe } from "@lib/recipe/recipe.ts";
import { probeBars, probeTables, stackedBars } from "@lib/study/probe_bars.ts";
import { withStudy } from "../support/composed_study.ts";
import { labelsAt } from "../support/planted_tables.ts";

Deno.test("so many bars of each song are probed as the recipe allows, in order and the same each time", () =>
  withStudy({ split: { train: 0.5, validation: 0.25 } }, async (_, corpus) => {
    const few = recipe("sound", "smoke", { probing: { trainBarsPerSong: 2, testBarsPerSong: 3 } });
    for (const [split, most] of [["train", 2], ["validation", 3], ["test", 3]] as const) {
      const bars = Array.from(probeBars(corpus, split, few)), perSong = Map.groupBy(bars, corpus.song);
      assertEquals(perSong.size, corpus.songs.filter((song) => song.split === split).length);
      for (const [song, own] of perSong) {
        assertEquals([corpus.songs[song].split, own.length], [split, Math.min(most, corpus.songs[song].bars)]);
      }
      assertEquals(bars, bars.toSorted((a, b) => a - b));
      assertEquals(bars, Array.from(probeBars(corpus, split, few)));
      assertEquals(probeBars(corpus, split, recipe("sound", "smoke")), corpus.barsOf(split));
    }
    await Promise.resolve();
  }));

Deno.test("bars of all splits stand in one list, and rows in that order are split again", () =>
  withStudy({ split: { train: 0.5, validation: 0.25 } }, async (study, corpus) => {
    const { all, of, cut } = stackedBars(corpus, study.recipe), tables = probeTables(corpus, study.recipe);
    assertEquals(all.length, corpus.bars);
    // A row for each bar: the bar's own number, and its song's.
    const rows = Float32Array.from([...all].flatMap((bar) => [bar, corpus.song(bar)]));
    const parts = cut(rows, 2);
    for (const split of ["train", "validation", "test"] as const) {
      const part = Array.from(parts[split] as Float32Array), bars = part.filter((_, i) => i % 2 === 0);
      assertEquals([bars, part.filter((_, i) => i % 2 === 1)], [
        Array.from(of[split]),
        Array.from(tables[split].songs),
      ]);
      assertEquals(bars.map((bar) => corpus.songs[corpus.song(bar)].split), bars.map(() => split));
      assertEquals(bars.map((_, row) => labelsAt(tables[split].labels, row)), bars.map(corpus.labels));
    }
    await Promise.resolve();
  }));

Deno.test("a million bars stand in one list", () =>
  withStudy({}, async (study, corpus) => {
    const count = 500_000, bars = new Int32Array(count).fill(3);
    const of = { train: bars, validation: bars.subarray(0, 1).fill(2), test: bars.slice(0, count).fill(5) };
    const { all } = stackedBars(corpus, study.recipe, of);
    assertEquals([all.length, all[0], all[count - 1], all[count], all[count + 1]], [2 * count + 1, 2, 3, 2, 5]);
    await Promise.resolve();
  }));

Deno.test("labels of bars with both controls take less than a hundred bytes a bar, which threads share", () =>
  withStudy({ split: { train: 0.5, validation: 0.25 } }, async (study, corpus) => {
    const tables = probeTables(corpus, study.recipe), buffers = new Set<ArrayBufferLike>();
    const gather = (value: unknown): void => {
      if (ArrayBuffer.isView(value)) return void buffers.add(value.buffer);
      if (typeof value !== "object" || value === null) return;
      const parts = Object.values(value); // no list has as many parts as there are bars
      assertLess(parts.length, 20);
      parts.forEach(gather);
    };
    gather(tables);
    const sizes = Array.from(buffers, ({ byteLength }) => byteLength);
    assertEquals([tables.controls!.length, [...buffers].every((one) => one instanceof SharedArrayBuffer)], [2, true]);
    assertLess(sizes.reduce((sum, size) => sum + size, 0), 100 * corpus.bars);
    await Promise.resolve();
  }));
