import { assert, assertEquals } from "@std/assert";
import { methodDiagram } from "@lib/plots/method_diagram.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { Resvg } from "@resvg/resvg-js";
import { assertText } from "../support/snapshots.ts";

const numbers = (tag: string) =>
  Object.fromEntries([...tag.matchAll(/(\w+)="(-?[\d.]+)"/g)].map(([, name, value]) => [name, Number(value)]));

Deno.test("the method's drawing shows the recipe's numbers", () => {
  const svg = methodDiagram(recipe("sound", "demo", {
    ...{ tokens: { maxTokens: 300 }, masking: { rate: 0.25, mask: 0.6, random: 0.3 }, contrast: { weight: 0.4 } },
  }));
  for (const text of ["at most 300 tokens", "25% chosen", "60 / 30 / 10", "+ 0.4 · L_NT-Xent"]) {
    assert(svg.includes(`>${text}</text>`), text);
  }
  assert(new Resvg(svg).render().width === 860); // resvg refuses what is no valid XML
});

Deno.test("the method's drawing is the kept one", () =>
  assertText("method-diagram.svg.txt", methodDiagram(recipe("sound", "demo"))));

Deno.test("boxes do not overlap, letters fit in them, and each arrow joins two of them", () => {
  const svg = methodDiagram(recipe("sound", "demo"));
  const boxes = [...svg.matchAll(/<rect [^>]*>((?:<text.*?<\/text>)+)/g)].map(([tag, texts]) => ({
    ...numbers(tag.slice(0, tag.indexOf(">"))),
    lines: [...texts.matchAll(/>([^<]+)</g)].map(([, line]) => line),
  })) as unknown as { x: number; y: number; width: number; height: number; lines: string[] }[];
  assertEquals(boxes.length, 12);
  for (const [i, a] of boxes.entries()) {
    for (const line of a.lines) assert(6.6 * line.length <= a.width, line); // a letter is about 6.6 px wide
    for (const b of boxes.slice(0, i)) {
      const apart = a.x >= b.x + b.width || b.x >= a.x + a.width || a.y >= b.y + b.height || b.y >= a.y + a.height;
      assert(apart, `${a.lines} over ${b.lines}`);
    }
  }
  const near = (x: number, y: number) =>
    boxes.findIndex((box) => x >= box.x - 4 && x <= box.x + box.width + 4 && y >= box.y - 4 && y <= box.y + 48);
  const arrows = [...svg.matchAll(/<line [^>]*>/g)].map(([tag]) => numbers(tag));
  const joined = arrows.map(({ x1, y1, x2, y2 }) => [near(x1, y1), near(x2, y2)].map((i) => boxes[i]?.lines[0]));
  assertEquals(joined, [
    ...[["a bar of REMI+", "15% chosen"], ["15% chosen", "BERT encoder"]],
    ...[["BERT encoder", "masked tokens"], ["BERT encoder", "state of the"]],
    ...[["same, masked", "BERT encoder"], ["BERT encoder", "state of its"]],
    ...[["state of the", "z near z′, far from"], ["state of its", "z near z′, far from"]],
    ...[["masked tokens", "L = L_MLM"], ["z near z′, far from", "L = L_MLM"]],
  ]);
});
