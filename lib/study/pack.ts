/**
 * A run's folder as one .tar.gz with the SHA-256 of each file in it, and its own beside it, as `sha256sum` writes them.
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { basename, dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
// @ts-types="npm:@types/tar-stream@3.1.5"
import tar from "tar-stream";
import {
  exists,
  readTextIfThere,
  removeIfThere,
  replaceFile,
  writableFolder,
  writeFile,
  writeFolder,
} from "../base/files.ts";
import { UserError } from "../base/user_error.ts";

/** A packed run that is damaged, or that cannot be made or unpacked here. */
export class PackError extends UserError {}

/** The packed file, or the folder it was unpacked to; the packed file's SHA-256; and the number of files. */
type Packed = { path: string; sha256: string; files: number };

/** The list of checksums, last in the archive. */
const SUMS = "SHA256SUMS";

const damaged = (file: string, how: string): PackError =>
  new PackError(`Pack: ${file} is damaged${how}. Get the file again.`);

async function filesBelow(folder: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(`${folder}/${below}`)) {
    if (/(^|\.)lock$|\.(partial|tmp)$/.test(name)) continue; // a lock, or being written
    if (isDirectory) found.push(...await filesBelow(folder, `${below}${name}/`));
    else if (isFile) found.push(below + name);
  }
  return found.sort();
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/** Adds an entry and waits until it is written; without times and owners, so that the same run gives the same bytes. */
function add(pack: tar.Pack, name: string, size: number, from: Readable, path: string): Promise<void> {
  const entry = pack.entry({ name, size, mtime: new Date(0), mode: 0o644 });
  return pipeline(from, entry).catch((error) => {
    throw new PackError(`Pack: ${path} could not be read whole, or changed while it was packed: ${error.message}`);
  });
}

/**
 * Packs a run's folder without locks and files that are being written; the same files give the same bytes. Throws a
 * {@link PackError}, and leaves nothing, if there is no run, or one of its files changes meanwhile.
 */
export async function packRun(folder: string, file: string): Promise<Packed> {
  if (!exists(`${folder}/recipe.json`)) {
    const runs = dirname(folder), names = exists(runs) ? Array.from(Deno.readDirSync(runs), ({ name }) => name) : [];
    const here = names.filter((name) => exists(`${runs}/${name}/recipe.json`)).sort().join(", ") || "none yet";
    throw new PackError(`Pack: expected a run at ${folder}, found none. Runs here: ${here}.`);
  }
  await writableFolder(dirname(file));
  const name = basename(folder), names = await filesBelow(folder);
  const sha256 = await replaceFile(file, async (temporary) => {
    const pack = tar.pack(), lines: string[] = [];
    const written = pipeline(pack, createGzip(), createWriteStream(temporary));
    written.catch(() => {}); // awaited below
    try {
      for (const below of names) {
        const path = `${folder}/${below}`, hash = createHash("sha256"), { size } = await Deno.stat(path);
        const source = createReadStream(path);
        source.on("data", (chunk) => void hash.update(chunk));
        await add(pack, `${name}/${below}`, size, source, path);
        lines.push(`${hash.digest("hex")}  ${below}\n`);
      }
      const sums = new TextEncoder().encode(lines.join(""));
      await add(pack, `${name}/${SUMS}`, sums.length, Readable.from([sums]), SUMS);
      pack.finalize();
      await written;
    } catch (error) {
      pack.destroy();
      await written.catch(() => {}); // the first error is the one that counts
      throw error;
    }
    const sha256 = await digestOf(temporary);
    await writeFile(`${file}.sha256`, `${sha256}  ${basename(file)}\n`);
    return sha256;
  });
  return { path: file, sha256, files: names.length };
}

/** Unpacks into a folder, and returns the run's name and each file's SHA-256. */
async function unpackInto(file: string, folder: string): Promise<{ name: string; sums: Map<string, string> }> {
  const extract = tar.extract(), sums = new Map<string, string>();
  let run: string | undefined;
  const take = async (header: tar.Headers, entry: Readable) => {
    entry.on("error", () => {}); // the archive's pipeline has it, too
    const { name, type } = header, [first, ...parts] = name.replace(/\/$/, "").split("/");
    run ??= first;
    const below = parts.join("/"), path = `${folder}/${below}`, hash = createHash("sha256");
    const inside = first === run && [first, ...parts].every((part) => !/^\.{0,2}$|[\\\0]/.test(part));
    if (!inside || !(type === "directory" || type === "file" && parts.length > 0)) {
      throw new PackError(
        `Pack: expected plain files of one run in ${file}, found the ${type} ${JSON.stringify(name)}.`,
      );
    }
    if (type === "directory") return void entry.resume();
    if (sums.has(below)) throw new PackError(`Pack: expected each file once in ${file}, found ${below} twice.`);
    await Deno.mkdir(dirname(path), { recursive: true });
    entry.on("data", (chunk) => void hash.update(chunk as Uint8Array));
    await pipeline(entry, createWriteStream(path));
    sums.set(below, hash.digest("hex"));
  };
  extract.on("entry", (header, entry, next) => {
    take(header, entry as unknown as Readable).then(() => next(), (error) => extract.destroy(error));
  });
  await pipeline(createReadStream(file), createGunzip(), extract);
  return { name: run ?? "", sums };
}

/** Compares the files that were unpacked with the list of checksums. */
function compare(file: string, listed: string, sums: Map<string, string>): void {
  const expected = new Map(listed.trimEnd().split("\n").map((line) => [line.slice(66), line.slice(0, 64)]));
  for (const [below, sum] of expected) {
    const found = sums.get(below);
    if (found === undefined) throw damaged(file, `: ${below} is listed in ${SUMS}, but missing`);
    if (found !== sum) throw damaged(file, `: ${below} has the SHA-256 ${found}, listed is ${sum}`);
  }
  const extra = [...sums.keys()].find((below) => below !== SUMS && !expected.has(below));
  if (extra) throw damaged(file, `: ${extra} is not listed in ${SUMS}`);
}

/**
 * Verifies a packed run and unpacks it below `runs`, under `name` or else the name it was packed under. Throws a
 * {@link PackError}, and leaves nothing, naming the file that is damaged or no part of a run, or the run in the way.
 */
export async function openPack(file: string, runs: string, name?: string): Promise<Packed> {
  if (!exists(file) || !Deno.statSync(file).isFile) {
    throw new PackError(`Pack: expected a packed run at ${file}, found ${exists(file) ? "a folder" : "none"}.`);
  }
  const sha256 = await digestOf(file), beside = (await readTextIfThere(`${file}.sha256`))?.slice(0, 64);
  if (beside !== undefined && beside !== sha256) {
    throw damaged(file, `: it has the SHA-256 ${sha256}, beside it stands ${beside}`);
  }
  const place = `${runs}/.unpacked-${sha256.slice(0, 16)}`;
  let target = "", files = 0;
  await Deno.mkdir(runs, { recursive: true });
  try {
    await writeFolder(place, async (folder) => {
      await Deno.mkdir(folder);
      const unpacked = await unpackInto(file, folder).catch((error) => {
        if (error instanceof PackError) throw error;
        throw damaged(file, `, or no packed run: ${error.message}`);
      });
      const missing = [SUMS, "recipe.json"].find((name) => !unpacked.sums.has(name));
      if (missing) throw new PackError(`Pack: expected a packed run in ${file}, found no ${missing} in it.`);
      compare(file, await Deno.readTextFile(`${folder}/${SUMS}`), unpacked.sums);
      files = unpacked.sums.size - 1;
      target = `${runs}/${name ?? unpacked.name}`;
      if (exists(target)) {
        throw new PackError(`Pack: the run folder ${target} is there already. Give another name with --name NAME.`);
      }
    });
    await Deno.rename(place, target);
  } finally {
    await removeIfThere(place);
  }
  return { path: target, sha256, files };
}
