/**
 * The entries of a tar: V7, ustar, pax, GNU and star, sparse files and hard links included, in one pass over the bytes.
 *
 * Written here because readers in use stop at the first odd entry; this one gives a line for it and goes on.
 * @module
 */
import { Broken, type Entry, isSong, nameText, plainName, type Refusal, tooLarge, unreadable } from "./entry.ts";

const BLOCK = 512;
/** Most bytes of a pax header or a long name; real ones have some hundred. */
const MOST_EXTENDED = 2 ** 20;

/** A stream of pieces as bytes to be taken in order. */
function byteReader(pieces: AsyncIterator<Uint8Array>) {
  let rest: Uint8Array = new Uint8Array(), position = 0;
  /** Collects at least `length` bytes, or all there are. */
  const fill = async (length: number) => {
    const held: Uint8Array[] = [rest];
    let size = rest.length;
    while (size < length) {
      const { value, done } = await pieces.next();
      if (done) break;
      held.push(value);
      size += value.length;
    }
    if (held.length === 1) return;
    rest = new Uint8Array(size);
    held.reduce((at, piece) => (rest.set(piece, at), at + piece.length), 0);
  };
  return {
    position: () => position,
    async peek(length: number) {
      await fill(length);
      return rest.subarray(0, length);
    },
    async take(length: number) {
      await fill(length);
      const taken = rest.slice(0, length);
      rest = rest.subarray(taken.length);
      position += taken.length;
      if (taken.length < length) {
        throw new Broken("expected a whole archive, found its end within an entry. Fetch it again.");
      }
      return taken;
    },
    async skip(length: number) {
      for (let left = length; left > 0;) {
        await fill(1);
        const step = Math.min(left, rest.length);
        if (step === 0) throw new Broken("expected a whole archive, found its end within an entry. Fetch it again.");
        rest = rest.subarray(step);
        position += step;
        left -= step;
      }
    },
  };
}

type Reader = ReturnType<typeof byteReader>;

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
  let sum = 8 * 32, signed = sum;
  block.forEach((byte, at) => {
    if (at >= 148 && at < 156) return;
    sum += byte;
    signed += byte << 24 >> 24;
  });
  const written = number(block, 148, 8);
  return written === sum || written === signed;
}

/** Records of a pax header, in order. */
function paxRecords(bytes: Uint8Array): Extended["pax"] {
  const records: Extended["pax"] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at), length = Number(new TextDecoder().decode(bytes.subarray(at, space)));
    const equals = bytes.indexOf(61, space);
    if (space < 0 || equals < 0 || !(length > equals - at) || at + length > bytes.length) break;
    const value = bytes.subarray(equals + 1, at + length - 1);
    records.push([field(bytes, space + 1, equals - space - 1), nameText(value, (byte) => String.fromCharCode(byte))]);
    at += length;
  }
  return records;
}

/** The pieces of a sparse file as offsets and lengths, from GNU's header and the blocks behind it. */
async function oldSparseMap(header: Uint8Array, reader: Reader): Promise<number[]> {
  const map: number[] = [];
  const add = (block: Uint8Array, from: number, count: number) => {
    for (let at = from; at < from + 24 * count && block[at] !== 0; at += 24) {
      map.push(number(block, at, 12), number(block, at + 12, 12));
    }
  };
  add(header, 386, 4);
  for (let more = header[482]; more;) {
    const block = await reader.take(BLOCK);
    add(block, 0, 21);
    more = block[504];
  }
  return map;
}

/** The same from the head of the data, as pax's sparse format 1.0 has it; returns the rest of the data beside it. */
function headSparseMap(data: Uint8Array): [map: number[], rest: Uint8Array] {
  const numbers: number[] = [];
  let at = 0;
  while (numbers.length === 0 || numbers.length < 1 + 2 * numbers[0]) {
    const end = data.indexOf(10, at);
    if (end < 0) throw new Error("a map of its pieces, found none");
    numbers.push(Number(new TextDecoder().decode(data.subarray(at, end))));
    at = end + 1;
  }
  return [numbers.slice(1), data.subarray(Math.ceil(at / BLOCK) * BLOCK)];
}

/** A sparse file with its holes. */
function expand(data: Uint8Array, map: number[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let from = 0;
  for (let i = 0; i < map.length; i += 2) {
    const [at, length] = [map[i], map[i + 1]];
    if (!(at >= 0 && length >= 0 && at + length <= size && from + length <= data.length)) {
      throw new Error("pieces that fit in it, found others");
    }
    whole.set(data.subarray(from, from += length), at);
  }
  return whole;
}

/** What the headers before an entry's own say of it. */
interface Extended {
  pax: [key: string, value: string][];
  name?: string;
  target?: string;
}

/** A sparse file's size with its holes, and its pieces; without a map the data begin with it. */
interface Sparse {
  size: number;
  map?: number[];
}

/** The bytes of an entry, with the holes of a sparse one. */
async function readData(reader: Reader, size: number, sparse: Sparse | undefined): Promise<Uint8Array | Refusal> {
  const refused = tooLarge(sparse?.size ?? size) ?? tooLarge(size);
  if (refused) return refused;
  let data: Uint8Array = await reader.take(size);
  if (!sparse) return data;
  try {
    let { map } = sparse;
    if (!map) [map, data] = headSparseMap(data);
    return expand(data, map, sparse.size);
  } catch (error) {
    return unreadable(`sparse file: expected ${(error as Error).message}`);
  }
}

async function sparseOf(header: Uint8Array, pax: Extended["pax"], reader: Reader): Promise<Sparse | undefined> {
  if (header[156] === 0x53) return { map: await oldSparseMap(header, reader), size: number(header, 483, 12) };
  const values = new Map(pax), size = Number(values.get("GNU.sparse.realsize") ?? values.get("GNU.sparse.size"));
  if (Number.isNaN(size)) return undefined;
  if (values.get("GNU.sparse.major") === "1") return { size };
  const map = values.get("GNU.sparse.map")?.split(",").map(Number) ??
    pax.filter(([key]) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes").map(([, value]) =>
      Number(value)
    );
  return { size, map };
}

/**
 * The entries of a tar. Directories and what only describes other entries are passed over; a damaged header gives an
 * entry that is refused, and reading goes on at the next whole one.
 *
 * @throws {Broken} if the bytes end within an entry, or are no tar
 */
export async function* tarEntries(pieces: AsyncIterator<Uint8Array>): AsyncGenerator<Entry> {
  const reader = byteReader(pieces),
    refusing = (file: string, refused: Refusal): Entry => ({
      file,
      refused,
      read: () => Promise.resolve(refused),
    });
  let next: Extended = { pax: [] }, shared: Extended["pax"] = [], any = false, zeros = 0;
  for (let damaged = false; zeros < 2;) {
    const header = await reader.peek(BLOCK), at = reader.position();
    if (header.length === 0) {
      if (!any) {
        throw new Broken("expected a .zip, .tar or .tar.gz, found other bytes. Name one, or a folder of MIDI files.");
      }
      if (zeros > 0 || damaged) return;
      const detail = "expected two blocks of zeros at the end, found none: the last songs may be missing";
      yield refusing("(end of the archive)", unreadable(detail));
      return;
    }
    if (isZero(header)) {
      await reader.skip(header.length);
      if (!damaged) zeros++;
      continue;
    }
    if (!isHeader(header)) {
      if (!damaged && any) {
        const name = plainName(field(header, 0, 100)) || "(no name)";
        yield refusing(name, unreadable(`expected a header at byte ${at} of the tar, found other bytes`));
      }
      if (header.length < BLOCK) {
        throw new Broken("expected a whole archive, found its end within an entry. Fetch it again.");
      }
      damaged = true;
      zeros = 0;
      await reader.skip(BLOCK);
      continue;
    }
    if (damaged && !any) yield refusing("(first entry)", unreadable("expected a header, found other bytes"));
    damaged = false;
    any = true;
    zeros = 0;
    await reader.skip(BLOCK);
    const type = String.fromCharCode(header[156]), describes = "xgXLK".includes(type);
    const pax = [...shared, ...next.pax], values = new Map(pax), short = field(header, 0, 100);
    const size = Number((describes ? undefined : values.get("size")) ?? number(header, 124, 12));
    if (!(Number.isSafeInteger(size) && size >= 0)) {
      yield refusing(plainName(short), unreadable("expected a size, found no number"));
      damaged = true;
      continue;
    }
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    if (describes) {
      const data = size <= MOST_EXTENDED ? await reader.take(size) : new Uint8Array();
      await reader.skip(padded - data.length);
      if (type === "g") shared = paxRecords(data);
      else if (type === "L") next.name = field(data, 0, size);
      else if (type === "K") next.target = field(data, 0, size);
      else next.pax = paxRecords(data);
      continue;
    }
    const prefix = field(header, 257, 6) === "ustar" && type !== "S" ? field(header, 345, 155) : "";
    const name = next.name ?? values.get("GNU.sparse.name") ?? values.get("path") ??
      (prefix ? `${prefix}/${short}` : short);
    const target = next.target ?? values.get("linkpath") ?? field(header, 157, 100);
    next = { pax: [] };
    const sparse = await sparseOf(header, pax, reader);
    // Some programs write the size of what a link leads to, but no data: then a header or the end follows.
    const follows = await reader.peek(BLOCK), none = "123456".includes(type) && (isHeader(follows) || isZero(follows));
    const end = reader.position() + (none ? 0 : padded);
    if (!(type === "5" || name.endsWith("/") || "DV".includes(type))) {
      const entry: Entry = { file: plainName(name), read: () => readData(reader, none ? 0 : size, sparse) };
      if ("346".includes(type) && isSong(name)) entry.refused = unreadable("expected a file, found a device or a pipe");
      if (type === "M" && isSong(name)) {
        entry.refused = unreadable("expected a whole file, found the rest of one in another tar");
      }
      if (type === "2" || (type === "1" && (none || size === 0))) entry.link = { hard: type === "1", target };
      yield entry;
    }
    await reader.skip(end - reader.position());
  }
  while (true) {
    const block = await reader.peek(BLOCK);
    if (block.length < BLOCK) return;
    if (isHeader(block)) {
      const detail =
        `expected nothing behind the tar's end, found more at byte ${reader.position()}; unpack it by tar -i`;
      yield refusing("(another tar)", unreadable(detail));
      return;
    }
    await reader.skip(BLOCK);
  }
}
