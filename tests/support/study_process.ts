/**
 * A study in processes of their own, to be stopped, killed and compared.
 * @module
 */
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { compose } from "./composer.ts";

/** The processes below one, by ps. */
function below(pid: number): number[] {
  const { stdout } = new Deno.Command("ps", { args: ["-axo", "pid=,ppid="] }).outputSync();
  const pairs = new TextDecoder().decode(stdout).trim().split("\n").map((line) => line.trim().split(/ +/).map(Number));
  const children = pairs.filter(([, parent]) => parent === pid).map(([child]) => child);
  return children.flatMap((child) => [child, ...below(child)]);
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error; // it has ended
  }
}

/** How a study's process is struck: after it told of `after` jobs that began, and so many milliseconds. */
export type Blow = {
  after: number;
  wait: number;
  victim: "all" | "queue" | "jobs";
  signal: Deno.Signal;
};

/** Runs a command of the project, struck by a blow; returns its exit code and what it printed. */
export async function runStudy(
  args: readonly string[],
  env: Record<string, string>,
  blow?: Blow,
): Promise<{ code: number; text: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    ...{ args: ["run", "--quiet", "-A", "--no-check", `${projectRoot}/lib/cli/main.ts`, ...args], env },
    ...{ cwd: projectRoot, stdin: "null", stdout: "piped", stderr: "piped" },
  }).spawn();
  let text = "", timer: ReturnType<typeof setTimeout> | undefined;
  const strike = () => {
    const { victim, signal } = blow!, jobs = victim === "queue" ? [] : below(child.pid);
    if (victim !== "jobs") kill(child.pid, signal);
    for (const pid of jobs) kill(pid, signal);
  };
  const follow = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const part of stream.pipeThrough(new TextDecoderStream())) {
      text += part;
      const began = text.split("\n").filter((line) => line.startsWith("running ")).length;
      if (blow && began >= blow.after) timer ??= setTimeout(strike, blow.wait);
    }
  };
  await Promise.all([follow(child.stdout), follow(child.stderr)]);
  const { code } = await child.status;
  clearTimeout(timer);
  return { code, text };
}

/** Runs a test with a folder of twelve composed songs, and with runs' names whose folders are removed in the end. */
export async function withRuns(test: (songs: string, run: (name: string) => string) => Promise<void>): Promise<void> {
  const songs = await Deno.makeTempDir(), prefix = `test-${Deno.pid}-${crypto.randomUUID().slice(0, 4)}`;
  for (let song = 0; song < 12; song++) await Deno.writeFile(`${songs}/${song}.mid`, compose(9, song, 8).bytes);
  const runs = `${projectRoot}/data/runs`;
  try {
    await test(songs, (name) => `${prefix}-${name}`);
  } finally {
    await Deno.remove(songs, { recursive: true });
    for (const { name } of exists(runs) ? Deno.readDirSync(runs) : []) {
      if (name.startsWith(prefix)) await Deno.remove(`${runs}/${name}`, { recursive: true });
    }
  }
}
