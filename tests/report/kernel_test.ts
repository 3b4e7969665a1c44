import { assert, assertEquals } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";

const kernel = `${projectRoot}/lib/report/kernel.py`;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();

/** Whether a process runs; one that ended and was not waited for does not. */
function runs(pid: number): boolean {
  const state = text(new Deno.Command("ps", { args: ["-o", "stat=", "-p", String(pid)] }).outputSync().stdout);
  return state !== "" && !state.startsWith("Z");
}

async function ends(pid: number): Promise<boolean> {
  for (let i = 0; i < 50 && runs(pid); i++) await new Promise((resolve) => setTimeout(resolve, 100));
  return !runs(pid);
}

Deno.test("the kernel runs in the folder that Jupyter chose, or in notebooks if that is outside of the project", async () => {
  const outside = Deno.realPathSync(Deno.makeTempDirSync());
  const folderOf = async (cwd: string) =>
    text((await new Deno.Command("python3", { args: [kernel, "pwd", "-P"], cwd }).output()).stdout);
  const root = Deno.realPathSync(projectRoot);
  assertEquals(await folderOf(outside), `${root}/notebooks`);
  assertEquals(await folderOf(`${projectRoot}/lib/base`), `${root}/lib/base`);
  const { code } = await new Deno.Command("python3", { args: [kernel, "sh", "-c", "exit 7"] }).output();
  assertEquals(code, 7);
});

Deno.test("signals reach the kernel", async () => {
  const script = 'trap "echo interrupted; exit 3" INT; echo ready; while :; do sleep 0.05; done';
  const child = new Deno.Command("python3", { args: [kernel, "sh", "-c", script], stdout: "piped" }).spawn();
  let said = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    if (said === "") child.kill("SIGINT");
    said += part;
  }
  assertEquals([said, (await child.status).code], ["ready\ninterrupted\n", 3]);
});

Deno.test("the kernel ends when the process that started it is killed", async () => {
  const script = `python3 ${JSON.stringify(kernel)} sh -c 'echo $$; exec sleep 60'; true`;
  const parent = new Deno.Command("sh", { args: ["-c", script], stdout: "piped" }).spawn();
  const reader = parent.stdout.getReader(), pid = Number(text((await reader.read()).value!));
  assert(runs(pid));
  parent.kill("SIGKILL");
  assert(await ends(pid));
  await parent.status;
  await reader.cancel();
});
