/**
 * The entries of a zip, by its central directory. The usual readers trust the count of entries at the end, which wraps at
 * 65,536 without Zip64, and refuse a whole archive for one odd entry.
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { crc32, inflateRawSync } from "node:zlib";
import { bytesOf } from "../../base/bytes.ts";
import { readAt } from "../../base/files.ts";
import { damaged, type Entry, isSong, megabytes, nameText, plainName, tooLarge, unreadable } from "./entry.ts";

const MOST_GROWTH = 200; // times a song's packed bytes; real ones grow 20 times at most

const cp437 = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀" +
  "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";
const oldText = (byte: number) => byte < 128 ? String.fromCharCode(byte) : cp437[byte - 128];

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const long = (view: DataView, at: number) => Number(view.getBigUint64(at, true));

const END = 0x06054b50, END64 = 0x06064b50, LOCATOR64 = 0x07064b50, CENTRAL = 0x02014b50, LOCAL = 0x04034b50;
const SIGNATURE = 0x05054b50;

/** Where the end record begins in a file's tail: one whose comment ends the file, else the last. */
function endRecord(tail: DataView): number {
  let last = -1;
  for (let at = tail.byteLength - 22; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END) continue;
    if (at + 22 + tail.getUint16(at + 20, true) === tail.byteLength) return at;
    last = Math.max(last, at);
  }
  return last;
}

/** The offsets of a directory's entries if they, and a signature behind them, fill it. */
function walk(directory: DataView): number[] | undefined {
  const entries: number[] = [];
  let at = 0;
  while (at + 46 <= directory.byteLength && directory.getUint32(at, true) === CENTRAL) {
    entries.push(at);
    at += 46 + [28, 30, 32].reduce((sum, field) => sum + directory.getUint16(entries.at(-1)! + field, true), 0);
  }
  const signed = at + 6 <= directory.byteLength && directory.getUint32(at, true) === SIGNATURE;
  if (signed) at += 6 + directory.getUint16(at + 4, true);
  return at === directory.byteLength ? entries : undefined;
}

/** A zip's central directory, the offsets of its entries, where it lies, and how many bytes stand before the zip. */
type Directory = { bytes: DataView; entries: number[]; start: number; before: number };

function readDirectory(fd: number, size: number): Directory {
  const read = (from: number, to: number) => viewOf(readAt(fd, new Uint8Array(to - from), from));
  const from = Math.max(0, size - 70_000), tail = read(from, size), at = endRecord(tail);
  if (at < 0) throw damaged("no end record of a zip");
  let end = from + at, length = tail.getUint32(at + 12, true), offset = tail.getUint32(at + 16, true);
  let counts = [tail.getUint16(at + 8, true), tail.getUint16(at + 10, true)]; // of this disk, of all
  if (at >= 20 && tail.getUint32(at - 20, true) === LOCATOR64) {
    for (const place of [long(tail, at - 12), end - 76]) {
      if (place < 0 || place + 56 > end) continue;
      const record = read(place, place + 56);
      if (record.getUint32(0, true) !== END64) continue;
      counts = [24, 32].map((field) => long(record, field) % 65_536);
      [end, length, offset] = [place, long(record, 40), long(record, 48)];
      break;
    }
  }
  // The directory ends where the end record begins; its offset counts from the zip's first byte, which others may
  // precede. Where numbers disagree, the most entries win, and at least their count must be one of those written.
  const found = [end - length, offset].flatMap((start): Directory[] => {
    if (!(start >= 0 && start <= end)) return [];
    if (start + 46 <= end && read(start, start + 4).getUint32(0, true) !== CENTRAL) return [];
    const bytes = read(start, end), entries = walk(bytes);
    const sure = end - length === offset || counts.includes((entries?.length ?? 0) % 65_536);
    return entries && sure ? [{ bytes, entries, start, before: Math.max(0, start - offset) % 2 ** 32 }] : [];
  }).sort((a, b) => b.entries.length - a.entries.length);
  if (found.length === 0) throw damaged("a damaged central directory", "Fetch it again, or mend it by zip -FF");
  return found[0];
}

/** The parts of an extra field by their ids, as far as they fit in it. */
function extraParts(extra: DataView): Map<number, DataView> {
  const parts = new Map<number, DataView>();
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const length = extra.getUint16(at + 2, true);
    if (at + 4 + length > extra.byteLength) break;
    parts.set(extra.getUint16(at, true), new DataView(extra.buffer, extra.byteOffset + at + 4, length));
    at += 4 + length;
  }
  return parts;
}

/** A name by Info-ZIP's extra field if that is of this name, else by what its bytes are. */
function nameOf(raw: Uint8Array, unicode: DataView | undefined): string {
  const newer = unicode && unicode.byteLength > 5 && unicode.getUint32(1, true) === crc32(raw);
  return nameText(newer ? bytesOf(unicode).subarray(5) : raw, oldText);
}

const same = (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** An entry of the directory. */
function entryAt(fd: number, { bytes: directory, start, before }: Directory, at: number): Entry {
  const short = (field: number) => directory.getUint16(at + field, true);
  const word = (field: number) => directory.getUint32(at + field, true);
  const all = bytesOf(directory), [nameLength, extraLength] = [short(28), short(30)];
  const raw = all.subarray(at + 46, at + 46 + nameLength);
  const extras = extraParts(viewOf(all.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength)));
  const large = extras.get(1);
  let taken = 0;
  const [size, packed, local] = [24, 20, 42].map((field) => {
    const value = word(field);
    if (value !== 0xffffffff || !large || large.byteLength < taken + 8) return value;
    return long(large, (taken += 8) - 8);
  });
  const flags = short(8), method = short(10), checksum = word(16);
  /** The local header's name and where its data begin; of the same name as here if there is such a one. */
  const localHeader = (): [name: Uint8Array, data: number] | undefined => {
    let other: [Uint8Array, number] | undefined;
    for (let place = local; place + 30 <= start; place += 2 ** 32) { // offsets wrap at 4 GiB without Zip64
      for (const from of [place + before, place]) {
        if (from + 30 > start) continue;
        const header = viewOf(readAt(fd, new Uint8Array(30), from)), length = header.getUint16(26, true);
        if (header.getUint32(0, true) !== LOCAL || from + 30 + length > start) continue;
        const name = readAt(fd, new Uint8Array(length), from + 30);
        const data = from + 30 + length + header.getUint16(28, true);
        if (same(name, raw)) return [name, data];
        other ??= [name, data];
      }
    }
    return other;
  };
  const read = () => {
    if (flags & 0x41) return unreadable("expected a file without a password, found an encrypted one");
    if (method !== 0 && method !== 8) return unreadable(`expected stored or deflated bytes, found method ${method}`);
    if (method === 0 && size !== packed) return unreadable(`expected ${size} stored bytes, found ${packed}`);
    const [, data] = localHeader() ?? [];
    if (!data) return unreadable("expected a header before the bytes, found none");
    if (data + packed > start) return unreadable(`expected ${packed} bytes, found the directory before their end`);
    const bytes = readAt(fd, new Uint8Array(packed), data);
    try {
      const whole = method === 0 ? bytes : new Uint8Array(inflateRawSync(bytes, { maxOutputLength: size + 1 }));
      if (whole.length !== size) return unreadable(`expected ${size} bytes, found ${whole.length}`);
      const found = crc32(whole);
      return found === checksum ? whole : unreadable(`expected CRC ${checksum}, found ${found}`);
    } catch (error) {
      return unreadable(`expected ${size} deflated bytes, found: ${(error as Error).message}`);
    }
  };
  const file = plainName(nameOf(raw, extras.get(0x7075)));
  if (word(38) >>> 28 === 0xa) { // a symbolic link, whose bytes are its target
    const found = size <= 4096 ? read() : unreadable("expected a link to a name, found a longer text");
    if (!(found instanceof Uint8Array)) return { file, content: found };
    return { file, content: read, link: { hard: false, target: nameText(found, oldText) } };
  }
  if (!isSong(file)) { // of no interest, unless its name was damaged
    const [name] = localHeader() ?? [], whole = name && (same(name, raw) || !isSong(nameText(name, oldText)));
    return {
      file,
      content: whole ? read : unreadable("expected the same name before the bytes, found another or none"),
    };
  }
  const grown = size > 2 ** 20 && size > MOST_GROWTH * packed &&
    `expected to grow at most ${MOST_GROWTH} times, found ${megabytes(size)} in ${packed} bytes`;
  return { file, content: tooLarge(size) ?? (grown ? { reason: "too-large", detail: grown } : read) };
}

/**
 * The entries of a zip, in the directory's order; `onRead` gets the share of entries that were read so far. Throws
 * {@link Broken} if the zip is cut, or its directory damaged.
 */
export async function* zipEntries(path: string, onRead: (share: number) => void): AsyncGenerator<Entry> {
  const fd = openSync(path, "r");
  try {
    const directory = readDirectory(fd, (await Deno.stat(path)).size);
    for (const [i, at] of directory.entries.entries()) {
      onRead((i + 1) / directory.entries.length);
      yield entryAt(fd, directory, at);
    }
  } finally {
    closeSync(fd);
  }
}
