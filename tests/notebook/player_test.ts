import { assert, assertEquals } from "@std/assert";
import { barFigure, barPlayer, barSeconds, playerHtml, soundNotes } from "@lib/notebook/player.ts";
import { synthesize, wavBytes } from "@lib/notebook/synth.ts";
import { readScore } from "@lib/midi/read.ts";
import type { Score } from "@lib/midi/score.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { encodeBar } from "@lib/tokens/bar_format.ts";
import { detokenize } from "@lib/tokens/remi.ts";
import { handCorpus, handNote } from "../support/hand_corpus.ts";

const wavOf = (html: string) =>
  Uint8Array.from(atob(html.match(/data:audio\/wav;base64,([^"]+)"/)![1]), (c) => c.charCodeAt(0));

Deno.test("a score's ticks become seconds by its tempi", () => {
  const tempi = [{ tick: 0, microseconds: 1_000_000 }, { tick: 960, microseconds: 250_000 }];
  const at = (start: number, end: number) => ({ start, end, pitch: 60, velocity: 64, program: 0, drum: false });
  const score = { ticksPerQuarter: 480, notes: [at(0, 480), at(480, 1440), at(1920, 2400)], tempi };
  const rest = { parts: [], meters: [], endTick: 2400 };
  const sounded = soundNotes({ ...score, ...rest });
  assertEquals(sounded.map(({ start, seconds }) => [start, seconds]), [[0, 1], [1, 1.25], [2.5, 0.25]]);
  const late = soundNotes({ ...score, ...rest, tempi: [{ tick: 960, microseconds: 1_000_000 }] });
  assertEquals(late[1].start, 0.5); // 120 quarters a minute before the first tempo
});

Deno.test("bars last four quarters of their tempo", () => {
  const bar = (tempoBin: number) => ({ tokens: encodeBar([], tempoBin, 512) });
  assertEquals(barSeconds([bar(5), bar(16)]), 240 / 59 + 240 / 122);
  assertEquals(soundNotes(detokenize([bar(5)])), []);
});

const score = (notes: Score["notes"]): Score => (
  { ...{ ticksPerQuarter: 480, notes, parts: [], tempi: [], meters: [] }, endTick: 960 }
);
const a4 = { start: 0, end: 480, pitch: 69, velocity: 100, program: 73, drum: false };

Deno.test("a player has its sound in it, and says what it plays", () => {
  const html = playerHtml(score([a4]), { label: 'bar 3 of "A & B"', rate: 8000 });
  assert(html.includes('aria-label="player: bar 3 of &quot;A &amp; B&quot;"') && html.includes("<audio controls "));
  const sounded = soundNotes(score([a4])); // half a second at 120 quarters a minute, and a quarter to ring on
  assertEquals(wavOf(html), wavBytes(synthesize(sounded, { rate: 8000, seconds: 0.75 }), 8000, 8));
  assert(!playerHtml(score([a4]), { silent: true }).includes("audio/wav"));
});

Deno.test("a player's notes are there as text, and as a MIDI file with a name of its own", () => {
  const kick = { ...a4, start: 240, end: 260, pitch: 36, drum: true };
  const html = playerHtml(score([a4, kick]), { label: "Song 1, bar 3" });
  assert(html.includes('data-notes="0,500,69,100,73;250,21,36,100,128"') && html.includes('data-seconds="0.750"'));
  const [, name, midi] = html.match(/<a download="([^"]*)" href="data:audio\/midi;base64,([^"]*)">/)!;
  assertEquals(name, "song-1-bar-3.mid");
  // Of an untrusted notebook JupyterLab keeps no style and no link to data: then, and only then, the hint is seen.
  assert(html.includes("<style>.untrusted{display:none}</style>") && /<small class="untrusted">[^<]*trust/.test(html));
  const read = readScore(Uint8Array.from(atob(midi), (c) => c.charCodeAt(0)), recipe("sound", "demo"));
  assertEquals(read.notes.map(({ start, end, pitch, drum }) => [start, end, pitch, drum]), [
    [0, 480, 69, false],
    [240, 260, 36, true],
  ]);
});

Deno.test("bars of a corpus play one after another and ring on for a quarter of a second", () => {
  const corpus = handCorpus([{ file: "a", split: "train", kept: [{}, { notes: [handNote(72), handNote(76)] }] }]);
  const { data } = barPlayer(corpus, [1, 0], { label: "two bars", rate: 8000 });
  assertEquals(data["text/plain"], "two bars: 3 notes to hear");
  const bytes = 44 + (2 * 240 / 122 + 0.25) * 8000; // a byte a sample
  assert(Math.abs(wavOf(String(data["text/html"])).length - bytes) <= 1.5);
});

Deno.test("a bar's figure has its roll as an image, its name, what is said of it, and a player", () => {
  const corpus = handCorpus([{ file: "dir/a.mid", split: "train", kept: [{ index: 7 }] }]);
  const figure = barFigure(corpus, 0, "cosine <1>", "", "same tempo");
  assert(figure.includes("dir/a, bar 7<br>cosine &lt;1&gt;<br>same tempo</figcaption>"));
  assert(figure.includes('<img src="data:image/svg+xml;base64,') && figure.includes("<audio "));
});
