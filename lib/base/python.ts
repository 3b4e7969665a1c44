/**
 * Finding programs, above all a Python, and running them.
 * @module
 */
import { UserError } from "./user_error.ts";

/** What is missing, and what to do about it. */
export class SetupError extends UserError {}

/** The programs of these names in the folders of `searchPath`, as in `PATH`; what cannot be read is passed over. */
export function* findPrograms(names: readonly string[], searchPath: string): Generator<string> {
  for (const folder of searchPath.split(":").filter((folder) => folder !== "")) {
    for (const name of names) {
      const path = `${folder}/${name}`;
      try {
        const { isFile, mode } = Deno.statSync(path);
        if (isFile && (mode ?? 0o111) & 0o111) yield path;
      } catch { /* none, a loop of links, or a folder that we may not read */ }
    }
  }
}

/** Settings of pip that say where packages come from. */
const sources = [
  ...["index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert", "client-cert", "proxy"],
  ...["cache-dir", "no-cache-dir", "timeout", "default-timeout", "retries", "keyring-provider", "config-file"],
];
const settingName = (name: string): string => `PIP_${name.toUpperCase().replaceAll("-", "_")}`;
const kept = new Set(sources.map(settingName));

/** Variables without those by which Python or pip would look for modules, or install them, elsewhere. */
export const pythonEnvironment = (variables: Record<string, string> = Deno.env.toObject()): Record<string, string> =>
  Object.fromEntries(
    Object.entries(variables).filter(([name]) => kept.has(name) || !/^(PYTHON|PIP_|VIRTUAL_ENV$)/.test(name)),
  );

/** Where packages come from by `pip config list`, as variables; they replace pip's files, which may set more. */
export function pipVariables(listed: string): Record<string, string> {
  const found: Record<string, string> = { PIP_CONFIG_FILE: "/dev/null" };
  for (const [, name, value] of listed.matchAll(/^(?!:env:)[\w-]+\.([\w-]+)='(.*)'$/gm)) {
    if (sources.includes(name)) found[settingName(name)] ??= value.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c);
  }
  return found;
}

/** What a program printed; rejects if it cannot be started. */
const attempt = async (command: Deno.Command): Promise<Deno.CommandOutput> => await command.output();

/**
 * What a program printed that sees {@link pythonEnvironment} and `variables`; throws a {@link SetupError} with the end
 * of its error output if it failed.
 */
export async function execute(
  command: string,
  args: string[],
  variables: Record<string, string> = {},
): Promise<string> {
  const env = { ...pythonEnvironment(), ...variables }, text = new TextDecoder();
  const failed = (why: string) =>
    new SetupError(
      `This failed: ${command} ${args.slice(0, 4).join(" ")} …\n  ${why}\nMend what it says (the network, the disk's ` +
        "room), then run the same command again.",
    );
  const child = new Deno.Command(command, { args, env, clearEnv: true, stdin: "null" });
  const { success, stdout, stderr } = await attempt(child).catch((error) => Promise.reject(failed(error.message)));
  if (success) return text.decode(stdout);
  throw failed((text.decode(stderr) || text.decode(stdout)).trim().split("\n").slice(-8).join("\n  "));
}

const pythonNames = ["python3", "python", ...Array.from({ length: 21 }, (_, i) => `python3.${30 - i}`)];
const probe = "import sys; print('%d.%d' % sys.version_info[:2], flush=True); import venv, ensurepip";

/**
 * The first Python on `searchPath` that is 3.10 or newer and can make virtual environments; throws a {@link SetupError}
 * saying what was found and what to install.
 */
export async function findPython(searchPath: string = Deno.env.get("PATH") ?? ""): Promise<string> {
  const unfit: string[] = [];
  for (const path of findPrograms(pythonNames, searchPath)) {
    const env = pythonEnvironment(), signal = AbortSignal.timeout(30_000);
    const options = { env, clearEnv: true, signal, stdin: "null", stderr: "null" } as const;
    const run = await attempt(new Deno.Command(path, { ...options, args: ["-c", probe] })).catch(() => null);
    const version = new TextDecoder().decode(run?.stdout).trim(), [major, minor] = version.split(".").map(Number);
    const recent = major > 3 || (major === 3 && minor >= 10);
    if (run?.success && recent) return path;
    unfit.push(
      `${path} (${/^\d+\.\d+$/.test(version) ? version : "does not run"}${recent ? ", without venv and pip" : ""})`,
    );
  }
  const what = unfit.length === 0 ? "no Python was found" : `found only ${unfit.join(", ")}`;
  throw new SetupError(
    `Setup: expected Python 3.10 or newer with its venv module on the PATH, but ${what}.\n` +
      "  Debian, Ubuntu: sudo apt install python3 python3-venv\n  Fedora: sudo dnf install python3\n" +
      "  macOS: brew install python\n  Windows: use WSL2\nThen run the same command again.",
  );
}
