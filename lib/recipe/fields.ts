/**
 * The types of a recipe's fields; `schema.ts` has their ranges and meanings.
 * @module
 */

/** A whole recipe. */
export type Fields = {
  preset: "authors" | "sound";
  scale: "smoke" | "demo" | "small" | "base";
  seed: number;
  midi: {
    reading: "standard" | "pretty_midi";
    metaTracks: "all" | "first";
    clock: "ticks" | "float64-seconds";
    missingMeter: "4/4" | "reject";
    meters: "in-force" | "all";
    zeroLength: "shortest" | "drop";
    controllers: "all" | "pedal";
    drums: "any-channel" | "channel-10";
  };
  tokens: Record<"maxTokens" | "minNotes", number> & {
    quantise: "nearest" | "floor";
    barTempo: "at-bar-start" | "first-change-in-bar";
    tempoBin: "nearest" | "truncated";
    cut: "note" | "token";
  };
  labels: { chords: "overlap" | "onset"; chordOverlapBeats: number; notes: "cut" | "whole" };
  duplicates: Record<"shared" | "compared", number> & {
    exact: "drop" | "keep";
    near: "cluster" | "ignore";
    bars: "notes" | "tokens";
  };
  split: { by: "hash" | "listed"; train: number; validation: number };
  model:
    & Record<"layers" | "hidden" | "heads" | "intermediate" | "maxPositions", number>
    & Record<"layerNormEps" | "initStd" | "dropout", number>
    & { encoder: "bert" | "authors"; init: "bert" | "torch"; positions: "random" | "sinusoids" };
  masking: Record<"rate" | "mask" | "random", number> & {
    replacements: "events" | "all";
    validation: "fixed" | "redrawn";
  };
  views: Record<"pitchShift" | "velocityShift" | "dropout", number> & {
    neighborSelf: boolean;
    dropoutPlace: "attention-and-feed-forward" | "block-outputs";
    dropoutSteps: "all" | "compared";
  };
  contrast: Record<"temperature" | "weight" | "every" | "validationRows" | "validationBatches", number> & {
    batches: "song-disjoint" | "song-order";
  };
  training:
    & Record<"seeds" | "steps" | "batchTokens" | "batchRows" | "accumulate" | "learningRate" | "warmupSteps", number>
    & Record<"beta1" | "beta2" | "epsilon" | "weightDecay" | "clipNorm", number>
    & Record<"muonMomentum" | "muonSteps" | "muonScale", number>
    & Record<"validateEvery" | "validationBars" | "explosion" | "patience" | "leastGain" | "leastIsland", number>
    & {
      buckets: number[];
      packing: "none" | "rows";
      rowLengths: number[];
      decay: "inverse-sqrt" | "linear" | "none";
      optimizer: "adamw" | "muon";
      decayed: "matrices" | "all";
      keep: "best" | "last";
      tensorboard: boolean;
      precision: "auto" | "float32" | "bfloat16";
      islands: boolean;
    };
  probing:
    & Record<"padTo" | "memory" | "trainBarsPerSong" | "testBarsPerSong", number>
    & Record<"draws" | "drawnTrainBars" | "drawnTestBars" | "drawnAlpha" | "chordThreshold", number>
    & Record<"untrainedSeeds" | "clusters" | "clusterShare" | "clusterIterations" | "clusterRows", number>
    & Record<"ckaBars" | "shuffles" | "retrievalBars" | "bootstraps" | "level" | "early", number>
    & Record<"equalMlm" | "nearChance" | "keptResamplings" | "conceptBars", number>
    & Record<"usedBars" | "usedFitBars" | "usedControls" | "removedShare" | "removedLeft" | "removedAtOnce", number>
    & Record<"movedBy", number>
    & {
      poolings: ("bar" | "notes" | "eob")[];
      layerMix: "gain" | "uniform" | "none";
      precision: "float32" | "as-trained";
      alphas: number[];
      permuted: "songs" | "bars" | "none";
      controlType: "lowest-pitch" | "first-note" | "none";
      removedFrom: "bar" | "all" | "notes";
      holmOver: "claims" | "comparisons";
      seedSpread: "pooled" | "own";
      middle: [number, number];
    };
};

/** Any subset of a recipe's fields. */
export type FieldChanges = { [K in keyof Fields]?: Fields[K] extends object ? Partial<Fields[K]> : Fields[K] };
