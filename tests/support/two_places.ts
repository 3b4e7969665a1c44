/**
 * A study at two places: songs for it, how far its training is, and what differs in the end.
 * @module
 */
import { exists, removeIfThere } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { differentFiles, studyResult } from "./study_result.ts";

/** The folder of runs. */
export const runs: string = `${projectRoot}/data/runs`;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A temporary folder with the first embedded songs. */
export async function embeddedSongs(count: number): Promise<string> {
  const songs = await Deno.makeTempDir(), embedded = `${projectRoot}/data/freedoom`;
  const names = [...Deno.readDirSync(embedded)].map(({ name }) => name).filter((name) => name.endsWith(".mid"));
  for (const name of names.sort().slice(0, count)) await Deno.copyFile(`${embedded}/${name}`, `${songs}/${name}`);
  return songs;
}

/** How many steps the log of a model's training has. */
export function loggedSteps(run: string, model: string): number {
  const path = `${runs}/${run}/models/${model}/training/log.jsonl`;
  return exists(path) ? Deno.readTextFileSync(path).split("\n").length - 1 : 0;
}

/** Compares two runs, and prints how many files of each kind that were; returns the paths that differ. */
export function comparedRuns(one: string, other: string): string[] {
  const [a, b] = [one, other].map((run) => studyResult(`${runs}/${run}`));
  const kinds = Map.groupBy(Object.keys(a), (path) => path.split("/")[0]);
  console.log(`compared: ${[...kinds].map(([kind, paths]) => `${paths.length} of ${kind}`).join(", ")}`);
  return differentFiles(a, b);
}

/**
 * How many steps the logs of a model's training have in two runs, and where in the first `steps` the loss or the
 * gradient's norm differ by more than 1e-5 of the first one's: what rounding may change where several workers train.
 */
export function differentSteps(
  one: string,
  other: string,
  model: string,
  steps = 20,
): { steps: number[]; different: string[] } {
  const logs = [one, other].map((run) => {
    const text = Deno.readTextFileSync(`${runs}/${run}/models/${model}/training/log.jsonl`);
    return text.trim().split("\n").map((line) => JSON.parse(line) as Record<"loss" | "gradientNorm", number>);
  });
  const different = logs[0].slice(0, steps).flatMap((right, i) =>
    (["loss", "gradientNorm"] as const).flatMap((number) => {
      const found = logs[1][i]?.[number], away = Math.abs(found - right[number]) / right[number];
      return away < 1e-5 ? [] : [`${number} of step ${i + 1}: ${right[number]}, ${found}`];
    })
  );
  return { steps: logs.map(({ length }) => length), different };
}

/** Copies a run that is done, without its training of a model: a study of the copy trains that model alone. */
export async function copyUntrained(from: string, to: string, model: string): Promise<void> {
  const { success } = await new Deno.Command("cp", { args: ["-R", `${runs}/${from}`, `${runs}/${to}`] }).output();
  if (!success) throw new Error(`${from} could not be copied.`);
  const gone = [
    `models/${model}`,
    ...["train", "evaluate"].map((step) => `steps/${step}-${model}.json`),
    "log",
    "slurm",
  ];
  for (const path of gone) await removeIfThere(`${runs}/${to}/${path}`);
}

/** By how many workers a model was trained, one number for each that did, with commas. */
export function trainedBy(run: string, model: string): string {
  const folder = `${runs}/${run}/models/${model}/training`;
  const last = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /^step-\d+$/.test(name)).sort()
    .at(-1);
  return String(JSON.parse(Deno.readTextFileSync(`${folder}/${last}/state.json`)).run.workers);
}
