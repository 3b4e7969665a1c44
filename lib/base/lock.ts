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
 * Runs `work` while no other process (nor another call of this one) runs its own under the same path. The lock is the
 * system's advisory one on the file `path`, removed in the end; it ends with its process, even with `kill -9`. Over a
 * network, NFS needs its lock service, Lustre `-o flock`; where a file system refuses locks, `work` runs without one.
 *
 * @param say receives a line if another process must be awaited, or if the file system has no locks
 * @throws {UserError} if the file cannot be written; what `work` throws, and the signal's reason
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
    const locked = await opened.tryLock(true).catch((error: Error) => {
      say(`${path}: this file system has no locks (${error.message}); start no second process on it.`);
      return true;
    });
    if (locked && await isAt(opened, path)) file = opened;
    else opened.close();
    if (locked) continue;
    if (!waited) say(`${path}: another process works here; waiting until it is done.`);
    waited = true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  try {
    return await work();
  } finally {
    await Deno.remove(path).catch(() => {}); // its folder may be gone; the lock ends as the file is closed
    file.close();
  }
}
