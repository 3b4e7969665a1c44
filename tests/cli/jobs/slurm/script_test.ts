import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { projectRoot } from "@lib/base/project.ts";
import { UserError } from "@lib/base/user_error.ts";
import { checkTemplate, keepTemplate, ownTemplate, scriptOf, templateOf } from "@lib/cli/jobs/slurm/script.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { openStudy, type Study } from "@lib/study/study.ts";
import { withFolder } from "../../../support/folder.ts";

const open = (runs: string): Study =>
  openStudy({ recipe: recipe("sound", "smoke"), name: "a", data: `${projectRoot}/data/freedoom`, runs });

const array = {
  ...{ label: "train-1", tasks: new Map([[1, "train-x"], [3, "train-y"]]), workers: 1, memory: 768, after: [] },
};

/**
 * Runs a script of the array as Slurm runs its task 3, with bash code in place of the job's command; `told` gets what
 * tells it and its log's text.
 */
async function runTask(
  folder: string,
  job: string,
  told: (tell: (signal: Deno.Signal) => void, log: () => string) => Promise<void> = async () => {},
): Promise<{ code: number; log: string; requeued: string }> {
  const study = open(folder), bin = `${folder}/bin`, log = study.path("log", "train-y.log");
  await Deno.mkdir(bin);
  await Deno.writeTextFile(`${bin}/scontrol`, `#!/bin/bash\necho "$*" >>${folder}/requeued\n`, { mode: 0o755 });
  await Deno.writeTextFile(`${folder}/job.sh`, job);
  const filled = scriptOf(study, array, 2, await Deno.readTextFile(ownTemplate));
  const text = filled.replace(/^.*main\.ts job /m, `bash ${folder}/job.sh `);
  assert(text !== filled);
  await Deno.writeTextFile(`${folder}/script.sh`, text);
  const env = { SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_JOB_ID: "12", PATH: `${bin}:${Deno.env.get("PATH")}` };
  const child = new Deno.Command("bash", { args: [`${folder}/script.sh`], env }).spawn();
  const read = (path: string) => {
    try {
      return Deno.readTextFileSync(path);
    } catch {
      return "";
    }
  };
  await told((signal) => child.kill(signal), () => read(log));
  const { code } = await child.status;
  return { code, log: read(log), requeued: read(`${folder}/requeued`).trim() };
}

/** Waits until a log has a text. */
async function until(log: () => string, text: string): Promise<void> {
  while (!log().includes(text)) await new Promise((resolve) => setTimeout(resolve, 10));
}

Deno.test("a task does its job of the array, writes to the job's log, and has its exit code", async () => {
  for (const code of [0, 3]) {
    await withFolder(async (folder) => {
      const found = await runTask(folder, `echo "did $*"; exit ${code}`);
      assertEquals([found.code, found.requeued], [code, ""]);
      assert(found.log.includes("Slurm's job 12_3, start 1\ndid train-y --run a --threads 2\n"), found.log);
    });
  }
});

Deno.test("SIGUSR1 reaches the job as SIGUSR2, whose exit code 75 puts the task alone into the queue again", () =>
  withFolder(async (folder) => {
    const job = "trap 'echo saves; sleep 0.2; exit 75' USR2; echo began; while :; do sleep 0.05; done";
    const found = await runTask(folder, job, async (tell, log) => {
      await until(log, "began");
      tell("SIGUSR1");
      await until(log, "saves");
      tell("SIGUSR1"); // told twice, it still awaits the job
    });
    assertEquals([found.code, found.requeued], [75, "requeue 12_3"]);
  }));

Deno.test("a job that ended by what it is told with before it listened goes on as well; one that ends well in spite of it does not", async () => {
  await withFolder(async (folder) => {
    const found = await runTask(folder, "echo began; exec sleep 20", async (tell, log) => {
      await until(log, "began");
      tell("SIGUSR1");
    });
    assertEquals([found.code, found.requeued], [140, "requeue 12_3"]);
  });
  await withFolder(async (folder) => {
    const job = "trap 'told=1' USR2; echo began; until [ -n \"$told\" ]; do sleep 0.05; done; exit 0";
    const found = await runTask(folder, job, async (tell, log) => {
      await until(log, "began");
      tell("SIGUSR1");
    });
    assertEquals([found.code, found.requeued], [0, ""]);
  });
});

Deno.test("SIGTERM, which Slurm sends to the job as well, leaves the job its time to save, and does not requeue", () =>
  withFolder(async (folder) => {
    const job = "trap '' TERM; echo began; sleep 0.3; echo saved; exit 143";
    const found = await runTask(folder, job, async (tell, log) => {
      await until(log, "began");
      tell("SIGTERM");
    });
    assertEquals([found.code, found.requeued, found.log.includes("saved")], [143, "", true]);
  }));

Deno.test("the template that is asked for is checked and kept with the run, where it may be changed", () =>
  withFolder(async (folder) => {
    const study = open(folder), own = await Deno.readTextFile(ownTemplate), file = `${folder}/mine.sh`;
    assertEquals(await templateOf(study), own);
    await Deno.writeTextFile(file, own.replace("#SBATCH --requeue", "#SBATCH --requeue\n#SBATCH --partition=long"));
    const mine = await templateOf(study, file);
    await keepTemplate(study, mine);
    assertEquals(await templateOf(study), mine);
    const text = scriptOf(study, array, 2, mine);
    for (
      const line of [
        "#SBATCH --partition=long",
        "#SBATCH --array=1,3",
        "#SBATCH --mem=768M",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --job-name=a:train-1",
        "jobs=([1]=train-x [3]=train-y)",
      ]
    ) assert(text.includes(`${line}\n`), line);
    assert(!text.includes("{{"));
    await assertRejects(() => templateOf(study, `${folder}/none.sh`), UserError, "none.sh");
    assertThrows(() => checkTemplate(own.replace("{{jobs}}", "{{job}}"), "x.sh"), UserError, "found {{job}}");
    assertThrows(() => checkTemplate(own.replace("--array={{array}}", ""), "x.sh"), UserError, "no {{array}}");
  }));

Deno.test("a path with a space or a quote is one word to bash", () =>
  withFolder(async (folder) => {
    const study = open(`${folder}/it's a run`), text = scriptOf(study, array, 1, "echo {{logs}}");
    const { stdout } = await new Deno.Command("bash", { args: ["-c", text] }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), `${study.folder}/log`);
  }));

Deno.test("srun starts the workers of a training, each core with its memory; a template that cannot is refused", () =>
  withFolder(async (folder) => {
    const study = open(folder), own = await Deno.readTextFile(ownTemplate);
    const text = scriptOf(study, { ...array, workers: 3 }, 2, own);
    const lines = ["--ntasks=3", "--cpus-per-task=2", "--mem-per-cpu=384M"].map((option) => `#SBATCH ${option}\n`);
    for (const line of lines) assert(text.includes(line), line);
    const command = text.split("\n").find((line) => line.startsWith("srun "))!;
    assert(command.includes("--ntasks=3 --cpus-per-task=2 ") && command.includes(" job --hosts slurm "), command);
    const one = scriptOf(study, array, 2, own);
    assert(one.includes("#SBATCH --ntasks=1\n") && !/^srun /m.test(one) && !one.includes("--hosts"));
    for (const left of ["#SBATCH --ntasks={{workers}}", "{{per}}"]) {
      const old = own.replace(left, "");
      checkTemplate(old, "x.sh");
      assertThrows(() => checkTemplate(old, "x.sh", 2), UserError, `found no ${left.replace(/.*=/, "")}`);
    }
    checkTemplate(own.replace(/^.*{{memory}}.*$/m, ""), "x.sh", 2);
  }));
