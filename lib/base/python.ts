/**
 * Finding a Python, and running it and other programs.
 * @module
 */
import { UserError } from "./user_error.ts";

/** What is missing, and what to do about it. */
export class SetupError extends UserError {}

/** Whether something lies at `path`. */
export const exists = (path: string): boolean => {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
};

/**
 * What a program printed.
 *
 * @throws {SetupError} with the end of its error output if it failed.
 */
export async function execute(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, env, stdin: "null" }).output();
  if (success) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-8).join("\n  ");
  throw new SetupError(`This failed: ${command} ${args.slice(0, 4).join(" ")} …\n  ${said}`);
}

/**
 * The first Python on `searchPath` that is 3.10 or newer and can make virtual environments.
 *
 * @throws {SetupError} saying what was found and what to install.
 */
export async function findPython(searchPath: string = Deno.env.get("PATH") ?? ""): Promise<string> {
  const found: string[] = [];
  const probe = "import sys; print('%d.%d' % sys.version_info[:2]); import venv, ensurepip";
  for (const folder of searchPath.split(":").filter((folder) => folder !== "")) {
    for (const name of ["python3", "python", "python3.13", "python3.12", "python3.11", "python3.10"]) {
      const path = `${folder}/${name}`;
      if (!exists(path)) continue;
      const { success, stdout } = await new Deno.Command(path, { args: ["-c", probe], stdin: "null", stderr: "null" })
        .output();
      const version = new TextDecoder().decode(stdout).trim();
      const [major, minor] = version.split(".").map(Number);
      const recent = major > 3 || (major === 3 && minor >= 10);
      if (success && recent) return path;
      found.push(`${path} (${version === "" ? "does not run" : version}${recent ? ", without venv and pip" : ""})`);
    }
  }
  const what = found.length === 0 ? "no Python was found" : `found only ${found.join(", ")}`;
  throw new SetupError(
    `Setup: expected Python 3.10 or newer with its venv module on the PATH, but ${what}.\n` +
      "  Debian, Ubuntu: sudo apt install python3 python3-venv\n  Fedora: sudo dnf install python3\n" +
      "  macOS: brew install python\n  Windows: use WSL2\nThen run the same command again.",
  );
}
