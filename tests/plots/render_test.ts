import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { bars } from "@lib/plots/charts.ts";
import { hasFonts, render } from "@lib/plots/render.ts";

const plot = (label: string) => bars([{ label, value: 59 }]);

Deno.test("without fonts a warning says once what to do", async () => { // first, as later ones are silent
  const { readDirSync } = Deno, { warn } = console, warnings: string[] = [];
  try {
    Deno.readDirSync = () => [][Symbol.iterator]();
    console.warn = (line: string) => warnings.push(line);
    for (const label of ["songs", "bars"]) await render(plot(label));
  } finally {
    Deno.readDirSync = readDirSync;
    console.warn = warn;
  }
  assertEquals(warnings.map((line) => line.includes("fonts-dejavu-core")), [true]);
});

Deno.test({
  name: "a PNG has the labels' letters",
  ignore: !hasFonts(),
  fn: async () => {
    const [songs, again, snogs] = await Promise.all(["songs", "songs", "snogs"].map((label) => render(plot(label))));
    assertEquals(songs.png, again.png);
    assertNotEquals(songs.png, snogs.png);
  },
});

Deno.test("a plot becomes an SVG and a PNG that is so many times as large", async () => {
  const { svg, png } = await render(plot("songs"), { scale: 3 });
  const width = Number(svg.match(/width="([\d.]+)"/)![1]);
  assertEquals([...png.slice(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
  assertEquals(new DataView(png.buffer).getUint32(16), Math.floor(3 * width)); // the width in a PNG's header
  assert(svg.includes(">songs</text>"));
});

Deno.test("fonts are found at any depth, in folders of any name, past what is no folder", () => {
  const folder = Deno.makeTempDirSync({ prefix: "Ünï 50%20 #2 " });
  Deno.writeTextFileSync(`${folder}/file`, "");
  const places = [`${folder}/nowhere`, `${folder}/file`, folder];
  assert(!hasFonts(places));
  Deno.mkdirSync(`${folder}/truetype/more`, { recursive: true });
  Deno.writeTextFileSync(`${folder}/truetype/more/Some.TTF`, "");
  assert(hasFonts(places));
  Deno.removeSync(folder, { recursive: true });
});
