/**
 * `deno task bars`: the bars of songs for other programs.
 * @module
 */
import { buildCorpus } from "../../corpus/build.ts";
import { openCorpus } from "../../corpus/store_reader.ts";
import { exists, removeIfThere, writeFolder } from "../../base/files.ts";
import { checkBarFolder, exampleFile, writeBars } from "../../probing/embeddings/bar_files.ts";
import { splits } from "../../corpus/split.ts";
import type { Corpus } from "../../corpus/store.ts";
import { composeConcepts } from "../../probing/concepts/compose.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import { barsToProbe } from "../../study/probe_bars.ts";
import { readArguments } from "../arguments.ts";
import { meter } from "../meter.ts";
import type { Values } from "../options.ts";
import { stoppable } from "../stop.ts";
import { isStore, recipeOf, songsOrConcepts } from "./opened.ts";

/** The arguments of `deno task bars`, and their recipe; throws a {@link UsageError} where they are wrong. */
function barsOptions(args: readonly string[], cwd?: string): Values<"bars"> & { recipe: Recipe } {
  const { values } = readArguments("bars", args, cwd);
  songsOrConcepts("bars", values);
  return { ...values, recipe: recipeOf(values) };
}

/** Writes bars of songs, or of concepts, into a folder, with a store of songs that are none; returns the exit code. */
export async function barsCommand(args: string[], cwd?: string): Promise<number> {
  const { data, out, recipe, probed, "no-midi": withoutMidi, "follow-links": followLinks } = barsOptions(args, cwd);
  checkBarFolder(out);
  return await stoppable(async (signal) => {
    const temporary = `${out}.tmp`, stored = data !== undefined && isStore(data);
    let told = "";
    const open = async (folder: string): Promise<Corpus> => {
      if (data === undefined) return composeConcepts(recipe).corpus;
      const options = { followLinks, signal, onProgress: meter("songs") };
      if (!stored) await buildCorpus(data, `${folder}/store`, recipe, options);
      return await openCorpus(stored ? data : `${folder}/store`);
    };
    try {
      await writeFolder(out, async (folder) => {
        await Deno.mkdir(folder, { recursive: true });
        const corpus = await open(folder), of = barsToProbe(corpus, recipe);
        const bars = probed && data !== undefined
          ? splits.flatMap((split) => Array.from(of[split])).sort((a, b) => a - b)
          : Array.from({ length: corpus.bars }, (_, bar) => bar);
        try {
          await writeBars(corpus, bars, folder, { midi: !withoutMidi, signal, onProgress: meter("bars") });
          told = `${bars.length.toLocaleString("en-US")} bars of ${corpus.songs.length.toLocaleString("en-US")} ` +
            (data === undefined ? "scenes" : "songs");
        } finally {
          corpus.close();
        }
      });
    } finally {
      if (exists(temporary)) await removeIfThere(temporary);
    }
    const of = data === undefined ? "--concepts" : `--data ${stored ? data : `${out}/store`}`;
    console.log(
      `${out}: ${told}. ${exampleFile} shows how they are embedded; then\n` +
        `deno task probe ${of} --embeddings FILE --out FOLDER`,
    );
    return 0;
  });
}
