import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { exists } from "@lib/base/files.ts";
import { projectRoot } from "@lib/base/project.ts";
import { modelNames } from "@lib/bert/variants.ts";
import { UsageError } from "@lib/cli/arguments.ts";
import { studyOptions } from "@lib/cli/jobs/study.ts";
import { runStudy, withRuns } from "../../support/study_process.ts";
import { differentSteps } from "../../support/two_places.ts";
import { hasWorkers } from "../../support/workers.ts";
import { withEnvironment } from "../../support/environment.ts";

Deno.test("options of the study become its environment; seeds are a field of the recipe beside those of RECIPE", () => {
  const { models, env, jobs, threads, dryRun } = studyOptions([], "/");
  assertEquals([models, env, jobs, threads, dryRun], [modelNames, { STUDY: "demo" }, undefined, undefined, false]);
  withEnvironment({ RECIPE: '{"seed":7,"training":{"steps":9,"seeds":8}}' }, () => {
    const args = [
      "--scale",
      "small",
      "--seeds",
      "3",
      "--models",
      "aug,bert",
      "--jobs",
      "2",
      "--threads",
      "1",
      "--dry-run",
    ];
    const options = studyOptions(args, "/");
    assertEquals(options.models, ["BERT", "BERT-aug"]);
    assertEquals(JSON.parse(options.env.RECIPE), { seed: 7, training: { steps: 9, seeds: 3 } });
    assertEquals([options.env.STUDY, options.env.SCALE], ["small", "small"]);
    assertEquals([options.jobs, options.threads, options.dryRun], [2, 1, true]);
  });
  const slurm = studyOptions(["--on", "slurm", "--template", "a.sh"], "/b");
  assertEquals([slurm.on, slurm.template], ["slurm", "/b/a.sh"]);
  assertThrows(() => studyOptions(["--on", "slurm", "--jobs", "2"], "/"), UsageError, "--jobs: expected none");
  assertThrows(() => studyOptions(["--template", "a.sh"], "/"), UsageError, "--template: expected none");
  assertEquals(studyOptions(["--shards", "4"], "/").env, { STUDY: "demo", SHARDS: "4" });
  assertThrows(() => studyOptions(["--shards", "0"], "/"), UsageError, "--shards");
  assertEquals([studyOptions([], "/").workers, studyOptions(["--train-workers", "3"], "/").workers], [1, 3]);
  assertThrows(() => studyOptions(["--train-workers", "0"], "/"), UsageError, "--train-workers");
  assertThrows(() => studyOptions(["--models", "bert,berd"], "/"), UsageError, "found bert,berd");
  assertThrows(() => studyOptions(["--seeds", "0"], "/"), UsageError, "--seeds");
  const places = ["local", "ray", "ray://10.0.0.1:6379", "slurm"];
  assertEquals(places.map((on) => studyOptions(["--on", on], "/").on), places);
  for (const on of ["rays", "ray://", "ray://host", "spark"]) {
    assertThrows(() => studyOptions(["--on", on], "/"), UsageError, `found ${on}.`);
  }
});

Deno.test("--dry-run prints the jobs with their state, needs and commands, and makes no run", () =>
  withRuns(async (songs, run) => {
    const name = run("dry"), env = { NO_COLOR: "1", SCALE: "smoke", DATA: songs };
    const { code, text } = await runStudy(["study", "--run", name, "--seeds", "2", "--dry-run", "--threads", "1"], env);
    assertEquals(code, 0, text);
    assert(!exists(`${projectRoot}/data/runs/${name}`));
    const lines = text.trim().split("\n"), jobs = lines.filter((line) => line.startsWith("to do "));
    assertEquals([jobs.length, lines.length], [30, 60]);
    const at = lines.findIndex((line) => line.includes(" probe-BERT-aug-seed-1 "));
    assertStringIncludes(lines[at], "needs corpus, probe-guesses, train-BERT-aug-seed-1");
    assertEquals(lines[at + 1].trim(), `deno task job probe-BERT-aug-seed-1 --run ${name} --threads 1`);
    const pairs = await runStudy(["study", "--run", name, "--dry-run", "--threads", "1", "--train-workers", "2"], env);
    const together = pairs.text.split("\n").filter((line) => line.includes("--workers 2")).map((line) => line.trim());
    assertEquals(
      together,
      modelNames.map((name) => `deno task job train-${name} --run ${run("dry")} --threads 1 --workers 2`),
    );
    const slurm = await runStudy(["study", "--run", name, "--on", "slurm", "--dry-run", "--threads", "3"], env);
    assertEquals(slurm.code, 0, slurm.text);
    assertStringIncludes(slurm.text, "--dependency=afterok:<corpus-1> ");
    assertStringIncludes(slurm.text, `job "$job" --run ${name} --threads 3`);
    assert(!exists(`${projectRoot}/data/runs/${name}`));
  }));

Deno.test("a job that is none of the run's is refused with their names, and one without a run is", () =>
  withRuns(async (songs, run) => {
    const name = run("job"), env = { NO_COLOR: "1", SCALE: "smoke", DATA: songs };
    const { code, text } = await runStudy(["job", "train-BERD", "--run", name], env);
    assertEquals(code, 1);
    assert(text.includes("train-BERT-aug") && text.includes("found train-BERD"), text);
    assertEquals((await runStudy(["job", "corpus"], env)).code, 2);
    const done = await runStudy(["job", "corpus", "--run", name], env);
    assertEquals(done.code, 0, done.text);
    assert(exists(`${projectRoot}/data/runs/${name}/corpus/manifest.json`));
    assertEquals(await runStudy(["job", "corpus", "--run", name], env), { code: 0, text: "" });
  }));

Deno.test({
  name: "a training's job by two workers is the job of one within rounding; other jobs are refused several",
  ignore: !hasWorkers,
  fn: () =>
    withRuns(async (songs, run) => {
      const changes = { training: { steps: 8, validateEvery: 4, precision: "float32" } };
      const env = { NO_COLOR: "1", ENGINE: "cpu", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(changes) };
      const names = [run("one"), run("two")], job = "train-BERT-dropout";
      const ended = await Promise.all(
        names.map((name, i) =>
          runStudy(["job", job, "--run", name, "--threads", "1", "--workers", String(1 + i)], env)
        ),
      );
      assertEquals(ended.map(({ code, text }) => code === 0 ? "" : text), ["", ""]);
      assertEquals(differentSteps(names[0], names[1], "BERT-dropout"), { steps: [8, 8], different: [] });
      const refused = await runStudy(["job", "corpus-authors", "--run", names[0], "--workers", "2"], env);
      assertEquals([refused.code, refused.text.includes("found corpus-authors, which one process does")], [1, true]);
    }),
});
