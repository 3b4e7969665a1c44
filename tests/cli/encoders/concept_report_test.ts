import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { barsCommand } from "@lib/cli/encoders/bars.ts";
import { probeCommand, probeOptions } from "@lib/cli/encoders/probe.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { createNpy } from "@lib/matrix/npy.ts";
import { composeConcepts } from "@lib/probing/concepts/compose.ts";
import type { ConceptRow } from "@lib/probing/concepts/probe_concepts.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { encoderSongs } from "../../support/encoder_songs.ts";
import { assertThrows } from "@std/assert";

const { dir, leave } = await encoderSongs();
const asked = '{"probing":{"conceptBars":60,"bootstraps":50}}';

Deno.test("an encoder and a file are probed for concepts side by side, with the bars that were handed out", async () => {
  Deno.env.set("RECIPE", asked);
  try {
    assertEquals(await barsCommand(["--concepts", "--out", "bars", "--scale", "smoke", "--no-midi"], dir), 0);
    assertEquals([...Deno.readDirSync(`${dir}/bars`)].map(({ name }) => name).sort(), ["bars.parquet", "embed.py"]);
    const composed = composeConcepts(recipe("sound", "smoke", JSON.parse(asked))), { bars, corpus } = composed;
    const npy = createNpy(`${dir}/truth.npy`, bars.length, 24), lines = ["song,bar"];
    for (const [bar, { values: [a, b] }] of bars.entries()) { // the truth of every design
      npy.append(Float32Array.from({ length: 24 }, (_, i) => Number(i === a || i === 12 + b)));
      lines.push(`${corpus.songs[corpus.song(bar)].file},${corpus.barIndex(bar)}`);
    }
    npy.finish();
    await Deno.writeTextFile(`${dir}/truth.csv`, lines.join("\n"));
    const args = [
      "--concepts",
      "--encoder",
      "encoder",
      "--embeddings",
      "truth.npy",
      "--out",
      "found",
      "--scale",
      "smoke",
    ];
    assertEquals(await probeCommand(args, dir), 0);
    const text = await Deno.readTextFile(`${dir}/found/concepts.jsonl`);
    const rows = text.trim().split("\n").map((line) => JSON.parse(line) as ConceptRow);
    assertEquals([...new Set(rows.map(({ model }) => model))], [
      "encoder",
      "truth",
      "hand-made features",
      "bag of tokens",
    ]);
    for (const model of ["encoder", "truth"]) {
      assertEquals(
        rows.filter((row) => row.model === model && row.layer === (model === "truth" ? null : 1)).length,
        16,
      );
    }
    assert(rows.filter(({ model }) => model === "truth").every(({ value }) => value === 1));
    const report = await Deno.readTextFile(`${dir}/found/concepts.md`);
    for (
      const part of ["# Concepts: encoder, truth", "truth.npy: one layer of width 24", "mode, new key", "1.00*"]
    ) {
      assert(report.includes(part), `${part} in ${report}`);
    }
    const drawings = ["concepts.svg", "confusions-1.svg", "confusions-2.svg"];
    for (const name of drawings) assertGreater((await Deno.stat(`${dir}/found/${name}`)).size, 5000);
    const table = (await Deno.readTextFile(`${dir}/found/concepts.csv`)).trim().split("\r\n");
    assertEquals(table.length, rows.length + 1);
  } finally {
    Deno.env.delete("RECIPE");
  }
});

Deno.test("songs or concepts are asked for, not both or neither; and concepts need bars", async () => {
  const refused = (args: string, message: string) =>
    assertThrows(() => probeOptions(args.split(" "), dir), UsageError, message);
  refused("--encoder e --out x", "expected --data DATA or --concepts, found neither");
  refused("--encoder e --out x --data d --concepts", "expected --data DATA or --concepts, found both");
  refused("--encoder e --out x --labels l --concepts", "--labels: expected songs, found --concepts");
  Deno.env.set("RECIPE", '{"probing":{"conceptBars":0}}');
  try {
    const args = ["--concepts", "--encoder", "encoder", "--out", "none", "--scale", "smoke"];
    await assertRejects(() => probeCommand(args, dir), UserError, "expected bars to compose, found none asked for");
  } finally {
    Deno.env.delete("RECIPE");
  }
  await leave();
});
