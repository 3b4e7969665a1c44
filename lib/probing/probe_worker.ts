/**
 * A worker that probes layers.
 * @module
 */
import { serve } from "../base/worker_pool.ts";
import { layerProber } from "./probe.ts";

serve(layerProber);
