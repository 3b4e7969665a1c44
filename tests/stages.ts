/**
 * What CI runs: `deno task test`, then a study in four ways, the numerical tests at other levels of the processor,
 * without oneDNN and on one thread, and a study on a cluster of Ray and one on Slurm. At most 40 minutes on two cores; the
 * last line sums all stages.
 *
 * A stage is a name, why it is left out here (then it counts as skipped), and what it runs.
 * @module
 */
import { exists } from "@lib/base/files.ts";
import { ensureSetup } from "@lib/cli/setup.ts";
import {
  type Counts,
  deno,
  importMap,
  readSummary,
  stage,
  summaryLine,
  testFiles,
  tests,
  testsOfRooms,
} from "./run.ts";
import { rayStage } from "./stages/ray.ts";
import { slurmStage } from "./stages/slurm.ts";

/** Folders and files of the tests that compute on the engine. */
const numerical = [
  ...["engine", "matrix", "bert", "training", "probing", "study"].map((room) => `tests/${room}`),
  "tests/cli/encoders",
  "tests/notebook/masked_guesses_test.ts",
];

/** What of these folders says nothing new at another level: XLA's own products, jobs, and processes that are killed. */
const leftOut = [
  ...["tests/engine/xla", "tests/study/jobs", "tests/study/probing_parts_test.ts"],
  ...["tests/training/kill_test.ts", "tests/training/workers"],
];

/** The numerical tests of a further level. Deno's --ignore leaves out nothing once a file is among its arguments. */
export async function numericalTests(): Promise<string[]> {
  const files = await Promise.all(numerical.map((path) => path.endsWith(".ts") ? [path] : testFiles(path)));
  const isLeftOut = (file: string) => leftOut.some((path) => file === path || file.startsWith(`${path}/`));
  return files.flat().filter((file) => !isLeftOut(file)).toSorted();
}

/** A way to run the numerical tests. */
interface Level {
  name: string;
  env: Record<string, string>;
  /** Flags of `/proc/cpuinfo` that the processor must have. */
  needs: string[];
}

const levels: Level[] = [
  {
    name: "AVX2",
    // oneDNN heeds the first, XLA's islands the second.
    env: { ONEDNN_MAX_CPU_ISA: "AVX2", XLA_FLAGS: "--xla_cpu_max_isa=AVX2" },
    needs: ["avx2", "fma"],
  },
  {
    name: "AVX512_CORE",
    env: { ONEDNN_MAX_CPU_ISA: "AVX512_CORE", XLA_FLAGS: "--xla_cpu_max_isa=AVX512" },
    needs: ["avx512f", "avx512bw", "avx512vl", "avx512dq"],
  },
  { name: "without oneDNN", env: { TF_ENABLE_ONEDNN_OPTS: "0" }, needs: [] },
  { name: "one thread", env: { TF_NUM_INTRAOP_THREADS: "1", TF_NUM_INTEROP_THREADS: "1" }, needs: [] },
];

/** What of a level's needs the processor lacks, by the text of `/proc/cpuinfo`. */
export function lacking({ needs }: Pick<Level, "needs">, cpuinfo: string): string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpuinfo)?.[1].trim().split(/\s+/));
  return needs.filter((need) => !flags.has(need));
}

/** The text of `/proc/cpuinfo`; empty on systems without it. */
const cpuinfo = (): string => {
  try {
    return Deno.readTextFileSync("/proc/cpuinfo");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
};

/**
 * Installs what tests are skipped without, where apt can: a software WebGPU adapter, Chromium with a font, and Slurm. What
 * it cannot install is named, and its tests are skipped.
 */
async function installPeers(): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return;
  const adapter = await deno(["eval", "Deno.exit(await navigator.gpu?.requestAdapter() ? 0 : 1)"]);
  const has = (name: string) =>
    [...(Deno.env.get("PATH") ?? "").split(":"), "/usr/sbin"].some((folder) => exists(`${folder}/${name}`));
  await installPackages([
    ...(adapter.success ? [] : ["mesa-vulkan-drivers", "libvulkan1"]),
    ...(has("chromium") ? [] : ["chromium", "fonts-dejavu-core"]),
  ]);
  await installPackages(has("slurmctld") ? [] : ["slurm-wlm"]);
}

/** Installs packages by apt, or says that tests are skipped without them. */
async function installPackages(packages: string[]): Promise<void> {
  if (packages.length === 0) return;
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    try {
      const { success } = await new Deno.Command("apt-get", { args, stdout: "null", stderr: "null" }).output();
      if (!success) {
        return console.log(`apt-get ${args[0]} failed: tests that need ${packages.join(", ")} are skipped.`);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return console.log(`No apt-get here: tests that need ${packages.join(", ")} are skipped.`);
    }
  }
}

/** Fetches XLA's plug-in for the CPU; without it the tests on XLA are skipped. */
async function installPlugin(): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return;
  await ensureSetup({ quiet: true, xla: true }).catch((error) =>
    console.log(`The set-up failed: tests on XLA are skipped. ${error.message}`)
  );
}

async function main(): Promise<boolean> {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 }, start = performance.now();
  const folder = await Deno.makeTempDir();
  try {
    await installPeers();
    await installPlugin();
    await stage("deno task test", total, async () => readSummary((await deno(["task", "test"])).output) ?? false);
    await stage("a study in four ways, killed three times", total, async () => {
      return (await deno(["run", "-A", "tests/study_kills.ts", "3"])).success;
    });
    const map = `--import-map=${await importMap(folder)}`, info = cpuinfo(), files = await numericalTests();
    await stage("four workers of one training", total, () => tests([map, "tests/four_workers.ts"], { ENGINE: "cpu" }));
    for (const level of levels) {
      const name = `numerical tests, ${level.name}`, missing = lacking(level, info);
      if (missing.length === 0) await stage(name, total, () => testsOfRooms([map], files, level.env));
      else {
        console.log(`\n== ${name}: skipped, the processor has no ${missing.join(", ")}`);
        total.skipped++;
      }
    }
    await stage("a study on Ray whose nodes are killed", total, rayStage);
    await stage("a study on Slurm, told to stop, whose node is killed", total, slurmStage);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  console.log(`\nall of CI in ${((performance.now() - start) / 60_000).toFixed(1)} min`);
  console.log(summaryLine(total));
  return total.failed === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
