import { assert, assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "@lib/cli/arguments.ts";
import { reportOptions } from "@lib/cli/report.ts";

Deno.test("options of the report become the kernels' environment; what is not asked for is left to the run", () => {
  const nothing = { fresh: false, page: false, pdf: false };
  assertEquals(reportOptions([], "/home/me"), { name: "demo", env: { STUDY: "demo" }, ...nothing });
  assertEquals(reportOptions(["--name", "mine", "--pdf"], "/"), {
    name: "mine",
    env: { STUDY: "mine" },
    ...nothing,
    pdf: true,
  });
  const { name, env, fresh } = reportOptions(
    ["--scale", "small", "--preset=authors", "--data", "../My midi", "--fresh"],
    "/home/me",
  );
  assertEquals(name, "small-authors-My-midi");
  assertEquals(env, { STUDY: name, SCALE: "small", PRESET: "authors", DATA: "/home/My midi" });
  assert(fresh);
  assertEquals(reportOptions(["--preset", "sound"], "/").name, "demo");
});

Deno.test("a report is made anew or its page alone, not both", () => {
  assertThrows(() => reportOptions(["--fresh", "--page"], "/"), UsageError, "expected --fresh or --page, found both");
});
