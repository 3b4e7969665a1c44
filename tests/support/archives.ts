/**
 * Small archives for tests: `.tar.gz` by tar-stream, `.zip` by hand, so that both can hold what a careful tool refuses.
 * @module
 */
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
  return gzipSync(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()));
}

/** A `.zip` of the entries, in their order, deflated. */
export async function zip(entries: Entries): Promise<Uint8Array> {
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
  [8, 10].forEach((place) => end.setUint16(place, entries.length, true));
  end.setUint32(12, size, true);
  end.setUint32(16, at, true);
  const all = [...parts, ...directory, new Uint8Array(end.buffer)] as BlobPart[];
  return new Uint8Array(await new Blob(all).arrayBuffer());
}
