/**
 * Small archives for tests: `.tar.gz` by tar-stream, `.zip` by hand, so that both can hold what a careful tool refuses.
 * @module
 */
import { joinBytes } from "@lib/base/bytes.ts";
import { crc32, deflateRawSync, gzipSync } from "node:zlib";
// @ts-types="npm:@types/tar-stream@3.1.5"
import tar from "tar-stream";

/** An entry: bytes, or the target of a symbolic link. */
export type Entries = [name: string, content: Uint8Array | { link: string }][];

/** A `.tar.gz` of the entries, in their order. */
export async function tarGz(entries: Entries): Promise<Uint8Array> {
  const pack = tar.pack();
  for (const [name, content] of entries) {
    if (content instanceof Uint8Array) pack.entry({ name }, content as Uint8Array & string);
    else pack.entry({ name, type: "symlink", linkname: content.link });
  }
  pack.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of pack) parts.push(part);
  return gzipSync(joinBytes(parts));
}

/** A `.zip` of the entries, in their order, deflated. */
export function zip(entries: Entries): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [], directory: Uint8Array[] = [];
  let at = 0;
  for (const [name, content] of entries) {
    const link = !(content instanceof Uint8Array), file = new TextEncoder().encode(name);
    const bytes = link ? new TextEncoder().encode(content.link) : content, packed = deflateRawSync(bytes);
    const common = new DataView(new ArrayBuffer(26));
    [20, 0x800, 8, 0, 0].forEach((value, i) => common.setUint16(2 * i, value, true));
    [crc32(bytes), packed.length, bytes.length].forEach((value, i) => common.setUint32(10 + 4 * i, value, true));
    common.setUint16(22, file.length, true);
    const fields = new Uint8Array(common.buffer), tail = new DataView(new ArrayBuffer(14));
    tail.setUint32(6, (link ? 0o120777 : 0o100644) * 2 ** 16, true);
    tail.setUint32(10, at, true);
    directory.push(new Uint8Array([0x50, 0x4b, 1, 2, 20, 3]), fields, new Uint8Array(tail.buffer), file);
    parts.push(new Uint8Array([0x50, 0x4b, 3, 4]), fields, file, packed);
    at += 4 + fields.length + file.length + packed.length;
  }
  const end = new DataView(new ArrayBuffer(22)), size = directory.reduce((sum, part) => sum + part.length, 0);
  end.setUint32(0, 0x06054b50, true);
  [8, 10].forEach((place) => end.setUint16(place, entries.length % 65_536, true));
  end.setUint32(12, size, true);
  end.setUint32(16, at, true);
  return joinBytes([...parts, ...directory, new Uint8Array(end.buffer)]);
}

/** What a tar's header says; what is left out is as in a plain ustar file. */
interface TarHeader {
  name: string;
  size?: number;
  type?: string;
  magic?: string;
  prefix?: string;
  link?: string;
  /** Bytes written over the header's before its checksum is made, by their offset. */
  over?: Record<number, Uint8Array | number[]>;
}

const padTo512 = (bytes: Uint8Array) => {
  const padded = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
  padded.set(bytes);
  return padded;
};

/** The blocks of a tar entry, every byte by hand: header and data. */
export function tarEntry(
  { name, type = "0", magic = "ustar\x0000", prefix = "", link = "", over = {}, ...rest }: TarHeader,
  data: Uint8Array = new Uint8Array(),
): Uint8Array {
  const header = new Uint8Array(512),
    put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(0, name);
  put(124, octal(rest.size ?? data.length, 11));
  put(156, type);
  put(157, link);
  put(257, magic);
  put(345, prefix);
  for (const [at, bytes] of Object.entries(over)) header.set(bytes, Number(at));
  put(148, "        ");
  put(148, `${octal(header.reduce((sum, byte) => sum + byte), 6)}\0`);
  return joinBytes([header, padTo512(data)]);
}

/** The two blocks that end a tar. */
export const tarEnd: Uint8Array = new Uint8Array(1024);
