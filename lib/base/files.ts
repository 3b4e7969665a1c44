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

/** Passes over the error of a missing file. */
function ifMissing(error: unknown): undefined {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** Removes a file or a whole folder, if there is one. */
export const removeIfThere = (path: string): Promise<void> => Deno.remove(path, { recursive: true }).catch(ifMissing);

/** Makes a folder where it is missing; throws a {@link UserError} naming it if no files can be written into it. */
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

/** A file that is written piece by piece; it gets its name by `finish`, and `abandon` leaves nothing of it. */
type FileSink = Record<"finish" | "abandon", () => void> & {
  write(bytes: Uint8Array): void;
  writeAt(at: number, bytes: Uint8Array): void;
};

/**
 * Begins a file at `path`, written piece by piece under a temporary name; makes its folder where missing. `write` goes
 * on after the bytes written last, by `writeAt` too; `finish` gives the file its name; `abandon` removes it, unless
 * it is finished. Each throws a {@link UserError} naming the file if the disk refuses; nothing is left then.
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
    write: (bytes: Uint8Array) => attempt(() => put(bytes)),
    writeAt: (at: number, bytes: Uint8Array) => attempt(() => (file?.seekSync(at, Deno.SeekMode.Start), put(bytes))),
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

const encoded = (content: string | Uint8Array) =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** Writes a file whole or not at all; throws a {@link UserError} naming it if the disk refuses. */
export function writeFileSync(path: string, content: string | Uint8Array): void {
  const sink = openSink(path);
  sink.write(encoded(content));
  sink.finish();
}

/** As {@link writeFileSync}, while other work goes on. */
export function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  const bytes = encoded(content);
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
 * Has `make` write a file under a temporary name, then gives it its own; a file of that name stays until then. Throws a
 * {@link UserError} naming the file if the disk refuses, or what `make` throws; nothing is left then.
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

/** As {@link replaceFile}, of a folder, which `fill` makes under the name `path.tmp`. */
export function writeFolder(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.tmp`;
  return placed(path, temporary, async () => {
    await removeIfThere(temporary);
    await fill(temporary);
    await removeIfThere(path);
  });
}

/**
 * Removes from a folder the files that processes were writing when they died, those whose names begin so; for callers that
 * hold the lock under which such files are written.
 */
export const removeTemporaries = (folder: string, start = ""): Promise<void> =>
  sweep(folder, (name) => name.startsWith(start) && isTemporary(name));

/** Removes from a folder what is chosen by its name. */
export async function sweep(folder: string, chosen: (name: string) => boolean): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) if (chosen(name)) await removeIfThere(`${folder}/${name}`);
}

/** A new folder, to be removed by its maker; throws a {@link UserError} if the system's place for such is no use. */
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
    return !!Deno.statSync(path);
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
export const readTextIfThere = (path: string): Promise<string | undefined> => Deno.readTextFile(path).catch(ifMissing);

/** Fills a buffer from a place in an open file, and returns it; throws a {@link UserError} if the file ends before. */
export function readAt<T extends Uint8Array>(fd: number, buffer: T, position: number): T {
  for (let at = 0; at < buffer.length;) {
    const count = readSync(fd, buffer, at, buffer.length - at, position + at);
    if (count === 0) throw new UserError(`Expected ${buffer.length} bytes at ${position}, found the file's end.`);
    at += count;
  }
  return buffer;
}
