import { assertRejects } from "@std/assert";
import { buildCorpus } from "@lib/corpus/build.ts";
import { CorpusError } from "@lib/corpus/store.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { storeBytes, withSongs } from "../support/corpora.ts";

const sound = recipe("sound", "demo"), authors = recipe("authors", "demo");

Deno.test("a changed byte, a cut tail, a missing file and another format are noticed and named", async () => {
  await withSongs(async (source, dir) => {
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
