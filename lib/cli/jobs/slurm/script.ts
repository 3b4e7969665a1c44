/**
 * The scripts by which Slurm does arrays of jobs: a template that an admin can read and change, filled in.
 * @module
 */
import { projectRoot } from "../../../base/project.ts";
import { exists, readTextIfThere, writeFile } from "../../../base/files.ts";
import { UserError } from "../../../base/user_error.ts";
import type { Study } from "../../../study/study.ts";
import { type JobArray, ranges } from "./arrays.ts";

/** The project's template. */
export const ownTemplate = `${projectRoot}/lib/cli/jobs/slurm/template.sh`;

/** What a template may name in double braces, and must where it says `true`. */
const placeholders = {
  ...{ name: false, array: true, workers: false, threads: true, per: false, memory: false, folder: false, logs: false },
  ...{ jobs: true, project: false, command: true, run: true },
};

/**
 * Refuses a template that names what is not known, or leaves out what every script needs, or what one needs for jobs of
 * so many workers.
 */
export function checkTemplate(template: string, path: string, workers = 1): void {
  const named = new Set(Array.from(template.matchAll(/\{\{(.*?)\}\}/g), ([, name]) => name));
  const words = (names: Iterable<string>) => [...names].map((name) => `{{${name}}}`).join(", ");
  const unknown = [...named].filter((name) => !Object.hasOwn(placeholders, name));
  const needs = { ...placeholders, ...(workers > 1 && { workers: true, per: named.has("memory") }) };
  const missing = Object.entries(needs).flatMap(([name, needed]) => needed && !named.has(name) ? [name] : []);
  if (unknown.length + missing.length === 0) return;
  const found = unknown.length > 0 ? `found ${words(unknown)}` : `found no ${words(missing)}`;
  throw new UserError(
    `Slurm: expected a template with ${words(Object.keys(placeholders))} in ${path}, ${found}. ` +
      `${ownTemplate} shows how each is used.`,
  );
}

/**
 * The template of a run, for jobs of so many workers at most: the one that is asked for, else the run's own copy, else
 * the project's.
 */
export async function templateOf(study: Study, asked?: string, workers = 1): Promise<string> {
  const copy = `${study.folder}/slurm/template.sh`, path = asked ?? (exists(copy) ? copy : ownTemplate);
  const template = await readTextIfThere(path);
  if (template === undefined) throw new UserError(`Slurm: expected a template at ${path} (--template), found none.`);
  checkTemplate(template, path, workers);
  return template;
}

/** Keeps a run's template, where the user may change it. */
export const keepTemplate = (study: Study, template: string): Promise<void> =>
  writeFile(study.path("slurm", "template.sh"), template);

/** A word as bash and sbatch read it. */
const quoted = (word: string): string => /^[\w./:@+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** The path of an array's script. */
export const scriptPath = (study: Study, label: string): string => `${study.folder}/slurm/${label}.sh`;

/** How srun starts the processes of a job: neighbours on a node, and none is stopped but by the others' words. */
const together = (workers: number, threads: number): string[] => [
  ...["srun", `--ntasks=${workers}`, `--cpus-per-task=${threads}`, "--distribution=block"],
  ...["--kill-on-bad-exit=0", "--wait=0"],
];

/** The script of an array of a study's jobs, each with so many threads, or each of its workers. */
export function scriptOf(study: Study, array: JobArray, threads: number, template: string): string {
  const { label, tasks, workers, memory } = array, job = workers > 1 ? ["job", "--hosts", "slurm"] : ["job"];
  const command = [...(workers > 1 ? together(workers, threads) : []), Deno.execPath(), "run", "--quiet", "-A"];
  const values: Record<keyof typeof placeholders, string> = {
    name: `${study.name}:${label}`,
    array: ranges(tasks.keys()),
    workers: String(workers),
    threads: String(threads),
    per: workers > 1 ? "-per-cpu" : "", // a node's or a core's memory: workers may be on several nodes
    memory: String(workers > 1 ? Math.ceil(memory / threads) : memory),
    folder: quoted(`${study.folder}/slurm`),
    logs: quoted(`${study.folder}/log`),
    jobs: [...tasks].map(([index, name]) => `[${index}]=${name}`).join(" "),
    project: quoted(projectRoot),
    command: [...command, `${projectRoot}/lib/cli/main.ts`, ...job].map(quoted).join(" "),
    run: study.name,
  };
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: keyof typeof placeholders) => values[name]);
}
