/**
 * `deno task bars`: the bars of songs for other programs.
 * @module
 */
import { buildCorpus } from "../../corpus/build.ts";
import { openCorpus } from "../../corpus/store_reader.ts";
import { exists, removeIfThere, writeFolder } from "../../base/files.ts";
import { checkBarFolder, exampleFile, writeBars } from "../../probing/embeddings/bar_files.ts";
import { splits } from "../../corpus/split.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { barsToProbe } from "../../study/probe_bars.ts";
import { readArguments } from "../arguments.ts";
import { meter } from "../meter.ts";
import type { Values } from "../options.ts";
import { stoppable } from "../stop.ts";
import { isStore, recipeOf } from "./opened.ts";

/** The arguments of `deno task bars`, and their recipe; throws a {@link UsageError} where they are wrong. */
export function barsOptions(args: readonly string[], cwd?: string): Values<"bars"> & { recipe: Recipe } {
  const { values } = readArguments("bars", args, cwd);
  return { ...values, recipe: recipeOf(values) };
}

/** Writes bars of songs into a folder, with a store of the songs unless they are one; returns the exit code. */
export async function barsCommand(args: string[], cwd?: string): Promise<number> {
  const { data, out, recipe, probed, "no-midi": withoutMidi, "follow-links": followLinks } = barsOptions(args, cwd);
  checkBarFolder(out);
  return await stoppable(async (signal) => {
    let told = "";
    await writeFolder(out, async (folder) => {
      await Deno.mkdir(folder, { recursive: true });
      const stored = isStore(data), options = { followLinks, signal, onProgress: meter("songs") };
      if (!stored) await buildCorpus(data, `${folder}/store`, recipe, options);
      const corpus = await openCorpus(stored ? data : `${folder}/store`);
      try {
        const of = barsToProbe(corpus, recipe);
        const bars = probed
          ? splits.flatMap((split) => Array.from(of[split])).sort((a, b) => a - b)
          : Array.from({ length: corpus.bars }, (_, bar) => bar);
        await writeBars(corpus, bars, folder, { midi: !withoutMidi, signal, onProgress: meter("bars") });
        told = `${bars.length.toLocaleString("en-US")} bars of ${corpus.songs.length.toLocaleString("en-US")} songs`;
      } finally {
        corpus.close();
      }
    }).finally(() => exists(`${out}.tmp`) ? removeIfThere(`${out}.tmp`) : undefined);
    const store = isStore(data) ? data : `${out}/store`;
    console.log(
      `${out}: ${told}. ${exampleFile} shows how they are embedded; then\n` +
        `deno task probe --data ${store} --embeddings FILE --out FOLDER`,
    );
    return 0;
  });
}
