/**
 * What a study's steps are called and what they depend on: for the functions that do them, and for the graph of jobs,
 * which only asks whether they are done. Nothing here loads the engine.
 * @module
 */
import { type ModelName, modelNames } from "../../bert/variants.ts";
import type { Shard } from "../../corpus/build_plan.ts";
import { handFeatureLine } from "../../probing/rows.ts";
import { type Recipe, recipe } from "../../recipe/recipe.ts";
import type { StepRecord } from "../step_records.ts";
import type { Study } from "../study.ts";

/** A step of a study: the name of its record, and the inputs by which that is stale. */
export type Step = { step: string; inputs: object };

/** A study's steps depend on its recipe and its songs. */
type Of = Pick<Study, "recipe" | "data">;

/** The store of a study's songs, as a recipe reads them. */
export function storeStep({ data, recipe }: Of, step = "corpus", choices: Recipe = recipe): Step {
  const { midi, tokens, labels, duplicates, split, seed } = choices;
  return { step, inputs: { midi, tokens, labels, duplicates, split, seed, data } };
}

/** The store of the same songs under the other preset, with its recipe: `authors` beside `sound`, or the other way. */
export function otherStoreStep(study: Of): Step & { choices: Recipe } {
  const { preset, scale, seed } = study.recipe, other = preset === "sound" ? "authors" : "sound";
  const choices = recipe(other, scale, { seed });
  return { ...storeStep(study, `corpus-${other}`, choices), choices };
}

/** A step that tokenizes a shard of a store. */
export type ShardStep = Step & { shard: Shard };

/** The steps that tokenize a store in parts, as many as the study has shards; none if it is built as a whole. */
export const shardSteps = ({ shards: of }: Pick<Study, "shards">, { step, inputs }: Step): ShardStep[] =>
  Array.from({ length: of === 1 ? 0 : of }, (_, i) => (
    { step: `${step}-${i + 1}-of-${of}`, inputs, shard: { index: i + 1, of } }
  ));

/** The store whose shard a job or step, by its name, tokenizes; undefined if it does something else. */
export const storeOfShard = (name: string): string | undefined => /^(corpus.*)-\d+-of-\d+$/.exec(name)?.[1];

/** The seeds of each model's trainings: the recipe's and those that follow it. */
export const trainingSeeds = ({ seed, training }: Recipe): number[] =>
  Array.from({ length: training.seeds }, (_, i) => seed + i);

/** A training's name, which has the seed if it is not the recipe's; its folder; its steps. */
export type Training = { name: string; dir: string; train: Step; evaluate: Step };

/** The training of a model of the study by a seed, the recipe's if left out. */
export function trainingOf({ recipe, data, folder }: Study, model: ModelName, seed: number = recipe.seed): Training {
  const { probing: _, ...choices } = recipe, isFirst = seed === recipe.seed;
  const name = isFirst ? model : `${model} seed ${seed}`, dir = `${folder}/models/${name.replaceAll(" ", "-")}`;
  const inputs = { ...choices, data, model, ...(!isFirst && { trainingSeed: seed }) };
  return { name, dir, train: { step: `train ${name}`, inputs }, evaluate: { step: `evaluate ${name}`, inputs } };
}

/** The trainings of every model by every seed of a study. */
export const trainingsOf = (study: Study): (Training & { model: ModelName; seed: number })[] =>
  modelNames.flatMap((model) =>
    trainingSeeds(study.recipe).map((seed) => ({ model, seed, ...trainingOf(study, model, seed) }))
  );

/** What a step or model is called in names of files. */
export const fileName = (name: string): string => name.replace(/[^\w.-]/g, "-");

/** The probing of a training by its name, of `untrained` encoders, of `guesses`, or of a baseline by its line's name. */
export const probeStep = ({ recipe, data }: Of, name: string): Step => (
  { step: `probe ${name}`, inputs: { ...recipe, data, name } }
);

/** The comparison of the layers of models, by default of all and of an untrained encoder. */
export const compareStep = ({ recipe, data }: Of, models: readonly string[] = [...modelNames, "untrained"]): Step => (
  { step: "compare layers", inputs: { ...recipe, data, models } }
);

/** The probing of a model, of `untrained` or of `baselines` for concepts; `more` is what else it depends on. */
export function conceptStep({ recipe, data }: Of, name: string, more: object = {}): Step {
  const { conceptBars } = recipe.probing;
  return { step: `concepts ${name}`, inputs: { ...recipe, data, concepts: { conceptBars }, name, ...more } };
}

/** The probings for concepts that a study has: none without composed bars. */
export const conceptSteps = (study: Of): Step[] =>
  study.recipe.probing.conceptBars === 0
    ? []
    : [...modelNames, "untrained", "baselines"].map((name) => conceptStep(study, name));

/** How many bars are looked for, and among which. */
export type SimilarOptions =
  & { among?: "other songs" | "all songs" }
  & Partial<Record<"queries" | "count" | "barsPerSong", number>>;

/** The search for similar bars, with its choices. */
export function similarStep(
  { recipe, data }: Of,
  { queries = 2, count = 2, among = "other songs", barsPerSong = 20 }: SimilarOptions = {},
): Step & { choices: Required<SimilarOptions> } {
  const { probing: _, ...trained } = recipe;
  const inputs = { ...trained, data, asked: queries, count, among, barsPerSong, distinct: "music" };
  return { step: "alike", inputs, choices: { queries, count, among, barsPerSong } };
}

/** The record of a step that is done; undefined if it is not, or is stale. */
export const doneStep = <T>(study: Study, { step, inputs }: Step): StepRecord<T> | undefined =>
  study.done<T>(step, inputs);

/** Does a step once; returns its stored result. */
export const once = <T>(study: Study, { step, inputs }: Step, work: () => Promise<T> | T): Promise<T> =>
  study.once(step, inputs, work);

/** When steps ended, by their names: what a step depends on that collects theirs. */
export const endsOf = (study: Study, steps: readonly Step[]): Record<string, string | null> =>
  Object.fromEntries(steps.map((step) => [step.step, doneStep(study, step)?.finished ?? null]));

/** The probings that the results of a study are made of: baselines, untrained encoders, and every training. */
export const probingNames = (study: Study): string[] => [
  ...["guesses", handFeatureLine.model, "untrained"],
  ...trainingsOf(study).map(({ name }) => name),
];

/** The results table of all models and seeds. */
export const resultsStep = (study: Study): Step => (
  {
    step: "results",
    inputs: { ends: endsOf(study, probingNames(study).map((name) => probeStep(study, name))), data: study.data },
  }
);
