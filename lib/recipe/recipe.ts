/**
 * Every choice of a study as one validated value: a {@link Preset} (a reading of the paper) at a {@link Scale}.
 * @module
 */
import { z } from "zod";
import { UserError } from "../base/user_error.ts";
import { completed, isObject } from "./older.ts";
import { authors, authorsModel, authorsTraining, scales, sound } from "./presets.ts";
import type { FieldChanges, Fields } from "./fields.ts";
import { recipeGroups } from "./schema.ts";

/** Choices that are no recipe, with the fields that are wrong. */
export class RecipeError extends UserError {}

/** `sound`: the paper's text and good practice where it is silent; `authors`: what the released code did. */
export type Preset = Fields["preset"];

/** `smoke`: seconds, for tests; `demo`: minutes, the report; `small`: hours on a CPU; `base`: the paper's size. */
export type Scale = Fields["scale"];

const schema = z.strictObject(recipeGroups);

/** A study's choices, group by group; see {@link recipe}. Plain JSON, stored with every artefact. */
export type Recipe = Fields;

/** The fields that a store of bars depends on; what is trained on it may change without it. */
export type CorpusRecipe = Pick<Recipe, "preset" | "seed" | "midi" | "tokens" | "labels" | "duplicates" | "split">;

/** Any subset of a recipe's fields. */
export type RecipeChanges = FieldChanges;

/** `base` with the fields of `changes` in place of its own, group by group. */
function merge(base: Record<string, unknown>, changes: Record<string, unknown>): Record<string, unknown> {
  const merged = (value: unknown, old: unknown) => isObject(value) && isObject(old) ? merge(old, value) : value;
  const changed = Object.entries(changes).map(([key, value]) => [key, merged(value, base[key])]);
  return { ...base, ...Object.fromEntries(changed) };
}

/** Throws where fields that are each valid do not fit together. */
function checkTogether({ model, tokens, split, training, masking }: Recipe): void {
  const { buckets, batchTokens, precision, packing, rowLengths } = training, longest = buckets.at(-1)!;
  const ascend = (lengths: number[]) => lengths.every((length, i) => i === 0 || length > lengths[i - 1]);
  const rules: Record<string, boolean> = {
    [`model.hidden (${model.hidden}) must be a multiple of heads (${model.heads})`]: model.hidden % model.heads === 0,
    [`model.maxPositions (${model.maxPositions}) must be at least tokens.maxTokens (${tokens.maxTokens})`]:
      model.maxPositions >= tokens.maxTokens,
    [`training.precision bfloat16 needs model.encoder bert, found ${model.encoder}`]: precision !== "bfloat16" ||
      model.encoder === "bert",
    [`training.packing rows needs model.encoder bert, found ${model.encoder}`]: packing !== "rows" ||
      model.encoder === "bert",
    "split.train + split.validation must be at most 1": split.train + split.validation <= 1,
    "masking.mask + masking.random must be at most 1": masking.mask + masking.random <= 1,
    [`training.buckets must ascend: [${buckets}]`]: ascend(buckets),
    [`training.rowLengths must ascend: [${rowLengths}]`]: ascend(rowLengths),
    [`the last of training.buckets (${longest}) must be at least tokens.maxTokens (${tokens.maxTokens})`]:
      longest >= tokens.maxTokens,
    [`the last of training.rowLengths (${rowLengths.at(-1)}) must be at least tokens.maxTokens (${tokens.maxTokens})`]:
      packing === "none" || rowLengths.at(-1)! >= tokens.maxTokens,
    [`training.batchTokens (${batchTokens}) must hold two rows of the longest bucket`]: batchTokens >= 2 * longest,
  };
  const broken = Object.keys(rules).filter((rule) => !rules[rule]);
  if (broken.length > 0) throw new RecipeError(`This recipe does not fit together: ${broken.join("; ")}.`);
}

/** The parsed value, or an error with a line for each wrong field. */
function checked<T>(result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data;
  const lines = result.error.issues.flatMap((issue) => {
    const at = (...more: string[]) => [...issue.path, ...more].join(".") || "recipe";
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => `${at(key)}: expected no field of this name.`);
    }
    return `${at()}: ${issue.message.replace(/^Invalid \w+: /, "").replace(", received ", ", found ")}.`;
  });
  throw new RecipeError(`This recipe is not valid:\n  ${lines.join("\n  ")}`);
}

/**
 * `value` as a whole recipe: what an earlier version did not know gets its value of then.
 *
 * @throws {RecipeError} naming every field that is unknown, missing or out of range, with what was expected
 */
export function validateRecipe(value: unknown): Recipe {
  const valid = checked(schema.safeParse(completed(value)));
  checkTogether(valid);
  return valid;
}

const corpusSchema = schema.pick({
  ...{ preset: true, seed: true, midi: true, tokens: true, labels: true, duplicates: true, split: true },
}).strip();

/** The part of a recipe that a store of bars depends on, checked and completed as by {@link validateRecipe}. */
export const corpusRecipe = (value: unknown): CorpusRecipe => checked(corpusSchema.safeParse(completed(value)));

/**
 * The recipe of a preset at a scale, with changes.
 *
 * @throws {RecipeError} if a field is unknown, out of range or does not fit the others.
 *
 * @example A demo with another seed and shorter bars
 * ```ts
 * import { recipe } from "@lib/recipe/recipe.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const mine = recipe("sound", "demo", { seed: 7, tokens: { maxTokens: 256 } });
 * assertEquals(mine.tokens.maxTokens, 256);
 * assertEquals(mine.tokens.quantise, "nearest");
 * ```
 */
export function recipe(preset: Preset, scale: Scale, changes: RecipeChanges = {}): Recipe {
  const presets = { sound, authors };
  if (!Object.hasOwn(presets, preset)) throw new RecipeError(`Preset: expected sound or authors, found ${preset}.`);
  if (!Object.hasOwn(scales, scale)) {
    throw new RecipeError(`Scale: expected one of ${Object.keys(scales).join(", ")}, found ${scale}.`);
  }
  const sized = merge({ ...presets[preset], scale }, scales[scale]);
  const allSteps = { contrast: { every: 1 }, views: { dropoutSteps: "all" } }; // every so many-th step is ours
  const authorsOwn = { model: authorsModel, training: authorsTraining(scale), ...allSteps };
  const scaled = preset === "authors" ? merge(sized, authorsOwn) : sized;
  return validateRecipe(merge(structuredClone(scaled), structuredClone(changes)));
}

/** One line of a recipe's documentation: a dotted name, its value in the recipe, and what it means. */
export type RecipeField = { field: string; value: string; meaning: string };

/** Every field of a recipe, or of a part of one, with its value and meaning, in order; what the notebooks show. */
export function describeRecipe(value: Partial<Recipe>): RecipeField[] {
  return Object.entries(schema.shape).flatMap(([group, type]) => {
    const chosen: unknown = value[group as keyof Recipe];
    if (chosen === undefined) return [];
    if (!isObject(chosen)) return [{ field: group, value: String(chosen), meaning: type.description ?? "" }];
    const shape = (type as unknown as { shape: Record<string, z.ZodType> }).shape;
    return Object.entries(shape).map(([name, { description: meaning = "" }]) => (
      { field: `${group}.${name}`, value: JSON.stringify(chosen[name]), meaning }
    ));
  });
}

/** Where two recipes differ, a line for each field: `training.steps: 120 there, 200 asked for`. */
export function recipeDifferences(there: Partial<Recipe>, asked: Partial<Recipe>): string[] {
  const wanted = new Map(describeRecipe(asked).map(({ field, value }) => [field, value]));
  return describeRecipe(there).filter(({ field, value }) => wanted.get(field) !== value)
    .map(({ field, value }) => `${field}: ${value} there, ${wanted.get(field)} asked for`);
}
