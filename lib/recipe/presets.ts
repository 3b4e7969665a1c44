/**
 * The values behind a recipe: the presets `sound` and `authors`, and the scales, with the reasons for them.
 * @module
 */
import type { FieldChanges, Fields } from "./fields.ts";

/** The paper's text, and good practice where it is silent. */
export const sound: Omit<Fields, "scale" | "model" | "training"> = {
  preset: "sound",
  seed: 0,
  midi: {
    reading: "standard",
    metaTracks: "all",
    clock: "ticks",
    missingMeter: "4/4",
    meters: "in-force",
    zeroLength: "shortest",
    controllers: "all",
    drums: "any-channel",
  },
  tokens: {
    quantise: "nearest",
    barTempo: "at-bar-start",
    tempoBin: "nearest",
    maxTokens: 512,
    cut: "note",
    minNotes: 6,
  },
  labels: { chords: "overlap", chordOverlapBeats: 1, notes: "cut" },
  duplicates: { exact: "drop", near: "cluster", bars: "notes", shared: 0.5, compared: 100 },
  split: { by: "hash", train: 0.8, validation: 0.1 },
  masking: { rate: 0.15, mask: 0.8, random: 0.1, replacements: "events", validation: "fixed" },
  views: {
    pitchShift: 6,
    velocityShift: 3,
    neighborSelf: false,
    dropout: 0.1,
    dropoutPlace: "attention-and-feed-forward",
    dropoutSteps: "all",
  },
  contrast: {
    ...{ temperature: 0.1, weight: 0.1, every: 1, batches: "song-disjoint" },
    ...{ validationRows: 24, validationBatches: 40 },
  },
  probing: {
    poolings: ["bar", "notes", "eob"],
    layerMix: "gain",
    precision: "float32",
    padTo: 64,
    memory: 1024,
    trainBarsPerSong: 0,
    testBarsPerSong: 0,
    draws: 5,
    drawnTrainBars: 5,
    drawnTestBars: 10,
    drawnAlpha: 100,
    alphas: [1, 10, 100, 1000, 10000],
    chordThreshold: -0.8,
    untrainedSeeds: 3,
    permuted: "songs",
    controlType: "lowest-pitch",
    clusters: 1000,
    clusterShare: 0.2,
    clusterIterations: 100,
    clusterRows: 50_000,
    conceptBars: 480,
    usedBars: 1000,
    usedFitBars: 4000,
    usedControls: 3,
    removedFrom: "notes",
    removedShare: 0.25,
    removedLeft: 0.05,
    removedAtOnce: 4,
    movedBy: 1,
    ckaBars: 500,
    shuffles: 100,
    retrievalBars: 2000,
    bootstraps: 5000,
    keptResamplings: 2000,
    level: 0.05,
    holmOver: "claims",
    seedSpread: "pooled",
    middle: [0.33, 0.67],
    early: 1 / 6,
    equalMlm: 0.003,
    nearChance: 0.05,
  },
};

/** What the released code did. */
export const authors: typeof sound = {
  ...sound,
  preset: "authors",
  midi: {
    reading: "pretty_midi",
    metaTracks: "first",
    clock: "float64-seconds",
    missingMeter: "reject",
    meters: "all",
    zeroLength: "drop",
    controllers: "pedal",
    drums: "channel-10",
  },
  tokens: { ...sound.tokens, quantise: "floor", barTempo: "first-change-in-bar", tempoBin: "truncated", cut: "token" },
  labels: { ...sound.labels, chords: "onset", notes: "whole" },
  duplicates: { ...sound.duplicates, exact: "keep", near: "ignore" },
  split: { ...sound.split, by: "listed" },
  masking: { ...sound.masking, replacements: "all", validation: "redrawn" },
  views: { ...sound.views, neighborSelf: true, dropoutPlace: "block-outputs" },
  contrast: { ...sound.contrast, batches: "song-order" },
};

const bert = {
  encoder: "bert",
  maxPositions: 512,
  layerNormEps: 1e-12,
  init: "bert",
  initStd: 0.02,
  positions: "random",
  dropout: 0,
} as const;

/** What the authors' encoder is besides its size, at every scale (STUDY §7). */
export const authorsModel = {
  ...{ encoder: "authors", init: "torch", layerNormEps: 1e-5 },
  ...{ initStd: bert.initStd, positions: bert.positions }, // it has no use for them
} as const;

/**
 * How it is trained: its pads take part in attention, so that no bar may share a row; and by AdamW, as the paper says,
 * where we take Muon, with a rate that suits it.
 */
export function authorsTraining(scale: Fields["scale"]): Partial<Fields["training"]> {
  const rates: Partial<Record<Fields["scale"], number>> = { demo: 3e-3, small: 1.5e-3 }, learningRate = rates[scale];
  return { packing: "none", ...(learningRate && { optimizer: "adamw", learningRate }) };
}

const optimization = {
  seeds: 1,
  optimizer: "adamw",
  muonMomentum: 0.95,
  muonSteps: 5,
  muonScale: 0.2,
  decayed: "all",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  clipNorm: 0,
  accumulate: 1,
  keep: "best",
  explosion: 3,
  patience: 0,
  leastGain: 0,
  tensorboard: false,
  precision: "auto",
  islands: true,
  leastIsland: 65_536, // small's parts for chosen tokens alone have fewer, of another shape for each length
  packing: "none",
  rowLengths: [512] as number[],
} as const;

/** What a scale fixes: the encoder's size, the training's length and, for few songs, a split with more test songs. */
export const scales: Record<Fields["scale"], Pick<Fields, "model" | "training"> & FieldChanges> = {
  smoke: {
    model: { ...bert, layers: 2, hidden: 32, heads: 2, intermediate: 64 },
    training: {
      ...optimization,
      precision: "float32", // six steps are not worth a measurement
      islands: false,
      steps: 6,
      batchTokens: 1024,
      batchRows: 24,
      buckets: [256, 512],
      learningRate: 1e-3,
      warmupSteps: 2,
      decay: "inverse-sqrt",
      validateEvery: 3,
      validationBars: 16,
    },
    split: { train: 0.6, validation: 0.2 },
    contrast: { validationBatches: 4 },
    probing: {
      padTo: 256,
      draws: 2,
      untrainedSeeds: 2,
      clusterIterations: 5,
      bootstraps: 100,
      conceptBars: 40,
      usedBars: 40,
    },
  },
  demo: {
    // Of weights of std 0.02, 0.05, 0.07 and 0.1 BERT guesses most masked tokens of validation songs with 0.05: .499, .507,
    // .498 and .470, means of three trainings (the first with random positions, the others with sinusoids).
    model: { ...bert, layers: 4, hidden: 128, heads: 2, intermediate: 256, initStd: 0.05, positions: "sinusoids" },
    training: {
      ...optimization,
      islands: false, // compiling them takes longer than 400 steps gain
      optimizer: "muon", // learns more in few steps than AdamW
      packing: "rows", // one trace in place of eight, and a seventh more tokens a second than in buckets
      rowLengths: [256, 512],
      steps: 400,
      batchTokens: 1536,
      batchRows: 32,
      buckets: [64, 128, 192, 256, 320, 384, 448, 512],
      learningRate: 4e-3,
      warmupSteps: 30,
      decay: "linear",
      clipNorm: 1,
      validateEvery: 100,
      validationBars: 120,
    },
    split: { train: 0.6, validation: 0.2 },
    views: { dropoutSteps: "compared" },
    contrast: { every: 3, validationBatches: 12 },
    // Three poolings take the probes' minutes three times, bfloat16 halves those of embedding.
    probing: { poolings: ["bar"], precision: "as-trained", conceptBars: 240, usedBars: 0 },
  },
  // Twelve layers, 64 wide, whose one head has the size of the paper's. On two cores (AVX-512, bfloat16) 36,000 tokens a
  // second and more, so that 44 million tokens of 3,103 songs take 20 minutes; twice the width made less than half as many.
  small: {
    // With weights of std 0.1 and positions of sinusoids MLM leaves a plateau, half of the tokens, after 10 to 15 million
    // tokens (lib/README.md, Speed). BERT's 0.02 fits a width of 768: at 64 all scores of attention start nearly equal.
    model: { ...bert, layers: 12, hidden: 64, heads: 1, intermediate: 128, initStd: 0.1, positions: "sinusoids" },
    training: {
      ...optimization,
      optimizer: "muon", // has AdamW's accuracy with one head in place of two, and so with fewer maps
      steps: 8_400,
      batchTokens: 5_760,
      batchRows: 90,
      // Nearly all divide the batch, so that batches of most lengths have equally many tokens, and compiled parts in common.
      buckets: [64, 72, 80, 96, 120, 144, 160, 180, 192, 240, 288, 320, 360, 480, 512],
      learningRate: 4e-3,
      warmupSteps: 100,
      decay: "linear",
      clipNorm: 1,
      validateEvery: 300,
      validationBars: 500,
    },
    // A step with second views takes two to three times as long as one without. In equal minutes every fifth step with them
    // learns masked tokens better than every third, and tells views apart as well (lib/README.md, Speed).
    contrast: { every: 5 },
    // The other models learn masked tokens without dropout, so that BERT-dropout does, too: it differs from them by NT-Xent
    // alone, as they do, and masks that make no view cost no time.
    views: { dropoutSteps: "compared" },
    // All 290,000 bars of 3,000 songs would be embedded seven times, and each layer's areas under curves resampled over
    // 29,000 test bars: seven hours of that alone on two cores. What tells is songs, not more bars of them: ten test
    // bars of a song (as STUDY §11.2) take a tenth of it, twenty training bars leave 750 rows for each feature.
    probing: { padTo: 16, trainBarsPerSong: 20, testBarsPerSong: 10, keptResamplings: 600 },
  },
  base: {
    model: { ...bert, layers: 12, hidden: 768, heads: 12, intermediate: 3072 },
    training: {
      ...optimization,
      steps: 1_000_000,
      batchTokens: 12288,
      batchRows: 24,
      buckets: [64, 128, 192, 256, 320, 384, 448, 512],
      learningRate: 1e-4,
      warmupSteps: 10_000,
      decay: "inverse-sqrt",
      validateEvery: 2000,
      validationBars: 5000,
    },
    // As many bars of a song as the authors take (STUDY §11.2): all bars of 100,000 songs would be a terabyte of embeddings.
    probing: { padTo: 16, trainBarsPerSong: 5, testBarsPerSong: 10, keptResamplings: 600 },
  },
};
