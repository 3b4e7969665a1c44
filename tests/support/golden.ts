/**
 * Golden fixtures: inputs with the answers of reference programs; see golden/README.md.
 * @module
 */
import { fileURLToPath } from "node:url";
import { readSafetensors } from "@lib/matrix/safetensors.ts";

const folder = new URL("../golden/", import.meta.url);

/** The path of a fixture. */
export const goldenPath = (name: string): string => fileURLToPath(new URL(name, folder));

/** A gzipped JSON fixture. */
export async function goldenJson<T>(name: string): Promise<T> {
  const file = await Deno.open(goldenPath(name));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).json();
}

/** The arrays of a safetensors fixture. */
export const goldenTensors = async (name: string) => readSafetensors(await Deno.readFile(goldenPath(name)));

/** The largest absolute difference of two arrays. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Infinity;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}
