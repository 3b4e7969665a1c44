/**
 * What a model uses of what can be read from it: the losses of masked guesses without a task's subspace, beside those
 * without a random subspace of the same rank.
 * @module
 */
import type { Model } from "../../bert/parameters.ts";
import type { Corpus } from "../../corpus/store.ts";
import { stream } from "../../base/random.ts";
import { bootstrap } from "../../metrics/intervals.ts";
import { type BarTable, type Task, tasks } from "../../metrics/tasks.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import type { TokenKind } from "../../tokens/vocabulary.ts";
import { guessWithout, type MaskedGuess, type Removal } from "./edited_guesses.ts";
import { randomSubspace, type TaskSubspace, taskSubspace } from "./nullspace.ts";

/** The tokens that a task is about: chords are made of pitches; song clustering is about none. */
export const kindOfTask: Partial<Record<Task, TokenKind>> = {
  ...{ C: "Pitch", GP: "Position", I: "Instrument", T: "Tempo", MV: "Velocity", MD: "Duration" },
};

/**
 * What became of masked guesses where a task's subspace of a layer was removed: of tokens of its own kind (`own`) and of
 * all others. `value` is by how many nats their mean loss grew more than without a random subspace, with its 95% interval
 * over songs; `removed` and `control` by how much each grew, `base` is the loss as it was, `rank` of `columns` dimensions
 * were removed, `before` and `after` is how well the task is read on validation bars, higher being better.
 */
export type UseRow = {
  model: string;
  seed: number;
  layer: number;
  task: Task;
  tokens: "own" | "others";
  value: number;
  low: number | null;
  high: number | null;
  removed: number;
  control: number;
  base: number;
  rank: number;
  columns: number;
  before: number;
  after: number;
  count: number;
  songs: number;
};

/** Sums of guesses by song: of their losses, and how many they are. */
function bySong(
  guesses: readonly MaskedGuess[],
  isAsked: (kind: TokenKind) => boolean,
  songOf: (bar: number) => number,
  songs: number,
) {
  const losses = new Float64Array(songs), counts = new Float64Array(songs);
  for (const { bar, kind, loss } of guesses) {
    if (!isAsked(kind)) continue;
    losses[songOf(bar)] += loss;
    counts[songOf(bar)]++;
  }
  return { losses, counts };
}

/** States of bars at the layers that are probed, and their labels and songs. */
export type Layered = { table: BarTable; x(layer: number): Float32Array };

/**
 * Measures what a model uses: for each layer but the last and each task, its subspace is found on training and validation
 * bars and removed, beside `probing.usedControls` random ones, while masked tokens of other bars are guessed.
 *
 * @param named the model's name and seed
 * @returns a row for each layer, task and kind of tokens; tasks that cannot be read at a layer have none there
 */
export async function measureUse(
  model: Model,
  named: Pick<UseRow, "model" | "seed">,
  corpus: Corpus,
  { train, validation }: Record<"train" | "validation", Layered>,
  bars: readonly number[],
  recipe: Recipe,
  options: { signal?: AbortSignal; onDone?: (done: number, total: number) => void } = {},
): Promise<UseRow[]> {
  const { layers: depth, hidden: columns } = model.config, { seed, probing: { usedControls, bootstraps } } = recipe;
  const asked = tasks.filter((task) => kindOfTask[task] !== undefined);
  const found: { layer: number; task: Task; subspace: TaskSubspace }[] = [];
  for (let layer = 1; layer < depth; layer++) {
    const [a, b] = [train, validation].map(({ table, x }) => ({ table, x: x(layer) }));
    for (const task of asked) {
      options.signal?.throwIfAborted();
      const subspace = await taskSubspace(a, b, columns, task, recipe);
      if (subspace && subspace.rank > 0) found.push({ layer, task, subspace });
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
    }
  }
  const removals = found.flatMap(({ layer, task, subspace }): Removal[] => [
    { layer, subspace },
    ...Array.from({ length: usedControls }, (_, i) => (
      { layer, subspace: randomSubspace(subspace, stream(seed, "random subspace", layer, task, i)) }
    )),
  ]);
  const [base, ...without] = await guessWithout(model, corpus, bars, recipe, [undefined, ...removals], options);
  const ids = [...new Set(bars.map(corpus.song))].sort((a, b) => a - b),
    place = new Map(ids.map((song, i) => [song, i]));
  const songOf = (bar: number) => place.get(corpus.song(bar))!, songs = ids.length;
  return found.flatMap(({ layer, task, subspace: { rank, before, after } }, i) => {
    const [removed, ...controls] = without.slice(i * (1 + usedControls), (i + 1) * (1 + usedControls));
    return (["own", "others"] as const).flatMap((tokens): UseRow[] => {
      const isAsked = (kind: TokenKind) => (kind === kindOfTask[task]) === (tokens === "own");
      const sums = [base, removed, ...controls].map((guesses) => bySong(guesses, isAsked, songOf, songs));
      const means = (weights: ArrayLike<number>) =>
        sums.map(({ losses, counts }) => {
          const total = (of: Float64Array) => of.reduce((sum, value, song) => sum + weights[song] * value, 0);
          return total(losses) / total(counts);
        });
      const effect = ([before, own, ...random]: number[]) => ({
        removed: own - before,
        control: random.reduce((sum, loss) => sum + (loss - before) / random.length, 0),
      });
      const net = (weights: Float64Array) => {
        const { removed, control } = effect(means(weights));
        return { net: removed - control };
      };
      const once = means(new Float64Array(songs).fill(1)), count = sums[0].counts.reduce((sum, n) => sum + n, 0);
      if (count === 0) return [];
      const { value, low, high } = bootstrap(net, songs, { resamplings: bootstraps, seed }).net;
      return [{
        ...{ ...named, layer, task, tokens, value, low, high, ...effect(once), base: once[0] },
        ...{ rank, columns, before, after, count, songs },
      }];
    });
  });
}
