import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "@lib/cli/arguments.ts";
import { summaryLines, tokenizeOptions } from "@lib/cli/tokenize.ts";

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
  assertEquals(lines[3], "near-duplicates: 7 songs in 2 clusters, at most 5");
  assertEquals(lines[4].match(/[\d.]+%/g), ["0.50%", "25.00%", "1.50%", "50.00%"]);
});
