import { assert, assertEquals } from "@std/assert";
import { playerHtml } from "@lib/notebook/player.ts";
import { svgImage } from "@lib/notebook/small_roll.ts";
import { liveHtml } from "@lib/report/live_html.ts";

const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" aria-label="é" style="background:#fff"><g id="a"/>' +
  '<path fill="#0072B2" stroke="#222222" marker-end="url(#a)"/></svg>';

Deno.test("images of drawings become the drawings, in the page's colours and with ids of their own", () => {
  const html = liveHtml(`<td>${svgImage(svg)}</td><td>${svgImage(svg)}</td>`, "cell");
  const drawing = (i: number) =>
    `<td><svg xmlns="http://www.w3.org/2000/svg" width="9" aria-label="é" style=""><g id="cell-${i}-a"/>` +
    `<path fill="var(--c0,#0072B2)" stroke="currentColor" marker-end="url(#cell-${i}-a)"/></svg></td>`;
  assertEquals(html, drawing(0) + drawing(1));
});

Deno.test("players with notes become buttons without the sound, other players and images stay", () => {
  const score = { ...{ ticksPerQuarter: 480, parts: [], tempi: [], meters: [], endTick: 480 } };
  const note = { start: 0, end: 480, pitch: 69, velocity: 100, program: 73, drum: false };
  const html = liveHtml(`<p>${playerHtml({ ...score, notes: [note] }, { label: "a & b" })}</p>`, "cell");
  assert(!html.includes("audio/wav") && html.includes('href="data:audio/midi;base64,'));
  assert(!html.includes("untrusted") && !html.includes("<style>")); // a page is trusted
  const [button] = html.match(/<button[^>]*>[^<]*<\/button>/)!;
  assertEquals(
    button,
    '<button type="button" class="play" aria-label="Play a &amp; b" aria-pressed="false" data-notes="0,500,69,100,73" ' +
      'data-seconds="0.750" data-rest="0.25">▶ 0.8 s</button>',
  );
  for (
    const kept of [
      '<audio controls src="data:audio/wav;base64,AA=="></audio>',
      '<img src="data:image/png;base64,AA==">',
    ]
  ) {
    assertEquals(liveHtml(kept, "cell"), kept);
  }
});
