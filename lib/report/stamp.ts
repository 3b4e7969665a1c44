/**
 * How a run came about, as names and values: for the foot of its page and for its cards.
 * @module
 */
import { basename } from "node:path";
import { clock } from "../base/clock.ts";
import { readTextIfThere } from "../base/files.ts";
import { thisMachine } from "../base/machine.ts";
import { checksumOf, readManifest } from "../corpus/store.ts";
import { presetChanges, type Study } from "../study/study.ts";
import { projectRoot } from "../base/project.ts";

/** Names and values, in order. */
export type RunStamp = Record<string, string>;

/** A program's output; undefined if there is no such program, or it fails. */
async function printed(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, cwd: projectRoot, stderr: "null" }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const minute = (date: Date): string => date.toISOString().slice(0, 16).replace("T", " ") + " UTC";

/** When a run's jobs began and ended (ms since 1970), their seconds by kind, and the numbers of threads they had. */
export type RunTimes = {
  began: number;
  ended: number;
  seconds: Record<string, number>;
  threads: readonly number[];
};

/** The stamp of a run with its times; `libraries` is libtensorflow's folder with its `stamp.json`. */
export async function stampOf(study: Study, times: RunTimes, libraries: string): Promise<RunStamp> {
  const { recipe: chosen } = study, { preset, scale, seed } = chosen, { cores, processor, system } = thisMachine();
  const library = JSON.parse(await readTextIfThere(`${libraries}/stamp.json`) ?? "{}");
  const { imports } = JSON.parse(await Deno.readTextFile(`${projectRoot}/deno.json`));
  const manifest = await readManifest(`${study.folder}/corpus`), { songs, kept } = manifest.summary;
  const { model, training: { precision } } = chosen;
  const products = study.done<{ precision: string; reason: string }>("precision", { model, precision })?.info;
  const inside = study.data.startsWith(`${projectRoot}/`);
  const packages = Object.values<string>(imports).filter((target) => target.startsWith("npm:"))
    .map((target) => target.replace(/^npm:\/?/, "").replace(/\/$/, ""));
  const { began, ended, threads } = times, kinds = Object.entries(times.seconds);
  const all = kinds.reduce((sum, [, seconds]) => sum + seconds, 0);
  return {
    preset,
    scale,
    seed: String(seed),
    songs: `${inside ? study.data.slice(projectRoot.length + 1) : basename(study.data)} (${songs} songs, ${kept} bars)`,
    "changed from the preset": presetChanges(chosen).join(", ") || "nothing",
    "corpus, SHA-256": checksumOf(manifest),
    started: minute(new Date(began)),
    ended: minute(new Date(ended)),
    "minutes of work": [...kinds, ["all", all] as const].map(([kind, of]) => `${kind} ${clock(of)}`).join(", "),
    processor: `${cores} × ${processor}, ${system}`,
    "threads of a job": threads.join(", ") || "not recorded",
    "products of training": products ? `${products.precision} (${products.reason})` : precision,
    GPU: await printed("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"]) ?? "none",
    libtensorflow: library.version
      ? `${library.package} ${library.version}`
      : Deno.env.get("LIBTENSORFLOW_DIR") ?? "unknown",
    Deno: `${Deno.version.deno} (V8 ${Deno.version.v8}, TypeScript ${Deno.version.typescript})`,
    packages: packages.join(", "),
    commit: await printed("git", ["describe", "--always", "--dirty"]) ?? "not a git checkout",
  };
}
