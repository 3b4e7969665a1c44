import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { CorpusError } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { readScore } from "@lib/midi/read.ts";
import { corpusRecipe, recipe } from "@lib/recipe/recipe.ts";
import { tokenize } from "@lib/tokens/remi.ts";
import { file, meter, note } from "../support/smf.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");
const songs = ["d_e1m1", "d_e1m8", "d_tense", "d_inter"];

/** Runs `fn` with a temporary folder of `songs` (and more files) and one for the store. */
async function withFolders(
  fn: (source: string, dir: string) => Promise<void>,
  more: Record<string, Uint8Array> = {},
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/midi/deep/er`, { recursive: true });
    for (const [i, name] of songs.entries()) {
      await Deno.copyFile(`data/freedoom/${name}.mid`, `${root}/midi/${i % 2 ? "deep/er/" : ""}${name}.mid`);
    }
    for (const [name, bytes] of Object.entries(more)) await Deno.writeFile(`${root}/midi/${name}`, bytes);
    await fn(`${root}/midi`, `${root}/store`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const storeBytes = async (dir: string) => {
  const files: Record<string, Uint8Array> = {};
  for await (const { name } of Deno.readDir(dir)) files[name] = await Deno.readFile(`${dir}/${name}`);
  return files;
};

Deno.test("a store gives back every kept bar's tokens, labels, song and index", async () => {
  await withFolders(async (source, dir) => {
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

Deno.test("every file that gives no song has a line that says why", async () => {
  const copy = await Deno.readFile("data/freedoom/d_e1m1.mid");
  const more = {
    "a copy.MID": copy,
    "short.mid": file([[meter(0), ...note(0, 40, 60)]]),
    "silent.mid": file([[meter(0)]]),
    "text.midi": new TextEncoder().encode("not music"),
    "readme.txt": new TextEncoder().encode("no MIDI file, so not counted"),
  };
  await withFolders(async (source, dir) => {
    const summary = await buildCorpus(source, dir, sound);
    const { rejected, songs } = await openCorpus(dir);
    assertEquals(rejected.map(({ file, reason }) => [file, reason]), [
      ["d_e1m1.mid", "duplicate"],
      ["deep/er/d_e1m8.mid", "not-4/4"],
      ["short.mid", "no-kept-bars"],
      ["silent.mid", "no-notes"],
      ["text.midi", "not-midi"],
    ]);
    assertEquals(rejected[0].detail, "same bars as a copy.MID");
    assertEquals(summary.files, songs.length + rejected.length);
    assertEquals(summary.rejected, { "duplicate": 1, "no-kept-bars": 1, "no-notes": 1, "not-4/4": 1, "not-midi": 1 });
    assertEquals(summary.bars, summary.kept + summary.notKept);
  }, more);
});

Deno.test("building again gives the same bytes, also over an older store", async () => {
  await withFolders(async (source, dir) => {
    const seen: string[] = [];
    await buildCorpus(source, dir, authors);
    const onProgress = (done: number, total: number, file: string) => void seen.push(`${done}/${total} ${file}`);
    await buildCorpus(source, dir, sound, { replace: true, onProgress });
    const first = await storeBytes(dir);
    await buildCorpus(source, `${dir}2`, sound);
    assertEquals(await storeBytes(`${dir}2`), first);
    assertEquals(
      Object.keys(first).sort().join(" "), // no temporary file is left
      "labels-00000.bin manifest.json offsets-00000.bin rejected.jsonl songs.jsonl source.json tokens-00000.bin",
    );
    assertEquals(seen, ["0/4 ", "4/4 deep/er/d_inter.mid"]);
  });
});

Deno.test("a changed byte, a cut tail, a missing file and another format are noticed and named", async () => {
  await withFolders(async (source, dir) => {
    await buildCorpus(source, dir, sound);
    const whole = await storeBytes(dir);
    for (const name of ["tokens-00000.bin", "labels-00000.bin", "offsets-00000.bin", "songs.jsonl", "rejected.jsonl"]) {
      const flipped = whole[name].slice();
      flipped[flipped.length >> 1] ^= 1;
      await Deno.writeFile(`${dir}/${name}`, flipped);
      await assertRejects(() => openCorpus(dir), CorpusError, `${name}: its checksum differs`);
      await Deno.writeFile(`${dir}/${name}`, flipped.slice(0, -1));
      await assertRejects(() => openCorpus(dir), CorpusError, `${name}: expected ${flipped.length} bytes`);
      await Deno.remove(`${dir}/${name}`);
      await assertRejects(() => openCorpus(dir), CorpusError, `${name} cannot be read`);
      await Deno.writeFile(`${dir}/${name}`, whole[name]);
    }
    await openCorpus(dir);
    const manifest = JSON.parse(new TextDecoder().decode(whole["manifest.json"]));
    await Deno.writeTextFile(`${dir}/manifest.json`, JSON.stringify({ ...manifest, format: 99 }));
    await assertRejects(() => openCorpus(dir), CorpusError, "expected format 2, found 99");
    await Deno.writeTextFile(`${dir}/manifest.json`, JSON.stringify({ ...manifest, recipe: authors }));
    await assertRejects(() => openCorpus(dir), CorpusError, "differs from its seal");
    await Deno.remove(`${dir}/manifest.json`);
    await assertRejects(() => openCorpus(dir), CorpusError, "Expected a corpus store");
  });
});

Deno.test("an aborted build leaves no manifest, and goes on when it is started again", async () => {
  await withFolders(async (source, dir) => {
    await buildCorpus(source, `${dir}2`, sound);
    const whole = await storeBytes(`${dir}2`);
    const stop = new AbortController();
    const onProgress = (done: number) => done > 0 && stop.abort();
    await assertRejects(() => buildCorpus(source, dir, sound, { signal: stop.signal, onProgress }), DOMException);
    assertEquals((await Array.fromAsync(Deno.readDir(`${dir}/parts`), ({ name }) => name)).join(), "000000.part");
    await assertRejects(() => openCorpus(dir), CorpusError, "go on building");
    await buildCorpus(source, dir, sound);
    assertEquals(await storeBytes(dir), whole);
  });
});

Deno.test("a store that is done is left as it is, and mended where it was damaged", async () => {
  await withFolders(async (source, dir) => {
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
  await withFolders(async (source, dir) => {
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
    const song = `${source}/${songs[0]}.mid`, later = new Date(Date.now() + 5000);
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
  await withFolders(async (source, dir) => {
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

Deno.test("a folder without MIDI files is refused", async () => {
  await assertRejects(() => buildCorpus("tests/golden/songs", "unused", sound), CorpusError, "found none");
});
