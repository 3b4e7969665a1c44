/**
 * Figure 1, the method, drawn anew: a bar and its second view, one encoder, two losses.
 * @module
 */
import type { Recipe } from "../recipe/recipe.ts";
import { colours, ink } from "./theme.ts";

const HEIGHT = 44;
const [blue, orange, green, pink] = colours;

function box(x: number, y: number, width: number, fill: string, ...lines: string[]): string {
  const text = lines.map((line, i) => {
    const at = y + HEIGHT / 2 + 4 + (i - (lines.length - 1) / 2) * 14;
    return `<text x="${x + width / 2}" y="${at}" text-anchor="middle">${line}</text>`;
  });
  return `<rect x="${x}" y="${y}" width="${width}" height="${HEIGHT}" rx="6" fill="${fill}" fill-opacity="0.16" ` +
    `stroke="${fill}"/>${text.join("")}`;
}

/** An arrow; its head is drawn by the marker `tip`. */
const arrow = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${ink}" marker-end="url(#tip)"/>`;

const description = "The method: a bar's tokens are masked and pass a BERT encoder; masked tokens are guessed (MLM). " +
  "In the variants a second view passes the same encoder (the bar augmented, a neighbor bar of its song, or the same " +
  "masked bar under other dropout), and NT-Xent pulls the states of its two Bar tokens together and those of other " +
  "bars apart.";

/** The method as a self-contained SVG, with the recipe's numbers. */
export function methodDiagram({ tokens, masking, contrast }: Pick<Recipe, "tokens" | "masking" | "contrast">): string {
  const percent = (share: number) => Math.round(100 * share);
  const { rate, mask, random } = masking, chosen = [mask, random, 1 - mask - random].map(percent).join(" / ");
  const boxes = [
    box(10, 60, 130, blue, "a bar of REMI+", `at most ${tokens.maxTokens} tokens`),
    box(175, 60, 130, blue, `${percent(rate)}% chosen`, chosen),
    box(345, 60, 120, green, "BERT encoder"),
    box(505, 20, 150, blue, "masked tokens", "guessed: L_MLM"),
    box(505, 100, 150, pink, "state of the", "Bar token, z"),
    box(10, 190, 88, orange, "augmented", "aug"),
    box(103, 190, 94, orange, "another bar", "neighbor"),
    box(202, 190, 108, orange, "same, masked", "dropout"),
    box(345, 190, 120, green, "BERT encoder", "(same weights)"),
    box(505, 190, 150, pink, "state of its", "Bar token, z′"),
    box(700, 145, 150, pink, "z near z′, far from", "other bars: L_NT-Xent"),
    box(700, 20, 150, ink, "L = L_MLM", `+ ${contrast.weight} · L_NT-Xent`),
  ];
  const arrows = [
    arrow(140, 82, 172, 82),
    arrow(305, 82, 342, 82),
    arrow(465, 76, 502, 46),
    arrow(465, 88, 502, 118),
    arrow(310, 212, 342, 212),
    arrow(465, 212, 502, 212),
    arrow(655, 124, 697, 158),
    arrow(655, 208, 697, 178),
    arrow(655, 42, 697, 42),
    arrow(775, 145, 775, 67),
  ];
  const captions = `<text x="10" y="48" font-style="italic">first view, all models</text>` +
    `<text x="10" y="178" font-style="italic">second view, one for each variant</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 250" width="860" role="img" ` +
    `aria-label="${description}" font-family="DejaVu Sans, Verdana, Arial, sans-serif" font-size="12" fill="${ink}" ` +
    `style="background:#fff;max-width:100%"><title>${description}</title><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" ` +
    `markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${ink}"/></marker></defs>` +
    `${captions}${boxes.join("")}${arrows.join("")}</svg>`;
}
