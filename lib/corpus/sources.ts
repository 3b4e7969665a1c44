/**
 * Where songs come from: a folder tree, a `.zip` or a `.tar(.gz)`, one entry after another, never all in memory.
 *
 * `tar-stream` and `yauzl` read the archives: both are pure JavaScript, kept up, in wide use, and take long names,
 * pax headers and Zip64. Nothing is ever unpacked to disk; entries that a careful unpacker would refuse are refused.
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createGunzip } from "node:zlib";
// @ts-types="npm:@types/tar-stream@3.1.5"
import tar from "tar-stream";
// @ts-types="npm:@types/yauzl@3.4.0"
import yauzl from "yauzl";
import { CorpusError } from "./store.ts";

/** Most bytes of one song: the largest of 7,003 real ones has 2 MB. */
export const MOST_BYTES = 16 * 2 ** 20;

/** Most times that a zipped song may grow: real ones grow 20 times at most. */
export const MOST_GROWTH = 200;

/** Why an entry is not even parsed. */
export type Refusal = "link" | "unsafe-path" | "too-large" | "unreadable";

/** A MIDI file of a source: where it lies, what it holds, or why it was refused. */
export interface SourceFile {
  /** Path below the source, with slashes. */
  file: string;
  /** Where to read it, in a folder. */
  path?: string;
  /** What it holds, in an archive. */
  bytes?: Uint8Array;
  /** Why it cannot be read, if so. */
  refused?: { reason: Refusal; detail: string };
}

/** A source of songs. */
export interface Source {
  /** The folder or archive, as it was given. */
  path: string;
  /** Differs where the songs do: a folder's names and sizes, an archive's size and its two ends. */
  identity: string;
  /** Differs where anything was written since. */
  written: string;
  /** Its files in an order that never changes; those that `wanted` says no to (by number) come without bytes. */
  files(wanted?: (index: number) => boolean): AsyncGenerator<SourceFile>;
  /** Number of files, as far as it is known: exact for folders, from the share of bytes read for archives. */
  total(seen: number): number;
}

/** Whether a file's name is that of an archive that can be read. */
export const isArchive = (path: string): boolean => /\.(zip|tar|tar\.gz|tgz)$/i.test(path);

const isSong = (name: string) => /\.(midi?|kar|rmi)$/i.test(name);
const digest = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Why a path must not be trusted, if so. */
function unsafe(name: string): SourceFile["refused"] {
  if (/^[/\\]|^[a-z]:/i.test(name) || name.includes("\0") || name.split(/[/\\]/).includes("..")) {
    return {
      reason: "unsafe-path",
      detail: "expected a path below the archive's root, found one that leads out of it",
    };
  }
}

const tooLarge = (size: number): SourceFile["refused"] => ({
  reason: "too-large",
  detail: `expected at most ${megabytes(MOST_BYTES)}, found ${megabytes(size)}`,
});

const plain = (name: string) => name.replace(/^(\.\/)+/, "");

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    parts.push(part);
    size += part.length;
  }
  const bytes = new Uint8Array(size);
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return bytes;
}

interface Listed extends SourceFile {
  size: number;
  time: number;
}

/** The MIDI files below a folder; links are refused, never followed. */
async function list(source: string, below = ""): Promise<Listed[]> {
  const found: Listed[] = [];
  for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(`${source}/${below}`)) {
    const file = below + name, path = `${source}/${file}`;
    if (isDirectory) found.push(...await list(source, `${file}/`));
    else if (isSymlink && (isSong(name) || (await Deno.stat(path).catch(() => null))?.isDirectory)) {
      found.push({ file, refused: linked, size: 0, time: 0 });
    } else if (isFile && isSong(name)) {
      const { size, mtime } = await Deno.stat(path);
      const refused = size > MOST_BYTES ? tooLarge(size) : undefined;
      found.push({ file, ...(refused ? { refused } : { path }), size, time: mtime?.getTime() ?? 0 });
    }
  }
  return found;
}

async function folderSource(folder: string): Promise<Source> {
  const listed = (await list(folder)).sort((a, b) => a.file < b.file ? -1 : 1);
  return {
    path: folder,
    identity: digest(listed.map(({ file, size }) => [file, size])),
    written: digest(listed.map(({ time }) => time)),
    total: () => listed.length,
    async *files() {
      for (const { file, path, refused } of listed) yield refused ? { file, refused } : { file, path };
    },
  };
}

async function archiveIdentity(path: string): Promise<Pick<Source, "identity" | "written"> & { size: number }> {
  using archive = await Deno.open(path);
  const { size, mtime } = await archive.stat();
  const ends = [0, Math.max(0, size - 2 ** 20)].map((from) => {
    const bytes = new Uint8Array(Math.min(size, 2 ** 20));
    archive.seekSync(from, Deno.SeekMode.Start);
    return crc32(bytes.subarray(0, archive.readSync(bytes) ?? 0));
  });
  return { identity: digest([size, ends]), written: digest(mtime?.getTime() ?? 0), size };
}

const linked: SourceFile["refused"] = {
  reason: "link",
  detail: "expected a file, found a link; links are not followed",
};

const broken = (path: string, error: unknown) =>
  new CorpusError(
    `${path}: expected a whole archive, found: ${error instanceof Error ? error.message : error}. Fetch it again.`,
    { cause: error },
  );

async function tarSource(path: string): Promise<Source> {
  const { size, ...identity } = await archiveIdentity(path);
  let read = 0;
  return {
    path,
    ...identity,
    total: (seen) => Math.max(seen, Math.round(seen * size / Math.max(1, read))),
    async *files(wanted = () => true) {
      read = 0;
      const count = new Transform({
        transform(part, _, next) {
          read += part.length;
          next(null, part);
        },
      });
      const extract = tar.extract();
      const zipped = /z$/i.test(path) ? [createGunzip()] : [];
      let failure: unknown;
      const flow = pipeline([createReadStream(path, { highWaterMark: 2 ** 18 }), count, ...zipped, extract])
        .catch((error: unknown) => void (failure = error));
      let index = 0, ended = false;
      try {
        for await (const entry of extract) {
          const { type, size = 0 } = entry.header, file = plain(entry.header.name);
          const link = type === "link" || type === "symlink";
          if (isSong(file) && type !== "directory") {
            const refused = unsafe(file) ??
              (link ? linked : size > MOST_BYTES ? tooLarge(size) : undefined);
            const bytes = !refused && wanted(index) ? await collect(entry) : undefined;
            yield { file, ...(refused ? { refused } : { bytes }) };
            index++;
          }
          entry.resume();
        }
        ended = true;
      } catch (error) {
        await flow;
        throw broken(path, failure ?? error);
      } finally {
        if (!ended) extract.destroy();
        await flow;
      }
      if (failure) throw broken(path, failure);
    },
  };
}

/** What a zipped file holds, if it can be had and is what was put in. */
async function unzipped(zip: yauzl.ZipFile, entry: yauzl.Entry, file: string): Promise<SourceFile> {
  const unreadable = (detail: string): SourceFile => ({ file, refused: { reason: "unreadable", detail } });
  try {
    const bytes = await collect(await zip.openReadStreamPromise(entry) as Readable);
    const found = crc32(bytes) >>> 0;
    return found === entry.crc32 >>> 0 ? { file, bytes } : unreadable(`expected CRC ${entry.crc32}, found ${found}`);
  } catch (error) {
    return unreadable(error instanceof Error ? error.message : String(error));
  }
}

async function zipSource(path: string): Promise<Source> {
  const { size: _, ...identity } = await archiveIdentity(path);
  let entries = 0, passed = 0;
  return {
    path,
    ...identity,
    total: (seen) => Math.max(seen, Math.round(seen * entries / Math.max(1, passed))),
    async *files(wanted = () => true) {
      let index = 0;
      passed = 0;
      const zip = await yauzl.openPromise(path, { lazyEntries: true, decodeStrings: false, autoClose: false })
        .catch((error: unknown) => {
          throw broken(path, error);
        });
      entries = zip.entryCount;
      try {
        for await (const entry of zip.eachEntry()) {
          passed++;
          const name = yauzl.getFileNameLowLevel(
            entry.generalPurposeBitFlag,
            entry.fileNameRaw,
            yauzl.parseExtraFields(entry.extraFieldRaw),
            false,
          );
          const file = plain(name);
          if (!isSong(file)) continue;
          const { compressedSize, uncompressedSize: size } = entry;
          const link = (entry.externalFileAttributes >>> 28) === 0xa;
          const refused: SourceFile["refused"] = unsafe(file) ??
            (link
              ? linked
              : size > MOST_BYTES
              ? tooLarge(size)
              : size > 2 ** 20 && size > MOST_GROWTH * compressedSize
              ? {
                reason: "too-large",
                detail: `expected to grow at most ${MOST_GROWTH} times, found ${
                  megabytes(size)
                } in ${compressedSize} bytes`,
              }
              : undefined);
          if (refused) yield { file, refused };
          else if (!wanted(index)) yield { file };
          else yield await unzipped(zip, entry, file);
          index++;
        }
      } catch (error) {
        throw broken(path, error);
      } finally {
        zip.close();
      }
    },
  };
}

/**
 * Opens a folder, a `.zip`, a `.tar`, a `.tar.gz` or a `.tgz`.
 *
 * @throws {CorpusError} if there is nothing, or something else, and later if an archive is broken.
 *
 * @example
 * ```ts
 * import { openSource } from "@lib/corpus/sources.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const source = await openSource("data/freedoom");
 * const files = await Array.fromAsync(source.files());
 * assertEquals(files.length, 66);
 * ```
 */
export async function openSource(path: string): Promise<Source> {
  const info = await Deno.stat(path).catch((error: Error) => {
    throw new CorpusError(`Expected a folder, .zip, .tar or .tar.gz of MIDI files at ${path}: ${error.message}`);
  });
  if (info.isDirectory) return await folderSource(path);
  if (isArchive(path)) return await (/\.zip$/i.test(path) ? zipSource(path) : tarSource(path));
  throw new CorpusError(`Expected a folder, .zip, .tar or .tar.gz of MIDI files, found the file ${path}.`);
}
