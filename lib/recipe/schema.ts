/**
 * The fields of a recipe: type, range and meaning of each.
 *
 * A description gives the unit, the default's reason and its source: "STUDY 3.2" is a section of `lib/STUDY.md`,
 * "paper" the paper's text. Readers see it in the notebooks.
 * @module
 */
import { z } from "zod";
import type { Fields } from "./fields.ts";

const count = z.int().positive();
const rate = z.number().min(0).max(1);
const positive = z.number().positive();

/** The groups of a recipe, each with its fields. */
export const recipeGroups = {
  preset: z.enum(["authors", "sound"]).describe("Which reading of the paper the fields started from."),
  scale: z.enum(["smoke", "demo", "small", "base"]).describe("How much of the study is run."),
  seed: z.int().nonnegative().describe("Seed of every random stream; streams are told apart by name."),
  midi: z.strictObject({
    reading: z.enum(["standard", "pretty_midi"])
      .describe("Note pairing, programs and pedals by the MIDI standard, or by pretty_midi's rules (STUDY 1)."),
    metaTracks: z.enum(["all", "first"])
      .describe("Tracks whose tempo and time-signature events count; pretty_midi reads the first only (STUDY 1.3)."),
    clock: z.enum(["ticks", "float64-seconds"])
      .describe("Beats in exact ticks, or in accumulated float64 seconds as pretty_midi keeps them (STUDY 16.1)."),
    missingMeter: z.enum(["4/4", "reject"])
      .describe("A song without a signature: 4/4 as the MIDI standard says, or rejected (STUDY 2.1)."),
    meters: z.enum(["in-force", "all"]).describe(
      "Signatures that count: the last of those at one tick, and none that no note follows; or all (STUDY 2.1).",
    ),
    zeroLength: z.enum(["shortest", "drop"]).describe(
      "Standard reading: notes that end at the tick they start at are as long as the shortest duration, a twelfth of a quarter, or left out " +
        "(STUDY 1.5). One note in a hundred of real songs is such a one, nearly all drum strokes.",
    ),
    controllers: z.enum(["all", "pedal"]).describe(
      "Standard reading: controllers that end notes: All Notes Off, All Sound Off and Reset All Controllers too, and the pedal till a key " +
        "is struck again or its track ends; or the pedal alone, and only if it is released (STUDY 3.4, 5.2).",
    ),
    drums: z.enum(["any-channel", "channel-10"]).describe(
      "Standard reading: drums are channels made so by bank select (GM2: 120, XG: 126, 127) or SysEx (GS, XG), and the tenth unless it is " +
        "made melodic; or the tenth channel alone (STUDY 1.6).",
    ),
  }),
  tokens: z.strictObject({
    quantise: z.enum(["nearest", "floor"])
      .describe("Note starts to the 1/12-quarter grid (STUDY 3.2; floor: authors)."),
    barTempo: z.enum(["at-bar-start", "first-change-in-bar"])
      .describe("Tempo token from the tempo map at the bar line, or from the first change inside the bar (STUDY 4.2)."),
    tempoBin: z.enum(["nearest", "truncated"])
      .describe("Bin nearest to the tempo, or to its whole quarters a minute, rounded down (STUDY 3.5)."),
    maxTokens: z.int().min(16).max(512).describe("Longest bar in tokens, <eob> included (STUDY 4.6: 512)."),
    cut: z.enum(["note", "token"]).describe("Where a longer bar is cut: after a whole note, or anywhere (STUDY 4.6)."),
    minNotes: count.describe("Bars with fewer notes are not kept (STUDY 4.6: 6, i.e. 34 tokens)."),
  }),
  labels: z.strictObject({
    chords: z.enum(["overlap", "onset"])
      .describe("A bar's chords: those that sound in it, or only those that start in it (STUDY 5.7)."),
    chordOverlapBeats: positive.describe("Least overlap of chord and bar under `overlap`, in quarters (STUDY 5.7: 1)."),
    notes: z.enum(["cut", "whole"]).describe("Labels from the notes left after the cut, or from all (STUDY 4.7)."),
  }),
  duplicates: z.strictObject({
    exact: z.enum(["drop", "keep"])
      .describe("Songs with the same kept bars: one stays, or all as in the paper (STUDY 4.8)."),
    near: z.enum(["cluster", "ignore"])
      .describe(
        "Songs that share bars are split together (with split.by hash), or as if they were strangers (STUDY 4.8).",
      ),
    bars: z.enum(["notes", "tokens"])
      .describe("Bars are shared if positions and pitches are the same, or only if all tokens are."),
    shared: rate.describe("Share of the smaller song's different bars that makes two songs share a cluster."),
    compared: count.describe(
      "A bar is compared with at most so many earlier songs that have it (100: a bar of ten drum notes is in thousands).",
    ),
  }),
  split: z.strictObject({
    by: z.enum(["hash", "listed"])
      .describe("Songs in order of a seeded hash, or as the folder lists them (STUDY 6.1)."),
    train: rate.describe("Share of songs to train on (STUDY 6.1: 0.8)."),
    validation: rate.describe("Share of songs to validate on (STUDY 6.1: 0.1); the rest are test songs."),
  }),
  model: z.strictObject({
    encoder: z.enum(["bert", "authors"])
      .describe("Stock BERT, or the authors' own: shared LayerNorms, rotary positions, pads that take part (STUDY 7)."),
    layers: count.describe("Encoder layers (paper: 12)."),
    hidden: count.describe("Width of the hidden states (paper: 768)."),
    heads: count.describe("Attention heads; must divide the width (paper: 12)."),
    intermediate: count.describe("Width of the feed-forward block (paper: 3072)."),
    maxPositions: count.describe("Learned positions; at least maxTokens (512)."),
    layerNormEps: positive.describe("Added to the variance in LayerNorm (BERT: 1e-12)."),
    init: z.enum(["bert", "torch"]).describe("Fresh weights as BERT's, or by PyTorch's defaults (STUDY 7.7)."),
    initStd: positive.describe("Std of the truncated normal that weights start from (BERT: 0.02; STUDY 7.7)."),
    positions: z.enum(["random", "sinusoids"])
      .describe("Learned positions start as other weights do (BERT), or as sinusoids of their variance (STUDY 7.1)."),
    dropout: rate.describe("Dropout on attention maps and feed-forward of all models but BERT-dropout (STUDY 7.6: 0)."),
  }),
  masking: z.strictObject({
    rate: rate.describe("Share of a bar's tokens, Bar and <eob> counted, that are chosen (STUDY 8.1: 0.15)."),
    mask: rate.describe("Share of the chosen that become <mask> (STUDY 8.2: 0.8)."),
    random: rate.describe("Share of the chosen that become a random token (STUDY 8.2: 0.1); the rest stay."),
    replacements: z.enum(["events", "all"])
      .describe("Random tokens are drawn from the 556 events, or from all 560 ids, specials included (STUDY 8.2)."),
    validation: z.enum(["fixed", "redrawn"])
      .describe("Validation masks fixed by the seed, or drawn anew at each visit (STUDY 8.1)."),
  }),
  views: z.strictObject({
    pitchShift: z.int().min(0).max(64)
      .describe("BERT-aug: largest shift of non-drum pitches, semitones (STUDY 9.3: 6)."),
    velocityShift: z.int().min(0).max(31).describe("BERT-aug: largest shift of velocities, bins (STUDY 9.3: 3)."),
    neighborSelf: z.boolean().describe("BERT-neighbor: whether a bar may be its own neighbor (STUDY 9.4)."),
    dropout: rate.describe("BERT-dropout: rate of the dropout that makes its two views (paper: 0.1)."),
    dropoutPlace: z.enum(["attention-and-feed-forward", "block-outputs"])
      .describe("Dropout on attention maps and feed-forward (paper), or on both blocks' outputs (STUDY 7.6)."),
    dropoutSteps: z.enum(["all", "compared"]).describe(
      "BERT-dropout drops in all steps (paper), or in those alone that have second views; in the others it is as the other " +
        "models are (`model.dropout`).",
    ),
  }),
  contrast: z.strictObject({
    temperature: positive.describe("NT-Xent's temperature τ (paper: 0.1)."),
    weight: z.number().nonnegative().describe("Weight α of NT-Xent beside MLM (paper: 0.1)."),
    every: count.describe(
      "Every so many-th step has second views and NT-Xent, with so many times its weight; the others are steps of masked " +
        "tokens alone (lazy regularization, Karras et al. 2020; paper: 1).",
    ),
    batches: z.enum(["song-disjoint", "song-order"])
      .describe(
        "Validation batches with at most one bar of a song, or in song order as the authors' loader (STUDY 9.6).",
      ),
    validationRows: z.int().min(2)
      .describe("Bars N of a validation batch (STUDY 9.2: 24); song-disjoint batches hold at most as many as songs."),
    validationBatches: count.describe("Batches of one validation of NT-Xent."),
  }),
  training: z.strictObject({
    seeds: count.describe(
      "Trainings of each model: weights, order, masks, views and dropout differ, songs and split do not (seed, seed + 1, " +
        "…; 1: an hour's study should end in an hour, but intervals then leave the luck of training out).",
    ),
    steps: count.describe("Optimizer steps of one model."),
    batchTokens: count.describe("Tokens of a batch, pads included; rows follow from the bucket's length."),
    batchRows: z.int().min(2).describe("Most rows of a batch (paper: 24)."),
    accumulate: count
      .describe("Batches whose mean gradient makes one step (paper: 1); for batches larger than memory."),
    buckets: z.array(count).min(1)
      .describe("Lengths that batches of one bar a row are padded to, ascending; one trace each."),
    packing: z.enum(["none", "rows"]).describe(
      "Training batches of bars of one bucket, one a row; or of several bars a row, none of which sees another, all of " +
        "one shape (one trace).",
    ),
    rowLengths: z.array(count).min(1).describe(
      "Lengths of packed rows, ascending; a batch has them in the proportion that the bars need.",
    ),
    learningRate: positive.describe("Peak learning rate (STUDY 10: 1e-4)."),
    warmupSteps: count.describe("Linear warm-up, in steps (STUDY 10: 10,000)."),
    decay: z.enum(["inverse-sqrt", "linear", "none"])
      .describe("After warm-up: √(warmup/step) (STUDY 10), linear to zero at the last step, or constant."),
    optimizer: z.enum(["adamw", "muon"]).describe(
      "AdamW (STUDY 10); or Muon for the matrices of the layers (arXiv 2502.16982) and AdamW for all else.",
    ),
    beta1: rate.describe("AdamW's first decay (STUDY 10: 0.9)."),
    beta2: rate.describe("AdamW's second decay (STUDY 10: 0.999)."),
    epsilon: positive.describe("AdamW's ε (STUDY 10: 1e-8)."),
    muonMomentum: rate.describe("Muon's decay of its mean gradient (PyTorch: 0.95)."),
    muonSteps: count.describe("Muon's Newton–Schulz iterations (PyTorch: 5)."),
    muonScale: positive.describe(
      "Length of Muon's moves: times √(longer side) (arXiv 2502.16982: 0.2, AdamW's usual length).",
    ),
    weightDecay: z.number().nonnegative().describe("Decoupled weight decay (STUDY 10: 0.01)."),
    decayed: z.enum(["matrices", "all"])
      .describe("Weight decay spares biases and LayerNorms, or nothing (STUDY 10: all)."),
    clipNorm: z.number().nonnegative().describe("Global gradient norm that is clipped to; 0 = off (STUDY 10: off)."),
    validateEvery: count.describe("Steps between validations and checkpoints."),
    validationBars: count.describe("Most bars of one validation, drawn once by the seed."),
    keep: z.enum(["best", "last"])
      .describe("Weights kept: of the lowest validation loss (STUDY 10), or the last ones."),
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
      "Element type of the training step's products; auto: bfloat16 on a GPU, on a CPU the faster one, measured once " +
        "and kept by the run. " +
        "Weights, LayerNorm, softmax and losses are float32 in any case.",
    ),
    islands: z.boolean()
      .describe(
        "Whether XLA compiles LayerNorm, GELU, softmax and AdamW into one pass each: seconds once for a shape.",
      ),
    leastIsland: z.int().nonnegative().describe(
      "Least elements of the largest input of what XLA compiles so; smaller parts do not give back the time it takes.",
    ),
  }),
  probing: z.strictObject({
    poolings: z.array(z.enum(["bar", "notes", "eob"])).min(1).describe(
      "A bar's embedding: the state of its Bar token (STUDY 7.8), the mean of its notes' tokens, or the state of <eob>. " +
        "Tables show the first; the authors' protocol and the controls take it alone.",
    ),
    layerMix: z.enum(["gain", "uniform", "none"]).describe(
      "All layers as one embedding, standardised and summed: by how far each layer's probe beats the guess on " +
        "validation songs, all alike, or not at all.",
    ),
    precision: z.enum(["float32", "as-trained"]).describe(
      "Element type of an encoder's products as it embeds bars for the study's probes; as-trained: that of its training, " +
        "which changed scores by a thousandth of their intervals' width in the median, and at most by a fifth.",
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
    draws: count.describe("Authors' protocol: drawings of bars behind a mean and its population std (STUDY 11.3: 5)."),
    drawnTrainBars: z.int().nonnegative().describe("Authors' protocol: most bars of a song to fit on (STUDY 11.2: 5)."),
    drawnTestBars: z.int().nonnegative()
      .describe("Authors' protocol: most bars of a song to score on (STUDY 11.2: 10)."),
    drawnAlpha: positive.describe("Authors' protocol: ridge penalty (STUDY 11.6: 100)."),
    alphas: z.array(positive).min(1)
      .describe("Sound protocol: ridge penalties, chosen on validation songs (STUDY 11.6)."),
    chordThreshold: z.number().describe("Decision value above which the authors count a chord (STUDY 11.7: -0.8)."),
    untrainedSeeds: count.describe("Encoders with fresh weights that stand for one that learned nothing (seeds up)."),
    permuted: z.enum(["songs", "bars", "none"]).describe(
      "Permuted labels: the training songs' answers laid over the bars in another order of songs, which keeps a " +
        "song's bars alike as they are in truth; bar by bar; or no such control.",
    ),
    controlType: z.enum(["lowest-pitch", "first-note", "none"]).describe(
      "Control tasks (Hewitt & Liang 2019): every bar of a type, by its lowest pitch or its first note, gets the " +
        "answers of one training bar, drawn for the type; a probe can only learn them by heart.",
    ),
    clusters: count.describe("K of K-means (STUDY 11.8: 1000), bounded by clusterShare."),
    clusterShare: rate
      .describe("Most clusters as a share of the rows they are fitted on (0.2: five rows for each; STUDY 11.8)."),
    clusterIterations: count.describe("Most Lloyd iterations."),
    clusterRows: count.describe(
      "Most training bars that clusters are fitted on, drawn by the seed (50,000: fifty for each of 1000 clusters, and " +
        "300 MB at the paper's width; the authors' mini-batches draw 1,024 bars at a time, STUDY 11.8).",
    ),
    conceptBars: z.int().nonnegative().describe(
      "Bars that are composed for each design of two crossed concepts, roughly; 0 = concepts are not asked for (480: a " +
        "probe of twelve classes is fitted on some 240, and a design takes seconds).",
    ),
    usedBars: z.int().nonnegative().describe(
      "Test bars whose masked tokens are guessed without a task's subspace; 0 = it is not measured what a model uses.",
    ),
    usedFitBars: count.describe("Most training bars, and most validation bars, that a task's subspace is found on."),
    usedControls: count.describe("Random subspaces of the same rank beside each task's."),
    removedFrom: z.enum(["bar", "all", "notes"]).describe(
      "Which subspace is removed from whose states: the one that probes read from the Bar token, from that token alone " +
        "(bar) or from every one about the Bar token's mean (all); or the one that they read from the mean state of the " +
        "notes' tokens, from every token (notes: trained encoders hardly look at the Bar token, so that what is there " +
        "changes no masked guess).",
    ),
    removedShare: rate.describe("Most of a layer's dimensions that are removed (0.25)."),
    removedLeft: rate.describe("Share of a probe's gain over the guess at which no more is removed (0.05)."),
    movedBy: z.number().nonnegative().describe(
      "Standard deviations of a bar's tempo, velocity or length by which states are moved along its subspace; 0 = not (1).",
    ),
    removedAtOnce: count.describe(
      "Directions that are removed before a probe is fitted again: those along which its decisions differ most (4).",
    ),
    ckaBars: count.describe("Test bars by which layers of all models are compared (CKA), drawn by the seed."),
    shuffles: count.describe("Deals of bars to songs at random behind the entropy that means nothing (permuted SC)."),
    retrievalBars: count.describe("Most test bars that are looked for among each other (same-song retrieval)."),
    bootstraps: count.describe(
      "Resamplings of songs behind each interval; 2/(resamplings + 1) is the least p, which Holm's correction divides.",
    ),
    keptResamplings: count.describe(
      "Resamplings that are kept with a score, rounded to one in some hundred steps, for differences and means over " +
        "seeds; its own interval is from all of them (2000: a claim of three comparisons can be decided by one seed; " +
        "600 at small and base: a claim can hold by one seed, and deviations over several are known to 3%).",
    ),
    level: rate.describe("Chance of any wrong verdict among the claims, by Holm's correction (STUDY 17.4: 0.05)."),
    holmOver: z.enum(["claims", "comparisons"]).describe(
      "What Holm's correction runs over: the claims, each with the p of all its comparisons together, or every " +
        "comparison of every claim (STUDY 17.4).",
    ),
    seedSpread: z.enum(["pooled", "own"]).describe(
      "What a claim takes for the luck of training: the spread among the seeds of all four models, or of the two that " +
        "are compared (STUDY 17.3).",
    ),
    middle: z.tuple([rate, rate]).describe("Middle layers, as shares of the depth."),
    early: rate.describe("Early layers, as a share of the depth; at least layer 1."),
    equalMlm: positive.describe("MLM accuracies are equal that differ by at most this."),
    nearChance: positive.describe("An accuracy is near chance that is above it by at most this."),
  }),
} as const satisfies { [Group in keyof Fields]: z.ZodType<Fields[Group]> };
