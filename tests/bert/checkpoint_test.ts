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

/** The weights of a folder with these tensors and config, opened; and whether it had a head. */
async function opened(dir: string, tensors: Tensors, changes: Record<string, unknown> = {}) {
  await Deno.mkdir(dir, { recursive: true });
  await Deno.writeFile(`${dir}/model.safetensors`, writeSafetensors(tensors));
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify({ ...config, ...changes }));
  return await values(dir);
}

async function values(dir: string) {
  const { weights, hasHead } = await loadCheckpoint(dir), data = weights.dataSync<"float32">();
  weights.dispose();
  return { data, hasHead };
}

const renamed = (rename: (name: string) => string | undefined): Tensors =>
  new Map([...golden].flatMap(([name, array]) => {
    const other = rename(name);
    return other === undefined ? [] : [[other, array]];
  }));
const own = (await values(goldenPath("bert"))).data;
/** Numbers of the encoder, which stand before those of the head. */
const encoder = [...golden].filter(([name]) => name.startsWith("bert."))
  .reduce((sum, [, { data }]) => sum + data.length, 0);

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

Deno.test("a BertModel opens without prefix and head; the head is fresh and said to be", () =>
  withFolder(async (dir) => {
    const names = renamed((name) => name.startsWith("bert.") ? name.slice(5) : undefined);
    names.set("pooler.dense.weight", { shape: [48, 48], data: new Float32Array(48 * 48) });
    const before = tensorCount(), { data, hasHead } = await opened(dir, names);
    assertEquals([data.subarray(0, encoder), hasHead], [own.subarray(0, encoder), false]);
    const head = data.subarray(encoder);
    assertEquals(head.length, own.length - encoder);
    assert(head.some((value) => value !== 0) && head.every(Number.isFinite));
    assertEquals(tensorCount(), before);
  }));

Deno.test("LayerNorms named gamma and beta, poolers, buffers, next-sentence heads and tied copies open", () =>
  withFolder(async (dir) => {
    const old = renamed((name) =>
      name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    );
    old.set("bert.embeddings.position_ids", { shape: [1, 512], data: new Float32Array(512) });
    old.set("bert.pooler.dense.bias", { shape: [48], data: new Float32Array(48) });
    old.set("cls.seq_relationship.weight", { shape: [2, 48], data: new Float32Array(96) });
    old.set("cls.predictions.decoder.weight", golden.get("bert.embeddings.word_embeddings.weight")!);
    old.set("cls.predictions.decoder.bias", golden.get("cls.predictions.bias")!);
    assert([...old.keys()].some((name) => name.endsWith("gamma")));
    assertEquals(await opened(dir, old), { data: own, hasHead: true });
    old.delete("cls.predictions.bias");
    assertEquals(await opened(dir, old), { data: own, hasHead: true });
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
    assertEquals(await values(dir), { data: own, hasHead: true });
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

Deno.test("a model that does not fit is refused with what is missing, not expected, mis-shaped or not tied", () =>
  withFolder(async (dir) => {
    const query = "bert.encoder.layer.1.attention.self.query.weight", bias = "cls.predictions.bias";
    const words = "bert.embeddings.word_embeddings.weight";
    const wrong = new Map(golden);
    wrong.delete(query);
    wrong.set(bias, { shape: [559], data: new Float32Array(559) });
    wrong.set("classifier.weight", { shape: [2, 48], data: new Float32Array(96) });
    const refused = (tensors: Tensors, message: string, changes = {}) =>
      assertRejects(() => opened(dir, tensors, changes), CheckpointError, message);
    const error = await refused(wrong, `${dir}/model.safetensors does not fit its config.json`);
    for (
      const part of [
        `expected ${query} of shape [48,48], found none`,
        `expected ${bias} of shape [560], found [559]`,
        "found classifier.weight, which this encoder does not have",
      ]
    ) assert(error.message.includes(part), error.message);
    const other = golden.get(words)!.data.slice();
    other[7] += 1;
    const untied = new Map(golden).set("cls.predictions.decoder.weight", { shape: [560, 48], data: other });
    await refused(untied, `cls.predictions.decoder.weight differs from ${words}, so the decoder is not tied`);
    await refused(golden, "bert.encoder.layer.3.attention.self.query.weight of shape [48,48], found none; ", {
      num_hidden_layers: 4,
    });
    await refused(golden, "and 8 more", { num_hidden_layers: 4 });
    for (
      const [key, value] of [
        ["model_type", "roberta"],
        ["hidden_act", "relu"],
        ["is_decoder", true],
        ["tie_word_embeddings", false],
        ["position_embedding_type", "relative_key"],
      ]
    ) await refused(golden, `expected ${key} `, { [key as string]: value });
    await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
    await Deno.remove(`${dir}/model.safetensors`);
    await Deno.writeTextFile(`${dir}/pytorch_model.bin`, "");
    await assertRejects(() => loadCheckpoint(dir), CheckpointError, "save the model as safetensors first");
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
    assertEquals(tensorCount(), before);
  }));
