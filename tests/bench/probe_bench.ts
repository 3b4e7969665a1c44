/**
 * Probing at the paper's width beside scikit-learn: all ridge targets of a layer, K-means, and memory.
 *
 * `deno run -A tests/bench/probe_bench.ts [ridge|kmeans|memory] [--rows N] [--columns N] [--repeats N]`; the ratios are
 * of the best of each side's repeats, both in float64 on all cores, timed one after the other in the same run. PYTHON
 * is that of an environment with scikit-learn, that in .venv-bench by default, made if it is missing.
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { kMeans } from "@lib/matrix/kmeans.ts";
import { fitSums, sumLayer } from "@lib/matrix/layer_ridge.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import type { RidgeFit } from "@lib/matrix/ridge.ts";
import { classTargets, joinTargets, takeTargetRows, type Targets, valueTargets } from "@lib/matrix/targets.ts";
import { stream } from "@lib/base/random.ts";
import { projectRoot } from "@lib/base/project.ts";
import { tableText } from "@lib/notebook/table.ts";
import { peerPython } from "./peers.ts";
import { readNpy } from "../support/npy.ts";

const { positionals, values } = parseArgs({
  args: Deno.args.filter((arg) => arg !== "--"),
  allowPositionals: true,
  options: { rows: { type: "string" }, columns: { type: "string" }, repeats: { type: "string" } },
});
const whole = (name: "rows" | "columns" | "repeats", standard: number) => Number(values[name] ?? standard);
const columns = whole("columns", 768), repeats = whole("repeats", 3), random = stream(1, "probe-bench");
const folder = await Deno.makeTempDir();

/** Rows as a layer has them: some directions strong, most weak, a mean away from zero, songs that lie together. */
function embeddings(rows: number, song: Float32Array): Float32Array {
  const x = new Float32Array(rows * columns);
  for (let r = 0, at = 0; r < rows; r++) {
    if (r % 20 === 0) { for (let c = 0; c < columns; c++) song[c] = random.uniform() + random.uniform() - 1; }
    const common = random.uniform();
    for (let c = 0; c < columns; c++, at++) {
      x[at] = 0.5 + song[c] + (common + (c % 3) * (random.uniform() - 0.5)) / (1 + c % 13);
    }
  }
  return x;
}

const some = (most: number, classes: number) => [
  ...new Set(Array.from({ length: 1 + random.integer(most) }, () => random.integer(classes))),
];

async function peer(task: string, options: unknown): Promise<Record<string, number>> {
  const python = await peerPython("sklearn");
  const args = [`${projectRoot}/tests/bench/peers/probe_peer.py`, task, folder, JSON.stringify(options)];
  const { stdout, success } = await new Deno.Command(python, { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`${python}: expected scikit-learn to run, found that it failed.`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Best wall time of a few runs, its processor time, and the last result. */
async function timed<T>(work: () => Promise<T> | T): Promise<{ seconds: number; cpu: number; result: T }> {
  let seconds = Infinity, cpu = 0, result: T;
  for (let i = 0; i < repeats; i++) {
    const start = performance.now(), used = process.cpuUsage();
    result = await work();
    const wall = (performance.now() - start) / 1000, { user, system } = process.cpuUsage(used);
    if (wall < seconds) [seconds, cpu] = [wall, (user + system) / 1e6];
  }
  return { seconds, cpu, result: result! };
}

/** Both sides of a measurement as a table. */
function tell(name: string, ours: { seconds: number; cpu: number }, theirs: Record<string, number>, goal: number) {
  const line = (side: string, { seconds, cpu }: { seconds: number; cpu: number }) => ({
    side,
    seconds: seconds.toFixed(2),
    processor: cpu.toFixed(2),
    [`ratio (goal ${goal})`]: (ours.seconds / seconds).toFixed(3),
    "of processor": (ours.cpu / cpu).toFixed(3),
  });
  const peer = { seconds: theirs.seconds, cpu: theirs.cpu };
  console.log(`${name}\n${tableText([line("here", ours), line("scikit-learn", peer)]).plain}`);
}

function write(name: string, x: Float32Array, width: number): void {
  const file = createNpy(`${folder}/${name}.npy`, x.length / width, width);
  file.append(x);
  file.finish();
}

/** Targets as scikit-learn takes them. */
function dense({ rows, count, base, start, column, value }: Targets): Float32Array {
  const y = new Float32Array(rows * count);
  for (let r = 0; r < rows; r++) {
    y.set(base, r * count);
    for (let e = start[r]; e < start[r + 1]; e++) y[r * count + column[e]] += value[e];
  }
  return y;
}

/** Largest difference of weights from scikit-learn's coefficients, as a share of the largest coefficient. */
async function worst(fits: RidgeFit[], name: string): Promise<number> {
  const { data } = await readNpy(new URL(`file://${folder}/coef_${name}.npy`)), size = data.length / fits.length;
  return Math.max(...fits.map(({ weights }, f) => {
    let difference = 0, largest = 0;
    for (let i = 0; i < size; i++) {
      difference = Math.max(difference, Math.abs(weights[i] - data[f * size + i]));
      largest = Math.max(largest, Math.abs(data[f * size + i]));
    }
    return difference / largest;
  }));
}

async function ridgeBench(rows: number): Promise<void> {
  const alphas = [0.1, 1, 10, 30, 100, 300, 1000, 3000, 10_000, 100_000];
  const x = embeddings(rows, new Float32Array(columns));
  const sets = (most: number, classes: number) => Array.from({ length: rows }, () => some(most, classes));
  const numbers = () => valueTargets(Float64Array.from({ length: rows }, () => Math.fround(random.uniform())));
  const all = joinTargets([
    classTargets(sets(16, 48), 48),
    classTargets(sets(8, 129), 129),
    classTargets(sets(1, 32), 32),
    ...[numbers(), numbers(), numbers()],
  ]);
  const chordSets = sets(3, 84).map((set) => random.uniform() < 0.15 ? [] : set);
  const withChord = Int32Array.from([...chordSets.keys()].filter((r) => chordSets[r].length > 0));
  const chords = classTargets(chordSets, 84), ofSome = takeTargetRows(chords, withChord);
  write("x", x, columns);
  write("y", dense(all), all.count);
  write("chords", dense(chords), chords.count);
  const ours = await timed(async () => {
    const sums = await sumLayer(x, columns, { all, some: withChord, ofSome });
    return { all: await fitSums(sums.all, alphas), chords: await fitSums(sums.ofSome, alphas) };
  });
  const theirs = await peer("ridge", { alphas, repeats });
  tell(
    `ridge, ${rows} × ${columns}, ${all.count} + ${chords.count} targets, ${alphas.length} penalties`,
    ours,
    theirs,
    0.15,
  );
  for (const name of ["all", "chords"] as const) {
    console.log(
      `  coefficients of ${name}: within ${(await worst(ours.result[name], name)).toExponential(1)} (goal 1e-6)`,
    );
  }
}

async function kMeansBench(rows: number): Promise<void> {
  const k = 100, iterations = 100, x = embeddings(rows, new Float32Array(columns));
  const init = x.slice(0, k * columns);
  for (let c = 0; c < k; c++) {
    const row = Math.floor(c * rows / k);
    init.set(x.subarray(row * columns, (row + 1) * columns), c * columns);
  }
  write("x", x, columns);
  write("init", init, columns);
  const ours = await timed(() => kMeans(x, rows, columns, k, { init, iterations, placement: "engine" }));
  const theirs = await peer("kmeans", { k, iterations, repeats });
  tell(`k-means, ${rows} × ${columns}, K = ${k}`, ours, theirs, 0.6);
  const labels = (await readNpy(new URL(`file://${folder}/labels.npy`))).data;
  const same = ours.result.labels.filter((label, r) => label === labels[r]).length;
  console.log(
    `  ${ours.result.iterations} iterations, scikit-learn ${theirs.iterations}; ${same} of ${rows} labels alike; ` +
      `inertia apart by ${Math.abs(ours.result.inertia / theirs.inertia - 1).toExponential(1)}`,
  );
  if (rows * columns <= 2e6) {
    const plain = await timed(() => kMeans(x, rows, columns, k, { init, iterations, placement: "plain" }));
    console.log(`  plain code: ${plain.seconds.toFixed(2)} s`);
  }
}

/** Sums of a layer in a file, and this process's memory before and at most. */
async function memoryBench(rows: number): Promise<Record<string, number | string>> {
  const block = 10_000, song = new Float32Array(columns), file = createNpy(`${folder}/x.npy`, rows, columns);
  for (let first = 0; first < rows; first += block) file.append(embeddings(Math.min(block, rows - first), song));
  const stored = file.finish();
  const all = valueTargets(Float64Array.from({ length: rows }, (_, r) => r % 7));
  const targets = { all, some: new Int32Array(0), ofSome: takeTargetRows(all, []) };
  const before = Deno.memoryUsage().rss, start = performance.now();
  let most = before;
  const timer = setInterval(() => most = Math.max(most, Deno.memoryUsage().rss), 20);
  const sums = await sumLayer(stored, columns, targets);
  clearInterval(timer);
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  return {
    rows: sums.all.gram.rows,
    columns,
    "in the file, MiB": mib(rows * columns * 4),
    "resident before, MiB": mib(before),
    "at most, MiB": mib(most),
    seconds: ((performance.now() - start) / 1000).toFixed(1),
  };
}

try {
  const asked = positionals.length > 0 ? positionals : ["ridge", "kmeans", "memory"];
  for (const what of asked) {
    if (what === "ridge") await ridgeBench(whole("rows", 20_000));
    else if (what === "kmeans") await kMeansBench(whole("rows", 20_000));
    else if (what === "memory") {
      const lines = [];
      for (const rows of values.rows ? [whole("rows", 0)] : [1e5, 1e6]) lines.push(await memoryBench(rows));
      console.log(tableText(lines).plain);
    } else throw new TypeError(`Expected ridge, kmeans or memory, found ${what}.`);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
