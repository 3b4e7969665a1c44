/**
 * What a model uses of what can be read from it: the losses of masked guesses without a task's subspace, beside those
 * without a random subspace of the same rank; and what is guessed where states are moved along it.
 * @module
 */
import type { Model } from "../../bert/parameters.ts";
import type { Corpus } from "../../corpus/store.ts";
import { stream } from "../../base/random.ts";
import { bootstrap } from "../../metrics/intervals.ts";
import { askValues, type BarTable, type Task, tasks, valueQuestions } from "../../metrics/tasks.ts";
import type { Recipe } from "../../recipe/recipe.ts";
import type { TokenKind } from "../../tokens/vocabulary.ts";
import { type Edit, guessEdited, type MaskedGuess } from "./edited_guesses.ts";
import {
  deviationOf,
  moveAlong,
  randomMove,
  randomSubspace,
  type Stated,
  type TaskSubspace,
  taskSubspace,
} from "./nullspace.ts";

/** The tokens that a task is about: chords are made of pitches; song clustering is about none. */
export const kindOfTask: Partial<Record<Task, TokenKind>> = {
  ...{ C: "Pitch", GP: "Position", I: "Instrument", T: "Tempo", MV: "Velocity", MD: "Duration" },
};

/**
 * What became of masked guesses where a task's subspace of a layer was removed: of tokens of its own kind (`own`) and of
 * all others. `value` is by how many nats their mean loss grew more than without a random subspace, with its 95% interval
 * over songs; `removed` and `control` by how much each grew, `base` is the loss as it was, `rank` of `columns` dimensions
 * were removed, `before` and `after` is how well the task is read on validation bars, higher being better.
 *
 * `moved` is by how much more the masked tokens of a task of numbers (T, MV, MD) are guessed, in quarters a minute,
 * velocities or bins, where states are moved along the subspace by what `probing.movedBy` standard deviations of the
 * bars' value make, than where they are moved back by as much, beyond the same for random directions (`control`); null for other tasks and
 * tokens, or if nothing was moved. `deviation` is how far apart the moves are from the states, in the value's unit.
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
  moved: { value: number; low: number | null; high: number | null; control: number; deviation: number } | null;
};

/** Sums by song of a number of each guess, and how many there are. */
function bySong(
  guesses: readonly MaskedGuess[],
  isAsked: (kind: TokenKind) => boolean,
  numberOf: (guess: MaskedGuess) => number,
  songOf: (bar: number) => number,
  songs: number,
) {
  const sums = new Float64Array(songs), counts = new Float64Array(songs);
  for (const guess of guesses) {
    if (!isAsked(guess.kind)) continue;
    sums[songOf(guess.bar)] += numberOf(guess);
    counts[songOf(guess.bar)]++;
  }
  return { sums, counts };
}

/** States of bars at the layers that are probed, and their labels and songs. */
export type Layered = { table: BarTable; x(layer: number): Float32Array };

/** A task's subspace of a layer with what is done to states there; `moves` go along it and back, in turns. */
type Plan = { layer: number; task: Task; subspace: TaskSubspace; deviation: number; removals: Edit[]; moves: Edit[] };

/** Plans for a task at a layer, if it can be read there: the subspace's own edits first, then those of the controls. */
async function planFor(
  layer: number,
  task: Task,
  [train, validation]: readonly Stated[],
  columns: number,
  recipe: Recipe,
): Promise<Plan[]> {
  const { seed, probing: { usedControls, movedBy } } = recipe;
  const subspace = await taskSubspace(train, validation, columns, task, recipe);
  if (!subspace || subspace.rank === 0) return [];
  const random = Array.from({ length: usedControls }, (_, i) => ["random subspace", layer, task, i] as const);
  const removals = [subspace, ...random.map((of) => randomSubspace(subspace, stream(seed, ...of)))];
  const value = movedBy > 0 ? valueQuestions.find((question) => question.task === task) : undefined;
  const answers = value && askValues(train.table, value.name);
  const step = answers ? moveAlong(subspace, train.x, answers).map((part) => movedBy * part) : undefined;
  const steps = step ? [step, ...random.map((of) => randomMove(step, stream(seed, "move", ...of)))] : [];
  return [{
    ...{ layer, task, subspace, deviation: movedBy * deviationOf(answers?.answers ?? []) },
    removals: removals.map((subspace): Edit => ({ layer, subspace })),
    moves: steps.flatMap((move): Edit[] => [{ layer, move }, { layer, move: move.map((part) => -part) }]),
  }];
}

/**
 * Measures what a model uses: for each layer but the last and each task, its subspace is found on training and validation
 * bars and removed, beside `probing.usedControls` random ones, while masked tokens of other bars are guessed; and states
 * are moved along it, and along as many random directions, where the task is a number.
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
  const { layers: depth, hidden: columns } = model.config, { seed, probing: { bootstraps: resamplings } } = recipe;
  const asked = tasks.filter((task) => kindOfTask[task] !== undefined), plans: Plan[] = [];
  for (let layer = 1; layer < depth; layer++) {
    const stated = [train, validation].map(({ table, x }) => ({ table, x: x(layer) }));
    for (const task of asked) {
      options.signal?.throwIfAborted();
      plans.push(...await planFor(layer, task, stated, columns, recipe));
      await new Promise((resolve) => setTimeout(resolve, 0)); // lets timers and messages through
    }
  }
  const edits = plans.flatMap(({ removals, moves }) => [...removals, ...moves]);
  const [base, ...edited] = await guessEdited(model, corpus, bars, recipe, [undefined, ...edits], options);
  const ids = [...new Set(bars.map(corpus.song))].sort((a, b) => a - b),
    place = new Map(ids.map((song, i) => [song, i]));
  const songOf = (bar: number) => place.get(corpus.song(bar))!, songs = ids.length;
  /** Means over all tokens of what a guess has, for each list of guesses, with songs weighted. */
  const meansOf = (
    lists: readonly MaskedGuess[][],
    isAsked: (kind: TokenKind) => boolean,
    numberOf: (guess: MaskedGuess) => number,
  ) => {
    const all = lists.map((guesses) => bySong(guesses, isAsked, numberOf, songOf, songs));
    const total = (of: Float64Array, weights: Float64Array) =>
      of.reduce((sum, value, song) => sum + weights[song] * value, 0);
    return (weights: Float64Array) => all.map(({ sums, counts }) => total(sums, weights) / total(counts, weights));
  };
  const once = new Float64Array(songs).fill(1);
  /** What an effect, of its own and of the controls, is beyond the latter's mean; an interval over songs. */
  const beyond = (effects: (weights: Float64Array) => number[]) => {
    const split = (weights: Float64Array) => {
      const [own, ...random] = effects(weights);
      return { own, control: random.reduce((sum, one) => sum + one / random.length, 0) };
    };
    const net = (weights: Float64Array) => {
      const { own, control } = split(weights);
      return { net: own - control };
    };
    const { value, low, high } = bootstrap(net, songs, { resamplings, seed }).net;
    return { value, low, high, ...split(once) };
  };
  let at = 0;
  return plans.flatMap(({ layer, task, subspace: { rank, before, after }, deviation, ...plan }) => {
    const removals = edited.slice(at, at += plan.removals.length), moves = edited.slice(at, at += plan.moves.length);
    return (["own", "others"] as const).flatMap((tokens): UseRow[] => {
      const isAsked = (kind: TokenKind) => (kind === kindOfTask[task]) === (tokens === "own");
      const count = base.filter(({ kind }) => isAsked(kind)).length;
      if (count === 0) return [];
      const losses = meansOf([base, ...removals], isAsked, ({ loss }) => loss);
      const { own: removed, ...effect } = beyond((weights) => {
        const [before, ...after] = losses(weights);
        return after.map((loss) => loss - before);
      });
      const values = meansOf(moves, isAsked, ({ value }) => value ?? NaN);
      const { own: _, ...moved } = moves.length === 0 || tokens === "others" ? { own: 0 } : beyond((weights) => {
        const all = values(weights);
        return Array.from({ length: all.length / 2 }, (_, i) => all[2 * i] - all[2 * i + 1]);
      });
      return [{
        ...{ ...named, layer, task, tokens, ...effect, removed, base: losses(once)[0] },
        ...{ rank, columns, before, after, count, songs, moved: "value" in moved ? { ...moved, deviation } : null },
      }];
    });
  });
}
