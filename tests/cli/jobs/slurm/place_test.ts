import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { runJobs } from "@lib/cli/jobs/run.ts";
import { slurmPlace, threadsOnSlurm } from "@lib/cli/jobs/slurm/place.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { studyJobs } from "@lib/study/jobs/graph.ts";
import { openStudy } from "@lib/study/study.ts";
import { withFakeSlurm } from "../../../support/fake_slurm.ts";
import { withFolder } from "../../../support/folder.ts";

Deno.test("a narrow encoder's jobs have one thread, a wide one's several, or as many as are asked for", () => {
  const [demo, base] = [recipe("sound", "demo"), recipe("sound", "base")];
  assertEquals([threadsOnSlurm(demo), threadsOnSlurm(demo, 3), threadsOnSlurm(base, 1)], [1, 3, 1]);
  assertEquals(threadsOnSlurm(base) > 1, true);
});

Deno.test("stopped, the command says that the jobs go on and how to stop them, and submits nothing more", () =>
  withFolder((runs) =>
    withFakeSlurm(async (slurm) => {
      const study = openStudy({
        ...{ recipe: recipe("sound", "smoke"), name: "a", data: `${projectRoot}/data/freedoom`, runs },
      });
      const stop = new AbortController(), place = slurmPlace(study, 1), jobs = studyJobs(study, ["BERT"]);
      const told: string[] = [], error = console.error;
      const stopSoon = setInterval(
        () => slurm.queue().length === 7 && stop.abort(new Error("stopped by the test")),
        1, // while the last call of sbatch has not returned
      );
      console.error = (text: string) => void told.push(text);
      try {
        await assertRejects(() => runJobs(study, jobs, place, stop.signal), Error, "stopped by the test");
      } finally {
        console.error = error;
        clearInterval(stopSoon);
      }
      const ids = new Set(slurm.queue().map((line) => line.split("|")[0]));
      assertStringIncludes(told.join("\n"), `scancel ${[...ids].join(" ")}`);
      const again = slurmPlace(study, 1);
      const { signal } = stop, calls = slurm.calls().length;
      await assertRejects(() => runJobs(study, jobs, again, signal), Error, "stopped by the test");
      assertEquals(slurm.calls().length, calls);
    })
  ));
