/**
 * The bars of the designs, written by a seed, as a store in memory; and which of them a probe of a concept is fitted,
 * tuned and scored on.
 * @module
 */
import { shuffle, stream } from "../../base/random.ts";
import { type Split, splits } from "../../corpus/split.ts";
import type { Corpus, Song } from "../../corpus/store.ts";
import { corpusRecipe, type Recipe } from "../../recipe/recipe.ts";
import { type BarNote, encodeBar } from "../../tokens/bar_format.ts";
import { labelBar } from "../../tokens/labels.ts";
import { type Design, designs, drawScene } from "./designs.ts";

/** A composed bar: the places of its design and of its two values, its scene in the design, its notes and tempo. */
export type ConceptBar = {
  design: number;
  values: readonly [number, number];
  scene: number;
  notes: BarNote[];
  tempoBin: number;
};

/** The bars of all designs, and a store that has them; a song is a scene. */
export type ConceptBars = { bars: ConceptBar[]; corpus: Corpus };

/**
 * A concept that is asked for: what varies, among which values, what else does and is unseen (its values, or pairs with
 * it), the bars by split, and each bar's value.
 */
export type ConceptQuestion = {
  concept: string;
  other: string;
  unseen: "values" | "pairs";
  classes: readonly string[];
  bars: Record<Split, Int32Array>;
  truth(bar: number): number;
};

/** How many scenes a design has for each pair of values, so that it has about so many bars. */
const scenesOf = ({ factors: [a, b] }: Design, bars: number): number =>
  Math.max(2, Math.round(bars / (a.values.length * b.values.length)));

/** The bars of a design, scene by scene. Values of the second factor have scenes of their own if it is not asked for. */
function composeDesign(design: Design, place: number, { seed, probing }: Recipe): ConceptBar[] {
  const [a, b] = design.factors, repeats = scenesOf(design, probing.conceptBars);
  const isShared = design.asked.some(({ factor }) => factor === 1), bars: ConceptBar[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    b.values.forEach((_, second) => {
      const own = isShared ? repeat : repeat * b.values.length + second;
      const scene = drawScene(stream(seed, "concept", design.name, own));
      a.values.forEach((_, first) => {
        const values = [first, second] as const, notes = design.compose(values, scene);
        notes.sort((x, y) => x.position - y.position || x.instrument - y.instrument || x.pitch - y.pitch);
        bars.push({ design: place, values, scene: own, notes, tempoBin: scene.tempoBin });
      });
    });
  }
  return bars.sort((x, y) => x.scene - y.scene); // stable: a scene's bars stand together
}

/** The bars of every design by the recipe's seed, `probing.conceptBars` of each, roughly; none if that is 0. */
export function composeConcepts(recipe: Recipe): ConceptBars {
  const bars: ConceptBar[] = [];
  for (const [place, design] of recipe.probing.conceptBars > 0 ? designs.entries() : []) {
    for (const bar of composeDesign(design, place, recipe)) bars.push(bar);
  }
  const tokens = bars.map(({ notes, tempoBin }) => encodeBar(notes, tempoBin, recipe.tokens.maxTokens));
  const songs: Song[] = [];
  bars.forEach(({ design, scene }, bar) => {
    // A name means the same music, however many bars are asked for: embeddings of it are found again by it.
    const last = songs.at(-1), file = `${designs[design].name}/seed-${recipe.seed}-scene-${scene}.mid`;
    if (last?.file === file) return void (last.bars = last.allBars = last.bars + 1);
    // Stores have a split; concepts have their own, by what is unseen.
    const split = splits[Math.max(0, songs.length % 5 - 2)], id = `concept-${songs.length}`;
    songs.push({ ...{ id, file, split, cluster: songs.length, firstBar: bar, bars: 1, allBars: 1 } });
  });
  const songOf = new Int32Array(bars.length);
  songs.forEach(({ firstBar, bars }, song) => songOf.fill(song, firstBar, firstBar + bars));
  const none = { trainBars: 0, testBars: 0, testInTrain: 0, trainInTest: 0 };
  const corpus: Corpus = {
    ...{
      recipe: corpusRecipe(recipe),
      checksum: `concepts of seed ${recipe.seed}`,
      songs,
      bars: bars.length,
      rejected: [],
    },
    summary: {
      ...{ files: songs.length, songs: songs.length, bars: bars.length, kept: bars.length, notKept: 0, rejected: {} },
      tokens: tokens.reduce((sum, { length }) => sum + length, 0),
      clusters: { clusters: 0, songs: 0, largest: 0 },
      leak: { tokens: { split: none, byFile: none }, notes: { split: none, byFile: none } },
    },
    tokens: (bar) => tokens[bar],
    labels: (bar) => labelBar(bars[bar].notes, [], bars[bar].tempoBin),
    song: (bar) => songOf[bar],
    barIndex: (bar) => bar - songs[songOf[bar]].firstBar,
    barsOf: (split) => Int32Array.from(bars.keys()).filter((bar) => songs[songOf[bar]].split === split),
    close: () => {},
  };
  return { bars, corpus };
}

/** Deals so many places to splits: the first to fitting, then a sixth to tuning, a third to scoring, at least one each. */
function dealPlaces(count: number): Split[] {
  const test = Math.max(1, Math.floor(count / 3)), validation = Math.max(1, Math.floor(count / 6));
  const first = count - test - validation;
  return Array.from({ length: count }, (_, i) => i < first ? "train" : i < count - test ? "validation" : "test");
}

/**
 * The concepts to ask for. What is unseen is dealt by the seed to fitting, tuning and scoring: the values of the other
 * factor; or the pairs, so that each class meets as many of the other's values in a split as every other class does, and
 * each value of the other is fitted with some class.
 */
export function conceptQuestions({ bars }: ConceptBars, { seed }: Recipe): ConceptQuestion[] {
  const byDesign = Map.groupBy(bars.keys(), (bar) => bars[bar].design);
  return designs.flatMap((design, place) => {
    const orders = design.factors.map(({ name, values }) =>
      shuffle(values.keys(), stream(seed, "concept order", design.name, name))
    );
    return design.asked.map(({ factor, unseen }): ConceptQuestion => {
      const own = design.factors[factor], other = design.factors[1 - factor], count = other.values.length;
      const dealt = dealPlaces(count), step = Math.max(1, Math.round(count / own.values.length));
      const splitOf = ({ values }: ConceptBar): Split => {
        const [mine, theirs] = [factor, 1 - factor].map((of) => orders[of][values[of]]);
        return dealt[unseen === "values" ? theirs : (theirs + step * mine) % count];
      };
      const all = Int32Array.from(byDesign.get(place) ?? []);
      const [train, validation, test] = splits.map((split) => all.filter((bar) => splitOf(bars[bar]) === split));
      return {
        ...{ concept: own.name, other: other.name, unseen, classes: own.values },
        bars: { train, validation, test },
        truth: (bar) => bars[bar].values[factor],
      };
    });
  });
}
