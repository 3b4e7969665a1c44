/**
 * The bytes of a gzip file: all its members one after another, without what follows the last.
 * `createGunzip` takes any bytes behind a member for the next member, fails, and loses what it had read. So this module
 * reads the members' headers itself and leaves their data to `createInflateRaw`.
 * @module
 */
import { closeSync, createReadStream, openSync } from "node:fs";
import { crc32, createInflateRaw } from "node:zlib";
import { readAt } from "../../base/files.ts";
import { damaged } from "./entry.ts";

/** The length of a member's header (RFC 1952), or 0 where none begins. */
function headerLength(bytes: Uint8Array): number {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b || bytes[2] !== 8) return 0;
  const flags = bytes[3];
  let at = 10;
  if (flags & 4) at += 2 + bytes[at] + 256 * bytes[at + 1];
  for (const text of [8, 16]) if (flags & text) at = bytes.indexOf(0, at) + 1 || Infinity;
  if (flags & 2) at += 2;
  return at <= bytes.length ? at : 0;
}

/**
 * Reads a gzip file piece by piece; `onRead` gets the number of the file's bytes that were read so far. Throws
 * {@link Broken} if a member is cut or its checksum differs, and what zlib throws.
 */
export async function* gunzip(path: string, onRead: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  const { size } = await Deno.stat(path), fd = openSync(path, "r");
  const take = (from: number, length: number) => readAt(fd, new Uint8Array(Math.min(length, size - from)), from);
  try {
    for (let from = 0; from < size;) {
      const data = from + headerLength(take(from, 2 ** 17));
      if (data === from && from > 0) return; // zeros, or what somebody appended
      if (data === from) throw damaged("no gzip file");
      const inflate = createInflateRaw(), input = createReadStream(path, { start: data, highWaterMark: 2 ** 18 });
      input.on("error", (error) => inflate.destroy(error)).pipe(inflate);
      let sum = 0, length = 0;
      try {
        for await (const part of inflate as AsyncIterable<Uint8Array>) {
          sum = crc32(part, sum);
          length += part.length;
          onRead(data + inflate.bytesWritten);
          yield part;
        }
      } finally {
        input.destroy();
      }
      from = data + inflate.bytesWritten + 8;
      if (from > size) throw damaged("its end within a gzip member");
      const trailer = new DataView(take(from - 8, 8).buffer);
      if (trailer.getUint32(0, true) !== sum || trailer.getUint32(4, true) !== length % 2 ** 32) {
        throw damaged("other bytes than its checksum is of");
      }
    }
  } finally {
    closeSync(fd);
  }
}
