import { assert, assertEquals, assertRejects } from "@std/assert";
import { probeLayers } from "@lib/probing/probe_layers.ts";
import { features, meta, study, tables } from "../support/planted_tables.ts";

Deno.test("workers give the rows that this thread gives, in order, and their errors name the layer", async () => {
  const jobs = [3, 1].map((layer) => ({ meta: { ...meta, layer }, features: features(layer) }));
  const done: number[] = [];
  const there = await probeLayers(jobs, tables, study, { workers: 2, onDone: (n) => done.push(n) });
  assertEquals(there, await probeLayers(jobs, tables, study, { workers: 0 }));
  assertEquals([there[0].layer, there.at(-1)!.layer], [3, 1]);
  assertEquals(done, [1, 2]);
  for (const workers of [0, 1]) {
    const broken = [{ meta: { ...meta, layer: 5 }, features: { ...features(), columns: 3 } }];
    const error = await assertRejects(() => probeLayers(broken, tables, study, { workers }), Error, "layer 5 of test");
    assert(error.message.includes("train: expected 300 bars × 3 numbers"), error.message);
  }
  const stop = new AbortController();
  const stopped = probeLayers(jobs, tables, study, { workers: 1, signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => stopped, Error, "enough");
});
