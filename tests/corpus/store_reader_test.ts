import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { CorpusError, verifyCorpus } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { readScore } from "@lib/midi/read.ts";
import { corpusRecipe, recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { freedoom, withSongs } from "../support/corpora.ts";
import { withFolder } from "../support/folder.ts";

const sound = recipe("sound", "demo");

Deno.test("a store gives back every kept bar's tokens, labels, song and index", async () => {
  await withSongs(async (source, dir) => {
    const summary = await buildCorpus(source, dir, sound);
    const corpus = await openCorpus(dir);
    assertEquals(corpus.recipe, corpusRecipe(sound));
    assertEquals(corpus.bars, summary.kept);
    let at = 0;
    for (const [index, song] of corpus.songs.entries()) {
      assertEquals(song.firstBar, at);
      const bars = tokenize(readScore(await Deno.readFile(`${source}/${song.file}`), sound), sound);
      assertEquals(song.allBars, bars.length);
      for (const bar of bars.filter((bar) => bar.kept)) {
        assertEquals(corpus.tokens(at).slice(), bar.tokens);
        assertEquals(corpus.labels(at), bar.labels);
        assertEquals([corpus.song(at), corpus.barIndex(at)], [index, bar.index]);
        at++;
      }
    }
    assertEquals(at, corpus.bars);
    const splits = (["train", "validation", "test"] as const).map((split) => corpus.barsOf(split).length);
    assertEquals(splits.reduce((sum, bars) => sum + bars), corpus.bars);
    assertThrows(() => corpus.tokens(corpus.bars), RangeError, `found ${corpus.bars}`);
  });
});

Deno.test("a store too large for memory is read from disk, and a flipped byte or cut tail noticed as it is opened", async () => {
  await withFolder(async (folder) => {
    const store = `${folder}/store`;
    await buildCorpus(freedoom, store, sound);
    const held = await openCorpus(store), read = await openCorpus(store, { memory: 0 });
    for (let bar = 0; bar < held.bars; bar += 7) {
      assertEquals(read.tokens(bar), held.tokens(bar).slice());
      assertEquals(read.labels(bar), held.labels(bar));
      assertEquals([read.song(bar), read.barIndex(bar)], [held.song(bar), held.barIndex(bar)]);
    }
    for (let bar = held.bars - 1, step = 1; bar >= 0; bar -= step++) { // backwards, in and out of a block
      assertEquals(read.labels(bar), held.labels(bar));
    }
    assertEquals(read.barsOf("test"), held.barsOf("test"));
    read.close();
    for (const name of ["tokens-00000.bin", "labels-00000.bin"]) {
      const bytes = await Deno.readFile(`${store}/${name}`), flipped = bytes.slice();
      flipped[5] ^= 1;
      await Deno.writeFile(`${store}/${name}`, flipped);
      const differs = `${name}: its checksum differs`;
      await assertRejects(() => openCorpus(store, { memory: 0 }), CorpusError, differs);
      await assertRejects(() => verifyCorpus(store), CorpusError, differs);
      await Deno.writeFile(`${store}/${name}`, bytes.subarray(0, -1));
      const sizes = `${name}: expected ${bytes.length} bytes, found ${bytes.length - 1}`;
      await assertRejects(() => openCorpus(store, { memory: 0 }), CorpusError, sizes);
      await Deno.writeFile(`${store}/${name}`, bytes);
    }
  });
});
