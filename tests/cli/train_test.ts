import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "@lib/cli/arguments.ts";
import { modelsByOption, trainingJobs, trainOptions } from "@lib/cli/train.ts";
import { modelNames } from "@lib/bert/variants.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { openStudy, type Study } from "@lib/study/study.ts";

Deno.test("the train command knows the paper's models", () => {
  assertEquals(Object.values(modelsByOption), modelNames);
  assertEquals(trainOptions(["--model", "all"], "/").models, modelNames);
});

Deno.test("the train command's options are the study's environment", () => {
  const { models, env } = trainOptions(
    ["--model", "aug", "--scale", "small", "--data", "midi", "--run", "mine"],
    "/home",
  );
  assertEquals(models, ["BERT-aug"]);
  assertEquals(env, { STUDY: "mine", SCALE: "small", DATA: "/home/midi" });
});

Deno.test("workers are started, or this process is one of them, with everybody's addresses", () => {
  const options = (...args: string[]) => trainOptions(["--model", "bert", "--run", "mine", ...args], "/");
  const { env, start } = options("--workers", "4");
  assertEquals([env, start], [{ STUDY: "mine" }, 4]);
  const hosts = "10.0.0.1:4000,10.0.0.2:4000", own = options("--workers", "2", "--worker", "1", "--hosts", hosts);
  assertEquals([own.env, own.start], [{ STUDY: "mine", WORKER: "1", WORKER_HOSTS: hosts }, 1]);
  assertEquals(options("--worker", "1", "--hosts", hosts).env, own.env); // the addresses say how many
  for (
    const [args, found] of [
      [["--worker", "0"], "found one of them"],
      [["--hosts", hosts], "found one of them"],
      [["--workers", "3", "--worker", "0", "--hosts", hosts], "each of 3 workers, found 2"],
      [["--workers", "0"], "a whole number from 1"],
      [["--workers", "2", "--jobs", "2"], "one model at a time by several workers"],
    ] as const
  ) assertThrows(() => options(...args), UsageError, found);
});

Deno.test("a wrong option or model of the train command gets the list of right ones", () => {
  for (const args of [["--model", "berd"], [], ["--model", "bert", "--rum", "x"]]) {
    const { message } = assertThrows(() => trainOptions(args, "/"), UsageError, "xpected");
    assertStringIncludes(message, "--model MODEL");
  }
});

Deno.test("models side by side are the study's trainings, after its store; several workers train one at a time", () => {
  const study = openStudy({ dry: true, name: "side-by-side", recipe: recipe("sound", "smoke") });
  const named = (study: Study) => trainingJobs(study, ["BERT", "BERT-aug"]).map(({ name }) => name);
  assertEquals(named(study), ["corpus", "train-BERT", "train-BERT-aug"]);
  assertEquals(named({ ...study, shards: 2 }).slice(0, 3), ["corpus-1-of-2", "corpus-2-of-2", "corpus"]);
  const jobs = (...args: string[]) => trainOptions(["--model", "all", ...args], "/").jobs;
  assertEquals([jobs(), jobs("--jobs", "3"), jobs("--workers", "2")], [undefined, 3, 1]);
});
