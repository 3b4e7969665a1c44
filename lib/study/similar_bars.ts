/**
 * Which bars each model finds similar: neighbors of a few bars, to see and hear, what neighbors share, and maps.
 * @module
 */
import { loadCheckpoint } from "../bert/checkpoint.ts";
import type { Corpus } from "../corpus/store.ts";
import { listText } from "../findings/wording.ts";
import { embedLayers } from "../probing/embed.ts";
import { type FloatMatrix, readRows } from "../matrix/rows.ts";
import { barMap, labelText, type MapLabel } from "../plots/bar_map.ts";
import { principalComponents } from "../matrix/pca.ts";
import { html, progress, type Shown, stopSignal } from "../notebook/notebook.ts";
import { type ModelName, modelNames } from "../bert/variants.ts";
import { barFigure, barName } from "../notebook/player.ts";
import { rollLegend } from "../notebook/small_roll.ts";
import { sample, stream } from "../base/random.ts";
import type { BarLabels } from "../tokens/labels.ts";
import { noteStarts } from "../tokens/bar_format.ts";
import { drawPerSong, firstOfEachSong } from "./probe_bars.ts";
import { once, type SimilarOptions, similarStep } from "./jobs/steps.ts";
import { modelFolder } from "./training_steps.ts";
import type { Study } from "./study.ts";
import type { Spec } from "../plots/theme.ts";
import { drums } from "../tokens/vocabulary.ts";

/** A row near another; the cosine of the angle between them is −1 … 1, and 0 where one of them is all zeros. */
type Neighbor = { row: number; similarity: number };

/** The `count` rows nearest to `row` among those allowed, nearest first; of equally near ones the lower row first. */
export function nearest(matrix: FloatMatrix, row: number, count: number, among = (_: number) => true): Neighbor[] {
  const { rows, columns, data } = matrix;
  if (!Number.isInteger(row) || row < 0 || row >= rows) {
    throw new RangeError(`Neighbors: expected a row 0…${rows - 1}, found ${row}.`);
  }
  const product = (a: number, b: number) => {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += data[a * columns + c] * data[b * columns + c];
    return sum;
  };
  const own = Math.sqrt(product(row, row)), others: Neighbor[] = [];
  for (let other = 0; other < rows; other++) {
    if (other === row || !among(other)) continue;
    const lengths = own * Math.sqrt(product(other, other));
    others.push({ row: other, similarity: lengths === 0 ? 0 : product(row, other) / lengths });
  }
  return others.sort((a, b) => b.similarity - a.similarity || a.row - b.row).slice(0, count);
}

/**
 * What two bars share, from 0 (nothing) to 1 (the same): positions with onsets, instruments and chords of both among
 * those of either (chords: null if neither has one), and whether the tempo bin is the same.
 */
type Common = { groove: number; instruments: number; chords: number | null; tempo: number };

/** What the labels of two bars have in common. */
export function commonLabels(a: BarLabels, b: BarLabels): Common {
  const overlap = <T>(x: T[], y: T[]): number | null => {
    const all = new Set([...x, ...y]).size;
    return all === 0 ? null : new Set(x).intersection(new Set(y)).size / all;
  };
  return {
    groove: overlap(a.groove, b.groove) ?? 1,
    instruments: overlap(a.instruments, b.instruments) ?? 1,
    chords: overlap(a.chords, b.chords),
    tempo: Number(a.tempoBin === b.tempoBin),
  };
}

/** What {@link similarBars} returns. */
export type SimilarBars = {
  /** Bars of validation and test songs, as indices into the corpus; all rows below are rows of this list. */
  bars: number[];
  /** Rows whose neighbors are shown. */
  queries: number[];
  /** Means of what a bar and a random other bar have in common. */
  chance: Common;
  /**
   * For each query its neighbors; what a bar and its nearest have in common, as means; the mean cosine of a bar and a random
   * other one; the bars' coordinates.
   */
  models: {
    model: ModelName;
    neighbors: Neighbor[][];
    common: Common;
    reference: number;
    map: Record<"x" | "y" | "shares", number[]>;
  }[];
};

/** A bar's music alone: where its notes start, and their pitches. Bars that share it look and sound alike. */
const musicOf = (tokens: Uint16Array): string =>
  noteStarts(tokens.length).map((at) => `${tokens[at]} ${tokens[at + 2]}`).join();

/** Means of what pairs of bars have in common. */
function meanCommon(corpus: Corpus, pairs: number[][]): Common {
  const all = pairs.map(([a, b]) => commonLabels(corpus.labels(a), corpus.labels(b)));
  const mean = (key: keyof Common) => {
    const values = all.flatMap((common) => common[key] ?? []);
    return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  };
  return { groove: mean("groove"), instruments: mean("instruments"), chords: mean("chords"), tempo: mean("tempo") };
}

/** Rows of test bars, one a song, those with drums, chords and three instruments first. */
function drawQueries(corpus: Corpus, bars: number[], seed: number, count: number): number[] {
  const rows = bars.map((_, row) => row).filter((row) => corpus.songs[corpus.song(bars[row])].split === "test");
  const rich = rows.filter((row) => {
    const { chords, instruments } = corpus.labels(bars[row]);
    return chords.length > 0 && instruments.includes(drums) && instruments.length >= 3;
  });
  const order = [...sample(rich, rich.length, stream(seed, "alike queries")), ...rows];
  return firstOfEachSong(order, (row) => corpus.song(bars[row])).slice(0, count);
}

/**
 * Finds similar bars by the last layer of each trained model, once: `count` neighbors of each of `queries` bars, none
 * with the same music as the bar or as another neighbor, among at most `barsPerSong` bars of each validation and test
 * song, drawn by the seed.
 */
export function similarBars(
  study: Study,
  corpus: Corpus,
  options: SimilarOptions = {},
): Promise<SimilarBars> {
  const { recipe } = study, { choices, ...step } = similarStep(study, options);
  const { queries: asked, count, among, barsPerSong } = choices;
  return once(study, step, async () => {
    const random = (song: number) => stream(recipe.seed, "alike", song);
    const bars = drawPerSong(corpus, ["validation", "test"], barsPerSong, random);
    const queries = drawQueries(corpus, bars, recipe.seed, asked);
    const texts = bars.map((bar) => musicOf(corpus.tokens(bar)));
    const clusters = bars.map((bar) => corpus.songs[corpus.song(bar)].cluster);
    const isCandidate = (row: number) => (other: number) =>
      texts[other] !== texts[row] && (among === "all songs" || clusters[other] !== clusters[row]);
    const chance = stream(recipe.seed, "alike chance");
    const drawn = bars.flatMap((bar, row) => {
      const others = bars.filter((_, other) => isCandidate(row)(other));
      return others.length === 0 ? [] : [[bar, others[chance.integer(others.length)]]];
    });
    const rowOf = new Map(bars.map((bar, row) => [bar, row]));
    const signal = stopSignal(), models: SimilarBars["models"] = [];
    const total = modelNames.length * bars.length;
    const meter = progress({ label: "Embedding with four models", total, unit: "bars" });
    for (const name of modelNames) {
      const model = await loadCheckpoint(modelFolder(study, name));
      try {
        const from = models.length * bars.length, onProgress = (done: number) => void meter.update(from + done);
        const options = { layers: [model.config.layers], signal, onProgress };
        const { columns, layers: [last] } = await embedLayers(model, corpus, bars, recipe, options);
        const embedded = { rows: bars.length, columns, data: readRows(last, columns) };
        const nearestTo = (row: number, count: number) => {
          const seen = new Set<string>();
          const isNew = ({ row }: Neighbor) => !seen.has(texts[row]) && seen.add(texts[row]);
          return nearest(embedded, row, Infinity, isCandidate(row)).filter(isNew).slice(0, count);
        };
        const pairs = bars.flatMap((bar, row) => nearestTo(row, 1).map((near) => [bar, bars[near.row]]));
        const neighbors = queries.map((row) => nearestTo(row, count)), common = meanCommon(corpus, pairs);
        const cosines = drawn.map(([a, b]) =>
          nearest(embedded, rowOf.get(a)!, 1, (row) => row === rowOf.get(b))[0].similarity
        );
        const reference = cosines.reduce((sum, value) => sum + value / cosines.length, 0);
        const { coordinates, shares } = principalComponents(embedded);
        const [x, y] = coordinates.map((values) => Array.from(values, (value) => Number(value.toPrecision(4))));
        models.push({ model: name, neighbors, common, reference, map: { x, y, shares } });
      } finally {
        model.weights.dispose();
      }
    }
    await meter.done();
    return { bars, queries, chance: meanCommon(corpus, drawn), models };
  });
}

const percent = (share: number): string => `${Math.round(100 * share)}%`;

/** `shares 50% of groove, 33% of instruments, no chords, the tempo`. */
export function sharedText({ groove, instruments, chords, tempo }: Common): string {
  const of = (share: number, name: string) => share === 0 ? `no ${name}` : `${percent(share)} of ${name}`;
  const parts = [
    of(groove, "groove"),
    of(instruments, "instruments"),
    ...(chords === null ? [] : [of(chords, "chords")]),
  ];
  return `shares ${parts.join(", ")}, ${tempo === 1 ? "the tempo" : "not the tempo"}`;
}

/** The queries, each with its nearest bars beside it: a table for each query, a column for each model. */
export function similarBarFigures(corpus: Corpus, { bars, queries, models }: SimilarBars): Shown[] {
  const cellOf = (html: string, rows = 1) =>
    `<td${rows > 1 ? ` rowspan="${rows}"` : ""} style="vertical-align:top;text-align:left">${html}</td>`;
  return queries.map((row, q) => {
    const heads = models.map(({ model, reference }) =>
      `<th scope="col" style="text-align:left">${model}<br><small style="font-weight:normal">random pair: cosine ` +
      `${reference.toFixed(2)}</small></th>`
    );
    const most = Math.max(...models.map(({ neighbors }) => neighbors[q].length));
    const lines = Array.from({ length: most }, (_, i) => {
      const cells = models.map(({ neighbors }) => {
        const near = neighbors[q][i];
        if (!near) return cellOf("");
        const shared = commonLabels(corpus.labels(bars[row]), corpus.labels(bars[near.row]));
        return cellOf(barFigure(corpus, bars[near.row], `cosine ${near.similarity.toFixed(3)}`, sharedText(shared)));
      });
      const own = i === 0 ? [cellOf(barFigure(corpus, bars[row]), most)] : [];
      return `<tr>${[...own, ...cells].join("")}</tr>`;
    });
    const plain = models.map(({ model, neighbors }) =>
      `${model}: ${neighbors[q].map(({ row, similarity }) => `bar ${bars[row]} (${similarity.toFixed(3)})`).join(", ")}`
    );
    return html(
      `<p style="margin:1.2em 0 .4em">${rollLegend()}</p><table class="bars"><caption style="text-align:left">Bar ` +
        `${
          q + 1
        } of ${queries.length}, and the bars nearest to it in the last layer of each model; no two of a model are ` +
        `the same music</caption><tr><th scope="col" style="text-align:left">the bar</th>${heads.join("")}</tr>` +
        `${lines.join("")}</table>`,
      `Bar ${bars[row]} and its nearest, ${plain.join("; ")}`,
    );
  });
}

/** In what the nearest neighbors of which models share less than random pairs do, a sentence for each; empty if nowhere. */
export function belowChance({ models, chance }: SimilarBars): string {
  const shown = (share: number | null) => (share ?? NaN).toFixed(3);
  const sentences = (["groove", "instruments", "chords", "tempo"] as const).flatMap((what) => {
    const chosen = Number(shown(chance[what])),
      below = models.filter(({ common }) => Number(shown(common[what])) < chosen);
    if (below.length === 0) return []; // as the table shows them
    const values = listText(below.map(({ common }) => shown(common[what])));
    return [
      `In ${listText(below.map(({ model }) => model))} nearest neighbors share less than random pairs do in ${what} ` +
      `(${values} against ${shown(chance[what])}).`,
    ];
  });
  return sentences.join(" ");
}

/** How much a bar and its nearest neighbor have in common: a row for each model, and one for random pairs of bars. */
export const commonRows = ({ models, chance }: SimilarBars): ({ model: string } & Common)[] => [
  ...models.map(({ model, common }) => ({ model: model as string, ...common })),
  { model: "a random other bar", ...chance },
];

/** The models' maps of the same bars, coloured by a label. */
export function similarBarMap(corpus: Corpus, { bars, models }: SimilarBars, by: MapLabel): Spec {
  const labels = bars.map((bar) => labelText(by, corpus.songs[corpus.song(bar)].file, corpus.labels(bar)));
  const rows = models.flatMap(({ model, map: { x, y, shares } }) => {
    const share = (100 * shares.reduce((sum, value) => sum + value, 0)).toFixed(0);
    return labels.map((label, row) => {
      const name = barName(corpus, bars[row]);
      return { model: `${model} (${share}% of the variance)`, x: x[row], y: y[row], label, name };
    });
  });
  return barMap(rows, { title: `The same ${bars.length} bars in each model's last layer, by ${by}` });
}
