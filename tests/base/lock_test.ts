import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { withLock } from "@lib/base/lock.ts";

async function withPath(fn: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(`${folder}/lock`);
    assertEquals([...Deno.readDirSync(folder)], []); // no lock file is left
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("of many that want a lock, one works at a time, and each is told once that it waits", async () => {
  await withPath(async (path) => {
    let inside = 0, most = 0, done = 0;
    const lines: string[] = [];
    const one = () =>
      withLock(path, async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside--;
        return ++done;
      }, { say: (line) => lines.push(line) });
    assertEquals((await Promise.all([one(), one(), one(), one()])).toSorted(), [1, 2, 3, 4]);
    assertEquals([most, inside], [1, 0]);
    assertEquals(lines, Array(lines.length).fill(`${path}: another process works here; waiting until it is done.`));
    assert(lines.length >= 1 && lines.length <= 3);
  });
});

Deno.test("a lock ends with its process, and whoever waits can be stopped", async () => {
  await withPath(async (path) => {
    const held = `await (await Deno.open("${path}", { create: true, write: true })).lock(true);
      console.log("locked"); setInterval(() => {}, 1000);`;
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", held], stdout: "piped", stderr: "null" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    const signal = AbortSignal.timeout(50);
    await assertRejects(() => withLock(path, () => Promise.resolve(), { signal }), DOMException);
    const waiting = withLock(path, () => Promise.resolve("mine"));
    child.kill("SIGKILL");
    assertEquals(await waiting, "mine");
    await child.status;
    await reader.cancel();
  });
});

Deno.test("a place that cannot be written is named", async () => {
  const path = `${import.meta.dirname}/none/lock`;
  await assertRejects(() => withLock(path, () => Promise.resolve()), UserError, `${path} could not be written`);
});

Deno.test("a failure of the work releases the lock", async () => {
  await withPath(async (path) => {
    await assertRejects(() => withLock(path, () => Promise.reject(new RangeError("no"))), RangeError, "no");
    assertEquals(await withLock(path, () => Promise.resolve(7)), 7);
  });
});
