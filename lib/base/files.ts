/**
 * Files that are whole or absent: written under a temporary name, then renamed.
 * @module
 */

/** Writes a file so that a reader, or a crash, never meets half of it. Makes its folder where missing. */
export async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  const slash = path.lastIndexOf("/");
  if (slash > 0) await Deno.mkdir(path.slice(0, slash), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await Deno.open(temporary, { write: true, createNew: true });
    try {
      let bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      while (bytes.length > 0) bytes = bytes.subarray(await file.write(bytes));
      await file.sync();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // it may never have been made; the first error is the one to tell
    throw new Error(`${path} could not be written: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Fills a folder so that it is whole or absent: it is made under a name that ends in `.tmp`, then renamed.
 *
 * @param fill writes into the folder whose path it is given
 * @throws what `fill` throws; nothing is left of the folder then, and one of that name stays as it was
 */
export async function writeFolder(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  await removeIfThere(temporary);
  try {
    await fill(temporary);
    await removeIfThere(path);
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary).catch(() => {}); // a folder that can only be read; the first error is the one to tell
    throw error;
  }
}

/** Removes a file or a whole folder, or finds none. */
export async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** SHA-256 of bytes, in hexadecimal. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The text of a file, or undefined where there is none. */
export async function readTextIfThere(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
