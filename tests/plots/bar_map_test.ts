import { assertEquals } from "@std/assert";
import { barMap, labelText, type MapLabel, mapLabels } from "@lib/plots/bar_map.ts";
import { render } from "@lib/plots/render.ts";
import { assertSnapshot, marksOf } from "../support/snapshots.ts";

// Chord class 9 is the second root's (C♯) third quality; tempo bin 16 is 122 bpm; 128 stands for drums.
const labels = {
  ...{ chords: [9, 0], groove: [0], instruments: [30, 128], tempoBin: 16 },
  ...{ meanVelocity: 80, meanDuration: 5, meanDurationQuarters: 0.2 },
};

Deno.test("labels are named in words, numbers by the range they lie in", () => {
  const named = Object.fromEntries(mapLabels.map((label) => [label, labelText(label, "a.mid", labels)]));
  assertEquals(named, {
    ...{ song: "a.mid", tempo: "110–130 bpm", drums: "with drums", instruments: "Distortion Guitar", chord: "dim" },
    ...{ velocity: "80–100", duration: "below 0.25 quarters" },
  });
  const bare = { ...labels, chords: [], instruments: [], tempoBin: 31, meanVelocity: null, meanDurationQuarters: 1 };
  const other = (label: MapLabel) => labelText(label, "b.mid", bare);
  assertEquals(mapLabels.map(other), [
    ...["b.mid", "150 bpm and more", "without drums", "none", "none", "none", "1 quarters and more"],
  ]);
});

const point = (label: string, model = "BERT") => ({ model, x: label.length, y: -1, label });
const lookOf = (plot: unknown) => {
  const { spec, data } = plot as {
    spec: { layer: { encoding: { color: { scale: { domain: string[] } } } }[] };
    data: { values: { label: string }[] };
  };
  return { domain: spec.layer[0].encoding.color.scale.domain, labels: data.values.map(({ label }) => label) };
};

Deno.test("the seven most common of many labels have a look of their own, the rest one together", () => {
  const songs = Array.from({ length: 9 }, (_, i) => Array(i + 1).fill(point(`song ${i}`))).flat();
  const { domain, labels } = lookOf(barMap(songs));
  assertEquals(domain, [...[8, 7, 6, 5, 4, 3, 2].map((i) => `song ${i}`), "the others"]);
  assertEquals(labels.filter((label) => label === "the others").length, 1 + 2); // of songs 0 and 1
  assertEquals(lookOf(barMap(songs.filter(({ label }) => label !== "song 0"))).domain.length, 8);
});

Deno.test("ranges stand in the order of their numbers", () => {
  const tempi = ["150 bpm and more", "150 bpm and more", "below 90 bpm", "90–110 bpm"].map((label) => point(label));
  assertEquals(lookOf(barMap(tempi)).domain, ["below 90 bpm", "90–110 bpm", "150 bpm and more"]);
});

Deno.test("a map's spec is the kept one, with a mark for each bar", async () => {
  const plot = barMap([point("C"), point("F", "BERT-aug"), point("C", "BERT-aug")], { title: "Chords" });
  assertSnapshot("bar-map", plot);
  assertEquals(marksOf((await render(plot)).svg, "symbol").length, 3);
});
