import { assertEquals, assertMatch } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { freeAddresses } from "@lib/cli/workers.ts";
import { hasWorkers } from "../support/workers.ts";
import { runStudy, withRuns } from "../support/study_process.ts";

Deno.test("addresses are free ports of this machine alone, each another one", () => {
  const addresses = freeAddresses(4);
  assertEquals(new Set(addresses).size, 4);
  for (const address of addresses) {
    assertMatch(address, /^127\.0\.0\.1:\d+$/);
    Deno.listen({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) }).close();
  }
});

Deno.test({
  name: "`task train --workers 2` starts both, the model is trained and evaluated once, and a study finds it done",
  ignore: !hasWorkers,
  fn: () =>
    withRuns(async (songs, run) => {
      const name = run("pair"), changes = { training: { steps: 4, validateEvery: 2, precision: "float32" } };
      const env = { NO_COLOR: "1", ENGINE: "cpu", SCALE: "smoke", DATA: songs, RECIPE: JSON.stringify(changes) };
      const { code, text } = await runStudy(["train", "--model", "aug", "--run", name, "--workers", "2"], env);
      assertEquals([code, code === 0 ? "" : text], [0, ""]);
      assertEquals([...text.matchAll(/^BERT-aug: .* masked tokens guessed: /gm)].length, 1); // by one of them
      const model = `${projectRoot}/data/runs/${name}/models/BERT-aug`;
      const state = JSON.parse(await Deno.readTextFile(`${model}/training/step-0000004/state.json`));
      assertEquals([state.run.step, state.run.workers], [4, [2]]);
      const study = await runStudy(["study", "--run", name, "--dry-run"], env);
      assertMatch(study.text, /^done +train-BERT-aug /m);
      assertMatch(study.text, /^to do +train-BERT /m);
    }),
});
