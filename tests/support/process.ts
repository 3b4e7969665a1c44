/** Runs code in a process of its own. @module */
import { projectRoot } from "@lib/base/project.ts";

const decoder = new TextDecoder();

/** The exit code, standard output and standard error of code, or of a script with arguments. */
export async function inProcess(
  code: string | { script: string; args: string[] },
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const args = typeof code === "string"
    ? ["eval", "--quiet", "--no-check", code]
    : ["run", "--quiet", "--no-check", "-A", `--config=${projectRoot}/deno.json`, code.script, ...code.args];
  const command = new Deno.Command(Deno.execPath(), { args, cwd: projectRoot, env: { NO_COLOR: "1", ...env } });
  const { code: status, stdout, stderr } = await command.output();
  return { code: status, out: decoder.decode(stdout).trim(), err: decoder.decode(stderr) };
}
