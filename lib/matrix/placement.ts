/**
 * Where to compute: in plain code, or on the engine.
 * @module
 */
import { chosenEngine } from "../engine/loading.ts";

/** Where to compute; `auto` decides by size, and stays with plain code under `ENGINE=webgpu`, which has no float64. */
export type Placement = "auto" | "plain" | "engine";

/**
 * Multiply-adds above which `auto` takes the engine: about two seconds of plain code, as long as a worker takes to load
 * the library. The demo's layers (2,400 × 128) stay below by a factor of ten, and 20,000 × 768 is above by twenty.
 */
const ENGINE_WORK = 5e8;

/** Whether to compute on the engine, given the multiply-adds of plain code. */
export const placedOnEngine = (work: number, placement: Placement): boolean =>
  placement === "engine" || (placement === "auto" && work >= ENGINE_WORK && chosenEngine() !== "WebGPU");
