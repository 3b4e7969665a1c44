/** Programs that stand in for Slurm's: they write down how they are called and keep a queue in a file. @module */
import { withFolder } from "./folder.ts";

/** Slurm's stand-in: calls so far, the queue as `id|index|STATE|reason|script` lines, and a task's state to set. */
export type FakeSlurm = {
  calls(): string[];
  queue(): string[];
  set(task: string, state: string, reason?: string): void;
  forget(task: string): void;
};

const programs = {
  sbatch: `for script; do :; done
id=$(($(cat "$FAKE/last" 2>/dev/null || echo 0) + 1)); echo $id >"$FAKE/last"
case "$*" in *--dependency=*) reason=Dependency ;; *) reason=None ;; esac
array=$(sed -n 's/^#SBATCH --array=//p' "$script")
for part in \${array//,/ }; do
  for i in $(seq \${part%-*} \${part#*-}); do echo "$id|$i|PENDING|$reason|$script" >>"$FAKE/queue"; done
done
echo "$id;cluster"`,
  squeue: `cat "$FAKE/queue" 2>/dev/null; true`,
  scancel: `for task; do sed -i "s/^\${task/_/|}|[A-Z]*|[^|]*/\${task/_/|}|CANCELLED|None/" "$FAKE/queue"; done`,
  scontrol: "",
};

/** Runs a test with the stand-in first in PATH. */
export const withFakeSlurm = (test: (slurm: FakeSlurm) => void | Promise<void>): Promise<void> =>
  withFolder(async (folder) => {
    const path = Deno.env.get("PATH")!, queuePath = `${folder}/queue`;
    const lines = (name: string) => {
      try {
        return Deno.readTextFileSync(`${folder}/${name}`).split("\n").filter((line) => line !== "");
      } catch {
        return []; // nothing was written yet
      }
    };
    for (const [name, text] of Object.entries(programs)) {
      const note = name === "squeue" ? "" : `echo "${name} $*" >>"$FAKE/calls"\n`;
      await Deno.writeTextFile(`${folder}/${name}`, `#!/bin/bash\nFAKE=${folder}\n${note}${text}\n`, { mode: 0o755 });
    }
    Deno.env.set("PATH", `${folder}:${path}`);
    const change = (task: string, replaced: (line: string) => string[]) => {
      const head = `${task.replace("_", "|")}|`;
      const now = lines("queue").flatMap((line) => line.startsWith(head) ? replaced(line) : [line]);
      Deno.writeTextFileSync(queuePath, now.map((line) => `${line}\n`).join(""));
    };
    try {
      await test({
        calls: () => lines("calls"),
        queue: () => lines("queue"),
        set: (task, state, reason = "None") =>
          change(task, (line) => {
            const [id, index, , , ...script] = line.split("|");
            return [[id, index, state, reason, ...script].join("|")];
          }),
        forget: (task) => change(task, () => []),
      });
    } finally {
      Deno.env.set("PATH", path);
    }
  });
