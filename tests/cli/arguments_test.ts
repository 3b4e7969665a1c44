import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { asksHelp, exitCode, readArguments, UsageError } from "@lib/cli/arguments.ts";

Deno.test("arguments become values: flags, texts, numbers, paths, defaults; what is left out is absent", () => {
  assertEquals(
    readArguments("tokenize", ["a.zip", "--", "--out", "../st ore", "--workers=4", "--merge", "b"], "/x/y"),
    {
      positionals: ["a.zip", "b"],
      values: {
        ...{ out: "/x/st ore", workers: 4, merge: true, replace: false, verify: false, "follow-links": false },
        ...{ preset: "sound", scale: "base", shard: undefined, parquet: undefined },
      },
    },
  );
  assertEquals(readArguments("digest", [], "/").values, { out: undefined, page: undefined });
  assertEquals(readArguments("digest", ["a", "--out=/z"], "/x"), {
    ...{ positionals: ["a"], values: { out: "/z", page: undefined } },
  });
  const limit = (...args: string[]) => readArguments("bench", args, "/x").values.limit;
  assertEquals([limit(), limit("--limit", "1")], [1000, 1]);
  assertEquals(readArguments("report", ["--data", "-"], "/x").values.data, "/x/-");
});

Deno.test("what a command does not take is named, with its usage", () => {
  const wrong: [Parameters<typeof readArguments>[0], string, string][] = [
    ["report", "--scael demo", "expected one of --data, --scale, "],
    ["report", "--scael demo", "found --scael."],
    ["report", "--toString", "found --toString."],
    ["report", "-x", "found -x."],
    ["report", "demo", "expected options alone, found demo."],
    ["report", "--data", "--data: expected a value PATH, found none."],
    ["report", "--data --fresh", "--data: expected a value PATH, found none."],
    ["report", "--data=", "--data: expected a value, found nothing."],
    ["report", "--fresh=no", "--fresh: expected no value, found no."],
    ["report", "--scale huge", "--scale: expected one of smoke, demo, small, base, found huge."],
    ["tokenize", "a", "--out: expected a value DIR, found none."],
    ["tokenize", "a --out b --workers -1", "--workers: expected a whole number from 0, found -1."],
    ["tokenize", "a --out b --workers 1.5", "--workers: expected a whole number from 0, found 1.5."],
    ["bench", "a --limit 0", "--limit: expected a whole number from 1, found 0."],
    ["pack", "a b", "expected NAME, found a b."],
  ];
  for (const [name, args, message] of wrong) {
    const error = assertThrows(() => readArguments(name, args.split(" "), "/"), UsageError, message);
    assertStringIncludes(error.message, `deno task ${name}`);
    assertStringIncludes(error.message, "  --help");
  }
});

Deno.test("a question for help is seen anywhere", () => {
  assertEquals([["--help"], ["a", "-h"], ["--helpp"], []].map(asksHelp), [true, true, false, false]);
});

Deno.test("an error to mend is its message alone, a fault says so and shows its stack and causes", async () => {
  const printed: string[] = [];
  const code = (work: () => number) => exitCode(() => Promise.resolve().then(work), (text) => void printed.push(text));
  const fail = (error: Error) => () => {
    throw error;
  };
  assertEquals(await code(() => 130), 130);
  assertEquals(await code(fail(new UserError("Where: expected this, found that. Do so."))), 1);
  assertEquals(await code(fail(new UsageError("deno task x: expected y"))), 2);
  assertEquals(await code(fail(new RangeError("too far", { cause: new Error("the root of it") }))), 1);
  assertEquals(printed.slice(0, 2), ["Where: expected this, found that. Do so.", "deno task x: expected y"]);
  assertEquals(printed.length, 3);
  assertMatch(printed[2], /^This is a fault of the program\. Please report it .*\n\nRangeError: too far\n +at /);
  assertMatch(printed[2], /\nCaused by: Error: the root of it\n +at .*arguments_test\.ts/);
  assert(printed[2].includes(Deno.version.deno));
});
