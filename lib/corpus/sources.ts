/**
 * Songs of a folder tree, a `.zip` or a `.tar(.gz)`, one after another, never all in memory, nothing unpacked to disk.
 * An archive gives the songs that its unpacked folder gives; a file that cannot be read gets a line that says why.
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { crc32 } from "node:zlib";
import {
  Broken,
  type Entry,
  isSong,
  linked,
  plainName,
  type Refusal,
  type SourceFile,
  tooLarge,
  unreadable,
  unsafe,
} from "./archives/entry.ts";
import { gunzip } from "./archives/gzip.ts";
import { tarEntries } from "./archives/tar.ts";
import { zipEntries } from "./archives/zip.ts";
import { CorpusError } from "./store.ts";

/**
 * A source of songs. `identity` differs where the songs do (a folder's names and sizes, an archive's size and its two
 * ends), `written` where anything was written since.
 */
export type Source = {
  path: string;
  identity: string;
  written: string;
  /** Its files in an order that never changes; those that `wanted` says no to (by number) come without bytes. */
  files(wanted?: (index: number) => boolean): AsyncGenerator<SourceFile>;
  /** Number of files, as far as it is known: exact for folders, from the share of bytes read for archives. */
  total(seen: number): number;
};

/** Whether a file's name is that of an archive that can be read. */
export const isArchive = (path: string): boolean => /\.(zip|tar|tar\.gz|tgz)$/i.test(path);

const digest = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
const isLink = linked("a link; --follow-links follows it");

type Listed = SourceFile & { size: number; time: number };

/** The MIDI files below a folder. */
async function list(source: string, followLinks: boolean): Promise<Listed[]> {
  const listed: Listed[] = [];
  const add = (file: string, refused: SourceFile["refused"]) => void listed.push({ file, refused, size: 0, time: 0 });
  const explain = (file: string, error: unknown) =>
    unreadable(
      error instanceof Deno.errors.NotFound && file.includes("\uFFFD")
        ? "expected a name in UTF-8, found other bytes; rename it"
        : (error as Error).message.replaceAll(`${source}/${file}`, file),
    );
  // Folders yet to be read; under followLinks with the real paths of those above, so that no link leads in a circle.
  const folders = [{ below: "", above: followLinks ? [await Deno.realPath(source)] : [] }];
  for (let folder = folders.pop(); folder; folder = folders.pop()) {
    const { below, above } = folder;
    const entries = await Array.fromAsync(Deno.readDir(`${source}/${below}`)).catch((error: Error) => {
      if (below === "") throw new CorpusError(`${source} cannot be read: ${error.message}`, { cause: error });
      add(below, explain(below, error));
      return [];
    });
    const look = async ({ name, isDirectory, isFile, isSymlink }: Deno.DirEntry) => {
      const file = below + name, path = `${source}/${file}`;
      const target = isSymlink ? await Deno.stat(path).catch(() => null) : null; // null: it leads nowhere
      const toFolder = isDirectory || target?.isDirectory;
      try {
        if (!toFolder && !isSong(name)) return;
        if (isSymlink && !followLinks) add(file, isLink);
        else if (isSymlink && !target) add(file, linked("a link that leads nowhere"));
        else if (toFolder) {
          const real = followLinks ? await Deno.realPath(path) : path;
          if (above.includes(real)) add(file, linked("a link to a folder above it"));
          else folders.push({ below: `${file}/`, above: followLinks ? [...above, real] : [] });
        } else if (!isFile && !target?.isFile) add(file, unreadable("expected a file, found a device or a pipe"));
        else {
          const { size, mtime } = target ?? await Deno.stat(path), refused = tooLarge(size);
          listed.push({ file, ...(refused ? { refused } : { path }), size, time: mtime?.getTime() ?? 0 });
        }
      } catch (error) {
        add(file, explain(file, error));
      }
    };
    for (let from = 0; from < entries.length; from += 256) {
      await Promise.all(entries.slice(from, from + 256).map(look));
    }
  }
  return listed.sort((a, b) => a.file < b.file ? -1 : 1);
}

async function folderSource(folder: string, followLinks: boolean): Promise<Source> {
  const listed = await list(folder, followLinks);
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

async function archiveIdentity(path: string): Promise<Pick<Source, "identity" | "written">> {
  using archive = await Deno.open(path);
  const { size, mtime } = await archive.stat();
  const ends = [0, Math.max(0, size - 2 ** 20)].map((from) => {
    const bytes = new Uint8Array(Math.min(size, 2 ** 20));
    archive.seekSync(from, Deno.SeekMode.Start);
    return crc32(bytes.subarray(0, archive.readSync(bytes) ?? 0));
  });
  return { identity: digest([size, ends]), written: digest(mtime?.getTime() ?? 0) };
}

/** Kinds of files by their first bytes, those included that this library does not read. */
const kinds = {
  gzip: /^1f8b/,
  zip: /^504b(0304|0506)/,
  bzip2: /^425a68/,
  xz: /^fd377a58/,
  zstd: /^28b52ffd/,
  "7z": /^377abcaf/,
  RAR: /^52617221/,
};

/** The entries of an archive, whatever kind its bytes are of; its name decides where they do not. */
async function openArchive(path: string): Promise<(onRead: (share: number) => void) => AsyncGenerator<Entry>> {
  using archive = await Deno.open(path);
  const head = new Uint8Array(262), { size } = await archive.stat();
  await archive.read(head);
  const isTar = new TextDecoder().decode(head.subarray(257)) === "ustar";
  const known = isTar ? "tar" : Object.entries(kinds).find(([, start]) => start.test(head.toHex()))?.[0];
  const kind = known ?? (/\.zip$/i.test(path) ? "zip" : "tar");
  if (kind === "zip") return (onRead) => zipEntries(path, onRead);
  if (kind === "gzip") return (onRead) => tarEntries(gunzip(path, (bytes) => onRead(bytes / size)));
  if (kind !== "tar") {
    const what = "expected a .zip, .tar or .tar.gz";
    throw new CorpusError(`${path}: ${what}, found a ${kind} file. Unpack it and name the folder.`);
  }
  return (onRead) =>
    tarEntries(async function* () {
      let read = 0;
      for await (const part of createReadStream(path, { highWaterMark: 2 ** 18 })) {
        onRead((read += part.length) / size);
        yield part;
      }
    }());
}

/** An error of an archive's reader as one that names the archive. */
function explained(path: string, error: unknown): unknown {
  const { code, message } = error as { code?: string; message: string };
  if (error instanceof Broken) return new CorpusError(`${path}: ${message}`, { cause: error });
  if (code?.startsWith("Z_")) {
    return new CorpusError(`${path}: expected a whole archive, found: ${message}. Fetch it again.`, { cause: error });
  }
  return code ? new CorpusError(`${path} cannot be read: ${message}`, { cause: error }) : error;
}

/** Where a link in an archive leads: a name below its root, or undefined if that is outside. */
function targetOf(file: string, { hard, target }: NonNullable<Entry["link"]>): string | undefined {
  const path = plainName(posix.normalize(hard ? target : `${posix.dirname(file)}/${target}`));
  return unsafe(path) || (!hard && target.startsWith("/")) ? undefined : path;
}

async function archiveSource(path: string, followLinks: boolean): Promise<Source> {
  const entries = await openArchive(path);
  let share = 0;
  return {
    path,
    ...await archiveIdentity(path),
    total: (seen) => Math.max(seen, Math.round(seen / Math.max(share, 1e-9))),
    async *files(wanted = () => true) {
      let index = 0;
      const give = async (file: string, content: Entry["content"]): Promise<SourceFile> => {
        const needed = wanted(index++);
        if (typeof content !== "function") return { file, refused: content };
        if (!needed) return { file };
        const found = await content();
        return found instanceof Uint8Array ? { file, bytes: found.slice() } : { file, refused: found };
      };
      const folders = new Set<string>(), folderLinks: [file: string, target: string][] = [];
      const links = new Map<string, string>(), copies = new Map<string, string[]>(); // by name: its target, its copies
      try {
        for await (const { file, link, content } of entries((read) => share = read)) {
          for (let above = posix.dirname(file); above !== "." && !folders.has(above); above = posix.dirname(above)) {
            folders.add(above);
          }
          const target = link && targetOf(file, link), song = isSong(file), climbs = unsafe(file);
          if (song && climbs) yield give(file, climbs);
          else if (song && link && !link.hard && !followLinks) yield give(file, isLink);
          else if (song && link && !target) yield give(file, linked("a link that leads out of the archive"));
          else if (target) song ? links.set(file, target) : folderLinks.push([file, target]);
          else if (song || typeof content !== "function") yield give(file, content);
        }
        for (const [file, target] of folderLinks) {
          if (folders.has(target)) yield give(file, linked("a link to a folder"));
        }
        for (const file of links.keys()) {
          let end = file;
          for (let steps = 0; links.has(end) && steps < 40; steps++) end = links.get(end)!;
          copies.set(end, [...copies.get(end) ?? [], file]);
        }
        for await (const { file, link, content } of copies.size > 0 ? entries(() => {}) : []) {
          const names = link ? undefined : copies.get(file);
          if (!names || !copies.delete(file)) continue;
          let found: Uint8Array | Refusal | undefined;
          const once = typeof content === "function" ? async () => found ??= await content() : content;
          for (const name of names) yield give(name, once);
        }
        for (const file of [...copies.values()].flat()) yield give(file, linked("a link to nothing in the archive"));
      } catch (error) {
        throw explained(path, error);
      }
    },
  };
}

/**
 * Opens a folder, a `.zip`, a `.tar`, a `.tar.gz` or a `.tgz`; `followLinks` follows links below it, else each gets a
 * line. Throws a {@link CorpusError} if there is nothing, or something else, and later if an archive is broken.
 */
export async function openSource(path: string, { followLinks = false } = {}): Promise<Source> {
  const info = await Deno.stat(path).catch((error: Error) => {
    throw new CorpusError(`Expected a folder, .zip, .tar or .tar.gz of MIDI files at ${path}: ${error.message}`);
  });
  if (info.isDirectory) return await folderSource(path, followLinks);
  if (isArchive(path)) return await archiveSource(path, followLinks);
  throw new CorpusError(`Expected a folder, .zip, .tar or .tar.gz of MIDI files, found the file ${path}.`);
}
