/**
 * Probe rows in two small files: their numbers as JSON lines, and their resamplings as a NumPy matrix of whole steps.
 *
 * The first line of `rows.jsonl` lists `places`, which many rows share: task, metric, protocol, split and draw, the labels
 * that were probed, and how many bars, songs and classes were scored. Each further line is one layer (or what else a probe
 * read) of one model and seed; each of its `scores` is the number of its place, the value, the ends of the interval, the
 * standard deviation over draws, the ridge penalty, and the logarithm to base 2 of the step of its resamplings, which is
 * null where none are kept. A value that is not defined is null. `resamplings.npy` (int8) has a line for each score with a
 * step, in the order of the scores; −128 stands for NaN (see `toSteps` in `probing/results.ts`).
 * @module
 */
import { UserError } from "../../base/user_error.ts";
import { fromSteps, type Steps, toSteps } from "../../probing/results.ts";
import type { ProbeMeta, ProbeRow } from "../../probing/rows.ts";

type Place = Omit<
  ProbeRow,
  keyof ProbeMeta | "value" | "low" | "high" | "std" | "alpha" | "replicates" | "labels"
>;

/** A score of a line: place, value, ends of the interval, deviation over draws, penalty, logarithm of the step. */
type Score = [number, number | null, number | null, number | null, number | null, number | null, number | null];

type Line = ProbeMeta & Pick<ProbeRow, "labels"> & { scores: Score[] };

/** The texts and bytes of the two files. */
export type RowFiles = { rows: string; resamplings: Uint8Array };

/** The header of an int8 matrix as NumPy writes it (format version 1.0), a multiple of 64 bytes. */
function npyHeader(lines: number, columns: number): Uint8Array {
  const text = `{'descr': '|i1', 'fortran_order': False, 'shape': (${lines}, ${columns}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new TextEncoder().encode(`${"\0".repeat(10)}${text.padEnd(length - 11)}\n`);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]);
  new DataView(bytes.buffer).setUint16(8, length - 10, true);
  return bytes;
}

/** The lines of an int8 matrix; throws a {@link UserError} naming the file if it is none, or is cut. */
function readNpy(bytes: Uint8Array, path: string): Int8Array[] {
  const end = bytes.length < 10 ? 0 : 10 + bytes[8] + 256 * bytes[9];
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, end));
  const [, lines, columns] = /'\|i1', 'fortran_order': False, 'shape': \((\d+), (\d+)\)/.exec(head) ?? [];
  const expected = end + Number(lines) * Number(columns);
  if (lines === undefined || bytes.length !== expected) {
    const what = lines === undefined ? "another file" : `${bytes.length} bytes`;
    throw new UserError(`${path}: expected a matrix of int8 of ${expected || "some"} bytes, found ${what}.`);
  }
  const data = new Int8Array(bytes.buffer, bytes.byteOffset + end);
  return Array.from({ length: Number(lines) }, (_, i) => data.subarray(i * Number(columns), (i + 1) * Number(columns)));
}

const finite = (value: number | null): number | null => value !== null && Number.isFinite(value) ? value : null;

/** Rows as the two files; throws a {@link RangeError} if they have different numbers of resamplings. */
export function encodeRows(rows: readonly ProbeRow[]): RowFiles {
  const places = new Map<string, number>(), lines = new Map<string, Line>(), order = new Map<Line, Steps[]>();
  for (const row of rows) {
    const { model, input, seed, layer, layers, pooling, labels, value, low, high, std, alpha, replicates, ...place } =
      row;
    const placeKey = JSON.stringify(place), at = places.get(placeKey) ?? places.size;
    places.set(placeKey, at);
    const meta = { model, input, seed, layer, layers, pooling, labels }, key = JSON.stringify(meta);
    const line: Line = lines.get(key) ?? { ...meta, scores: [] };
    lines.set(key, line);
    const steps = replicates && toSteps(value, replicates);
    line.scores.push([at, finite(value), low, high, std, alpha, steps ? Math.log2(steps.step) : null]);
    if (steps) order.set(line, [...order.get(line) ?? [], steps]);
  }
  const counts = [...lines.values()].flatMap((line) => order.get(line) ?? []).map(({ counts }) => counts);
  const columns = counts[0]?.length ?? 0;
  if (counts.some(({ length }) => length !== columns)) {
    throw new RangeError(`Rows: expected ${columns} resamplings of each, found other numbers.`);
  }
  const head = npyHeader(counts.length, columns), resamplings = new Uint8Array(head.length + counts.length * columns);
  resamplings.set(head);
  counts.forEach((one, i) => resamplings.set(new Uint8Array(one.buffer), head.length + i * columns));
  const first = { places: [...places.keys()].map((key) => JSON.parse(key)) };
  return { rows: [first, ...lines.values()].map((line) => JSON.stringify(line) + "\n").join(""), resamplings };
}

/** The rows of the two files; throws a {@link UserError} naming the file that does not fit. */
export function decodeRows({ rows: text, resamplings }: RowFiles, folder: string): ProbeRow[] {
  const [{ places }, ...lines] = text.trimEnd().split("\n").map((line) => JSON.parse(line)) as [
    { places: Place[] },
    ...Line[],
  ];
  const counts = readNpy(resamplings, `${folder}/resamplings.npy`), rows: ProbeRow[] = [];
  let next = 0;
  for (const { scores, ...line } of lines) {
    for (const [at, found, low, high, std, alpha, exponent] of scores) {
      const value = found ?? NaN, row: ProbeRow = { ...line, ...places[at], value, low, high, std, alpha };
      if (exponent !== null) {
        if (next === counts.length) break;
        row.replicates = fromSteps(value, { step: 2 ** exponent, counts: counts[next] });
        next++;
      }
      rows.push(row);
    }
  }
  const expected = lines.reduce(
    (sum, { scores }) => sum + scores.filter(([, , , , , , step]) => step !== null).length,
    0,
  );
  if (expected !== counts.length) {
    throw new UserError(
      `${folder}: expected ${expected} lines of resamplings, as rows.jsonl names them, found ${counts.length}.`,
    );
  }
  return rows;
}
