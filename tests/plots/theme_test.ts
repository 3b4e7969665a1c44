import { assert, assertEquals } from "@std/assert";
import { colours, panels, series, type Spec, spec, unique } from "@lib/plots/theme.ts";
import { assertSnapshot } from "../support/snapshots.ts";

const rangeOf = (channel: "color" | "shape" | "strokeDash", names: string[], baselines: string[] = []) =>
  (series("model", names, channel, { baselines }).scale as { range: unknown[] }).range;

Deno.test("eight series and six baselines all differ by colour, by mark and by dash", () => {
  const names = Array.from({ length: 14 }, (_, i) => `line ${i}`), baselines = names.slice(8);
  for (const channel of ["color", "strokeDash"] as const) {
    const looks = rangeOf(channel, names, baselines).map((look) => JSON.stringify(look));
    assertEquals(new Set(looks.slice(0, 8)).size, 8, channel);
    assertEquals(new Set(looks.slice(8)).size, 6, channel);
  }
  assertEquals(new Set(rangeOf("color", names, baselines)).size, 14);
  assertEquals(new Set(rangeOf("shape", names.slice(0, 8))).size, 8);
  assertEquals(new Set(rangeOf("shape", baselines, baselines)).size, 6);
});

Deno.test("all looks, and the titles of panels, are the kept ones", () => {
  const names = Array.from({ length: 14 }, (_, i) => `line ${i}`), looks = { baselines: names.slice(8) };
  const channels = (["color", "shape", "strokeDash"] as const).map((channel) => series("model", names, channel, looks));
  const options = { values: [], columns: 1, width: 90, height: 9, layer: [], resolve: {} };
  const { facet, spec: panel } = panels("metric", ["b", "a"], options);
  const [title] = (panel as { layer: object[] }).layer;
  assertSnapshot("series", spec("", undefined, { channels, facet, title }));
});

Deno.test("a baseline takes no colour from the series, whatever it is called and wherever it stands", () => {
  const plain = rangeOf("color", ["BERT", "BERT-aug"]);
  assertEquals(plain, colours.slice(0, 2));
  assertEquals(rangeOf("color", ["random songs", "BERT-aug"]), plain); // a name alone makes no baseline
  const [first, guess, second] = rangeOf("color", ["BERT", "guess", "BERT-aug"], ["guess"]);
  assertEquals([first, second], plain);
  assert(!colours.includes(guess as string));
  const [r, g, b] = [1, 3, 5].map((at) => parseInt((guess as string).slice(at, at + 2), 16));
  assertEquals([r, g], [g, b]); // grey
  const [[, gap], [, broken]] = rangeOf("strokeDash", ["BERT", "guess"], ["guess"]) as number[][];
  assertEquals(gap, 0);
  assert(broken > 0);
});

Deno.test("a spec starts its description with the title, stands on white and lists what the legend shows", () => {
  const titled: Spec = spec("two bars", "Songs", { mark: "bar" }), bare = spec("two bars", undefined, {});
  assertEquals([titled.description, titled.title, titled.mark], ["Songs: two bars", "Songs", "bar"]);
  assertEquals([bare.description, "title" in bare], ["two bars", false]);
  const look = titled.config as { background: string };
  assertEquals(look.background, "#ffffff");
  assertSnapshot("theme", { ...bare, look });
  const { legend, field } = series("model", ["a", "b"], "color", { shown: ["b"] });
  assertEquals([(legend as { values: string[] }).values, field], [["b"], "model"]);
  assertEquals(unique(["b", "a", "b"]), ["b", "a"]);
});
