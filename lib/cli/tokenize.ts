/**
 * `deno task tokenize`: songs → a store of bars, from a terminal.
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { clock } from "../base/clock.ts";
import { buildCorpus, buildShard, mergeCorpora } from "../corpus/build.ts";
import { type CorpusSummary, type Overlap, verifyCorpus } from "../corpus/store.ts";
import { openCorpus } from "../corpus/store_reader.ts";
import type { Shard } from "../corpus/build_plan.ts";
import { exportParquet } from "../corpus/parquet.ts";
import { type Preset, recipe, type RecipeChanges, type Scale } from "../recipe/recipe.ts";

/** How `deno task tokenize` is called. */
export const tokenizeUsage = `deno task tokenize SOURCE --out DIR [options]: reads every song of a folder, .zip, .tar or
.tar.gz into a store of bars; stopped at any moment and started again, it goes on

  --out DIR        folder of the store
  --preset PRESET  sound or authors (default: sound)
  --scale SCALE    smoke, demo, small or base (default: base); it decides the shares of the split
  --workers N      workers (default: one a core)
  --shard I/N      tokenize only this part, for --merge
  --merge          join the folders named instead of SOURCE, which hold the shards 1/N … N/N
  --replace        replace a store at DIR that is of other songs or another recipe
  --verify         read every byte of the store at DIR and compare it with its manifest; alone, or after a build
  --parquet FILE   write the store at DIR as one Parquet file too; alone, or after a build
  --help           this text

Single fields of the recipe are changed by the variable RECIPE, as in RECIPE='{"seed":7}'.`;

/** What was asked for. */
export interface TokenizeOptions {
  /** Whether only the usage was asked for. */
  help: boolean;
  /** A source, or the shards to merge. */
  sources: string[];
  /** Folder of the store. */
  out: string;
  /** Which reading of the paper. */
  preset: Preset;
  /** Which scale's split. */
  scale: Scale;
  /** Number of workers; one a core if left out. */
  workers?: number;
  /** The part to tokenize, if not all. */
  shard?: Shard;
  /** Whether the sources are shards to join. */
  merge: boolean;
  /** Whether a store of other songs or choices may be replaced. */
  replace: boolean;
  /** Whether every byte is compared with the manifest. */
  verify: boolean;
  /** Parquet file to write, if any. */
  parquet?: string;
}

/**
 * Reads the options of `deno task tokenize`; paths are relative to `cwd`.
 *
 * @throws {TypeError} if there is an option that it does not know, or one is missing, with those it does know.
 */
export function tokenizeOptions(args: string[], cwd: string): TokenizeOptions {
  const wrong = (what: string) => new TypeError(`${what}\n\n${tokenizeUsage}`);
  const text = { type: "string" } as const, flag = { type: "boolean", default: false } as const;
  const options = {
    ...{ out: text, preset: text, scale: text, workers: text, shard: text, parquet: text },
    ...{ merge: flag, replace: flag, verify: flag, help: flag },
  };
  const parsed = (() => {
    try {
      return parseArgs({ args: args.filter((arg) => arg !== "--"), options, strict: true, allowPositionals: true });
    } catch (error) {
      throw wrong(`Expected the options below, found: ${error instanceof Error ? error.message : error}`);
    }
  })();
  const { positionals, values: { out, preset = "sound", scale = "base", merge, replace, verify, help, ...values } } =
    parsed;
  const whole = (name: string, value: string) => {
    if (/^\d+$/.test(value)) return Number(value);
    throw wrong(`--${name}: expected a whole number, found ${value}.`);
  };
  const cut = values.shard === undefined ? undefined : /^(\d+)\/(\d+)$/.exec(values.shard);
  if (cut === null || (cut && !(Number(cut[1]) >= 1 && Number(cut[1]) <= Number(cut[2])))) {
    throw wrong(`--shard: expected I/N with 1 ≤ I ≤ N, found ${values.shard}.`);
  }
  if (!help) {
    if (out === undefined) throw wrong("--out: expected the folder of the store, found none.");
    if (
      merge
        ? positionals.length === 0
        : positionals.length > 1 || (positionals.length === 0 && !verify && !values.parquet)
    ) {
      throw wrong(`Expected ${merge ? "folders of shards" : "one source"}, found ${positionals.join(" ") || "none"}.`);
    }
    if (merge && cut) throw wrong("--merge and --shard: expected one of them, found both.");
  }
  return {
    help,
    sources: positionals.map((path) => resolve(cwd, path)),
    out: resolve(cwd, out ?? "."),
    preset: preset as Preset,
    scale: scale as Scale,
    ...(values.workers === undefined ? {} : { workers: whole("workers", values.workers) }),
    ...(cut ? { shard: { index: Number(cut[1]), of: Number(cut[2]) } } : {}),
    merge,
    replace,
    verify,
    ...(values.parquet === undefined ? {} : { parquet: resolve(cwd, values.parquet) }),
  };
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
    `near-duplicates: ${number(clusters.songs)} songs in ${
      number(clusters.clusters)
    } clusters, at most ${clusters.largest}`,
    `test bars with the same tokens in train: ${percent(leak.tokens.split)}, split by file alone: ` +
    `${percent(leak.tokens.byFile)}; with the same notes: ${percent(leak.notes.split)} and ${
      percent(leak.notes.byFile)
    }`,
  ];
}

/** A line that is written over itself in a terminal, and once in ten seconds elsewhere. */
export function meter(unit: string): (done: number, total: number) => void {
  const start = performance.now(), terminal = Deno.stderr.isTerminal();
  let last = 0, first: number | null = null;
  return (done, total) => {
    first ??= done;
    const now = performance.now();
    if (done < total && now - last < (terminal ? 200 : 10_000)) return;
    last = now;
    const seconds = (now - start) / 1000, left = seconds / Math.max(1, done - first) * (total - done);
    const line = `${done} of ${done < total && unit === "songs" ? "about " : ""}${total} ${unit}, ${clock(seconds)}` +
      (done < total && done > first ? `, about ${clock(left)} left` : "");
    Deno.stderr.writeSync(
      new TextEncoder().encode(terminal ? `\r\x1b[K${line}${done < total ? "" : "\n"}` : `${line}\n`),
    );
  };
}

/** Builds, merges or verifies a store; returns the process's exit code. */
export async function tokenizeCommand(
  args: string[],
  cwd: string = Deno.env.get("INIT_CWD") ?? Deno.cwd(),
): Promise<number> {
  const asked = tokenizeOptions(args, cwd), { sources, out, workers, shard, merge, replace, verify } = asked;
  if (asked.help) {
    console.log(tokenizeUsage);
    return 0;
  }
  const start = performance.now(), stop = new AbortController();
  const onInterrupt = () => stop.abort();
  Deno.addSignalListener("SIGINT", onInterrupt);
  try {
    const changes = JSON.parse(Deno.env.get("RECIPE") || "{}") as RecipeChanges;
    const told = meter("songs");
    let worked = merge;
    const onProgress = (done: number, total: number) => (worked = true, told(done, total));
    const options = { workers, replace, signal: stop.signal, onProgress };
    const choices = recipe(asked.preset, asked.scale, changes);
    let summary: CorpusSummary | undefined;
    if (merge) summary = await mergeCorpora(sources, out, options);
    else if (shard) await buildShard(sources[0], out, choices, shard, options);
    else if (sources.length > 0) summary = await buildCorpus(sources[0], out, choices, options);
    if (summary) console.log(summaryLines(summary).join("\n"));
    const seconds = (performance.now() - start) / 1000;
    const speed = summary && `${Math.round(summary.kept / seconds)} bars a second, ${clock(seconds)}`;
    if (summary) console.log(`${out}: ${worked ? speed : "it was done before, of the same songs and recipe"}`);
    if (shard) console.log(`${out}: shard ${shard.index}/${shard.of} is done; join all of them by --merge.`);
    if (asked.parquet) {
      const corpus = await openCorpus(out);
      await exportParquet(corpus, asked.parquet, { signal: stop.signal, onProgress: meter("bars") });
      corpus.close();
    }
    if (verify) {
      await verifyCorpus(out);
      console.log(`${out}: every byte is as the manifest says.`);
    }
    return 0;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    console.error("\nStopped; the same command goes on.");
    return 130;
  } finally {
    Deno.removeSignalListener("SIGINT", onInterrupt);
  }
}
