import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { UserError } from "@lib/base/user_error.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { report, reportOptions } from "@lib/cli/report.ts";

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

Deno.test("--fresh deletes no run that a process works on, and one that none does", async () => {
  const name = `test-${crypto.randomUUID()}`, folder = `${projectRoot}/data/runs/${name}`;
  const environment = Deno.env.toObject(),
    fresh = () => report(["--fresh", "--name", name, "--data", `${folder}/none`]);
  try {
    await Deno.mkdir(`${folder}/steps`, { recursive: true });
    const lock = await Deno.create(`${folder}/steps/train-BERT.lock`);
    await lock.lock(true);
    await assertRejects(fresh, UserError, "found the step train-BERT in work");
    assert(exists(`${folder}/steps/train-BERT.lock`));
    lock.close();
    await assertRejects(fresh, UserError, "expected MIDI files"); // there are none for a new run
    assert(!exists(folder));
  } finally {
    if (exists(folder)) await Deno.remove(folder, { recursive: true });
    for (const key of ["STUDY", "DATA"]) {
      if (environment[key] === undefined) Deno.env.delete(key);
      else Deno.env.set(key, environment[key]);
    }
  }
});
