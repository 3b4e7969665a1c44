/**
 * A Slurm of one node on this machine: its own slurmctld and slurmd, at 127.0.0.1 with ports of their own, in a folder
 * below /tmp. Needs no accounting and no munge, and disturbs no other Slurm.
 * @module
 */
import { removeIfThere } from "@lib/base/files.ts";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Ports that are free now. */
function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  listeners.forEach((listener) => listener.close());
  return ports;
}

/** The cluster's configuration. A job that is put into the queue again waits for `cred_expire` seconds, at least five. */
const configuration = (folder: string, [controller, node]: number[], cpus: number, memory: number): string => `
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=${controller}
SlurmdPort=${node}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=100
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=2,sched_interval=2,batch_sched_delay=1
ReturnToService=2
SlurmdTimeout=10
BatchStartTimeout=5
KillWait=5
MinJobAge=300
SlurmdParameters=config_overrides
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd.log
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=${cpus} RealMemory=${memory} State=UNKNOWN
PartitionName=all Nodes=n1 Default=YES MaxTime=INFINITE State=UP
`;

/** What a program printed; empty if it failed or is not there. */
async function printed(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const attempt = async () => await new Deno.Command(program, { args, env, stderr: "null" }).output();
  const found = await attempt().catch(() => undefined);
  return found?.success ? new TextDecoder().decode(found.stdout).trim() : "";
}

/** Processes of this machine with their parents and commands. */
async function processes(): Promise<{ pid: number; parent: number; command: string }[]> {
  return [...(await printed("ps", ["-axwwo", "pid=,ppid=,args="])).matchAll(/^ *(\d+) +(\d+) (.*)$/gm)]
    .map(([, pid, parent, command]) => ({ pid: Number(pid), parent: Number(parent), command }));
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* it has ended */ }
}

/** A cluster: the variables by which programs find it, what asks it, what kills its node, and what ends it. */
export type SlurmCluster = {
  env: Record<string, string>;
  ask(program: string, ...args: string[]): Promise<string>;
  killNode(): Promise<void>;
  end(): Promise<void>;
};

/** Whether this user can start a cluster, and Slurm is installed. */
export const hasSlurm = async (): Promise<boolean> =>
  Deno.build.os === "linux" && Deno.uid() === 0 && (await printed("slurmctld", ["-V"])) !== "";

/** Starts a cluster of one node; rejects with the end of its logs if it does not come up in half a minute. */
export async function startSlurm({ cpus = 2, memory = 8000 } = {}): Promise<SlurmCluster> {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "slurm-" });
  await Promise.all(["state", "spool"].map((name) => Deno.mkdir(`${folder}/${name}`)));
  await Deno.writeTextFile(`${folder}/slurm.conf`, configuration(folder, freePorts(2), cpus, memory));
  const env = { SLURM_CONF: `${folder}/slurm.conf` };
  const start = (program: string, ...args: string[]) =>
    new Deno.Command(program, {
      ...{ args: ["-D", ...args], env, detached: true, stdin: "null", stdout: "null", stderr: "null" },
    }).spawn();
  const controller = start("slurmctld");
  let node = start("slurmd", "-N", "n1");
  const ask = (program: string, ...args: string[]) => printed(program, args, env);
  /** The processes of jobs: the daemon's helpers, which are no children of it, and all below them. */
  const ofJobs = async () => {
    const all = await processes(), found: number[] = [];
    const below = (pid: number): number[] =>
      all.filter(({ parent }) => parent === pid).flatMap(({ pid }) => [pid, ...below(pid)]);
    for (const { pid, command } of all) {
      if (!command.startsWith("slurmstepd")) continue;
      const environment = await Deno.readTextFile(`/proc/${pid}/environ`).catch(() => "");
      const own = below(pid), scripts = all.filter((one) => own.includes(one.pid)).map(({ command }) => command);
      if (environment.includes(folder) || scripts.some((text) => text.includes(folder))) found.push(pid, ...own);
    }
    return found;
  };
  const cluster: SlurmCluster = {
    ...{ env, ask },
    async killNode() {
      const pids = [node.pid, ...await ofJobs()];
      pids.forEach(kill);
      await node.status;
      node = start("slurmd", "-N", "n1");
    },
    async end() {
      await ask("scancel", "--user=root");
      await pause(500);
      for (const process of [node, controller]) {
        try {
          process.kill("SIGTERM");
        } catch { /* it has ended */ }
      }
      const timer = setTimeout(() => [node, controller].forEach(({ pid }) => kill(pid)), 10_000);
      await Promise.all([node.status, controller.status]);
      clearTimeout(timer);
      (await ofJobs()).forEach(kill);
      await removeIfThere(folder);
    },
  };
  for (let wait = 0; wait < 60; wait++) {
    if (/idle/.test(await ask("sinfo", "--noheader", "--format=%T"))) return cluster;
    await pause(500);
  }
  const logs = ["slurmctld", "slurmd"].map((name) => Deno.readTextFileSync(`${folder}/${name}.log`).slice(-1000));
  await cluster.end();
  throw new Error(`Slurm did not start:\n${logs.join("\n")}`);
}
