/**
 * `deno task digest`: what of a study may be published.
 * @module
 */
import { resolve } from "node:path";
import { writeFile } from "../base/files.ts";
import { projectRoot } from "../base/project.ts";
import { studyPage } from "../report/study_page.ts";
import { writeDigest } from "../study/digest.ts";
import { readArguments, usageError } from "./arguments.ts";

/**
 * The arguments of `deno task digest`: names of runs, and folders of results as absolute paths (what has a slash, or is
 * `.`); throws a {@link UsageError} as `readArguments`, or if none is given.
 */
export function digestOptions(
  args: readonly string[],
  cwd: string = Deno.cwd(),
): { parts: string[]; out: string; page: string | undefined } {
  const { positionals, values: { out, page } } = readArguments("digest", args, cwd);
  if (positionals.length === 0) throw usageError("digest", "expected the name of a run or a folder, found none.");
  const parts = positionals.map((name) => /\/|^\.+$/.test(name) ? resolve(cwd, name) : name), [first] = parts;
  const one = parts.length === 1 && first.startsWith("/") ? first : undefined; // a folder is written anew in its place
  return { parts, out: out ?? one ?? `${projectRoot}/data/studies/${first.replace(/^.*\//, "")}`, page };
}

/** `deno task digest`; returns the exit code. */
export async function digestCommand(args: string[]): Promise<number> {
  const options = digestOptions(args), results = await writeDigest(options), { out, page } = options;
  console.log(`${out}: open README.md there`);
  if (page === undefined) return 0;
  await writeFile(page, await studyPage(results));
  console.log(`${page} (${((await Deno.stat(page)).size / 1e6).toFixed(1)} MB)`);
  return 0;
}
