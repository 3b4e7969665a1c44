/**
 * Every choice of a study as one validated, serialisable value.
 *
 * A recipe is a {@link Preset} (which reading of the paper) at a {@link Scale} (how much of it).
 * Section numbers such as §3.2 are those of the paper's own-words specification used by this project: what the
 * paper says (P) and what its released code did (`authors`), see the README.
 * @module
 */
import { z } from "zod";
import { authors, authorsModel, scales, sound } from "./presets.ts";

/** `sound`: the paper's text and good practice where it is silent; `authors`: what the released code did. */
export type Preset = "authors" | "sound";

/** `smoke`: seconds, for tests; `demo`: minutes, the report; `small`: hours on a CPU; `base`: the paper's size. */
export type Scale = "smoke" | "demo" | "small" | "base";

const count = z.int().positive();
const rate = z.number().min(0).max(1);
const positive = z.number().positive();

/**
 * The schemas of a recipe's groups, which are its documentation: each field's description gives unit, default's reason
 * and source; {@link describeRecipe} lists them.
 */
export const recipeGroups = {
  preset: z.enum(["authors", "sound"]).describe("Which reading of the paper the fields started from."),
  scale: z.enum(["smoke", "demo", "small", "base"]).describe("How much of the study is run."),
  seed: z.int().nonnegative().describe("Seed of every random stream; streams are told apart by name."),
  midi: z.strictObject({
    reading: z.enum(["standard", "pretty_midi"])
      .describe("Note pairing, programs and pedals by the MIDI standard, or by pretty_midi's rules (§1)."),
    metaTracks: z.enum(["all", "first"])
      .describe("Tracks whose tempo and time-signature events count; pretty_midi reads the first only (§1.3)."),
    clock: z.enum(["ticks", "float64-seconds"])
      .describe("Beats in exact ticks, or in accumulated float64 seconds as pretty_midi keeps them (§16.1)."),
    missingMeter: z.enum(["4/4", "reject"])
      .describe("A song without a signature: 4/4 as the MIDI standard says, or rejected (§2.1)."),
  }),
  tokens: z.strictObject({
    quantise: z.enum(["nearest", "floor"]).describe("Note starts to the 1/12-quarter grid (§3.2; floor: authors)."),
    barTempo: z.enum(["at-bar-start", "first-change-in-bar"])
      .describe("Tempo token from the tempo map at the bar line, or from the first change inside the bar (§4.2)."),
    maxTokens: z.int().min(16).max(512).describe("Longest bar in tokens, <eob> included (§4.6: 512)."),
    cut: z.enum(["note", "token"]).describe("Where a longer bar is cut: after a whole note, or anywhere (§4.6)."),
    minNotes: count.describe("Bars with fewer notes are not kept (§4.6: 6, i.e. 34 tokens)."),
  }),
  labels: z.strictObject({
    chords: z.enum(["overlap", "onset"])
      .describe("A bar's chords: those that sound in it, or only those that start in it (§5.7)."),
    chordOverlapBeats: positive.describe("Least overlap of chord and bar under `overlap`, in quarters (§5.7: 1)."),
    notes: z.enum(["cut", "whole"]).describe("Labels from the notes left after the cut, or from all (§4.7)."),
  }),
  duplicates: z.strictObject({
    exact: z.enum(["drop", "keep"]).describe(
      "Songs with the same kept bars: one stays, or all as in the paper (§4.8).",
    ),
    near: z.enum(["cluster", "ignore"])
      .describe("Songs that share bars are split together (with split.by hash), or as if they were strangers (§4.8)."),
    bars: z.enum(["notes", "tokens"])
      .describe("Bars are shared if positions and pitches are the same, or only if all tokens are."),
    shared: rate.describe("Share of the smaller song's different bars that makes two songs share a cluster."),
  }),
  split: z.strictObject({
    by: z.enum(["hash", "listed"]).describe("Songs in order of a seeded hash, or as the folder lists them (§6.1)."),
    train: rate.describe("Share of songs to train on (§6.1: 0.8)."),
    validation: rate.describe("Share of songs to validate on (§6.1: 0.1); the rest are test songs."),
  }),
  model: z.strictObject({
    encoder: z.enum(["bert", "authors"])
      .describe("Stock BERT, or the authors' own: shared LayerNorms, rotary positions, pads that take part (§7)."),
    layers: count.describe("Encoder layers (P: 12)."),
    hidden: count.describe("Width of the hidden states (P: 768)."),
    heads: count.describe("Attention heads; must divide the width (P: 12)."),
    intermediate: count.describe("Width of the feed-forward block (P: 3072)."),
    maxPositions: count.describe("Learned positions; at least maxTokens (512)."),
    layerNormEps: positive.describe("Added to the variance in LayerNorm (BERT: 1e-12)."),
    init: z.enum(["bert", "torch"]).describe("Fresh weights as BERT's, or by PyTorch's defaults (§7.7)."),
    initStd: positive.describe("Std of the truncated normal that weights start from (BERT: 0.02; §7.7)."),
    dropout: rate.describe("Dropout on attention maps and feed-forward of all models but BERT-dropout (§7.6: 0)."),
  }),
  masking: z.strictObject({
    rate: rate.describe("Share of a bar's tokens, Bar and <eob> counted, that are chosen (§8.1: 0.15)."),
    mask: rate.describe("Share of the chosen that become <mask> (§8.2: 0.8)."),
    random: rate.describe("Share of the chosen that become a random token (§8.2: 0.1); the rest stay."),
    replacements: z.enum(["events", "all"])
      .describe("Random tokens are drawn from the 556 events, or from all 560 ids, specials included (§8.2)."),
    validation: z.enum(["fixed", "redrawn"])
      .describe("Validation masks fixed by the seed, or drawn anew at each visit (§8.1)."),
  }),
  views: z.strictObject({
    pitchShift: z.int().min(0).max(64).describe("BERT-aug: largest shift of non-drum pitches, semitones (§9.3: 6)."),
    velocityShift: z.int().min(0).max(31).describe("BERT-aug: largest shift of velocities, bins (§9.3: 3)."),
    neighborSelf: z.boolean().describe("BERT-neighbor: whether a bar may be its own neighbor (§9.4)."),
    dropout: rate.describe("BERT-dropout: rate of the dropout that makes its two views (P: 0.1)."),
    dropoutPlace: z.enum(["attention-and-feed-forward", "block-outputs"])
      .describe("Dropout on attention maps and feed-forward (P), or on both blocks' outputs (§7.6)."),
  }),
  contrast: z.strictObject({
    temperature: positive.describe("NT-Xent's temperature τ (P: 0.1)."),
    weight: z.number().nonnegative().describe("Weight α of NT-Xent beside MLM (P: 0.1)."),
    batches: z.enum(["song-disjoint", "song-order"])
      .describe("Validation batches with at most one bar of a song, or in song order as the authors' loader (§9.6)."),
    validationRows: z.int().min(2)
      .describe("Bars N of a validation batch (§9.2: 24); song-disjoint batches hold at most as many as songs."),
    validationBatches: count.describe("Batches of one validation of NT-Xent."),
  }),
  training: z.strictObject({
    steps: count.describe("Optimizer steps of one model."),
    batchTokens: count.describe("Tokens of a batch, pads included; rows follow from the bucket's length."),
    batchRows: z.int().min(2).describe("Most rows of a batch (P: 24)."),
    accumulate: count.describe("Batches whose mean gradient makes one step (P: 1); for batches larger than memory."),
    buckets: z.array(count).min(1).describe("Lengths that batches are padded to, ascending; one trace each."),
    learningRate: positive.describe("Peak learning rate (§10: 1e-4)."),
    warmupSteps: count.describe("Linear warm-up, in steps (§10: 10,000)."),
    decay: z.enum(["inverse-sqrt", "linear", "none"])
      .describe("After warm-up: √(warmup/step) (§10), linear to zero at the last step, or constant."),
    beta1: rate.describe("AdamW's first decay (§10: 0.9)."),
    beta2: rate.describe("AdamW's second decay (§10: 0.999)."),
    epsilon: positive.describe("AdamW's ε (§10: 1e-8)."),
    weightDecay: z.number().nonnegative().describe("Decoupled weight decay (§10: 0.01)."),
    decayed: z.enum(["matrices", "all"]).describe("Weight decay spares biases and LayerNorms, or nothing (§10: all)."),
    clipNorm: z.number().nonnegative().describe("Global gradient norm that is clipped to; 0 = off (§10: off)."),
    validateEvery: count.describe("Steps between validations and checkpoints."),
    validationBars: count.describe("Most bars of one validation, drawn once by the seed."),
    keep: z.enum(["best", "last"]).describe("Weights kept: of the lowest validation loss (§10), or the last ones."),
    explosion: z.number().nonnegative().describe(
      "Stops a run whose loss is above so many times its first step's, that of a model that knows nothing; " +
        "0 = only where it is no number.",
    ),
    patience: z.int().nonnegative().describe(
      "Stops after so many validations without a gain; 0 = off, so that models are compared after the same steps.",
    ),
    leastGain: z.number().nonnegative().describe("Fall of the validation loss that counts as a gain, nats."),
    tensorboard: z.boolean().describe("Whether the log is written as TensorBoard's events, too; off, as few look."),
    precision: z.enum(["auto", "float32", "bfloat16"]).describe(
      "Element type of the training step's products; auto: bfloat16 on libtensorflow's GPU, float32 elsewhere. " +
        "Weights, LayerNorm, softmax and losses are float32 in any case.",
    ),
    islands: z.boolean()
      .describe(
        "Whether XLA compiles LayerNorm, GELU, softmax and AdamW into one pass each: seconds once for a shape.",
      ),
  }),
  probing: z.strictObject({
    poolings: z.array(z.enum(["bar", "notes", "eob"])).min(1).describe(
      "A bar's embedding: the state of its Bar token (§7.8), the mean of its notes' tokens, or the state of <eob>. " +
        "Tables show the first; the authors' protocol and the controls take it alone.",
    ),
    layerMix: z.enum(["gain", "uniform", "none"]).describe(
      "All layers as one embedding, standardised and summed: by how far each layer's probe beats the guess on " +
        "validation songs, all alike, or not at all.",
    ),
    padTo: count.describe(
      "Bars are padded to a multiple of so many tokens when they are embedded (64; 16 where a trace's second is little " +
        "beside the pads it saves).",
    ),
    memory: positive.describe(
      "MiB of embeddings kept in memory at a time, all layers together; what does not fit goes to a file (1024: half of " +
        "a small machine's memory; the demo needs 10).",
    ),
    trainBarsPerSong: z.int().nonnegative().describe("Sound protocol: most bars of a song to fit on; 0 = all."),
    testBarsPerSong: z.int().nonnegative().describe("Sound protocol: most bars of a song to score on; 0 = all."),
    draws: count.describe("Authors' protocol: drawings of bars behind a mean and its population std (§11.3: 5)."),
    drawnTrainBars: z.int().nonnegative().describe("Authors' protocol: most bars of a song to fit on (§11.2: 5)."),
    drawnTestBars: z.int().nonnegative().describe("Authors' protocol: most bars of a song to score on (§11.2: 10)."),
    alphas: z.array(positive).min(1).describe("Ridge penalties to choose from on validation songs (§11.6: 100)."),
    chordThreshold: z.number().describe("Decision value above which the authors count a chord (§11.7: -0.8)."),
    untrainedSeeds: count.describe("Encoders with fresh weights that stand for one that learned nothing (seeds up)."),
    permuted: z.enum(["songs", "bars", "none"]).describe(
      "Permuted labels: the training songs' answers laid over the bars in another order of songs, which keeps a " +
        "song's bars alike as they are in truth; bar by bar; or no such control.",
    ),
    controlType: z.enum(["lowest-pitch", "first-note", "none"]).describe(
      "Control tasks (Hewitt & Liang 2019): every bar of a type, by its lowest pitch or its first note, gets the " +
        "answers of one training bar, drawn for the type; a probe can only learn them by heart.",
    ),
    clusters: count.describe("K of K-means, bounded by a fifth of the rows it is fitted on (§11.8: 1000)."),
    clusterIterations: count.describe("Most Lloyd iterations."),
    clusterRows: count.describe(
      "Most training bars that clusters are fitted on, drawn by the seed (50,000: fifty for each of 1000 clusters, and " +
        "300 MB at the paper's width; the authors' mini-batches draw 1,024 bars at a time, §11.8).",
    ),
    ckaBars: count.describe("Test bars by which layers of all models are compared (CKA), drawn by the seed."),
    retrievalBars: count.describe("Most test bars that are looked for among each other (same-song retrieval)."),
    bootstraps: count.describe(
      "Resamplings of songs behind each interval; 2/(resamplings + 1) is the least p, which Holm's correction divides.",
    ),
    level: rate.describe("Chance of any wrong verdict among the claims, by Holm's correction."),
    middle: z.tuple([rate, rate]).describe("Middle layers, as shares of the depth."),
    early: rate.describe("Early layers, as a share of the depth; at least layer 1."),
    equalMlm: positive.describe("MLM accuracies are equal that differ by at most this."),
    nearChance: positive.describe("An accuracy is near chance that is above it by at most this."),
  }),
} as const;

const schema = z.strictObject(recipeGroups);

/** A study's choices, group by group; see {@link recipe}. Plain JSON, stored with every artefact. */
export type Recipe = { -readonly [Group in keyof typeof recipeGroups]: (typeof recipeGroups)[Group]["_zod"]["output"] };

/** The fields that a store of bars depends on; what is trained on it may change without it. */
export type CorpusRecipe = Pick<Recipe, "preset" | "seed" | "midi" | "tokens" | "labels" | "duplicates" | "split">;

/** Any subset of a recipe's fields. */
export type RecipeChanges = { [K in keyof Recipe]?: Recipe[K] extends object ? Partial<Recipe[K]> : Recipe[K] };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `base` with the fields of `changes` in place of its own, group by group. */
function merge(base: Record<string, unknown>, changes: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const old = base[key];
    merged[key] = isObject(value) && isObject(old) ? merge(old, value) : value;
  }
  return merged;
}

/** Throws where fields that are each valid do not fit together. */
function checkTogether({ model, tokens, split, training, masking }: Recipe): void {
  const rules: [boolean, string][] = [
    [model.hidden % model.heads === 0, `model.hidden (${model.hidden}) must be a multiple of heads (${model.heads})`],
    [
      model.maxPositions >= tokens.maxTokens,
      `model.maxPositions (${model.maxPositions}) must be at least tokens.maxTokens (${tokens.maxTokens})`,
    ],
    [
      training.precision !== "bfloat16" || model.encoder === "bert",
      `training.precision bfloat16 needs model.encoder bert, found ${model.encoder}`,
    ],
    [split.train + split.validation <= 1, "split.train + split.validation must be at most 1"],
    [masking.mask + masking.random <= 1, "masking.mask + masking.random must be at most 1"],
    [
      training.buckets.every((length, i) => i === 0 || length > training.buckets[i - 1]),
      `training.buckets must ascend: [${training.buckets}]`,
    ],
    [
      training.buckets.at(-1)! >= tokens.maxTokens,
      `the last of training.buckets (${
        training.buckets.at(-1)
      }) must be at least tokens.maxTokens (${tokens.maxTokens})`,
    ],
    [
      training.batchTokens >= 2 * training.buckets.at(-1)!,
      `training.batchTokens (${training.batchTokens}) must hold two rows of the longest bucket`,
    ],
  ];
  const broken = rules.filter(([holds]) => !holds).map(([, message]) => message);
  if (broken.length > 0) throw new RangeError(`This recipe does not fit together: ${broken.join("; ")}.`);
}

/**
 * Checks that `value` is a whole recipe and returns it.
 *
 * @throws {RangeError} naming every field that is unknown, missing or out of range, with what was expected.
 */
export function validateRecipe(value: unknown): Recipe {
  const valid = checked(schema.safeParse(value));
  checkTogether(valid);
  return valid;
}

function checked<T>(result: z.ZodSafeParseResult<T>): T {
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `${issue.path.join(".") || "recipe"}: ${issue.message}`);
  throw new RangeError(`This recipe is not valid:\n  ${lines.join("\n  ")}`);
}

const corpusSchema = schema.pick({
  preset: true,
  seed: true,
  midi: true,
  tokens: true,
  labels: true,
  duplicates: true,
  split: true,
}).strip();

/**
 * A recipe without what no store of bars depends on; checks that the rest is whole.
 *
 * @throws {RangeError} as {@link validateRecipe}
 */
export function corpusRecipe(value: unknown): CorpusRecipe {
  return checked(corpusSchema.safeParse(value));
}

/**
 * The recipe of a preset at a scale, with changes.
 *
 * @throws {RangeError} if a field is unknown, out of range or does not fit the others.
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
  if (!Object.hasOwn(presets, preset)) throw new RangeError(`Preset: expected sound or authors, found ${preset}.`);
  if (!Object.hasOwn(scales, scale)) {
    throw new RangeError(`Scale: expected one of ${Object.keys(scales).join(", ")}, found ${scale}.`);
  }
  const sized = merge({ ...presets[preset], scale }, scales[scale]);
  const scaled = preset === "authors" ? merge(sized, { model: authorsModel }) : sized;
  return validateRecipe(merge(structuredClone(scaled), structuredClone(changes)));
}

/** One line of a recipe's documentation. */
export interface RecipeField {
  /** Dotted name, such as `tokens.maxTokens`. */
  field: string;
  /** Its value in the recipe. */
  value: string;
  /** What it means, with unit and source. */
  meaning: string;
}

/** Every field of a recipe, or of a part of one, with its value and meaning, in order; what the notebooks show. */
export function describeRecipe(value: Partial<Recipe>): RecipeField[] {
  return Object.entries(schema.shape).flatMap(([group, type]) => {
    const held: unknown = value[group as keyof Recipe];
    if (held === undefined) return [];
    if (!isObject(held)) return [{ field: group, value: String(held), meaning: type.description ?? "" }];
    const shape = (type as unknown as { shape: Record<string, z.ZodType> }).shape;
    return Object.entries(shape).map(([name, field]) => ({
      field: `${group}.${name}`,
      value: JSON.stringify(held[name]),
      meaning: field.description ?? "",
    }));
  });
}

/** Where two recipes differ, a line for each field: `training.steps: 120 there, 200 asked for`. */
export function recipeDifferences(there: Partial<Recipe>, asked: Partial<Recipe>): string[] {
  const wanted = new Map(describeRecipe(asked).map(({ field, value }) => [field, value]));
  return describeRecipe(there).filter(({ field, value }) => wanted.get(field) !== value)
    .map(({ field, value }) => `${field}: ${value} there, ${wanted.get(field)} asked for`);
}
