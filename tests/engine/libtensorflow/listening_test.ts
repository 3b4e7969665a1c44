import { assert, assertEquals, assertRejects } from "@std/assert";
import { addressBytes, isWritable, listeningOn, setAddress } from "@lib/engine/libtensorflow/listening.ts";
import { EngineError } from "@lib/engine/types.ts";

Deno.test("an address's bytes are those of RFC 4291", () => {
  const hex = (address: string) => addressBytes(address).toHex();
  assertEquals(hex("127.0.0.1"), "00000000000000000000ffff7f000001");
  assertEquals(hex("::1"), "00000000000000000000000000000001");
  assertEquals(hex("::"), "00".repeat(16));
  assertEquals(hex("fe80::1:23"), "fe800000000000000000000000010023");
  assertEquals(hex("2001:db8:1:2:3:4:5:6"), "20010db8000100020003000400050006");
});

/** A `sockaddr_in` or `sockaddr_in6`: family, port, then the address where it stands in each. */
function sockaddr(family: number, port: number, address: string): DataView {
  const view = new DataView(new ArrayBuffer(family === 2 ? 16 : 28));
  view.setUint16(0, family, true);
  view.setUint16(2, port);
  const bytes = addressBytes(address);
  new Uint8Array(view.buffer, family === 2 ? 4 : 8).set(family === 2 ? bytes.subarray(12) : bytes);
  return view;
}

Deno.test("only an address that stands for all, with the port, is replaced", () => {
  const own = addressBytes("10.1.2.3");
  for (const [family, all] of [[2, "0.0.0.0"], [10, "::"]] as const) {
    const set = sockaddr(family, 4000, all);
    assert(setAddress(set, 4000, own));
    assertEquals(set, sockaddr(family, 4000, "10.1.2.3"));
  }
  for (const [family, port, address] of [[2, 4001, "0.0.0.0"], [2, 4000, "127.0.0.1"], [10, 4000, "::1"]] as const) {
    const left = sockaddr(family, port, address);
    assert(!setAddress(left, 4000, own));
    assertEquals(left, sockaddr(family, port, address));
  }
  assert(!setAddress(new DataView(new ArrayBuffer(110)), 0, own)); // AF_UNSPEC
});

Deno.test("a library that is not there, or calls no bind, is refused: nothing listens on all addresses instead", async () => {
  let started = false;
  const start = () => Promise.resolve(started = true);
  await assertRejects(
    () => listeningOn(["libnone.so.9"], { address: "127.0.0.1", port: 1 }, start),
    EngineError,
    "listen on all addresses",
  );
  assert(!started);
});

Deno.test("memory may be written to where its line of the system's map says so", () => {
  const maps =
    "7f00000000-7f00001000 r--p 00000000 fe:00 12  /lib/libx.so\n7f00001000-7f00003000 rw-p 00001000 fe:00 12  /lib/libx.so\n";
  const places = [0x7f00000000n, 0x7f00000ff8n, 0x7f00001000n, 0x7f00002ff8n, 0x7f00003000n];
  assertEquals(places.map((place) => isWritable(maps, place)), [false, false, true, true, false]);
  const own = new BigUint64Array(1), place = Deno.UnsafePointer.value(Deno.UnsafePointer.of(own));
  assert(isWritable(Deno.readTextFileSync("/proc/self/maps"), place));
});
