import { assert, assertEquals } from "@std/assert";
import { barPlayer, barSeconds, playerHtml, soundNotes } from "@lib/notebook/player.ts";
import { type SoundNote, synthesize, wavBytes } from "@lib/notebook/synth.ts";
import { encodeBar } from "@lib/tokens/bar_format.ts";
import { detokenize } from "@lib/tokens/remi.ts";
import { handCorpus, handNote } from "../support/hand_corpus.ts";

const note: SoundNote = { start: 0, seconds: 0.05, pitch: 69, velocity: 100, program: 73, drum: false };
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

Deno.test("a player has its sound in it, and says what it plays", () => {
  const html = playerHtml([note], { label: 'bar 3 of "A & B"', rate: 8000 });
  assert(html.includes('aria-label="player: bar 3 of &quot;A &amp; B&quot;"') && html.includes(" controls "));
  assertEquals(wavOf(html), wavBytes(synthesize([note], { rate: 8000 }), 8000, 8));
});

Deno.test("bars of a corpus play one after another and ring on for 0.3 s", () => {
  const corpus = handCorpus([{ file: "a", split: "train", kept: [{}, { notes: [handNote(72), handNote(76)] }] }]);
  const { data } = barPlayer(corpus, [1, 0], { label: "two bars", rate: 8000 });
  assertEquals(data["text/plain"], "two bars: 3 notes to hear");
  const bytes = 44 + (2 * 240 / 122 + 0.3) * 8000; // a byte a sample
  assert(Math.abs(wavOf(String(data["text/html"])).length - bytes) <= 1.5);
});
