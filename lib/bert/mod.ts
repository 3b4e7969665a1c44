/**
 * The encoder and its checkpoints.
 * @module
 */
export { encode } from "./bert.ts";
export { type Checkpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
export { type BertConfig, bertConfig } from "./config.ts";
export { type EmbeddedSong, embedSong, meanOfBars } from "./embed_song.ts";
export { createBert, type Model } from "./parameters.ts";
export { encodePooled, type Pooling } from "./pooling.ts";
export { type ModelName, modelNames, variants } from "./variants.ts";
