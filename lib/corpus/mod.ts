/**
 * Songs of a folder or archive → a store of bars on disk.
 * @module
 */
export { buildCorpus, type BuildOptions, buildShard, mergeCorpora } from "./build.ts";
export { type Corpus, CorpusError, type CorpusSummary, type Song, verifyCorpus } from "./store.ts";
export { openCorpus, type OpenOptions } from "./store_reader.ts";
export { type Split, splits } from "./split.ts";
export { exportParquet } from "./parquet.ts";
