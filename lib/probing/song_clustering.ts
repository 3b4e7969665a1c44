/**
 * Song clustering of one layer: clusters of training bars, and how a test song's bars fall into them (STUDY §11.8).
 * @module
 */
import { assign, type Clusters, kMeans } from "../matrix/kmeans.ts";
import { type Scale, standardise } from "../matrix/ridge.ts";
import { pieces, rowCount, type RowSource } from "../matrix/rows.ts";
import { clusterCount, type Collector, type Drawn, type ScoredSplit } from "./rows.ts";
import type { Protocol } from "../metrics/task_scores.ts";
import { sample, stream } from "../base/random.ts";
import type { Recipe } from "../recipe/recipe.ts";
import {
  normalisedInformation,
  sameSongRetrieval,
  shuffledEntropy,
  songEntropy,
} from "../metrics/clustering_scores.ts";
import { indexSongs, songMean, songSums } from "../metrics/class_scores.ts";

/**
 * Clusters of standardised training rows; `clusterCount` of all rows, fitted on at most `recipe.probing.clusterRows`
 * of them, drawn by the seed.
 */
export async function clusterBars(scale: Scale, x: RowSource, recipe: Recipe): Promise<Clusters> {
  const { columns } = scale, rows = rowCount(x, columns), { seed, probing } = recipe;
  const drawn = rows <= probing.clusterRows
    ? undefined
    : Int32Array.from(sample(Array(rows).keys(), probing.clusterRows, stream(seed, "cluster rows", rows))).sort();
  const n = drawn?.length ?? rows, z = new Float64Array(n * columns);
  for (const { first, x: part } of pieces(x, columns, drawn)) standardise(scale, part, z.subarray(first * columns));
  const clusters = await kMeans(z, n, columns, clusterCount(recipe, n), {
    seed,
    iterations: probing.clusterIterations,
  });
  z.buffer.transfer(0); // frees it now: left to the collector, it would stay beside the next drawing's
  return clusters;
}

/** Cluster labels of rows. */
export async function clusterLabels(clusters: Clusters, scale: Scale, x: RowSource): Promise<Int32Array> {
  const labels = new Int32Array(rowCount(x, scale.columns));
  for (const { first, rows, x: part } of pieces(x, scale.columns)) {
    labels.set(await assign(clusters, standardise(scale, part), rows), first);
  }
  return labels;
}

/** The bars that a protocol counts, and their songs. */
function counted(songs: ArrayLike<number>, protocol: Protocol): { rows: number; songs: number } {
  const bars = [...Map.groupBy(Array.from(songs), (song) => song).values()].map(({ length }) => length);
  const kept = bars.filter((n) => protocol === "authors" || n > 1);
  return { rows: kept.reduce((sum, n) => sum + n, 0), songs: kept.length };
}

/** The authors' song entropy of one drawing of bars. */
export function drawnEntropy(labels: Int32Array, songs: ArrayLike<number>, clusters: number): Drawn {
  const { perSong } = songEntropy(labels, songs, { clusters, protocol: "authors" });
  const ids = [...new Set(Array.from(songs))];
  return { rows: songs.length, songs: ids, scores: { resampled: songMean("entropy", perSong), fixed: {} } };
}

/** Adds the entropy of the same bars dealt to songs at random, as a row of permuted labels. */
export function addShuffled(
  collector: Collector,
  protocol: Protocol,
  labels: Int32Array,
  songs: ArrayLike<number>,
  clusters: number,
  { seed, probing }: Recipe,
): void {
  collector.add(
    { task: "SC", labels: "permuted", protocol, split: "test", ...counted(songs, protocol) },
    "entropy",
    shuffledEntropy(labels, songs, { clusters, protocol }, { seed, shuffles: probing.shuffles }),
    { k: clusters },
  );
}

/**
 * Adds the sound rows of SC: entropy over ln min(n, K) without one-bar songs; on test songs also the normalised mutual
 * information of clusters and songs, and how well bars find those of their song (mean average precision and share of
 * nearest neighbours, resampled over the songs of the bars that look, not of those that are found).
 *
 * @param rowsOf gives standardised rows
 */
export function addSongRows(
  collector: Collector,
  split: ScoredSplit,
  { labels, rowsOf, songs, k }: Record<"labels" | "songs", Int32Array> & {
    rowsOf: (rows: Int32Array) => Float64Array;
    k: number;
  },
  { seed, probing }: Recipe,
): void {
  const { perSong } = songEntropy(labels, songs, { clusters: k, protocol: "sound" });
  const place = { task: "SC", labels: "true", protocol: "sound", split, ...counted(songs, "sound") } as const;
  const nmi: Record<string, number> = split === "test" ? { nmi: normalisedInformation(labels, songs) } : {};
  // Songs that the protocol leaves out are NaN, and do not count in a resampling.
  collector.collect(place, { resampled: songMean("entropy", perSong), fixed: nmi }, { k }, perSong.length);
  if (split === "validation") return;
  const drawn = sample(songs.keys(), probing.retrievalBars, stream(seed, "retrieval", songs.length));
  const looking = Int32Array.from(drawn).sort(), of = indexSongs(looking.map((row) => songs[row]));
  const { precision, first } = sameSongRetrieval(rowsOf(looking), of.songs);
  const sums = new Float64Array(3 * of.songCount); // of each song: precisions, bars whose nearest is its own, bars
  precision.forEach((value, row) => {
    if (!Number.isNaN(value)) [value, first[row], 1].forEach((part, i) => sums[3 * of.songs[row] + i] += part);
  });
  const total = songSums(sums, 3);
  const resampled = (weights: Float64Array) => {
    const [precisions, hits, bars] = total(weights);
    return { retrievalMap: precisions / bars, retrievalR1: hits / bars };
  };
  collector.collect({ ...place, rows: looking.length }, { resampled, fixed: {} }, {}, of.songCount);
}
