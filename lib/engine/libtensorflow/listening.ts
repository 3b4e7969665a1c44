/**
 * Makes TensorFlow's server listen on one address alone.
 *
 * The server asks for all addresses of the machine, and no setting changes that. So while it starts, the libraries'
 * entry for the C function `bind` leads to a function here, which puts the given address in place of "all". Linux only.
 * @module
 */
import { EngineError } from "../types.ts";

/** Numbers of an ELF file (System V ABI): a segment with dynamic entries, and the tags of those read here. */
const PT_DYNAMIC = 2, DT = { PLTRELSZ: 2n, STRTAB: 5n, SYMTAB: 6n, STRSZ: 10n, JMPREL: 23n };

/** `AF_INET` and `AF_INET6` on Linux. */
const IPV4 = 2, IPV6 = 10;

const at = (address: bigint, size: number): DataView =>
  new DataView(Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(address)!, size));

/** Where a library lies in memory, by its file's name; undefined if it is not loaded. */
function baseOf(name: string): bigint | undefined {
  const line = Deno.readTextFileSync("/proc/self/maps").split("\n").find((line) => line.endsWith(`/${name}`));
  return line === undefined ? undefined : BigInt(`0x${line.split("-")[0]}`);
}

/** The places where a loaded library keeps the addresses that its calls of a C function go to. */
function slotsOf(base: bigint, name: string): DataView[] {
  const header = at(base, 64), segments = at(base + header.getBigUint64(32, true), 56 * header.getUint16(56, true));
  const numbers = Array.from({ length: segments.byteLength / 56 }, (_, i) => 56 * i);
  const dynamic = numbers.find((from) => segments.getUint32(from, true) === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const size = Number(segments.getBigUint64(dynamic + 40, true));
  const entries = at(base + segments.getBigUint64(dynamic + 16, true), size), tags = new Map<bigint, bigint>();
  for (let i = 0; i < size; i += 16) tags.set(entries.getBigUint64(i, true), entries.getBigUint64(i + 8, true));
  const [table, bytes] = [tags.get(DT.JMPREL), tags.get(DT.PLTRELSZ)];
  if (table === undefined || bytes === undefined) return [];
  const absolute = (address: bigint) => address < base ? base + address : address; // glibc has added the base, musl not
  const relocations = at(absolute(table), Number(bytes)),
    rows = Array.from({ length: Number(bytes) / 24 }, (_, i) => 24 * i);
  const symbolOf = (row: number) => relocations.getUint32(row + 12, true); // the upper half of r_info
  const symbols = at(
    absolute(tags.get(DT.SYMTAB)!),
    24 * (1 + rows.reduce((most, row) => Math.max(most, symbolOf(row)), 0)),
  );
  const strings = at(absolute(tags.get(DT.STRTAB)!), Number(tags.get(DT.STRSZ)!));
  const wanted = new TextEncoder().encode(`${name}\0`);
  const named = (symbol: number) => {
    const from = symbols.getUint32(24 * symbol, true);
    return wanted.every((byte, k) => strings.getUint8(from + k) === byte);
  };
  return rows.filter((row) => named(symbolOf(row))).map((row) => at(base + relocations.getBigUint64(row, true), 8));
}

/** Whether a line of `/proc/self/maps` says that memory at an address may be written to. */
export function isWritable(maps: string, address: bigint): boolean {
  return maps.split("\n").some((line) => {
    const [, from, to, access] = /^([\da-f]+)-([\da-f]+) (\S+)/.exec(line) ?? [];
    return access?.[1] === "w" && BigInt(`0x${from}`) <= address && address < BigInt(`0x${to}`);
  });
}

/** Those of slots that may be written to: a library that was linked with full RELRO has none. */
function writable(slots: DataView[]): DataView[] {
  const maps = slots.length === 0 ? "" : Deno.readTextFileSync("/proc/self/maps");
  return slots.filter((slot) => isWritable(maps, Deno.UnsafePointer.value(Deno.UnsafePointer.of(slot.buffer)!)));
}

/** The 16 bytes of an address, an IPv4 one as IPv6 writes it (`::ffff:1.2.3.4`). */
export function addressBytes(address: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  if (!address.includes(":")) {
    bytes.set([0xff, 0xff, ...address.split(".").map(Number)], 10);
    return bytes;
  }
  const [head, tail = ""] = address.split("::"), words = (text: string) => text === "" ? [] : text.split(":");
  const [first, last] = [words(head), words(tail)], view = new DataView(bytes.buffer);
  first.forEach((word, i) => view.setUint16(2 * i, parseInt(word, 16)));
  last.forEach((word, i) => view.setUint16(2 * (8 - last.length + i), parseInt(word, 16)));
  return bytes;
}

/**
 * Puts an address into a C `sockaddr` that has a port and stands for all addresses; any other is left as it is.
 *
 * @returns whether it was one, and could take the address
 */
export function setAddress(sockaddr: DataView, port: number, address: Uint8Array): boolean {
  const family = sockaddr.getUint16(0, true), [from, size] = family === IPV4 ? [4, 4] : [8, 16];
  if ((family !== IPV4 && family !== IPV6) || sockaddr.getUint16(2) !== port) return false;
  const own = new Uint8Array(sockaddr.buffer, sockaddr.byteOffset + from, size);
  if (own.some((byte) => byte !== 0)) return false;
  own.set(address.subarray(16 - size));
  return true;
}

/**
 * Runs `start`, in which libraries listen on a port of all addresses, so that they listen on that of one address.
 *
 * @param libraries the files' names, without folders
 * @param address an IP address
 * @throws {EngineError} if the system is not Linux, or none of the libraries calls `bind` through a slot that can be set
 */
export async function listeningOn<T>(
  libraries: readonly string[],
  { address, port }: { address: string; port: number },
  start: () => Promise<T>,
): Promise<T> {
  const slots = Deno.build.os !== "linux" ? [] : libraries.flatMap((name) => {
    const base = baseOf(name);
    return base === undefined ? [] : writable(slotsOf(base, "bind"));
  });
  if (slots.length === 0) {
    throw new EngineError(
      "TensorFlow's server would listen on all addresses of this machine. That it listens on the given one alone was " +
        "done only for Linux, with libraries not linked with full RELRO: train with one worker here.",
    );
  }
  const libc = Deno.dlopen("libc.so.6", { bind: { parameters: ["i32", "pointer", "u32"], result: "i32" } });
  const bytes = addressBytes(address);
  const instead = new Deno.UnsafeCallback(
    { parameters: ["i32", "pointer", "u32"], result: "i32" },
    (socket, sockaddr, size) => {
      if (sockaddr !== null) {
        setAddress(new DataView(Deno.UnsafePointerView.getArrayBuffer(sockaddr, size)), port, bytes);
      }
      return libc.symbols.bind(socket, sockaddr, size);
    },
  );
  const before = slots.map((slot) => slot.getBigUint64(0, true));
  slots.forEach((slot) => slot.setBigUint64(0, Deno.UnsafePointer.value(instead.pointer), true));
  try {
    return await start();
  } finally {
    slots.forEach((slot, i) => slot.setBigUint64(0, before[i], true));
    instead.close();
    libc.close();
  }
}
