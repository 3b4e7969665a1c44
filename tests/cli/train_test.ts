import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UsageError } from "@lib/cli/arguments.ts";
import { modelsByOption, trainOptions } from "@lib/cli/train.ts";
import { modelNames } from "@lib/bert/variants.ts";

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

Deno.test("a wrong option or model of the train command gets the list of right ones", () => {
  for (const args of [["--model", "berd"], [], ["--model", "bert", "--rum", "x"]]) {
    const { message } = assertThrows(() => trainOptions(args, "/"), UsageError, "xpected");
    assertStringIncludes(message, "--model MODEL");
  }
});
