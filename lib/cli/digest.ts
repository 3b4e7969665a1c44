/**
 * `deno task digest`: what of runs may be published.
 * @module
 */
import { projectRoot } from "../base/project.ts";
import { writeDigest } from "../study/digest.ts";
import { readArguments, usageError } from "./arguments.ts";

/** The arguments of `deno task digest`; throws a {@link UsageError} as `readArguments`, or if no run is given. */
export function digestOptions(args: readonly string[], cwd?: string): { runs: string[]; out: string; every: number } {
  const { positionals: runs, values } = readArguments("digest", args, cwd);
  if (runs.length === 0) throw usageError("digest", "expected the name of a run, found none.");
  return { runs, out: values.out ?? `${projectRoot}/data/studies/${runs[0]}`, every: values.every };
}

/** `deno task digest`; returns the exit code. */
export async function digestCommand(args: string[]): Promise<number> {
  const options = digestOptions(args);
  await writeDigest(options);
  console.log(`${options.out}: open README.md there`);
  return 0;
}
