import { assertEquals, assertStringIncludes } from "@std/assert";
import { atATime, inOrder, jobArguments, jobFailed, logPath, memoryOf } from "@lib/cli/jobs/place.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import type { StudyJob } from "@lib/study/jobs/graph.ts";
import { once } from "@lib/study/jobs/steps.ts";
import { openStudy } from "@lib/study/study.ts";
import { projectRoot } from "@lib/base/project.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("what does one job does all in the order of their needs, tells their lines, and leaves out what is done", () =>
  withFolder(async (runs) => {
    const study = openStudy({
      recipe: recipe("sound", "smoke"),
      name: "a",
      data: `${projectRoot}/data/freedoom`,
      runs,
    });
    const job = (name: string, needs: string[]): StudyJob => ({
      ...{ name, needs, steps: () => [{ step: name, inputs: {} }], memory: (threads) => threads * 10 },
      work: () => Promise.resolve(),
    });
    const jobs = [job("c", ["b"]), job("b", ["a"]), job("a", []), job("d", ["e"]), job("e", [])];
    await once(study, { step: "a", inputs: {} }, () => 1);
    const lines: string[] = [], told: string[] = [];
    const doAll = inOrder(study, 2, {
      ...{ lanes: 1, memory: 100 },
      async run({ name }, { onLine }) {
        if (name === "e") throw jobFailed(study, name, "with exit code 3", ["one", "two"]);
        onLine(`does ${name}`);
        await once(study, { step: name, inputs: {} }, () => 1);
      },
    });
    const states = await doAll(jobs, {
      signal: new AbortController().signal,
      onLine: (name, line) => void lines.push(`${name}: ${line}`),
      onChange: (states) => void told.push(states.get("b")!.state),
    });
    assertEquals(lines, ["b: does b", "c: does c"]);
    assertEquals([...states].map(([name, { state }]) => `${name} ${state}`), [
      ...["c done", "b done", "a done", "d blocked", "e failed"],
    ]);
    assertEquals(told.slice(0, 3), ["waiting", "running", "done"]);
    const { message } = states.get("e")!.error as Error;
    assertStringIncludes(message, `It ended with exit code 3. The end of ${logPath(study, "e")}:\n  one\n  two`);
  }));

Deno.test("a job's command names its run and threads; the title says how many run at a time", () => {
  assertEquals(jobArguments("demo", "corpus", 2).join(" "), "job corpus --run demo --threads 2");
  assertEquals(jobArguments("demo", "train-BERT", 2, 3).join(" "), "job train-BERT --run demo --threads 2 --workers 3");
  assertEquals([undefined, 1, 3].map((workers) => memoryOf({ workers, memory: (threads) => 10 * threads }, 2)), [
    20,
    20,
    60,
  ]);
  assertEquals([atATime(1, 2), atATime(3, 1)], ["1 at a time, 2 threads each", "3 at a time, 1 thread each"]);
});
