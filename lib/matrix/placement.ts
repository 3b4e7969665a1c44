/**
 * Where to compute: in plain code, or on the engine.
 * @module
 */
import { chosenEngine } from "../engine/loading.ts";
import type { EngineName } from "../engine/types.ts";

/** Where to compute; `auto` decides by size and engine. */
export type Placement = "auto" | "plain" | "engine";

/**
 * Multiply-adds above which `auto` takes the engine. libtensorflow: about two seconds of plain code, as long as a worker
 * takes to load the library; the demo's layers (2,400 × 128) stay below by a factor of ten, and 20,000 × 768 is above by
 * twenty. XLA: each worker would start a client of its own on the one GPU and compile each shape, which pays for minutes
 * of plain code. WebGPU has no float64.
 */
const ENGINE_WORK: Record<EngineName, number> = { libtensorflow: 5e8, XLA: 1e11, WebGPU: Infinity };

/** Whether to compute on the engine, given the multiply-adds of plain code. */
export const placedOnEngine = (work: number, placement: Placement): boolean =>
  placement === "engine" || (placement === "auto" && work >= ENGINE_WORK[chosenEngine()]);
