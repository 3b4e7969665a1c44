import { assert, assertEquals, assertRejects } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { CorpusError } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { corpusRecipe, recipe } from "@lib/recipe/recipe.ts";
import { storeBytes, withSongs } from "../support/corpora.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

Deno.test("a store that is done is left as it is, and mended where it was damaged", async () => {
  await withSongs(async (source, dir) => {
    const summary = await buildCorpus(source, dir, sound);
    const whole = await storeBytes(dir), written = (name: string) => Deno.statSync(`${dir}/${name}`).mtime!.getTime();
    const times = Object.keys(whole).map(written);
    const never = () => {
      throw new Error("it works though all is done");
    };
    assertEquals(await buildCorpus(source, dir, sound, { onProgress: never }), summary);
    assertEquals(Object.keys(whole).map(written), times);
    const flipped = whole["labels-00000.bin"].slice();
    flipped[100] ^= 1;
    await Deno.writeFile(`${dir}/labels-00000.bin`, flipped);
    assertEquals(await buildCorpus(source, dir, sound), summary);
    assertEquals(await storeBytes(dir), whole);
  });
});

Deno.test("a store of other songs or another recipe is kept unless it may be replaced, and what differs is named", async () => {
  await withSongs(async (source, dir) => {
    await buildCorpus(source, dir, sound);
    const whole = await storeBytes(dir), build = (choices = sound) => () => buildCorpus(source, dir, choices);
    const seeded = { ...sound, seed: 7 };
    await assertRejects(
      build(seeded),
      CorpusError,
      "found a store of others:\n  seed: 0 there, 7 asked for",
    );
    await assertRejects(build(authors), CorpusError, 'midi.reading: "standard" there, "pretty_midi" asked for');
    const training = { ...sound.training, steps: sound.training.steps + 1 }; // no store depends on it
    assertEquals(await build({ ...sound, training })(), await build()());
    const song = `${source}/d_e1m1.mid`, later = new Date(Date.now() + 5000);
    await Deno.utime(song, later, later);
    await assertRejects(build(), CorpusError, "songs: the same names and sizes there, but written at another time");
    await Deno.rename(song, `${source}/other.mid`);
    await assertRejects(build(), CorpusError, "songs: others there");
    assertEquals(await storeBytes(dir), whole);
    const { kept } = await buildCorpus(source, dir, seeded, { replace: true });
    const replaced = await openCorpus(dir);
    assertEquals([replaced.recipe, replaced.bars], [corpusRecipe(seeded), kept]);
    assert(replaced.songs.some(({ file }) => file === "other.mid"));
  });
});

Deno.test("the beginnings of a store of another recipe are kept unless they may be replaced", async () => {
  await withSongs(async (source, dir) => {
    const stopping = () => {
      const stop = new AbortController();
      return { signal: stop.signal, onProgress: (done: number) => void (done > 0 && stop.abort()) };
    };
    await assertRejects(() => buildCorpus(source, dir, sound, stopping()), DOMException);
    const part = await Deno.readFile(`${dir}/parts/000000.part`);
    await assertRejects(() => buildCorpus(source, dir, authors), CorpusError, "the beginnings of a store");
    assertEquals(await Deno.readFile(`${dir}/parts/000000.part`), part);
    await assertRejects(() => buildCorpus(source, dir, authors, { ...stopping(), replace: true }), DOMException);
    assert((await Deno.readFile(`${dir}/parts/000000.part`)).length !== part.length);
    await buildCorpus(source, dir, { ...authors, seed: 3 }); // the seed makes no difference to parts
    assertEquals((await openCorpus(dir)).recipe.seed, 3);
  });
});
