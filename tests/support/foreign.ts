/**
 * The store of three songs that the files of `tests/golden/embeddings` are of, and what their vectors say.
 * @module
 */
import type { Corpus } from "@lib/corpus/store.ts";
import { handCorpus, handNote } from "./hand_corpus.ts";

/** Songs of four, three and five bars; bar 3 of the last has too few notes to be kept in a sixth. */
export const foreignCorpus = (): Corpus =>
  handCorpus(
    ([["a/one.mid", "train", 4], ["two.mid", "validation", 3], ["three.mid", "test", 5]] as const).map(
      ([file, split, bars]) => ({
        ...{ file, split, allBars: bars + 1 },
        kept: Array.from({ length: bars }, (_, i) => ({ notes: [handNote(60 + i)] })),
      }),
    ),
    { rejected: [{ file: "waltz.mid", reason: "not-4/4", detail: "Expected 4/4" }] },
  );

/** The vector of a bar at a layer, as the files have it. */
export const foreignVector = (corpus: Corpus, bar: number, layer: number, width: number): Float32Array =>
  Float32Array.from({ length: width }, (_, k) => corpus.song(bar) * 8 + corpus.barIndex(bar) + 32 * layer + k / 4);
