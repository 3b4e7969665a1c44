/**
 * The entries of a tar (V7, ustar, pax, GNU, star) in one pass over its bytes. The usual readers stop at the first odd
 * entry; this one refuses that entry and goes on.
 * @module
 */
import { joinBytes } from "../../base/bytes.ts";
import { Broken, damaged, type Entry, isSong, nameText, plainName, tooLarge, unreadable } from "./entry.ts";

const BLOCK = 512;
const MOST_EXTENDED = 2 ** 20; // bytes of a pax header or a long name; real ones have some hundred

/** A stream of pieces as bytes to be taken in order. */
function byteReader(pieces: AsyncIterator<Uint8Array>) {
  let rest: Uint8Array = new Uint8Array(), position = 0;
  const peek = async (length: number): Promise<Uint8Array> => {
    const parts = [rest];
    for (let size = rest.length; size < length;) {
      const { value, done } = await pieces.next();
      if (done) break;
      parts.push(value);
      size += value.length;
    }
    if (parts.length > 1) rest = joinBytes(parts);
    return rest.subarray(0, length);
  };
  const take = async (length: number): Promise<Uint8Array> => {
    const taken = await peek(length);
    if (taken.length < length) throw damaged("its end within an entry");
    rest = rest.subarray(length);
    position += length;
    return taken;
  };
  const skip = async (length: number) => {
    for (let left = length; left > 0;) left -= (await take(Math.min(left, Math.max(1, rest.length)))).length;
  };
  return { position: () => position, peek, take, skip };
}

const isZero = (block: Uint8Array) => block.every((byte) => byte === 0);
const field = (block: Uint8Array, from: number, length: number) => {
  const bytes = block.subarray(from, from + length), end = bytes.indexOf(0);
  return nameText(end < 0 ? bytes : bytes.subarray(0, end), (byte) => String.fromCharCode(byte));
};

/** A number in octal digits, or in base 256 where the first bit is set; NaN where it is neither. */
function number(block: Uint8Array, from: number, length: number): number {
  if (block[from] & 0x80) {
    return block.subarray(from + 1, from + length).reduce((sum, byte) => 256 * sum + byte, block[from] & 0x7f);
  }
  const text = field(block, from, length).trim();
  return text === "" ? 0 : /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

/** Whether a block is a header by its checksum, which some old programs made of signed bytes. */
function isHeader(block: Uint8Array): boolean {
  if (block.length < BLOCK || isZero(block)) return false;
  const summed = block.map((byte, at) => at >= 148 && at < 156 ? 32 : byte), written = number(block, 148, 8);
  const add = (a: number, b: number) => a + b;
  return summed.reduce(add) === written || new Int8Array(summed).reduce(add) === written;
}

const magic = new TextEncoder().encode("ustar");
const hasMagic = (bytes: Uint8Array, at: number) => magic.every((byte, i) => bytes[at + 257 + i] === byte);

/** The way from a damaged header to one that is whole and begins within a block's length, or to the next block. */
async function nextHeader(reader: ReturnType<typeof byteReader>): Promise<number> {
  const near = await reader.peek(2 * BLOCK);
  for (let at = 1; at < BLOCK && at + BLOCK <= near.length; at++) {
    if (hasMagic(near, at) && isHeader(near.subarray(at, at + BLOCK))) return at;
  }
  return Math.min(BLOCK, near.length);
}

/** Records of a pax header by their keys. */
function paxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at), length = Number(new TextDecoder().decode(bytes.subarray(at, space)));
    const equals = bytes.indexOf(61, space), end = at + length;
    if (space < 0 || equals < 0 || !(end > equals) || end > bytes.length) break;
    records.set(field(bytes, space + 1, equals - space - 1), field(bytes, equals + 1, end - equals - 2));
    at = end;
  }
  return records;
}

/** Why an entry of that type, called so, is not read, if so. */
function refusalOf(type: string, name: string, pax: Map<string, string>) {
  if (!isSong(name)) return;
  if ("346".includes(type)) return unreadable("expected a file, found a device or a pipe");
  if (type === "M") return unreadable("expected a whole file, found the rest of one in another tar");
  if (type === "S" || [...pax.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    return unreadable("expected a file without holes, found a sparse one; unpack the archive and name the folder");
  }
}

/**
 * The entries of a tar, without directories. A damaged header becomes a refused entry, and reading goes on at the next
 * whole one. Throws {@link Broken} if the bytes end within an entry, or are no tar.
 */
export async function* tarEntries(pieces: AsyncIterator<Uint8Array>): AsyncGenerator<Entry> {
  const reader = byteReader(pieces);
  const refused = (file: string, detail: string) => ({ file, content: unreadable(detail) });
  let long: { name?: string; target?: string } = {}, shared = new Map<string, string>(), own: typeof shared = new Map();
  let any = false, lost = false, zeros = 0;
  const lines: Entry[] = []; // of damaged headers; the first of them waits until a whole one shows that this is a tar
  while (zeros < 2) {
    const header = await reader.peek(BLOCK), at = reader.position(), short = field(header, 0, 100);
    if (header.length === 0) {
      if (!any) {
        throw new Broken("expected a .zip, .tar or .tar.gz, found other bytes. Name one, or a folder of MIDI files.");
      }
      if (zeros > 0 || lost) return;
      const detail = "expected two blocks of zeros at the end, found none: the last songs may be missing";
      return yield refused("(end of the archive)", detail);
    }
    if (isZero(header) && !lost) zeros++;
    if (!isHeader(header)) {
      if (!isZero(header)) {
        const detail =
          `expected a header at byte ${at} of the tar, found other bytes; all up to the next whole header is left out`;
        if (!lost || hasMagic(header, 0)) lines.push(refused(plainName(short) || "(no name)", detail));
        if (any) yield* lines.splice(0);
        if (header.length < BLOCK) throw damaged("its end within an entry");
        lost = true;
        zeros = 0;
      }
      await reader.skip(lost ? await nextHeader(reader) : header.length);
      continue;
    }
    yield* lines.splice(0);
    lost = false;
    any = true;
    zeros = 0;
    await reader.skip(BLOCK);
    const type = String.fromCharCode(header[156]), describes = "xgXLK".includes(type);
    const pax = new Map([...shared, ...own]);
    const size = Number((describes ? undefined : pax.get("size")) ?? number(header, 124, 12));
    if (!(Number.isSafeInteger(size) && size >= 0)) {
      yield refused(plainName(short), "expected a size, found no number");
      lost = true;
      continue;
    }
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    if (describes) {
      const data = size <= MOST_EXTENDED ? await reader.take(size) : new Uint8Array();
      await reader.skip(padded - data.length);
      if (type === "g") shared = paxRecords(data);
      else if (type === "L") long.name = field(data, 0, size);
      else if (type === "K") long.target = field(data, 0, size);
      else own = paxRecords(data);
      continue;
    }
    for (let more = type === "S" && header[482]; more;) more = (await reader.take(BLOCK))[504]; // a sparse file's map
    const prefix = field(header, 257, 6) === "ustar" && type !== "S" ? field(header, 345, 155) : "";
    const name = long.name ?? pax.get("GNU.sparse.name") ?? pax.get("path") ?? (prefix ? `${prefix}/${short}` : short);
    const target = long.target ?? pax.get("linkpath") ?? field(header, 157, 100);
    long = {};
    own = new Map();
    // Some programs write the size of what a link leads to, but no data: then a header or the end follows.
    const follows = await reader.peek(BLOCK), none = "123456".includes(type) && (isHeader(follows) || isZero(follows));
    const end = reader.position() + (none ? 0 : padded);
    if (!(type === "5" || name.endsWith("/") || "DV".includes(type))) {
      const content = refusalOf(type, name, pax) ?? (() => tooLarge(size) ?? reader.take(none ? 0 : size));
      const link = type === "2" || (type === "1" && (none || size === 0)) ? { hard: type === "1", target } : undefined;
      yield { file: plainName(name), content, ...link && { link } };
    }
    await reader.skip(end - reader.position());
  }
  for (let block = await reader.peek(BLOCK); block.length === BLOCK; block = await reader.peek(BLOCK)) {
    if (isHeader(block)) {
      const place = reader.position();
      return yield refused("(another tar)", `expected nothing behind the tar's end, found more at byte ${place}`);
    }
    await reader.skip(BLOCK);
  }
}
