import { assert, assertEquals } from "@std/assert";
import { trainingLog } from "@lib/training/step_log.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { crc32c } from "@lib/training/tensorboard.ts";
import { collect, smallCorpus, withFolder } from "../support/small_run.ts";

Deno.test("CRC-32C has the values of RFC 3720, B.4", () => {
  const sum = (bytes: ArrayLike<number>) => crc32c(Uint8Array.from(bytes));
  assertEquals(sum(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(sum(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assertEquals(sum(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assertEquals(sum(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
});

/** The records of an event file, lengths and checksums checked. */
function records(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), found: Uint8Array[] = [];
  const unmasked = (at: number) => {
    const rotated = (view.getUint32(at, true) - 0xa282ead8) >>> 0;
    return ((rotated << 15) | (rotated >>> 17)) >>> 0;
  };
  for (let at = 0; at < bytes.length;) {
    const length = Number(view.getBigUint64(at, true)), data = bytes.subarray(at + 12, at + 12 + length);
    assertEquals(unmasked(at + 8), crc32c(bytes.subarray(at, at + 8)));
    assertEquals(unmasked(at + 12 + length), crc32c(data));
    found.push(data);
    at += 16 + length;
  }
  return found;
}

/** The fields of a protobuf message by number: bytes, or a number. */
function fields(bytes: Uint8Array): Map<number, (Uint8Array | number)[]> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<number, (Uint8Array | number)[]>();
  let at = 0;
  const varint = () => {
    for (let value = 0, scale = 1;; scale *= 128) {
      value += (bytes[at] & 127) * scale;
      if (bytes[at++] < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint(), type = tag & 7, start = at;
    let value: Uint8Array | number;
    if (type === 0) value = varint();
    else if (type === 1) value = view.getFloat64((at += 8) - 8, true);
    else if (type === 5) value = view.getFloat32((at += 4) - 4, true);
    else {
      assertEquals(type, 2, `wire type at ${start}`);
      const length = varint();
      value = bytes.subarray(at, at += length);
    }
    found.set(tag >> 3, [...found.get(tag >> 3) ?? [], value]);
  }
  return found;
}

Deno.test("the event file holds each step of the log once, however often the training was stopped", () =>
  withFolder(async (dir) => {
    const corpus = await smallCorpus();
    const on = (tensorboard: boolean) =>
      recipe("sound", "smoke", { split: { train: 0.5, validation: 0.3 }, training: { tensorboard } });
    await collect(corpus, dir, { recipe: on(false), stopAfter: 1 });
    await collect(corpus, dir, { recipe: on(true), stopAfter: 3 }); // the same run, which is now watched
    await collect(corpus, dir, { recipe: on(true) });
    const files = (await Array.fromAsync(Deno.readDir(`${dir}/training`))).filter(({ name }) =>
      name.includes("tfevents")
    );
    assertEquals(files.length, 1);
    const [head, ...events] = records(await Deno.readFile(`${dir}/training/${files[0].name}`)).map(fields);
    const decode = (value: unknown) => new TextDecoder().decode(value as Uint8Array);
    assertEquals(decode(head.get(3)![0]), "brain.Event:2");
    const logs = await trainingLog(dir);
    assertEquals(events.map((event) => event.get(2)![0]), logs.map(({ step }) => step));
    events.forEach((event, i) => {
      const summary = fields(event.get(5)![0] as Uint8Array).get(1)!.map((value) => fields(value as Uint8Array));
      const scalars = Object.fromEntries(summary.map((value) => [decode(value.get(1)![0]), value.get(2)![0]]));
      assertEquals(scalars["training/loss"], logs[i].loss);
      assertEquals(scalars["validation/loss"], logs[i].validation && Math.fround(logs[i].validation!.loss));
      assert(Math.abs(Date.now() / 1000 - (event.get(1)![0] as number)) < 3600);
    });
  }));
