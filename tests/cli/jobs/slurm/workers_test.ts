import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "@lib/base/user_error.ts";
import { workerOnSlurm } from "@lib/cli/jobs/slurm/workers.ts";
import { withFolder } from "../../../support/folder.ts";

// As scontrol of Slurm 22.05 prints them: names in the list's order, nodes in its own.
const program = `#!/bin/bash
case "$*" in
  "show hostnames b[1-2],a7") printf 'b1\\nb2\\na7\\n' ;;
  "--oneliner show node b[1-2],a7") cat <<'END'
NodeName=a7 Arch=x86_64 CPUTot=2 Gres=(null) NodeAddr=10.0.0.7 NodeHostName=a7 Version=22.05.8 OS=Linux
NodeName=b1 Arch=x86_64 CPUTot=2 Gres=(null) NodeAddr=b1.cluster NodeHostName=b1 Version=22.05.8 OS=Linux
NodeName=b2 Arch=x86_64 CPUTot=2 Gres=(null) NodeAddr=fd00::2 NodeHostName=b2 Version=22.05.8 OS=Linux
END
  ;;
  *) exit 1 ;;
esac
`;

Deno.test("a process that srun started is its task's worker, at its node's address and a port of the job's own", () =>
  withFolder(async (folder) => {
    const path = Deno.env.get("PATH")!;
    await Deno.writeTextFile(`${folder}/scontrol`, program, { mode: 0o755 });
    Deno.env.set("PATH", `${folder}:${path}`);
    try {
      const told = {
        ...{ SLURM_JOB_ID: "7", SLURM_PROCID: "3", SLURM_STEP_NODELIST: "b[1-2],a7" },
        SLURM_STEP_TASKS_PER_NODE: "2(x2),1",
      };
      const { worker, hosts } = await workerOnSlurm(told);
      assertEquals(worker, 3);
      assertEquals(hosts, "b1.cluster:10035,b1.cluster:10036,[fd00::2]:10037,[fd00::2]:10038,10.0.0.7:10039");
      const ports = async (job: number) => {
        const { hosts } = await workerOnSlurm({ ...told, SLURM_JOB_ID: String(job) });
        return hosts.split(",").map((host) => Number(host.split(":").at(-1)));
      };
      // An array's tasks are jobs with neighbouring numbers.
      const all = (await Promise.all([3998, 3999, 4000, 4001].map(ports))).flat();
      assertEquals([new Set(all).size, all.every((port) => port >= 10_000 && port < 32_768)], [20, true]);
      const { SLURM_PROCID: _, ...lacking } = told;
      await assertRejects(() => workerOnSlurm(lacking), UserError, "found no SLURM_PROCID");
    } finally {
      Deno.env.set("PATH", path);
    }
  }));
