import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { askForMemory, cancel, queuedTasks, submit, taskIds } from "@lib/cli/jobs/slurm/commands.ts";
import { withFolder } from "../../../support/folder.ts";

/** Runs a test with bash code in place of one of Slurm's programs. */
const withProgram = (name: string, code: string, test: () => Promise<unknown>): Promise<void> =>
  withFolder(async (folder) => {
    const path = Deno.env.get("PATH")!;
    await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/bash\n${code}\n`, { mode: 0o755 });
    Deno.env.set("PATH", `${folder}:${path}`);
    try {
      await test();
    } finally {
      Deno.env.set("PATH", path);
    }
  });

// As squeue of Slurm 22.05 printed them: a task that runs, one that waits, and an array cancelled as a whole.
const printed = `8|0|RUNNING|None|/runs/a/slurm/train-1.sh
9|12|PENDING|DependencyNeverSatisfied|/runs/a|b/slurm/probe-1.sh
3|N/A|CANCELLED|Dependency|/runs/a/slurm/page-1.sh
`;

Deno.test("squeue's lines become tasks; a path may hold what parts them, and a whole array has no index", () =>
  withProgram("squeue", `cat <<'END'\n${printed}END`, async () => {
    assertEquals(await queuedTasks(), [
      { array: "8", index: 0, state: "RUNNING", reason: "None", script: "/runs/a/slurm/train-1.sh" },
      {
        array: "9",
        index: 12,
        state: "PENDING",
        reason: "DependencyNeverSatisfied",
        script: "/runs/a|b/slurm/probe-1.sh",
      },
      { array: "3", index: -1, state: "CANCELLED", reason: "Dependency", script: "/runs/a/slurm/page-1.sh" },
    ]);
    assertEquals(taskIds(await queuedTasks()), ["8_0", "9_12", "3"]);
  }));

Deno.test("sbatch's answer is the id, with or without a cluster's name; jobs see no variable that chooses a study", async () => {
  Deno.env.set("RECIPE", "{}");
  try {
    const code =
      `[ -z "\${RECIPE+x}" ] || exit 9\n[ "$*" = "--parsable --kill-on-invalid-dep=yes a.sh" ] && echo "12;far" || echo 13`;
    await withProgram("sbatch", code, async () => {
      assertEquals(await submit("a.sh", ""), "12");
      assertEquals(await submit("a.sh", "afterok:3"), "13");
    });
    await withProgram("sbatch", "echo soon", async () => {
      await assertRejects(() => submit("a.sh", ""), UserError, "found soon");
    });
  } finally {
    Deno.env.delete("RECIPE");
  }
});

Deno.test("what Slurm complains of is told, and a program that is not there is named", async () => {
  await withProgram("sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1", async () => {
    await assertRejects(() => submit("a.sh", ""), UserError, "invalid partition specified: x");
  });
  await withFolder(async (folder) => {
    const path = Deno.env.get("PATH")!;
    Deno.env.set("PATH", folder);
    try {
      await assertRejects(() => queuedTasks(), UserError, "expected the program squeue");
    } finally {
      Deno.env.set("PATH", path);
    }
  });
});

Deno.test("tasks are cancelled and given memory by their own numbers; nothing is asked for none", async () => {
  await withProgram("scancel", '[ "$*" = "8_0 9" ]', async () => {
    await cancel([{ array: "8", index: 0 }, { array: "9", index: -1 }]);
    await cancel([]);
    await assertRejects(() => cancel([{ array: "7", index: 1 }]), UserError, "scancel 7_1 failed");
  });
  await withProgram("scontrol", '[ "$*" = "update JobId=8_0 MinMemoryNode=512" ]', async () => {
    await askForMemory({ array: "8", index: 0 }, 512);
  });
});
