/**
 * Which engine this process has, and loading what belongs to it. One that `auto` took and that does not start gives way
 * to the CPU.
 * @module
 */
import { chooseEngine, engineChoice, type WorkerPlace, workerPlace } from "./choice.ts";
import { hasLibrary, nvidiaDriver } from "./library.ts";
import { EngineError, type EngineName } from "./types.ts";
import { findPlugin } from "./xla/plugin.ts";

/** Whether XLA has a plug-in for this machine's GPU: NVIDIA's, or whatever `PJRT_PLUGIN` names. */
function hasGpuPlugin(): boolean {
  const driver = nvidiaDriver() !== undefined;
  return Boolean(Deno.env.get("PJRT_PLUGIN")) || (driver && findPlugin(driver)?.platform === "cuda");
}

/** The engine of this process, by `ENGINE` and what the machine has. */
export function chosenEngine(): EngineName {
  const choice = engineChoice(Deno.env.get("ENGINE"));
  return chooseEngine(choice, hasLibrary(), choice === "auto" && hasGpuPlugin());
}

/**
 * Which of the workers that train one model this process is, by `WORKER_HOSTS` and `WORKER`; undefined if it trains alone.
 *
 * @throws {EngineError} if they name no worker, or the engine is not libtensorflow, whose collectives they use
 */
export function placeHere(chosen: EngineName = chosenEngine()): WorkerPlace | undefined {
  const place = workerPlace(Deno.env.get("WORKER_HOSTS"), Deno.env.get("WORKER"));
  if (place === undefined || chosen === "libtensorflow") return place;
  throw new EngineError(`Several workers: expected libtensorflow, which has them, found ${chosen}. Set ENGINE=cpu.`);
}

/** Messages that were given: parts of one process that load the same engine say why it does not start once. */
const said = new Set<string>();

/**
 * The chosen engine's module.
 *
 * @param modules imports of each engine that has such a module
 * @param options.chosen the engine; `auto` whether the machine chose it, not the user
 * @throws {EngineError} if it does not start and the user chose it, or it has no such module
 */
export async function loadChosen<T>(
  modules: Partial<Record<EngineName, () => Promise<T>>>,
  { chosen = chosenEngine(), auto = ["", "auto"].includes(Deno.env.get("ENGINE") ?? ""), say = console.error } = {},
): Promise<T> {
  const load = modules[chosen];
  if (!load) throw new EngineError(`${chosen}: expected another engine, one of ${Object.keys(modules).join(", ")}.`);
  try {
    return await load();
  } catch (error) {
    if (chosen !== "XLA" || !auto || !(error instanceof EngineError) || !modules.libtensorflow) throw error;
    const message = `${error.message} libtensorflow computes instead.`;
    if (!said.has(message)) say(message);
    said.add(message);
    return await modules.libtensorflow();
  }
}
