/**
 * What a run of a study came to, times and machines aside: for comparing runs that should be equal to the bit.
 * @module
 */
import { createHash } from "node:crypto";
import { exists } from "@lib/base/files.ts";

/** What differs between two runs of the same study: times, places, memory, and which steps a process compiled first. */
const passing = ["seconds", "finished", "machine", "tokensPerSecond", "memory", "compiled"];

const isPassing = (key: string, value: unknown): unknown => passing.includes(key) ? undefined : value;

/** The files below a folder, by their paths in it. */
function filesBelow(folder: string, under = ""): string[] {
  if (!exists(`${folder}/${under}`)) return [];
  return [...Deno.readDirSync(`${folder}/${under}`)].flatMap(({ name, isDirectory }) => {
    const path = under === "" ? name : `${under}/${name}`;
    return isDirectory ? filesBelow(folder, path) : [path];
  }).sort();
}

/**
 * The weights, logs, step records, resamplings, results and tables of a run: each file's text without what passes, or a
 * hash of its bytes.
 */
export function studyResult(folder: string): Record<string, string> {
  const kept = filesBelow(folder).filter((path) =>
    /^(models\/[^/]+\/(model\.safetensors|training\/log\.jsonl)|probes\/.*\.safetensors|tables\/.*|results\..*)$/
      .test(path) || /^steps\/(?!notebook|page|results).*\.json$/.test(path)
  );
  return Object.fromEntries(kept.map((path) => {
    const bytes = Deno.readFileSync(`${folder}/${path}`), text = () => new TextDecoder().decode(bytes);
    if (path.endsWith(".json")) return [path, JSON.stringify(JSON.parse(text()), isPassing)];
    if (!path.endsWith(".jsonl")) return [path, createHash("sha256").update(bytes).digest("hex")];
    const lines = text().trim().split("\n").map((line) => JSON.stringify(JSON.parse(line), isPassing));
    return [path, lines.join("\n")];
  }));
}

/** The paths in which two runs differ, or that only one of them has. */
export function differentFiles(a: Record<string, string>, b: Record<string, string>): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((path) => a[path] !== b[path]).sort();
}
