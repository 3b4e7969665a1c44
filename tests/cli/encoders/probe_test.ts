import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { UserError } from "@lib/base/user_error.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { embedCommand } from "@lib/cli/encoders/embed.ts";
import { probeCommand, probeOptions } from "@lib/cli/encoders/probe.ts";
import { tensorCount } from "@lib/engine/mod.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { parseResults } from "@lib/probing/results.ts";
import type { ProbeRow } from "@lib/probing/rows.ts";
import { encoderSongs } from "../../support/encoder_songs.ts";

const { dir, corpus, bars, truthOf, common, leave } = await encoderSongs(), songs = `${dir}/songs`;

Deno.test("probe asks every layer of an encoder, and the user's own labels", async () => {
  const lines = bars.map((bar) =>
    `"${corpus.songs[corpus.song(bar)].file}",${corpus.barIndex(bar)},${truthOf(bar).chord}`
  );
  await Deno.writeTextFile(`${dir}/own.csv`, ["song,bar,label", ...lines].join("\n"));
  const args = [...common, "--data", "store", "--out", "found", "--labels", "own.csv", "--workers", "0"];
  assertEquals(await probeCommand(args, dir), 0);
  const read = async (name: string) =>
    (await Deno.readTextFile(`${dir}/found/${name}.jsonl`)).trim().split("\n").map((line) => JSON.parse(line));
  const rows = await read("results"), own = await read("own");
  assertEquals([...new Set(rows.map(({ layer }) => layer))], [0, 1, 2, null]);
  assertEquals([...new Set(rows.map(({ task }) => task))].sort(), ["C", "GP", "I", "MD", "MV", "SC", "T"]);
  assertEquals([...new Set(own.map(({ layer, task }) => `${task} ${layer}`))], ["own.csv 0", "own.csv 1", "own.csv 2"]);
  const test = own.filter(({ split, metric }) => split === "test" && metric === "accuracy");
  assertEquals(test.map(({ n }) => n), new Array(3).fill(corpus.barsOf("test").length));
  assertEquals((await Deno.readTextFile(`${dir}/found/own.csv`)).trim().split("\r\n").length, own.length + 1);
});

Deno.test("labels of no use are refused before a bar is embedded", async () => {
  const train = bars.filter((bar) => corpus.songs[corpus.song(bar)].split === "train");
  const line = (bar: number) => `${corpus.songs[corpus.song(bar)].file},${corpus.barIndex(bar)},${bar % 2 ? "a" : "b"}`;
  await Deno.writeTextFile(`${dir}/train.csv`, ["song,bar,label", ...train.map(line)].join("\n"));
  const args = [...common, "--data", "store", "--out", "useless", "--labels", "train.csv"], before = tensorCount();
  await assertRejects(() => probeCommand(args, dir), UserError, "expected labels in validation songs, found none");
  assertEquals([[...Deno.readDirSync(`${dir}/useless`)], tensorCount()], [[], before]);
});

Deno.test("too few songs to train, validate and test probes on are refused before a bar is embedded", async () => {
  await Deno.mkdir(`${dir}/one`);
  await Deno.copyFile(`${songs}/0.mid`, `${dir}/one/0.mid`);
  const args = [...common, "--data", "one", "--out", "few"], found = "found 1 songs, none for train and validation";
  await assertRejects(() => probeCommand(args, dir), UserError, found);
});

Deno.test("Ctrl-C and TERM remove the temporary files of a probing", async () => {
  const temporary = `${dir}/temporary`;
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    await Deno.mkdir(temporary);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-check", `${projectRoot}/lib/cli/main.ts`, "probe"]
        .concat([...common, "--data", "store", "--out", "stopped", "--workers", "1"]),
      env: { TMPDIR: temporary, INIT_CWD: dir, RECIPE: '{"probing":{"memory":0.01,"bootstraps":20000}}' },
      ...{ cwd: projectRoot, stdout: "null", stderr: "null" },
    }).spawn();
    const files = () =>
      [...Deno.readDirSync(temporary)].flatMap(({ name }) => [...Deno.readDirSync(`${temporary}/${name}`)]);
    while (!files().some(({ name }) => name.endsWith(".npy"))) await new Promise((done) => setTimeout(done, 20));
    child.kill(signal);
    assertEquals([(await child.status).code, [...Deno.readDirSync(temporary)]], [code, []]);
    await Deno.remove(temporary);
  }
});

/** The rows that a probing wrote. */
const results = async (out: string) => parseResults(await Deno.readTextFile(`${dir}/${out}/results.jsonl`));
const soundTest = (rows: ProbeRow[], model: string, task: string, metric: string) =>
  rows.filter((row) =>
    row.model === model && row.task === task && row.metric === metric && row.labels === "true" &&
    row.split === "test" && row.protocol === "sound"
  );

Deno.test("an encoder's own embeddings, written to a file and read again, have its layer's scores in both protocols", async () => {
  const to = ["--layer", "1", "--data", "store", "--out", "one.parquet"];
  assertEquals(await embedCommand([...common, ...to], dir), 0);
  const args = [...common, "--data", "store", "--out", "beside", "--embeddings", "one.parquet", "--workers", "0"];
  assertEquals(await probeCommand(args, dir), 0);
  const rows = await results("beside");
  const of = (model: string, layer: number | null) =>
    rows.filter((row) => row.model === model && row.layer === layer)
      .map(({ model: _, layer: __, layers: ___, pooling: ____, ...row }) => row);
  const [found, expected] = [of("one", null), of("encoder", 1)];
  assertEquals(found.length, expected.length);
  // a bar may be in another batch, at another row of it, where an AVX2 product rounds otherwise
  const isNear = (a: unknown, b: unknown) =>
    Object.is(a, b) ||
    typeof a === "number" && typeof b === "number" && Math.abs(a - b) < 1e-5 * Math.max(1, Math.abs(b));
  found.forEach((row, i) => {
    const wrong = Object.entries(row).filter(([name, value]) => !isNear(value, expected[i][name as keyof typeof row]));
    assertEquals(wrong, [], JSON.stringify(expected[i]));
  });
  assert(of("one", null).some(({ labels }) => labels === "control") && of("one", null).length > 100);
});

Deno.test("files of several models are probed side by side, each with what its vectors hold, and tables show them", async () => {
  const npy = createNpy(`${dir}/planted.npy`, 2 * (bars.length - 1), 3);
  const lines = ["song,bar,layer"];
  for (const layer of [0, 1]) { // layer 1 holds tempo and velocity, layer 0 nothing; the last bar is missing
    for (const bar of bars.slice(0, -1).toReversed()) {
      const { tempo, velocity } = truthOf(bar), noise = (bar * 7919) % 101 / 101;
      npy.append(layer === 1 ? Float32Array.of(tempo, tempo ** 2, velocity) : Float32Array.of(noise, 1, 0));
      lines.push(`${corpus.songs[corpus.song(bar)].file},${corpus.barIndex(bar)},${layer}`);
    }
  }
  npy.finish();
  await Deno.writeTextFile(`${dir}/planted.csv`, lines.join("\n"));
  const args = ["--scale", "smoke", "--data", "store", "--out", "several", "--workers", "0"];
  assertEquals(await probeCommand([...args, "--embeddings", "planted.npy", "one.parquet"], dir), 0);
  const rows = await results("several");
  assertEquals([...new Set(rows.map(({ model }) => model))], [
    ...["planted", "one", "bag of tokens", "hand-made features", "majority"],
  ]);
  const [nothing, all] = soundTest(rows, "planted", "MV", "rmse").sort((a, b) => a.layer! - b.layer!);
  assert(all.value < 0.05 * nothing.value, `${all.value} and ${nothing.value}`);
  const last = bars.at(-1)!, { split } = corpus.songs[corpus.song(last)];
  assertEquals(all.rows, corpus.barsOf("test").length - Number(split === "test"));
  const tables = await Deno.readTextFile(`${dir}/several/tables.md`);
  for (
    const text of ["planted.npy: 2 layers (0 … 1) of width 3; 1 of 128 bars to probe are missing", "one, control task"]
  ) {
    assert(tables.includes(text), `${text}: ${tables}`);
  }
  assert(tables.includes("hand-made features") && !tables.includes("paper"));
  for (const protocol of ["sound", "authors"]) {
    assert((await Deno.readTextFile(`${dir}/several/layers-${protocol}.svg`)).startsWith("<svg"));
  }
});

Deno.test("a NaN is refused by song and bar, and files without their option, or of an encoder's name, are refused", async () => {
  const array = await Deno.readFile(`${dir}/planted.npy`), at = array.length - 4 * 3 * 5; // the fifth row from the end
  array.set(new Uint8Array(Float32Array.of(NaN).buffer), at);
  await Deno.writeFile(`${dir}/bad.npy`, array);
  const table = await Deno.readTextFile(`${dir}/planted.csv`);
  await Deno.writeTextFile(`${dir}/bad.csv`, table);
  const [song, bar] = table.split("\n").at(-5)!.split(",");
  const args = ["--scale", "smoke", "--data", "store", "--out", "bad"];
  const found = `bad.npy: ${song}, bar ${bar}, layer 1: expected finite numbers, found NaN at place 0 of 3`;
  await assertRejects(() => probeCommand([...args, "--embeddings", "bad.npy"], dir), UserError, found);
  assertEquals([...Deno.readDirSync(`${dir}/bad`)], []);
  assertThrows(() => probeOptions([...args, "one.parquet"], dir), UsageError, "expected --embeddings before files");
  await Deno.mkdir(`${dir}/other`);
  await Deno.copyFile(`${dir}/one.parquet`, `${dir}/other/encoder.parquet`);
  const twice = [...args, "--encoder", "encoder", "--embeddings", "other/encoder.parquet"];
  await assertRejects(() => probeCommand(twice, dir), UserError, "found an encoder and a file");
  await leave();
});
