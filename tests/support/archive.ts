/**
 * Files out of a .tar.gz, for tests on songs that may not be committed.
 * @module
 */
import { gunzipSync } from "node:zlib";

/** The bytes of the `wanted` files of an archive, by their names in it. */
export function filesOf(archive: URL, wanted: Set<string>): Map<string, Uint8Array> {
  const tar = new Uint8Array(gunzipSync(Deno.readFileSync(archive)));
  const text = (from: number, to: number) => new TextDecoder().decode(tar.subarray(from, to)).replace(/\0.*$/s, "");
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const size = parseInt(text(at + 124, at + 136), 8);
    const name = text(at, at + 100).replace(/^\.\//, "");
    if (wanted.has(name)) files.set(name, tar.slice(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
