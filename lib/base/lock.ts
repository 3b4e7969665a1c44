/**
 * A lock between processes.
 * @module
 */

import { UserError } from "./user_error.ts";

/** Whether an open file is still the one at `path`: another process may have removed it before we locked it. */
async function isAt(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    const [mine, there] = await Promise.all([file.stat(), Deno.stat(path)]);
    return mine.ino === there.ino && mine.dev === there.dev;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs `work` while no other process (nor another call of this one) runs its own under the same path.
 *
 * The lock is the system's advisory lock on the file `path`, which ends with its process, even with `kill -9`. The file
 * is removed in the end. A network file system must support such locks between machines: NFS does with its lock
 * service running, Lustre when mounted with `-o flock`. Where the file system refuses locks, `work` runs without one.
 *
 * @param say receives a line if another process must be awaited, or if the file system has no locks
 * @throws {UserError} if the file cannot be written; what `work` throws, and the signal's reason
 *
 * @example
 * ```ts
 * import { withLock } from "@lib/base/lock.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile(), order: string[] = [];
 * const one = (name: string) => withLock(path, async () => {
 *   order.push(`${name} begins`);
 *   await new Promise((resolve) => setTimeout(resolve, 10));
 *   order.push(`${name} ends`);
 * });
 * await Promise.all([one("a"), one("b")]);
 * assertEquals(order.map((line) => line.slice(2)), ["begins", "ends", "begins", "ends"]);
 * ```
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  { signal, say = () => {} }: { signal?: AbortSignal; say?: (line: string) => void } = {},
): Promise<T> {
  let file: Deno.FsFile | undefined;
  for (let waited = false; !file;) {
    signal?.throwIfAborted();
    const opened = await Deno.open(path, { create: true, read: true, write: true }).catch((error: Error) => {
      throw new UserError(`${path} could not be written: ${error.message}.`, { cause: error });
    });
    let locked: boolean;
    try {
      locked = await opened.tryLock(true);
    } catch (error) {
      say(`${path}: this file system has no locks (${(error as Error).message}); start no second process on it.`);
      locked = true;
    }
    if (locked && await isAt(opened, path)) file = opened;
    else {
      opened.close();
      if (!locked && !waited) say(`${path}: another process works here; waiting until it is done.`);
      waited ||= !locked;
      if (!locked) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    return await work();
  } finally {
    await Deno.remove(path).catch(() => {}); // its folder may be gone; the lock ends as the file is closed
    file.close();
  }
}
