/**
 * Arguments of the command line, read by the table of options; and how a command ends.
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { UserError } from "../base/user_error.ts";
import { type Command, type CommandName, commands, type Option, usage, type Values } from "./options.ts";

/** Arguments that a command does not take; the message ends with its usage. */
export class UsageError extends UserError {}

/** The error of arguments that command `name` does not take, with its usage. */
export const usageError = (name: CommandName, what: string): UsageError =>
  new UsageError(`deno task ${name}: ${what}\n\n${usage(name)}`);

/** Whether the arguments ask for the usage. */
export const asksHelp = (args: readonly string[]): boolean => args.includes("--help") || args.includes("-h");

/** The folder that a command is called in: `deno task` itself moves to the project's. */
export const callerFolder = (): string => Deno.env.get("INIT_CWD") ?? Deno.cwd();

/** The value of an option, from its text. */
function valueOf(name: CommandName, option: string, { of, from, path }: Option, text: string, cwd: string) {
  const wrong = (what: string) => usageError(name, `--${option}: expected ${what}, found ${text || "nothing"}.`);
  if (of && !of.includes(text)) throw wrong(`one of ${of.join(", ")}`);
  if (from !== undefined && !(/^\d+$/.test(text) && Number(text) >= from && Number.isSafeInteger(Number(text)))) {
    throw wrong(`a whole number from ${from}`);
  }
  if (text === "") throw wrong("a value");
  return from !== undefined ? Number(text) : path ? resolve(cwd, text) : text;
}

/**
 * Reads a command's arguments; `--` among them, which `deno task` needs before some, says nothing. Paths are relative
 * to `cwd`.
 *
 * @throws {UsageError} for an unknown or missing option, a wrong value, or too many arguments without a name
 */
export function readArguments<C extends CommandName>(
  name: C,
  args: readonly string[],
  cwd: string = callerFolder(),
): { positionals: string[]; values: Values<C> } {
  const { options, positionals: takes, most = 0 }: Command = commands[name], known = Object.entries(options);
  const { tokens } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: Object.fromEntries(known.map(([option, { value }]) => [option, { type: value ? "string" : "boolean" }])),
    ...{ strict: false, allowPositionals: true, tokens: true },
  });
  const positionals: string[] = [], values: Record<string, unknown> = {};
  for (const [option, { value }] of known) values[option] = value ? undefined : false;
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined;
    if (!option) {
      const offered = [...known.map(([option]) => `--${option}`), "--help"].join(", ");
      throw usageError(name, `expected one of ${offered}, found ${token.rawName}.`);
    }
    const { rawName, value, inlineValue } = token;
    if (option.value && (value === undefined || /^--./.test(value) && !inlineValue)) {
      throw usageError(name, `${rawName}: expected a value ${option.value}, found none.`);
    }
    if (!option.value && inlineValue) throw usageError(name, `${rawName}: expected no value, found ${value}.`);
    values[token.name] = option.value ? valueOf(name, token.name, option, value!, cwd) : true;
  }
  if (positionals.length > most) {
    throw usageError(name, `expected ${most === 0 ? "options alone" : takes}, found ${positionals.join(" ")}.`);
  }
  for (const [option, { needed, value, default: preset }] of known.filter(([name]) => values[name] === undefined)) {
    if (needed) throw usageError(name, `--${option}: expected a value ${value}, found none.`);
    if (preset !== undefined) values[option] = valueOf(name, option, options[option], preset, cwd);
  }
  return { positionals, values: values as Values<C> };
}

/** A run and the study's options as environment variables, for kernels too; what is not given has none. */
export function studyVariables(
  run: string,
  { scale, preset, data, "follow-links": links }: Pick<Values<"train">, "scale" | "preset" | "data" | "follow-links">,
): Record<string, string> {
  const study = { STUDY: run, SCALE: scale, PRESET: preset, DATA: data, FOLLOW_LINKS: links ? "1" : undefined };
  return Object.fromEntries(Object.entries(study).flatMap(([key, value]) => value ? [[key, value]] : []));
}

/** The arguments of a task that is a program of its own, such as a bench; prints its usage and ends where need be. */
export function taskArguments<C extends CommandName>(name: C): ReturnType<typeof readArguments<C>> {
  try {
    if (!asksHelp(Deno.args)) return readArguments(name, Deno.args);
    console.log(usage(name));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
  Deno.exit(0);
}

/** What a fault of the program is printed as: how to report it, and its stack with its causes. */
function faultText(error: unknown): string {
  const stack = (one: unknown): string =>
    one instanceof Error
      ? `${one.stack ?? one}${one.cause === undefined ? "" : `\nCaused by: ${stack(one.cause)}`}`
      : String(one);
  return "This is a fault of the program. Please report it as an issue, with the command, what follows, and the system " +
    `(Deno ${Deno.version.deno}, ${Deno.build.target}):\n\n${stack(error)}`;
}

/** Runs a command and prints its error, a fault with its stack; the exit code is 1 then, 2 after wrong arguments. */
export async function exitCode(
  work: () => Promise<number>,
  print: (text: string) => void = console.error,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    print(error instanceof UserError ? error.message : faultText(error));
    return error instanceof UsageError ? 2 : 1;
  }
}
