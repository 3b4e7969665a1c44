import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { openSafetensors, readSafetensors, SafetensorsError, writeSafetensors } from "@lib/matrix/safetensors.ts";
import { arrayPieces } from "@lib/matrix/rows.ts";
import { goldenPath, goldenTensors } from "../support/golden.ts";

/** A file of a header's text, whose length may lie, and the arrays' bytes. */
function file(header: string | Uint8Array, body: ArrayLike<number>, length?: number): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}

const entry = (name: string, from: number, to: number, shape: unknown = [to - from], dtype = "U8") =>
  `"${name}":${JSON.stringify({ dtype, shape, data_offsets: [from, to] })}`;
const read = (entries: string[], body: ArrayLike<number>) => readSafetensors(file(`{${entries.join()}}`, body));

Deno.test("arrays come back as written, at offsets that are multiples of four, sorted by name", () => {
  const arrays = new Map([
    ["z", { shape: [2, 1], data: Float32Array.of(1.5, -2) }],
    ["a", { shape: [], data: Float32Array.of(7) }],
    ["none", { shape: [0, 3], data: new Float32Array(0) }],
  ]);
  const bytes = writeSafetensors(arrays, { who: "me" }), found = readSafetensors(bytes);
  assertEquals([...found.keys()], ["a", "none", "z"]);
  for (const [name, array] of arrays) assertEquals(found.get(name), array);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  assertEquals(length % 8, 0);
  assertEquals(JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))).__metadata__, { who: "me" });
});

Deno.test("Hugging Face's own file is read, and written again to the same arrays", async () => {
  const golden = await goldenTensors("bert/model.safetensors") as Map<string, { shape: number[]; data: Float32Array }>;
  assert(golden.size > 20);
  assertEquals(readSafetensors(writeSafetensors(golden)), golden);
  const whole = await Deno.readFile(goldenPath("bert/model.safetensors"));
  for (const cut of [0, 7, 8, 100, whole.length - 1]) {
    assertThrows(() => readSafetensors(whole.subarray(0, cut)), SafetensorsError, "Not a whole safetensors file");
  }
});

Deno.test("each element type is read by its bits: IEEE 754's, bfloat16's, and two's complement", () => {
  const bits = (dtype: string, array: Uint16Array | Uint32Array | Int32Array | BigInt64Array | Float64Array) => {
    const body = new Uint8Array(array.buffer);
    return read([entry("x", 0, body.length, [array.length], dtype)], body).get("x")!.data;
  };
  const f16 = bits("F16", Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x7c00, 0x8000));
  assertEquals(f16, Float32Array.of(1, -2, 0.333251953125, 2 ** -24, 65504, Infinity, -0));
  const bf16 = bits("BF16", Uint16Array.of(0x3f80, 0xc049, 0x0080, 0x7f7f, 0xff80));
  assertEquals(bf16, Float32Array.of(1, -3.140625, 2 ** -126, 2 ** 127 * (2 - 2 ** -7), -Infinity));
  assertEquals(bits("F32", Uint32Array.of(0x40490fdb)), Float32Array.of(Math.PI));
  assertEquals(bits("F64", Float64Array.of(0.1)), Float64Array.of(0.1));
  assertEquals(bits("I32", Int32Array.of(-5)), Int32Array.of(-5));
  assertEquals(bits("I64", BigInt64Array.of(-5n)), BigInt64Array.of(-5n));
  assertEquals(read([entry("x", 0, 2, [2], "BOOL")], [1, 0]).get("x")!.data, Uint8Array.of(1, 0));
});

Deno.test("arrays may stand in any order, empty ones between them, and names may be of any text", () => {
  const found = read([entry("ü", 2, 3), entry("empty", 2, 2, [2, 0]), entry("a:{b}", 0, 2)], [1, 2, 3]);
  assertEquals([...found].map(([name, { data }]) => [name, ...data]), [["ü", 3], ["empty"], ["a:{b}", 1, 2]]);
  assertEquals(readSafetensors(file("{}", [])).size, 0);
});

Deno.test("what could give wrong numbers is refused by the tensor's name", () => {
  const refused = (entries: string[], body: number, message: string) => {
    const error = assertThrows(() => read(entries, new Uint8Array(body)), SafetensorsError, message);
    assert(error instanceof UserError);
  };
  refused([entry("a", 0, 4), entry("b", 2, 6)], 6, "b begins at byte 2 of the arrays, expected 4");
  refused([entry("a", 0, 4), entry("b", 0, 4)], 4, "b begins at byte 0 of the arrays, expected 4");
  refused([entry("a", 0, 4), entry("inside", 1, 2)], 4, "inside begins at byte 1");
  refused([entry("a", 0, 4), entry("b", 5, 6)], 6, "b begins at byte 5 of the arrays, expected 4");
  refused([entry("a", 1, 4)], 4, "a begins at byte 1");
  refused([entry("a", 0, 4)], 6, "2 bytes of it belong to no tensor");
  refused([entry("a", 0, 8)], 4, "a ends beyond the file's");
  refused([entry("twice", 0, 2), entry("b", 2, 4), entry("twice", 4, 6)], 6, "names twice twice");
  refused([entry("x", 0, 1), entry("\\u0078", 1, 2)], 2, "names x twice");
  refused(['"a":{"dtype":"U8","shape":[2],"shape":[1],"data_offsets":[0,1]}'], 1, "names a: shape twice");
  refused([entry("a", 0, 4, [2], "F32")], 4, "a has 4 bytes, expected 8 for [2] of F32");
  refused([entry("a", 0, 4, [-2, -2])], 4, "a has the shape [-2,-2]");
  refused([entry("a", 0, 3, [1.5, 2])], 3, "a has the shape [1.5,2]");
  refused([entry("a", 0, 4, "4")], 4, 'a has the shape "4"');
  refused([entry("a", 4, 0, [4])], 4, "a has -4 bytes");
  refused(['"a":{"dtype":"U8","shape":[1]}'], 1, "a has the offsets undefined");
  refused(['"a":null'], 1, "a has the type undefined");
  for (const type of ["F8_E4M3", "U16", "I16", "C64", "constructor"]) {
    refused([entry("a", 0, 2, [1], type)], 2, `a has the type ${type}, which is not read here`);
  }
});

Deno.test("a header that lies about its length, or is no JSON object, is refused", () => {
  const header = `{${entry("a", 0, 4)}}`, body = new Uint8Array(4);
  for (
    const [bytes, message] of [
      [file(header, body, 2 ** 40), "ends beyond"],
      [file(header, body, header.length - 1), "is no JSON"],
      [file(header, body, header.length + 1), "is no JSON"],
      [file(header, body, 0), "is no JSON"],
      [file("[]", body), "is no JSON object"],
      [file("null", body), "is no JSON object"],
      [file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), body), "is no JSON"],
      [new Uint8Array(7), "at least 8 bytes"],
    ] as const
  ) assertThrows(() => readSafetensors(bytes), SafetensorsError, message);
});

Deno.test("the places of a file's floats give the numbers that reading it whole gives; others are left out", async () => {
  const path = goldenPath("bert/expected.safetensors"), whole = await goldenTensors("bert/expected.safetensors");
  const floats = [...whole].filter(([, { data, shape }]) => data instanceof Float32Array && shape.length > 0);
  const places = openSafetensors(path);
  assert(floats.length > 0);
  for (const [name, { shape, data }] of floats) {
    assertEquals(places.get(name)!.shape, shape);
    assertEquals(Float32Array.from([...arrayPieces(places.get(name)!)].flatMap(({ x }) => [...x])), data, name);
  }
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${dir}/x`, file(`{${entry("a", 0, 2, [1], "BF16")},${entry("b", 2, 4)}}`, [0, 64, 1, 2]));
    const [[name, place], ...others] = openSafetensors(`${dir}/x`);
    assertEquals([name, [...arrayPieces(place)][0].x[0], others], ["a", 2, []]);
    await Deno.writeFile(`${dir}/x`, file("{}", [1], 10));
    assertThrows(() => openSafetensors(`${dir}/x`), SafetensorsError, `${dir}/x: Not a whole safetensors file`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
