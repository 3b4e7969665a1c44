import { assertEquals, assertLess } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { reading, sliceRows } from "@lib/matrix/rows.ts";
import type { BarTable } from "@lib/metrics/tasks.ts";
import { probeLayers } from "@lib/probing/probe_layers.ts";
import type { LayerFeatures } from "@lib/probing/rows.ts";
import { recipe } from "@lib/recipe/recipe.ts";

Deno.test("a layer's probes from files are those from memory, here and in a worker; clusters may take a share of rows", async () => {
  const dir = await Deno.makeTempDir(), columns = 24, rows = 240;
  const random = stream(6, "from-files");
  const table: BarTable = {
    labels: Array.from({ length: rows }, (_, r) => ({
      chords: r % 4 ? [[0, 49, 63][r % 3]] : [],
      groove: [0, 12 * (1 + r % 3)],
      instruments: [r % 5],
      tempoBin: 12 + r % 2,
      meanVelocity: 60 + r % 40,
      meanDuration: r % 7,
      meanDurationQuarters: (r % 7) / 12,
    })),
    songs: Int32Array.from({ length: rows }, (_, r) => Math.floor(r / 12)),
  };
  const x = Float32Array.from(
    { length: rows * columns },
    (_, i) => random.uniform() + (Math.floor(i / columns) % 12) / 4,
  );
  const file = createNpy(`${dir}/layer.npy`, 3 * rows, columns);
  for (let i = 0; i < 3; i++) file.append(x);
  const stored = file.finish();
  const at = (split: number) => sliceRows(stored, columns, split * rows, rows);
  const tables = { train: table, validation: table, test: table };
  const study = recipe("sound", "smoke", { probing: { bootstraps: 20, clusters: 9, clusterRows: 100 } });
  const job = (features: LayerFeatures) => ({
    meta: { model: "test", input: "trained" as const, seed: 0, layer: 1, layers: "one" as const, pooling: "bar" },
    features,
  });
  const memory = await probeLayers([job({ columns, train: x, validation: x, test: x })], tables, study, { workers: 0 });
  const files = job({ columns, train: at(0), validation: at(1), test: at(2) });
  for (const workers of [0, 1]) assertEquals(await probeLayers([files], tables, study, { workers }), memory);
  assertEquals(memory.find(({ task, protocol }) => task === "SC" && protocol === "sound")?.k, 9);
  const all = recipe("sound", "smoke", { probing: { bootstraps: 20, clusters: 1000 } });
  const k = (rows: typeof memory) => rows.find(({ task, protocol }) => task === "SC" && protocol === "sound")?.k;
  assertEquals(k(await probeLayers([files], tables, all, { workers: 0 })), 48); // a fifth of 240
  const share = { ...all, probing: { ...all.probing, clusterRows: 100 } };
  assertEquals(k(await probeLayers([files], tables, share, { workers: 0 })), 20); // a fifth of 100

  // Rows that were kept are taken as they are, their features not asked for; those of the others are kept.
  const kept: [number, number][] = [], planted = memory.slice(0, 2);
  const none = () => Promise.reject(new Error("These features should not be fetched."));
  for (const workers of [0, 1]) {
    const keeper = {
      find: (place: number) => place === 1 ? planted : undefined,
      keep: (place: number, found: typeof memory) => void kept.push([place, found.length]),
    };
    const jobs = [files, { ...files, features: none }, files], done: number[] = [];
    const rows = await probeLayers(jobs, tables, study, { workers, keeper, onDone: (n) => void done.push(n) });
    assertEquals(rows, [...memory, ...planted, ...memory]);
    assertEquals(done, [2, 3]);
    assertEquals(kept.splice(0), [[0, memory.length], [2, memory.length]]);
    assertEquals(
      await probeLayers([{ ...files, features: none }], tables, study, {
        workers,
        keeper: { ...keeper, find: () => planted },
      }),
      planted,
    );
  }

  // Twenty rows at a time; clusters, drawings and searches take at most forty, so that no 240 are ever held.
  const drawn = Int32Array.from({ length: 40 }, (_, i) => 6 * i), draws = [{ train: drawn, test: drawn }];
  const few = { ...study, probing: { ...study.probing, clusterRows: 40, retrievalBars: 40 } };
  const part = (split: number) => ({ ...at(split), pieceBytes: 20 * 4 * columns });
  const ask = (features: LayerFeatures) => probeLayers([job(features)], { ...tables, draws }, few, { workers: 0 });
  const held = await ask({ columns, train: x, validation: x, test: x });
  reading.most = 0;
  const read = await ask({ columns, train: part(0), validation: part(1), test: part(2) });
  assertEquals([reading.now, reading.most], [0, (40 + 20) * 4 * columns]);
  assertEquals(read.length, held.length);
  for (const [i, { task, metric, value }] of read.entries()) {
    assertEquals([task, metric], [held[i].task, held[i].metric]);
    if (Number.isFinite(value)) assertLess(Math.abs(value - held[i].value), 1e-9 * Math.max(1, Math.abs(value)));
  }
  await Deno.remove(dir, { recursive: true });
});
