/**
 * How building a corpus grows: two workers beside one, and time and memory a bar as the songs are repeated under new
 * names with deduplication off. Each build runs in a process of its own, whose peak of resident memory is printed.
 *
 * `deno run -A tests/bench/corpus_bench.ts [SOURCE] [MOST_BARS] [MOST_ASSEMBLED]`: SOURCE (default: the embedded songs)
 * is a folder; builds go to MOST_BARS (default 10⁵); stores are assembled from parts that are repeated, not tokenized
 * again, opened and read at random up to MOST_ASSEMBLED bars (default 10⁶; 10⁷ take 10 GB of disk), and once more from
 * transposed copies with deduplication on.
 * @module
 */
import { assemble } from "@lib/assemble.ts";
import { buildCorpus, openCorpus } from "@lib/corpus.ts";
import { hashNotes, hashTokens, type Part, partPath, readPart, writePart } from "@lib/parts.ts";
import { openSource } from "@lib/sources.ts";
import { recipe } from "@lib/recipe.ts";
import { projectRoot } from "@lib/study.ts";
import { kinds } from "@lib/vocabulary.ts";
import { tokenizeChunks } from "@lib/tokenize_pool.ts";

const choices = recipe("sound", "base", { duplicates: { exact: "keep", near: "cluster" } });

interface Result {
  bars: number;
  seconds: number;
  peak: number;
  note?: string;
}

/** Largest resident memory of this process so far, in MiB (Linux). */
const peakMemory = () => Number(/VmHWM:\s+(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"))?.[1] ?? 0) / 1024;

async function timed(work: () => Promise<{ kept: number; note?: string }>): Promise<Result> {
  const start = performance.now(), { kept, note } = await work();
  return { bars: kept, seconds: (performance.now() - start) / 1000, peak: peakMemory(), note };
}

/** The songs of a folder, so many times under new names. */
async function repeated(source: string, folder: string, times: number): Promise<string> {
  const midi = `${folder}/midi`;
  await Deno.remove(midi, { recursive: true }).catch(() => {}); // there may be none
  for (let copy = 0; copy < times; copy++) {
    await Deno.mkdir(`${midi}/${copy}`, { recursive: true });
    for await (const { file, path } of (await openSource(source)).files()) {
      if (path) await Deno.copyFile(path, `${midi}/${copy}/${file.replaceAll("/", "_")}`);
    }
  }
  return midi;
}

/** Moves the pitches of a part by semitones, within the 128 there are. */
function transpose(part: Part, semitones: number): void {
  const { first, count } = kinds.Pitch;
  part.tokens.forEach((id, i) => {
    if (id >= first && id < first + count) part.tokens[i] = first + (id - first + semitones) % count;
  });
  let at = 0;
  part.tokenCounts.forEach((length, bar) => {
    const tokens = part.tokens.subarray(at, at += length);
    part.hashes[bar] = hashTokens(tokens);
    part.noteHashes[bar] = hashNotes(tokens);
  });
  for (const { song } of part.files) if (song) song.content += ` ${semitones % count}`;
}

/** What a child process does; prints its result. */
const tasks: Record<string, (...args: string[]) => Promise<Result>> = {
  build: (source, dir, workers) => timed(() => buildCorpus(source, dir, choices, { workers: Number(workers) })),
  async assemble(parts, dir, times, transposed) {
    const by = {
      ...choices,
      duplicates: { ...choices.duplicates, exact: transposed ? "drop" as const : "keep" as const },
    };
    await Deno.mkdir(`${dir}/parts`, { recursive: true });
    const first = [...Deno.readDirSync(`${parts}/parts`)].length, paths: string[] = [];
    for (let copy = 0; copy < Number(times); copy++) {
      for (let i = 0; i < first; i++) {
        const part = readPart(partPath(parts, i)), path = partPath(dir, copy * first + i);
        part.files.forEach((file) => file.file = `${copy}/${file.file}`);
        if (transposed) transpose(part, copy);
        await writePart(path, part);
        paths.push(path);
      }
    }
    const result = await timed(() => assemble(paths, dir, by));
    const opening = performance.now(), corpus = await openCorpus(dir), opened = performance.now();
    for (let i = 0; i < 20_000; i++) corpus.tokens(Math.floor(corpus.bars * ((i * 0.618033988749895) % 1)));
    const touched = performance.now();
    for (let i = 0; i < 20_000; i++) corpus.tokens(Math.floor(corpus.bars * ((i * 0.7548776662466927) % 1)));
    const note = `opened in ${((opened - opening) / 1000).toFixed(2)} s, checked in ${
      ((touched - opened) / 1000).toFixed(2)
    } s, then ${((performance.now() - touched) / 20).toFixed(1)} µs a random bar`;
    corpus.close();
    return { ...result, peak: peakMemory(), note };
  },
};

async function child(task: string, ...args: string[]): Promise<Result> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", new URL(import.meta.url).pathname, "task", task, ...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${task} ${args.join(" ")}: expected it to end well.`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function line(what: string, { bars, seconds, peak, note }: Result): void {
  const rate = `${(1e6 * seconds / bars).toFixed(0)} µs a bar`;
  console.log(
    `${what.padEnd(26)} ${String(bars).padStart(9)} bars  ${seconds.toFixed(1).padStart(7)} s  ` +
      `${rate.padStart(14)}  peak ${peak.toFixed(0)} MiB${note ? `  ${note}` : ""}`,
  );
}

async function main(source = `${projectRoot}/data/freedoom`, mostBuilt = "1e5", mostAssembled = "1e6") {
  const folder = await Deno.makeTempDir();
  try {
    const once = await child("build", await repeated(source, folder, 1), `${folder}/store`, "0");
    const least = Math.max(1, Math.round(1e4 / once.bars)), midi = await repeated(source, folder, 4 * least);
    const [one, two] = [
      await child("build", midi, `${folder}/store`, "1"),
      await child("build", midi, `${folder}/store`, "2"),
    ];
    line("one worker", one);
    line("two workers", two);
    console.log(`two workers are ${(one.seconds / two.seconds).toFixed(2)} times as fast as one`);
    for (let times = least; times * once.bars < 1.5 * Number(mostBuilt); times *= 10) {
      line("built", await child("build", await repeated(source, folder, times), `${folder}/store`, "2"));
    }
    await repeated(source, folder, 1);
    const chunks = async function* () {
      const files = await Array.fromAsync((await openSource(midi)).files());
      for (let i = 0; 16 * i < files.length; i++) yield { index: i, files: files.slice(16 * i, 16 * i + 16) };
    };
    await tokenizeChunks(chunks(), `${folder}/parts`, choices, { workers: 2 });
    for (let times = least; times * once.bars < 1.5 * Number(mostAssembled); times *= 10) {
      line("assembled, opened, read", await child("assemble", `${folder}/parts`, `${folder}/grown`, String(times)));
      await Deno.remove(`${folder}/grown`, { recursive: true });
    }
    const times = Math.min(128, Math.round(Number(mostAssembled) / once.bars));
    line("transposed copies, dedup", await child("assemble", `${folder}/parts`, `${folder}/grown`, `${times}`, "yes"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (Deno.args[0] === "task") console.log(JSON.stringify(await tasks[Deno.args[1]](...Deno.args.slice(2))));
else await main(...Deno.args);
