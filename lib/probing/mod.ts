/**
 * Embeddings of every layer → probes, clusters and controls, as rows.
 * @module
 */
export { type Asked, probeLayer } from "./probe.ts";
export { probeLayers } from "./probe_layers.ts";
export { embedLayers, type EmbedOptions } from "./embed.ts";
export type { LayerFeatures, ProbeRow, ProbeTables } from "./rows.ts";
export { parseResults, writeResults } from "./results.ts";
