/**
 * Temporary folders.
 * @module
 */

/** Runs `fn` with a temporary folder, which is removed afterwards. */
export async function withFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
