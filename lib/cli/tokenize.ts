/**
 * `deno task tokenize`: songs → a store of bars, from a terminal.
 * @module
 */
import { resolve } from "node:path";
import { clock } from "../base/clock.ts";
import { buildCorpus, buildShard, mergeCorpora } from "../corpus/build.ts";
import { type CorpusSummary, type Overlap, verifyCorpus } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import type { Shard } from "../corpus/build_plan.ts";
import { exportParquet } from "../corpus/parquet.ts";
import { loadRecipe } from "../study/study.ts";
import { meter } from "./meter.ts";
import { callerFolder, readArguments, usageError } from "./arguments.ts";
import type { Values } from "./options.ts";

/** The arguments of `deno task tokenize`; throws a {@link UsageError} where they are wrong. */
export function tokenizeOptions(
  args: readonly string[],
  cwd: string = callerFolder(),
): Omit<Values<"tokenize">, "shard"> & { shard: Shard | undefined; sources: string[] } {
  const { positionals, values } = readArguments("tokenize", args, cwd), { merge, verify, parquet } = values;
  const cut = values.shard === undefined ? undefined : /^(\d+)\/(\d+)$/.exec(values.shard);
  if (cut === null || (cut && !(Number(cut[1]) >= 1 && Number(cut[1]) <= Number(cut[2])))) {
    throw usageError("tokenize", `--shard: expected I/N with 1 ≤ I ≤ N, found ${values.shard}.`);
  }
  const few = positionals.length === 0, enough = merge ? !few : few ? verify || parquet : positionals.length === 1;
  if (!enough) {
    const expected = merge ? "folders of shards" : "one source";
    throw usageError("tokenize", `expected ${expected}, found ${positionals.join(" ") || "none"}.`);
  }
  if (merge && cut) throw usageError("tokenize", "--merge and --shard: expected one of them, found both.");
  const shard: Shard | undefined = cut && { index: Number(cut[1]), of: Number(cut[2]) };
  return { ...values, shard, sources: positionals.map((path) => resolve(cwd, path)) };
}

/** A summary in lines: songs and bars, rejects by reason, near-duplicates and the leak. */
export function summaryLines(summary: CorpusSummary): string[] {
  const { files, songs, kept, notKept, tokens, rejected, clusters, leak } = summary;
  const number = (value: number) => value.toLocaleString("en-US");
  const percent = ({ testInTrain, testBars }: Overlap) => `${(100 * testInTrain / Math.max(1, testBars)).toFixed(2)}%`;
  const width = Math.max(0, ...Object.keys(rejected).map((reason) => reason.length));
  return [
    `${number(songs)} songs of ${number(files)} files: ${number(kept)} bars of ${number(tokens)} tokens; ` +
    `${number(notKept)} bars have too few notes`,
    ...Object.entries(rejected).sort(([, a], [, b]) => b - a).map(([reason, count]) =>
      `  rejected  ${reason.padEnd(width)}  ${number(count)}`
    ),
    ...(width > 0 ? ["  why, file by file: rejected.jsonl in the store"] : []),
    `near-duplicates: ${number(clusters.songs)} songs in ${number(clusters.clusters)} clusters, at most ` +
    `${clusters.largest}`,
    `test bars with the same tokens in train: ${percent(leak.tokens.split)}, split by file alone: ` +
    `${percent(leak.tokens.byFile)}; with the same notes: ${percent(leak.notes.split)} and ` +
    `${percent(leak.notes.byFile)}`,
  ];
}

/** Builds, merges or verifies a store; returns the process's exit code. */
export async function tokenizeCommand(args: string[], cwd?: string): Promise<number> {
  const { sources, out, shard, merge, verify, parquet, preset, scale, ...values } = tokenizeOptions(args, cwd);
  const start = performance.now(), stop = new AbortController();
  const onInterrupt = () => stop.abort();
  Deno.addSignalListener("SIGINT", onInterrupt);
  try {
    const show = meter("songs");
    let worked = merge;
    const onProgress = (done: number, total: number) => (worked = true, show(done, total));
    const { workers, replace, "follow-links": followLinks } = values, { signal } = stop;
    const options = { workers, replace, followLinks, signal, onProgress, say: console.error };
    const choices = loadRecipe({}, { preset, scale });
    let summary: CorpusSummary | undefined;
    if (merge) summary = await mergeCorpora(sources, out, options);
    else if (shard) await buildShard(sources[0], out, choices, shard, options);
    else if (sources.length > 0) summary = await buildCorpus(sources[0], out, choices, options);
    if (summary) console.log(summaryLines(summary).join("\n"));
    if (summary?.rejected.link) console.log("Links are not followed, unless --follow-links is given.");
    if (summary?.songs === 0) console.error(`No file gave a song; ${out}/rejected.jsonl says why.`);
    const seconds = (performance.now() - start) / 1000;
    const speed = summary && `${Math.round(summary.kept / seconds)} bars a second, ${clock(seconds)}`;
    if (summary) console.log(`${out}: ${worked ? speed : "it was done before, of the same songs and recipe"}`);
    if (shard) console.log(`${out}: shard ${shard.index}/${shard.of} is done; join all of them by --merge.`);
    if (parquet) {
      const corpus = await openCorpus(out);
      await exportParquet(corpus, parquet, { signal, onProgress: meter("bars") });
      corpus.close();
    }
    if (verify) {
      await verifyCorpus(out);
      console.log(`${out}: every byte is as the manifest says.`);
    }
    return summary?.songs === 0 ? 1 : 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error("\nStopped; the same command goes on.");
    return 130;
  } finally {
    Deno.removeSignalListener("SIGINT", onInterrupt);
  }
}
