/**
 * `deno task pack`: a run's folder as one file, and back.
 * @module
 */
import { basename } from "node:path";
import { projectRoot } from "../base/project.ts";
import { openPack, packRun } from "../study/pack.ts";
import { readArguments, usageError } from "./arguments.ts";

/** The arguments of `deno task pack`; throws a {@link UsageError} unless they name a run to pack, or a file to open. */
export function packOptions(
  args: readonly string[],
  cwd?: string,
): Record<"name" | "out" | "open", string | undefined> {
  const { positionals, values: { out, open, ...values } } = readArguments("pack", args, cwd);
  const name = values.name ?? positionals[0];
  if (open !== undefined && (out !== undefined || positionals.length > 0)) {
    throw usageError("pack", "expected --open FILE alone or with --name, found more.");
  }
  if (open === undefined && name === undefined) {
    throw usageError("pack", "expected the name of a run, or --open FILE, found neither.");
  }
  if (name !== undefined && (!/^[\w.-]+$/.test(name) || /^\.+$/.test(name))) {
    const found = JSON.stringify(name);
    throw usageError("pack", `expected a run's name, of letters, digits, dot, dash and underscore, found ${found}.`);
  }
  return { name, out, open };
}

/** `deno task pack`; returns the exit code. */
export async function packCommand(args: string[]): Promise<number> {
  const { name, out, open } = packOptions(args), runs = `${projectRoot}/data/runs`;
  if (open !== undefined) {
    const { path, files } = await openPack(open, runs, name);
    console.log(`${files} files, each as packed: ${path}`);
    console.log(`Its page is report.html there; its steps go on with STUDY=${basename(path)}.`);
  } else {
    const { path, sha256, files } = await packRun(`${runs}/${name}`, out ?? `${runs}/${name}.tar.gz`);
    const megabytes = ((await Deno.stat(path)).size / 1e6).toFixed(1);
    const beside = `${basename(path)}.sha256`;
    console.log(`${path}: ${files} files, ${megabytes} MB, SHA-256 ${sha256}, which is also in ${beside}`);
  }
  return 0;
}
