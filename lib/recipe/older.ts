/**
 * Recipes of earlier versions: fields that were introduced later get the value by which that version worked.
 * @module
 */

/** Fields that recipes lacked once, and what was done then. */
const introduced: Record<string, Record<string, unknown>> = {
  midi: { meters: "all", zeroLength: "drop", controllers: "pedal", drums: "channel-10" },
  tokens: { tempoBin: "truncated" },
  duplicates: { exact: "keep", near: "ignore", bars: "notes", shared: 0.5, compared: 100 },
  views: { dropoutSteps: "all" },
  contrast: { every: 1 },
  model: { encoder: "bert", init: "bert", positions: "random" },
  training: {
    seeds: 1,
    ...{ accumulate: 1, explosion: 0, patience: 0, leastGain: 0, tensorboard: false },
    ...{ optimizer: "adamw", muonMomentum: 0.95, muonSteps: 5, muonScale: 0.2 },
    ...{ precision: "float32", islands: false, leastIsland: 0, packing: "none", rowLengths: [512] },
  },
  probing: {
    precision: "float32",
    ...{ padTo: 64, memory: 1024, clusterRows: Number.MAX_SAFE_INTEGER, ckaBars: 500, conceptBars: 0 },
    ...{ usedBars: 0, usedFitBars: 4000, usedControls: 3, removedFrom: "bar", removedShare: 0.25, removedLeft: 0.05 },
    ...{ removedAtOnce: 4, movedBy: 0 },
    ...{ drawnAlpha: 100, shuffles: 100, clusterShare: 0.2 },
    keptResamplings: Number.MAX_SAFE_INTEGER,
    ...{ holmOver: "comparisons", seedSpread: "own" },
  },
};

/** Whether a value is an object with fields, not an array. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A stored recipe, or what else stands in its place, with the fields that its version did not know. */
export function completed(stored: unknown): unknown {
  if (!isObject(stored)) return stored;
  const groups = Object.entries({ ...introduced, ...stored });
  return Object.fromEntries(groups.map(([name, group]) => [
    name,
    Object.hasOwn(introduced, name) && typeof group === "object" ? { ...introduced[name], ...group } : group,
  ]));
}
