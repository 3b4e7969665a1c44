/**
 * Files and folders that are whole or absent: made under a temporary name beside their place, then renamed.
 * @module
 */
import { readSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "./user_error.ts";

/** A temporary name beside `path`; no two processes share one. */
const temporaryOf = (path: string): string => `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;

/** Whether a name is that of a file that is being written, or was when its process died. */
export const isTemporary = (name: string): boolean => /\.[0-9a-f]{8}\.tmp$/.test(name);

/** A failure of the disk as one that names the file and that a person can mend; any other error as it is. */
export function explained(path: string, error: unknown): unknown {
  if (error instanceof UserError) return error;
  const { code, message } = error as { code?: string; message: string };
  const ofDisk = /\(os error \d+\)/.test(message) || /^E[A-Z0-9]+$/.test(code ?? ""); // Deno's error, or Node's
  return ofDisk ? new UserError(`${path} could not be written: ${message}.`, { cause: error }) : error;
}

/** Removes a file or a whole folder, if there is one. */
export async function removeIfThere(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/**
 * Makes sure that files can be written into a folder, and makes it where it is missing.
 *
 * @throws {UserError} naming the folder if it is a file, or the disk refuses
 */
export async function writableFolder(path: string): Promise<void> {
  if ((await Deno.stat(path).catch(() => undefined))?.isFile) {
    throw new UserError(`${path}: expected a folder to write to, found a file.`);
  }
  const attempt = temporaryOf(`${path}/writable`);
  try {
    await Deno.mkdir(path, { recursive: true });
    await Deno.writeFile(attempt, new Uint8Array(0), { createNew: true });
    await Deno.remove(attempt);
  } catch (error) {
    throw explained(path, error);
  }
}

/** A file that is being written piece by piece, under a temporary name. */
export interface FileSink {
  /** Appends bytes. */
  write(bytes: Uint8Array): void;
  /** Writes bytes from byte `at` on; the next {@link FileSink.write} goes on after them. */
  writeAt(at: number, bytes: Uint8Array): void;
  /** Gives the file its name; from now on it can be read. */
  finish(): void;
  /** Removes what was written, unless it is finished. */
  abandon(): void;
}

/**
 * Begins a file at `path`; makes its folder where missing.
 *
 * @throws {UserError} naming the file if the disk refuses, here and in the sink's functions; nothing is left then
 */
export function openSink(path: string): FileSink {
  const temporary = temporaryOf(path);
  let file: Deno.FsFile | undefined;
  const abandon = () => {
    if (file === undefined) return;
    file.close();
    file = undefined;
    Deno.removeSync(temporary);
  };
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      abandon();
      throw explained(path, error);
    }
  };
  const put = (bytes: Uint8Array) => {
    if (file === undefined) throw new TypeError(`${path}: expected a file that is open, found one that is closed.`);
    while (bytes.length > 0) bytes = bytes.subarray(file.writeSync(bytes));
  };
  attempt(() => {
    Deno.mkdirSync(dirname(path), { recursive: true });
    file = Deno.openSync(temporary, { write: true, createNew: true });
  });
  return {
    write: (bytes) => attempt(() => put(bytes)),
    writeAt: (at, bytes) =>
      attempt(() => {
        file?.seekSync(at, Deno.SeekMode.Start);
        put(bytes);
      }),
    finish: () =>
      attempt(() => {
        file?.syncSync();
        Deno.renameSync(temporary, path);
        file?.close();
        file = undefined;
      }),
    abandon,
  };
}

/**
 * Writes a file at once. A reader, or a crash, never meets half of it.
 *
 * @throws {UserError} naming the file if the disk refuses
 */
export function writeFileSync(path: string, content: string | Uint8Array): void {
  const sink = openSink(path);
  sink.write(typeof content === "string" ? new TextEncoder().encode(content) : content);
  sink.finish();
}

/** As {@link writeFileSync}, while other work goes on. */
export function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return replaceFile(path, async (temporary) => {
    using file = await Deno.open(temporary, { write: true, createNew: true });
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  });
}

/** What `make` returns, once it has made `temporary` and that has its own name; nothing is left if it fails. */
async function placed<T>(path: string, temporary: string, make: () => Promise<T>): Promise<T> {
  try {
    const made = await make();
    await Deno.rename(temporary, path);
    return made;
  } catch (error) {
    await removeIfThere(temporary).catch(() => {}); // it may be read-only; the first error is the one that counts
    throw explained(path, error);
  }
}

/**
 * Has `make` write a file under a temporary name, then gives it its own; a file of that name stays until then.
 *
 * @throws {UserError} naming the file if the disk refuses, and what `make` throws; nothing is left then
 */
export function replaceFile<T>(path: string, make: (temporary: string) => Promise<T>): Promise<T> {
  const temporary = temporaryOf(path);
  return placed(path, temporary, async () => {
    await Deno.mkdir(dirname(path), { recursive: true });
    const made = await make(temporary);
    using file = await Deno.open(temporary);
    await file.sync();
    return made;
  });
}

/**
 * Has `fill` make a folder under the name `path.tmp`, then gives it its own; a folder of that name stays until then.
 *
 * @throws {UserError} naming the folder if the disk refuses, and what `fill` throws; nothing is left then
 */
export function writeFolder(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  return placed(path, temporary, async () => {
    await removeIfThere(temporary);
    await fill(temporary);
    await removeIfThere(path);
  });
}

/**
 * A new folder for temporary files, to be removed by its maker.
 *
 * @throws {UserError} if the system's place for them is missing or cannot be written
 */
export async function temporaryFolder(): Promise<string> {
  return await Deno.makeTempDir().catch((error) => {
    const place = Deno.env.get("TMPDIR") ?? "/tmp";
    throw new UserError(
      `Temporary files: expected a folder that can be written at ${place}, found: ${error.message}. ` +
        "Set the variable TMPDIR to such a folder.",
      { cause: error },
    );
  });
}

/** Whether something lies at `path`. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
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

/**
 * Fills a buffer from a place in an open file, and returns it.
 *
 * @throws {UserError} if the file ends before
 */
export function readAt<T extends Uint8Array>(fd: number, buffer: T, position: number): T {
  for (let at = 0; at < buffer.length;) {
    const count = readSync(fd, buffer, at, buffer.length - at, position + at);
    if (count === 0) throw new UserError(`Expected ${buffer.length} bytes at ${position}, found the file's end.`);
    at += count;
  }
  return buffer;
}
