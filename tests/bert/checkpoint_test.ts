import { assert, assertEquals, assertRejects } from "@std/assert";
import { loadCheckpoint, saveCheckpoint } from "@lib/bert/checkpoint.ts";
import { CheckpointError } from "@lib/bert/hugging_face.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { readSafetensors, writeSafetensors } from "@lib/matrix/safetensors.ts";
import { goldenPath, goldenTensors } from "../support/golden.ts";
import { withFolder } from "../support/small_run.ts";

/** What Hugging Face wrote: its tensors and its config. */
const golden = await goldenTensors("bert/model.safetensors") as Map<string, { shape: number[]; data: Float32Array }>;
const config = JSON.parse(await Deno.readTextFile(goldenPath("bert/config.json"))) as Record<string, unknown>;

type Tensors = typeof golden;
const shapes = (tensors: Map<string, { shape: number[] }>) =>
  [...tensors].map(([name, { shape }]) => `${name} [${shape}]`).sort();

async function values(dir: string) {
  const { weights, config: _, ...rest } = await loadCheckpoint(dir), data = weights.dataSync<"float32">();
  weights.dispose();
  return { data, ...rest };
}

const own = (await values(goldenPath("bert"))).data;
Deno.test("a checkpoint has Hugging Face's names, shapes, numbers and config, as its own has them", () =>
  withFolder(async (dir) => {
    const model = await loadCheckpoint(goldenPath("bert"));
    await saveCheckpoint(dir, model.config, model.weights.dataSync<"float32">());
    model.weights.dispose();
    const written = readSafetensors(await Deno.readFile(`${dir}/model.safetensors`));
    assertEquals(shapes(written), shapes(golden));
    for (const [name, { data }] of golden) assertEquals(written.get(name)!.data, data);
    const held = JSON.parse(await Deno.readTextFile(`${dir}/config.json`)) as Record<string, unknown>;
    const shared = Object.keys(held).filter((key) => key in config);
    assert(shared.length >= 14, `${shared}`);
    assertEquals(shared.map((key) => [key, held[key]]), shared.map((key) => [key, config[key]]));
  }));

Deno.test("a model in several shards opens, and a missing shard is named", () =>
  withFolder(async (dir) => {
    const names = [...golden.keys()], shard = (i: number) => `model-0000${i % 3 + 1}-of-00003.safetensors`;
    for (let part = 0; part < 3; part++) {
      const tensors = new Map(names.filter((_, i) => i % 3 === part).map((name) => [name, golden.get(name)!]));
      await Deno.writeFile(`${dir}/${shard(part)}`, writeSafetensors(tensors));
    }
    const index = { metadata: {}, weight_map: Object.fromEntries(names.map((name, i) => [name, shard(i)])) };
    await Deno.writeTextFile(`${dir}/model.safetensors.index.json`, JSON.stringify(index));
    await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
    assertEquals(await values(dir), { data: own, hasHead: true, leftOut: [] });
    const first = await Deno.readFile(`${dir}/${shard(0)}`);
    await Deno.writeFile(`${dir}/${shard(1)}`, first); // two shards of the same tensors
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, "in one shard, found it in another as well");
    await Deno.remove(`${dir}/${shard(1)}`);
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, `${dir}/${shard(1)}: expected a checkpoint's file`);
    await Deno.writeTextFile(`${dir}/model.safetensors.index.json`, '{"weight_map":{"a":"../x.safetensors"}}');
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, "expected names of shards beside it");
  }));

Deno.test("a model in bfloat16 opens with each weight rounded", () =>
  withFolder(async (dir) => {
    const tensors = [...golden], header: Record<string, unknown> = {}, parts: Uint16Array<ArrayBuffer>[] = [];
    let end = 0;
    for (const [name, { shape, data }] of tensors) {
      parts.push(Uint16Array.from(new Uint32Array(data.slice().buffer), (bits) => bits >>> 16));
      header[name] = { dtype: "BF16", shape, data_offsets: [end, end + 2 * data.length] };
      end += 2 * data.length;
    }
    const text = new TextEncoder().encode(JSON.stringify(header));
    const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
    await Deno.writeFile(`${dir}/model.safetensors`, new Blob([length, text, ...parts]).stream());
    await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
    const { data } = await values(dir);
    assert(data.every((value, i) => Math.abs(value - own[i]) <= Math.abs(own[i]) / 128)); // 8 bits of a number
    assert(data.some((value, i) => value !== own[i]));
  }));

Deno.test("a folder without safetensors is refused with what is there instead", () =>
  withFolder(async (dir) => {
    await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, "expected a checkpoint's file, found none.");
    await Deno.writeTextFile(`${dir}/pytorch_model.bin`, "");
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, "pytorch_model.bin, which can run code; save");
    await assertRejects(() => loadCheckpoint(`${dir}/none`), CheckpointError, `${dir}/none/config.json: expected`);
  }));

Deno.test("every file of a checkpoint that is flipped or cut is refused by name, and nothing is left of a failed one", () =>
  withFolder(async (dir) => {
    const model = await loadCheckpoint(goldenPath("bert")), weights = model.weights.dataSync<"float32">();
    model.weights.dispose();
    const before = tensorCount();
    for (const name of ["model.safetensors", "config.json", "checksum.json"]) {
      await saveCheckpoint(dir, model.config, weights);
      const path = `${dir}/${name}`, bytes = await Deno.readFile(path);
      for (const at of [0, bytes.length >> 1, bytes.length - 5]) {
        await Deno.writeFile(path, bytes.map((byte, i) => i === at ? byte ^ 1 : byte));
        const error = await assertRejects(() => loadCheckpoint(dir), CheckpointError);
        assert(error.message.includes(dir) && error.message.includes("damaged"), `${name} ${at}: ${error.message}`);
      }
      await Deno.writeFile(path, bytes.subarray(0, bytes.length >> 1));
      await assertRejects(() => loadCheckpoint(dir), CheckpointError, `${path} is damaged`);
    }
    for (const text of ["null", "7", "{}", '{"model.safetensors":"abc"}']) {
      await Deno.writeTextFile(`${dir}/checksum.json`, text);
      await assertRejects(
        () => loadCheckpoint(dir),
        CheckpointError,
        "checksum.json is damaged: expected SHA-256 by file",
      );
    }
    assertEquals(tensorCount(), before);
  }));
