/**
 * Pictures and players of notebooks as a page has them: drawings in its own colours, and sound made from notes.
 * @module
 */
import { Buffer } from "node:buffer";
import { forUntrusted } from "../notebook/player.ts";
import { inlineSvg } from "../plots/live.ts";

/**
 * HTML of a notebook with its drawings in place of images of them, and with players that make their sound in the page in
 * place of those that hold it.
 *
 * @param id of the output, which no other of the page has
 */
export function liveHtml(html: string, id: string): string {
  let drawings = 0;
  return html.replaceAll(forUntrusted, "").replace(
    /<img src="data:image\/svg\+xml;base64,([^"]*)"[^>]*>/g,
    (_, base64: string) => inlineSvg(Buffer.from(base64, "base64").toString("utf8"), `${id}-${drawings++}`),
  ).replace(/<audio ([^>]*)><\/audio>/g, (whole, attributes: string) => {
    const [, notes] = / data-notes="([^"]*)"/.exec(attributes) ?? [];
    const [, seconds] = / data-seconds="([^"]*)"/.exec(attributes) ?? [];
    const [, label = "player"] = /aria-label="([^"]*)"/.exec(attributes) ?? [];
    const [rest = ""] = / data-rest="[^"]*"/.exec(attributes) ?? [];
    if (notes === undefined) return whole;
    return `<button type="button" class="play" aria-label="${
      label.replace("player: ", "Play ")
    }" aria-pressed="false" ` +
      `data-notes="${notes}" data-seconds="${seconds}"${rest}>▶ ${Number(seconds).toFixed(1)} s</button>`;
  });
}
