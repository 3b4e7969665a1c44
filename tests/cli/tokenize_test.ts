import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "@lib/cli/arguments.ts";
import { projectRoot } from "@lib/base/project.ts";
import { summaryLines, tokenizeCommand, tokenizeOptions } from "@lib/cli/tokenize.ts";
import { withFolder } from "../support/folder.ts";

Deno.test("the tokenize command takes a source, a shard of it, or shards to merge", () => {
  const { sources, out, shard, workers, scale } = tokenizeOptions(
    ["--", "songs.zip", "--out", "store", "--shard", "2/3", "--workers", "4"],
    "/here",
  );
  assertEquals([sources, out, shard], [["/here/songs.zip"], "/here/store", { index: 2, of: 3 }]);
  assertEquals([workers, scale], [4, "base"]);
  assertEquals(tokenizeOptions(["a", "/b", "--merge", "--out", "c"], "/here").sources, ["/here/a", "/b"]);
  assertEquals(tokenizeOptions(["--verify", "--out", "c"], "/").sources, []);
  assertEquals(tokenizeOptions(["--parquet", "p", "--out", "c"], "/").parquet, "/p");
  assertEquals(tokenizeOptions(["a", "--shard", "3/3", "--out", "c"], "/").shard, { index: 3, of: 3 });
});

Deno.test("the tokenize command names what it expects of sources and shards", () => {
  const wrong: [string, string][] = [
    ["--out b", "expected one source, found none"],
    ["a b --out c", "expected one source, found a b"],
    ["a --out b --shard 3/2", "--shard: expected I/N with 1 ≤ I ≤ N, found 3/2"],
    ["a --out b --shard 0/2", "found 0/2"],
    ["a --out b --shard half", "found half"],
    ["--merge --out b", "expected folders of shards, found none"],
    ["a --merge --shard 1/2 --out b", "expected one of them, found both"],
  ];
  for (const [args, message] of wrong) assertThrows(() => tokenizeOptions(args.split(" "), "/"), UsageError, message);
});

Deno.test("a summary shows songs, bars, reasons by their number, and the leak in per cent", () => {
  const leak = (split: number, byFile: number) =>
    ({
      split: { testInTrain: split, testBars: 200 },
      byFile: { testInTrain: byFile, testBars: 200 },
    }) as never;
  const lines = summaryLines({
    ...{ files: 1203, songs: 1000, bars: 50_000, kept: 40_000, notKept: 10_000, tokens: 1_234_567 },
    rejected: { duplicate: 3, "no-notes": 200 },
    clusters: { clusters: 2, songs: 7, largest: 5 },
    leak: { tokens: leak(1, 50), notes: leak(3, 100) },
  });
  assertEquals(lines[0], "1,000 songs of 1,203 files: 40,000 bars of 1,234,567 tokens; 10,000 bars have too few notes");
  assertEquals(lines.slice(1, 3), ["  rejected  no-notes   200", "  rejected  duplicate  3"]);
  assertEquals(lines[3], "  why, file by file: rejected.jsonl in the store");
  assertEquals(lines[4], "near-duplicates: 7 songs in 2 clusters, at most 5");
  assertEquals(lines[5].match(/[\d.]+%/g), ["0.50%", "25.00%", "1.50%", "50.00%"]);
});

Deno.test("the tokenize command says what it made, that it was done before, that links are not followed, and what changed", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/midi`);
    for (const name of ["d_inter.mid", "d_e1m1.mid"]) {
      await Deno.copyFile(`${projectRoot}/data/freedoom/${name}`, `${folder}/midi/${name}`);
    }
    await Deno.mkdir(`${folder}/links`);
    await Deno.symlink(`${folder}/midi/d_inter.mid`, `${folder}/links/a.mid`);
    /** The exit code and what was printed; of an error, its message. */
    const tokenize = async (...args: string[]): Promise<[code: number, text: string]> => {
      const lines: string[] = [], { log, error } = console;
      console.log = console.error = (line: string) => void lines.push(line);
      try {
        const code = await tokenizeCommand(args, folder);
        return [code, lines.join("\n")];
      } catch (error) {
        return [1, (error as Error).message];
      } finally {
        Object.assign(console, { log, error });
      }
    };
    const runs: [args: string, code: number, text: RegExp][] = [
      ["midi --out store", 0, /2 songs of 2 files: [^]* bars a second/],
      ["midi --out store --verify", 0, /done before, of the same songs and recipe[^]*every byte is as/],
      ["midi --out store --scale demo", 1, /split\.train: 0\.8 there, 0\.6 asked for/],
      ["links --out linked", 1, /link +1\n[^]*--follow-links[^]*No file gave a song/],
      ["links --out linked --follow-links --replace", 0, /1 songs of 1 files/],
    ];
    for (const [args, expected, said] of runs) {
      const [code, text] = await tokenize(...args.split(" "));
      assertEquals([code, said.test(text)], [expected, true], text);
    }
    const path = `${folder}/store/labels-00000.bin`, bytes = await Deno.readFile(path);
    bytes[7] ^= 1;
    await Deno.writeFile(path, bytes);
    assertStringIncludes((await tokenize("--out", "store", "--verify"))[1], "labels-00000.bin: its checksum differs");
  }));
