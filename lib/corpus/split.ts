/**
 * Which songs train, validate and test.
 * @module
 */
import { hash32 } from "../base/random.ts";
import type { CorpusRecipe } from "../recipe/recipe.ts";

/** What a song is for. */
export type Split = "train" | "validation" | "test";

/** The splits in order. */
export const splits: readonly Split[] = ["train", "validation", "test"];

/**
 * Which songs train, validate and test (STUDY §6.1), near-duplicates together.
 *
 * `hash` orders clusters by a seeded hash of their ids, so that the order of files does not matter, and a cluster goes
 * where its middle song would; a split that is due songs and got none gets the last cluster of the largest split.
 * `listed` takes songs as given, clusters ignored. Shares are rounded down; the rest are test songs.
 */
export function splitSongs(ids: string[], clusters: ArrayLike<number>, recipe: CorpusRecipe): Split[] {
  const share = (part: number) => Math.floor(part * ids.length + 1e-9);
  const train = share(recipe.split.train), validation = train + share(recipe.split.validation);
  const of = (at: number): Split => at < train ? "train" : at < validation ? "validation" : "test";
  if (recipe.split.by === "listed") return ids.map((_, i) => of(i));
  const groups = new Map<number, { key: number; id: string; songs: number[] }>();
  ids.forEach((id, song) => {
    const key = hash32(JSON.stringify([recipe.seed, "split", id])), group = groups.get(clusters[song]);
    if (!group) groups.set(clusters[song], { key, id, songs: [song] });
    else {
      if (key < group.key || (key === group.key && id < group.id)) Object.assign(group, { key, id });
      group.songs.push(song);
    }
  });
  const given: Record<Split, number[][]> = { train: [], validation: [], test: [] };
  let at = 0;
  for (const { songs } of [...groups.values()].sort((a, b) => a.key - b.key || (a.id < b.id ? -1 : 1))) {
    given[of(at + (songs.length - 1) / 2)].push(songs);
    at += songs.length;
  }
  const due: Record<Split, number> = { train, validation: validation - train, test: ids.length - validation };
  for (const split of splits) {
    const richest = splits.reduce((a, b) => given[b].length > given[a].length ? b : a);
    const lacks = given[split].length === 0 && due[split] > 0;
    if (lacks && given[richest].length > 1) given[split].push(given[richest].pop()!);
  }
  const found = new Array<Split>(ids.length);
  for (const split of splits) for (const song of given[split].flat()) found[song] = split;
  return found;
}
