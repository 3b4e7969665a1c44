/**
 * How building a corpus grows: two workers beside one, and time and memory a bar from 10⁴ to 10⁷ bars.
 *
 * `deno run -A tests/bench/corpus_bench.ts [SOURCE] [options]`: see `usage`. Each build runs in a process of its own,
 * whose processor time and peak of resident memory are printed beside the wall time (on Linux).
 * @module
 */
import { parseArgs } from "node:util";
import { assemble } from "@lib/corpus/assemble.ts";
import { buildCorpus, buildShard } from "@lib/corpus/build.ts";
import { openCorpus } from "@lib/corpus/store_reader.ts";
import { type BuildPart, hashNotes, hashTokens, partPath, readPart, writePart } from "@lib/corpus/tokenize.ts";
import { type Recipe, recipe } from "@lib/recipe/recipe.ts";
import { openSource } from "@lib/corpus/sources.ts";
import { projectRoot } from "@lib/base/project.ts";
import { kinds } from "@lib/tokens/vocabulary.ts";

const usage = `deno run -A tests/bench/corpus_bench.ts [SOURCE] [options]; SOURCE is a folder or archive of songs
(default: the embedded ones)

  --workers BARS    two workers beside one, on songs of at least so many bars (default: 3e5; 0: not at all)
  --runs N          how often; the fastest of each counts (default: 2)
  --build BARS      builds from 10⁴ to so many bars, tenfold each: songs repeated under new names, deduplication off
                    (default: 1e5; 1e7 take 10 minutes on two cores and 15 GB of disk; 0: not at all)
  --assemble BARS   stores assembled from transposed copies of parts, deduplication on (default: 1e6; 0: not at all)
  --folder DIR      where all this lies; killed and started again with it, a build goes on. Emptied at the end`;

const keeping = recipe("sound", "base", { duplicates: { exact: "keep", near: "cluster" } });
const dropping = recipe("sound", "base", { duplicates: { exact: "drop", near: "cluster" } });

interface Result {
  bars: number;
  seconds: number;
  /** Before and after tokenizing: listing the songs, assembling the store. */
  alone: number;
  /** Processor seconds, of all threads. */
  cpu: number;
  /** Largest resident memory, in MiB. */
  peak: number;
  note: string;
}

const status = (file: string) => {
  try {
    return Deno.readTextFileSync(`/proc/self/${file}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ""; // not Linux
    throw error;
  }
};
const peakMemory = () => Number(/VmHWM:\s+(\d+) kB/.exec(status("status"))?.[1] ?? NaN) / 1024;
const cpuSeconds = () => {
  const [user, system] = status("stat").split(") ").at(-1)!.split(" ").slice(11, 13);
  return (Number(user) + Number(system)) / 100;
};

/** How long opening a store and reading bars at random takes. */
async function readAtRandom(dir: string): Promise<string> {
  const start = performance.now(), corpus = await openCorpus(dir), opened = performance.now(), count = 20_000;
  for (let i = 0; i < count; i++) corpus.tokens(Math.floor(corpus.bars * ((i * 0.618033988749895) % 1)));
  const each = (performance.now() - opened) / count;
  corpus.close();
  return `opened in ${((opened - start) / 1000).toFixed(2)} s, ${(1000 * each).toFixed(1)} µs a random bar`;
}

/** The songs of a source, so many times under new names; all copies are one file on disk. */
async function repeated(source: string, folder: string, times: number): Promise<string> {
  const first = `${folder}/songs`, midi = `${folder}/midi-${times}`;
  if (await Deno.stat(`${midi}/${times - 1}`).then(() => true, () => false)) return midi; // made by an earlier run
  await Deno.mkdir(first, { recursive: true });
  const names: string[] = [];
  for await (const { file, path, bytes } of (await openSource(source)).files()) {
    const name = file.replaceAll("/", "_");
    if (path || bytes) {
      await Deno.writeFile(`${first}/${name}`, bytes ?? await Deno.readFile(path!));
      names.push(name);
    }
  }
  await Deno.remove(midi, { recursive: true }).catch(() => {}); // there may be none
  for (let copy = 0; copy < times; copy++) {
    await Deno.mkdir(`${midi}/${copy}.partial`, { recursive: true });
    for (const name of names) await Deno.link(`${first}/${name}`, `${midi}/${copy}.partial/${name}`);
    await Deno.rename(`${midi}/${copy}.partial`, `${midi}/${copy}`);
  }
  return midi;
}

/** Moves a part's pitches by `copy` semitones, within the 128 there are, and from copy 128 on the tempi too. */
function transpose(part: BuildPart, copy: number): void {
  const { Pitch, Tempo } = kinds;
  const moved = (id: number, { first, count }: { first: number; count: number }, by: number) =>
    id >= first && id < first + count ? first + (id - first + by) % count : id;
  let at = 0;
  part.tokenCounts.forEach((length, bar) => {
    const tokens = part.tokens.subarray(at, at += length);
    tokens.forEach((id, i) => tokens[i] = moved(moved(id, Pitch, copy % 128), Tempo, Math.floor(copy / 128)));
    part.hashes[bar] = hashTokens(tokens);
    part.noteHashes[bar] = hashNotes(tokens);
  });
  for (const { song } of part.files) if (song) song.content += ` ${copy}`;
}

async function build(source: string, dir: string, choices: Recipe, workers: number): Promise<Result> {
  const resumed = await Deno.stat(`${dir}/build.json`).then(() => true, () => false);
  const start = performance.now();
  let first = 0, last = 0;
  const onProgress = () => {
    last = performance.now();
    first ||= last;
  };
  const { kept } = await buildCorpus(source, dir, choices, { workers, onProgress });
  const end = performance.now();
  return {
    bars: kept,
    seconds: (end - start) / 1000,
    alone: (first - start + end - last) / 1000,
    cpu: cpuSeconds(),
    peak: peakMemory(),
    note: (resumed ? "RESUMED, so the times are too short; " : "") + await readAtRandom(dir),
  };
}

async function assembled(parts: string, dir: string, copies: number): Promise<Result> {
  const count = [...Deno.readDirSync(`${parts}/parts`)].length, paths: string[] = [];
  await Deno.mkdir(`${dir}/parts`, { recursive: true });
  for (let copy = 0; copy < copies; copy++) {
    for (let i = 0; i < count; i++) {
      const part = readPart(partPath(parts, i)), path = partPath(dir, copy * count + i);
      part.files.forEach((file) => file.file = `${copy}/${file.file}`);
      transpose(part, copy);
      await writePart(path, part);
      paths.push(path);
    }
  }
  const before = cpuSeconds(), start = performance.now();
  const { kept, clusters, rejected } = await assemble(paths, dir, dropping);
  const seconds = (performance.now() - start) / 1000, cpu = cpuSeconds() - before, peak = peakMemory();
  const copied = `${rejected.duplicate ?? 0} duplicates, ${clusters.songs} songs in ${clusters.clusters} clusters`;
  return { bars: kept, seconds, alone: seconds, cpu, peak, note: `${copied}; ${await readAtRandom(dir)}` };
}

/** What a child process does. */
const tasks: Record<string, (...args: string[]) => Promise<Result>> = {
  build: (source, dir, workers) => build(source, dir, keeping, Number(workers)),
  assemble: (parts, dir, copies) => assembled(parts, dir, Number(copies)),
};

async function child(task: string, ...args: string[]): Promise<Result> {
  const self = import.meta.filename!, config = `--config=${projectRoot}/deno.json`;
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", config, self, "task", task, ...args],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${task} ${args.join(" ")}: expected it to end well.`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function line(what: string, { bars, seconds, cpu, peak, note }: Result): void {
  const each = (value: number) => (1e6 * value / bars).toFixed(1).padStart(6);
  console.log(
    `${what.padEnd(18)} ${String(bars).padStart(9)} bars ${seconds.toFixed(1).padStart(7)} s,` +
      `${each(seconds)} µs a bar,${each(cpu)} µs of processors, peak ${peak.toFixed(0)} MiB; ${note}`,
  );
}

async function compareWorkers(source: string, folder: string, runs: number): Promise<void> {
  const fastest: Record<string, Result> = {};
  await Deno.remove(`${folder}/store`, { recursive: true }).catch(() => {}); // of a run that was killed
  for (let run = 0; run < runs; run++) {
    for (const workers of ["1", "2"]) {
      const found = await child("build", source, `${folder}/store`, workers), best = fastest[workers];
      line(workers === "1" ? "one worker" : "two workers", found);
      if (!best || found.seconds < best.seconds) fastest[workers] = found;
      await Deno.remove(`${folder}/store`, { recursive: true });
    }
  }
  const { "1": one, "2": two } = fastest, serial = one.alone / one.seconds;
  console.log(
    `two workers are ${(one.seconds / two.seconds).toFixed(2)} times as fast as one; ${
      (100 * serial).toFixed(1)
    }% of ` +
      `one worker's time is serial, so at most ${(1 / (serial + (1 - serial) / 2)).toFixed(2)} by Amdahl's law; ` +
      `one keeps ${(one.cpu / one.seconds).toFixed(2)} processors busy, two ${(two.cpu / two.seconds).toFixed(2)}`,
  );
}

interface Sizes {
  workers: number;
  runs: number;
  most: number;
  mostAssembled: number;
}

async function grow(source: string, folder: string, { workers, runs, most, mostAssembled }: Sizes): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const store = `${folder}/store`;
  const forget = (...paths: string[]) => Promise.all(paths.map((path) => Deno.remove(path, { recursive: true })));
  const midi = await repeated(source, folder, 1), once = await child("build", midi, `${folder}/once`, "2");
  const times = (wanted: number) => Math.max(1, Math.ceil(wanted / once.bars));
  if (workers > 0) {
    const songs = await repeated(source, folder, times(workers));
    await compareWorkers(songs, folder, runs);
    if (songs !== midi) await forget(songs);
  }
  for (let size = 1e4; size <= most; size *= 10) {
    const songs = await repeated(source, folder, times(size));
    line(`built, 2 workers`, await child("build", songs, `${store}-${size}`, "2"));
    await forget(`${store}-${size}`, ...(songs === midi ? [] : [songs]));
  }
  if (mostAssembled > 0) {
    await buildShard(midi, `${folder}/parts`, dropping, { index: 1, of: 1 });
    for (let size = 1e4; size <= mostAssembled; size *= 10) {
      line("transposed copies", await child("assemble", `${folder}/parts`, store, String(times(size))));
      await forget(store);
    }
  }
}

async function main(args: string[]): Promise<void> {
  const bars = (value: string) => ({ type: "string", default: value }) as const;
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ workers: bars("3e5"), runs: bars("2"), build: bars("1e5"), assemble: bars("1e6") },
      folder: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
  const [workers, runs, most, mostAssembled] = [values.workers, values.runs, values.build, values.assemble].map(Number);
  const source = positionals[0] ?? `${projectRoot}/data/freedoom`, folder = values.folder ?? await Deno.makeTempDir();
  try {
    await grow(source, folder, { workers, runs, most, mostAssembled });
  } catch (error) {
    if (values.folder) console.error(`Started again with --folder ${folder}, it goes on.`);
    else await Deno.remove(folder, { recursive: true });
    throw error;
  }
  await Deno.remove(folder, { recursive: true });
}

if (Deno.args[0] === "task") console.log(JSON.stringify(await tasks[Deno.args[1]](...Deno.args.slice(2))));
else await main(Deno.args);
