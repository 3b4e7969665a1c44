/**
 * The engine on libtensorflow: TensorFlow.js' node kernels on TensorFlow's C API, eager or traced. Importing the module
 * loads the library and makes it TensorFlow.js' back end.
 * @module
 */
import { dtypeNumber } from "../attributes.ts";
import { engineChoice, idleNotes } from "../choice.ts";
import { nvidiaDriver } from "../library.ts";
import { findPlugin } from "../xla/plugin.ts";
import { placeHere } from "../loading.ts";
import { nodeKernels } from "../node_kernels.ts";
import type { Compiled, CompileOptions, Engine, EngineInfo, Tensor, TensorFunction } from "../types.ts";
import { binding, listDevices, version } from "./binding.ts";
import { joinGroup } from "./collectives.ts";
import { isIsland, island, trace } from "./trace.ts";

const { backend, rawOps, symbolically } = await nodeKernels(binding);

function fused(name: string, fn: TensorFunction, ...inputs: Tensor[]): Tensor[] {
  if (!isIsland(Math.max(...inputs.map(({ size }) => size)))) return fn(...inputs);
  return island(name, backend.getInputTensorIds(inputs), (symbols) => symbolically(fn, symbols))
    .map((output) => backend.createOutputTensor(output));
}

function compile(name: string, fn: TensorFunction, options: CompileOptions): Compiled {
  const leastIsland = options.islands ? options.leastIsland ?? 0 : Infinity;
  const traced = new Map<string, ReturnType<typeof trace>>();
  const prepare = (...inputs: Tensor[]) => {
    const key = inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`).join();
    let run = traced.get(key);
    if (!run) {
      const types = inputs.map(({ shape, dtype }) => ({ shape, dtype: dtypeNumber(dtype) }));
      traced.set(key, run = trace(name, types, (symbols) => symbolically(fn, symbols), leastIsland));
    }
    return run;
  };
  const call = async (...inputs: Tensor[]): Promise<Tensor[]> => {
    const outputs = await prepare(...inputs)(backend.getInputTensorIds(inputs));
    return outputs.map((output) => backend.createOutputTensor(output));
  };
  return Object.defineProperties(call, { traces: { get: () => traced.size }, prepare: { value: prepare } }) as Compiled;
}

/** What runs, and why no GPU does. */
function describe(): EngineInfo {
  const choice = engineChoice(Deno.env.get("ENGINE")), driver = nvidiaDriver();
  const plugin = driver !== undefined && findPlugin(true) !== undefined;
  const notes = idleNotes({ choice, driver, plugin });
  return { engine: "libtensorflow", version, device: "CPU", devices: listDevices(), notes };
}

const place = placeHere("libtensorflow"), group = place && await joinGroup(place, rawOps);

/** libtensorflow's engine. */
export const engine: Engine = {
  info: describe(),
  handles: binding.getNumOfTensors,
  ...(group && { group }),
  rawOps,
  fused,
  compile,
};
