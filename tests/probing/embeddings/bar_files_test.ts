import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { barFile, barMidi, checkBarFolder, writeBars } from "@lib/probing/embeddings/bar_files.ts";
import { readScore } from "@lib/midi/read.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { parquetReadObjects } from "hyparquet";
import { zstdDecompressSync } from "node:zlib";
import { handCorpus, handNote } from "../../support/hand_corpus.ts";
import { withFolder } from "../../support/folder.ts";

const corpus = handCorpus([
  {
    file: "a.mid",
    split: "train",
    allBars: 12,
    kept: [0, 1, 3].map((index) => ({ index, notes: [handNote(60 + index)] })),
  },
  { file: "b.mid", split: "test", kept: [{ notes: [handNote(36, { instrument: 128, position: 6 })] }] },
]);

Deno.test("a bar's neighbours are those beside it in its song, none where one is not kept", () =>
  withFolder(async (folder) => {
    await writeBars(corpus, [0, 1, 2, 3], folder, { midi: false });
    const rows = await parquetReadObjects({
      file: (await Deno.readFile(`${folder}/bars.parquet`)).buffer,
      compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
    });
    const own = [0, 1, 2, 3].map((bar) => [...corpus.tokens(bar)]);
    assertEquals(rows.map((row) => row.tokens_before), [[], own[0], [], []]);
    assertEquals(rows.map((row) => row.tokens_after), [own[1], [], [], []]);
    assertEquals(rows.map((row) => row.midi), ["midi/0/00.mid", "midi/0/01.mid", "midi/0/03.mid", "midi/1/0.mid"]);
    const { note_position, note_program, note_pitch, note_velocity, note_length } = rows[3];
    assertEquals([note_position, note_program, note_pitch, note_velocity, note_length], [[6], [128], [36], [66], [12]]);
  }));

Deno.test("a bar alone is a MIDI file with its notes, drums on their channel", () => {
  const { notes, ticksPerQuarter } = readScore(barMidi(corpus.tokens(3)), recipe("sound", "demo"));
  assertEquals(notes.map(({ pitch, drum, start }) => [pitch, drum, start / ticksPerQuarter]), [[36, true, 0.5]]);
  assertEquals(barFile(corpus, 2), "midi/0/03.mid");
});

Deno.test("a folder is free if it is new, empty, or of bars", () =>
  withFolder(async (folder) => {
    checkBarFolder(`${folder}/new`);
    checkBarFolder(folder);
    await writeBars(corpus, [0], folder);
    checkBarFolder(folder);
    await Deno.remove(`${folder}/bars.parquet`);
    assertThrows(() => checkBarFolder(folder), UserError, "expected a new or empty folder");
    assertThrows(() => checkBarFolder(`${folder}/embed.py`), UserError, "found a file");
  }));
