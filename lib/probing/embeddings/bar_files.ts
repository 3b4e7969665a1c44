/**
 * The bars of a store for other programs: each as a small MIDI file, and all in one Parquet file.
 * @module
 */
import { UserError } from "../../base/user_error.ts";
import { exists } from "../../base/files.ts";
import { projectRoot } from "../../base/project.ts";
import { type Column, exportParquet, texts, wholeLists } from "../../corpus/parquet.ts";
import type { Corpus } from "../../corpus/store.ts";
import { writeScore } from "../../midi/write.ts";
import { notesOf } from "../../tokens/bar_format.ts";
import { detokenize } from "../../tokens/remi.ts";
import { durationBins } from "../../tokens/vocabulary.ts";

/** What makes a folder one of ours: {@link writeBars} writes it last. */
const TABLE = "bars.parquet";

/** The program beside the bars that shows how they are embedded. */
export const exampleFile = "embed.py";

/** The MIDI file of a bar, below the folder: a folder a song. */
export function barFile(corpus: Corpus, bar: number): string {
  const padded = (value: number, most: number) => String(value).padStart(String(Math.max(0, most - 1)).length, "0");
  const song = corpus.song(bar), { allBars } = corpus.songs[song];
  return `midi/${padded(song, corpus.songs.length)}/${padded(corpus.barIndex(bar), allBars)}.mid`;
}

/** A bar alone as the bytes of a MIDI file: its notes, velocities and lengths being those of the bins, and its tempo. */
export const barMidi = (tokens: Uint16Array): Uint8Array => writeScore(detokenize([{ tokens }]));

/** The kept bar so many bars after one in its song, if there is any. */
function neighbour(corpus: Corpus, bar: number, by: 1 | -1): number | undefined {
  const other = bar + by; // bars of a song follow each other in the store
  if (other < 0 || other >= corpus.bars || corpus.song(other) !== corpus.song(bar)) return undefined;
  return corpus.barIndex(other) === corpus.barIndex(bar) + by ? other : undefined;
}

/** Columns beside a store's own: the MIDI file, the notes, and the tokens of the bars before and after. */
function moreColumns(corpus: Corpus): Column[] {
  const notes = (bar: number) => notesOf(corpus.tokens(bar));
  const near = (by: 1 | -1) => (bar: number) => {
    const other = neighbour(corpus, bar, by);
    return other === undefined ? [] : Array.from(corpus.tokens(other));
  };
  return [
    texts("midi", (bar) => barFile(corpus, bar)),
    wholeLists("note_position", 8, (bar) => notes(bar).map(({ position }) => position)),
    wholeLists("note_program", 8, (bar) => notes(bar).map(({ instrument }) => instrument)),
    wholeLists("note_pitch", 8, (bar) => notes(bar).map(({ pitch }) => pitch)),
    wholeLists("note_velocity", 8, (bar) => notes(bar).map(({ velocity }) => velocity)),
    wholeLists("note_length", 16, (bar) => notes(bar).map(({ duration }) => durationBins[duration])),
    wholeLists("tokens_before", 16, near(-1)),
    wholeLists("tokens_after", 16, near(1)),
  ];
}

/** Refuses a folder that holds something else than bars. */
export function checkBarFolder(folder: string): void {
  if (!exists(folder) || exists(`${folder}/${TABLE}`)) return;
  if (!Deno.statSync(folder).isDirectory) throw new UserError(`${folder}: expected a folder to write, found a file.`);
  const [first] = Deno.readDirSync(folder);
  if (!first) return;
  throw new UserError(
    `${folder}: expected a new or empty folder, or one of bars, found ${first.name}. Choose another.`,
  );
}

/**
 * Writes bars into a folder: `midi/SONG/BAR.mid`, `embed.py`, and last `bars.parquet`, a row a bar, with the columns that
 * `exportParquet` writes and `midi` (the bar's file), `note_position` (0–47, twelfths of a quarter), `note_program`
 * (128: drums), `note_pitch`, `note_velocity`, `note_length` (twelfths of a quarter), `tokens_before` and `tokens_after`
 * (of the bars beside it, empty where the store has none).
 *
 * @param bars of the store, ascending
 */
export async function writeBars(
  corpus: Corpus,
  bars: ArrayLike<number>,
  folder: string,
  { midi = true, signal, onProgress }: {
    midi?: boolean;
    signal?: AbortSignal;
    onProgress?: (done: number, total: number) => void;
  } = {},
): Promise<void> {
  let song = -1;
  for (let i = 0; midi && i < bars.length; i++) {
    signal?.throwIfAborted();
    const path = `${folder}/${barFile(corpus, bars[i])}`;
    if (corpus.song(bars[i]) !== song) await Deno.mkdir(path.replace(/\/[^/]*$/, ""), { recursive: true });
    song = corpus.song(bars[i]);
    await Deno.writeFile(path, barMidi(corpus.tokens(bars[i])));
    onProgress?.(i + 1, bars.length);
  }
  await Deno.copyFile(`${projectRoot}/lib/probing/embeddings/embed.py`, `${folder}/${exampleFile}`);
  const metadata = { columns: "notes are in twelfths of a quarter; program 128 is drums; tokens as in `vocabulary`" };
  await exportParquet(corpus, `${folder}/${TABLE}`, { bars, signal, more: moreColumns(corpus), metadata });
}
