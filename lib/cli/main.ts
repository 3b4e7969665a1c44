/**
 * The terminal's commands: `deno task report`, `tokenize`, `train` and the others run this module with their name.
 * @module
 */
import "../base/quiet.ts";
import { asksHelp, exitCode, UsageError } from "./arguments.ts";
import { type CommandName, usage } from "./options.ts";

/** A command's function: takes its arguments, returns the exit code. */
type Run = (args: string[]) => Promise<number>;

// Each is loaded when it is called, and what needs libtensorflow only when that is there.
const load: { [name in CommandName]?: () => Promise<Run> } = {
  report: async () => (await import("./report.ts")).report,
  tokenize: async () => (await import("./tokenize.ts")).tokenizeCommand,
  train: async () => (await import("./train.ts")).trainCommand,
  study: async () => (await import("./jobs/study.ts")).studyCommand,
  job: async () => (await import("./jobs/study.ts")).jobCommand,
  embed: async () => await withLibraries() ?? (await import("./encoders/embed.ts")).embedCommand,
  bars: async () => await withLibraries() ?? (await import("./encoders/bars.ts")).barsCommand,
  probe: async () => await withLibraries() ?? (await import("./encoders/probe.ts")).probeCommand,
  pack: async () => (await import("./pack.ts")).packCommand,
  digest: async () => {
    await (await import("./setup.ts")).ensureEngine(); // no Jupyter, so that it runs where nothing can be fetched
    return (await import("./digest.ts")).digestCommand;
  },
  setup: async () => (await import("./setup.ts")).setupCommand,
};

async function withLibraries(): Promise<undefined> {
  await (await import("./setup.ts")).ensureSetup({ quiet: true });
}

/** Runs the command that `args` name; returns the exit code. */
export async function main([name, ...args]: string[]): Promise<number> {
  const start = Object.hasOwn(load, name ?? "") ? load[name as CommandName] : undefined;
  if (start === undefined) {
    const lines = Object.keys(load).map((known) => `  deno task ${known} --help`);
    throw new UsageError(`Expected one of these commands, found ${name ?? "none"}:\n${lines.join("\n")}`);
  }
  if (asksHelp(args)) {
    console.log(usage(name as CommandName));
    return 0;
  }
  return await (await start())(args);
}

if (import.meta.main) Deno.exit(await exitCode(() => main(Deno.args)));
