/**
 * Probes layers in a worker of `probe_pool.ts`: first message the tables and the recipe, then one for each layer.
 * @module
 */
import type { FromWorker, ToWorker } from "./probe_pool.ts";
import type { ProbeTables } from "./rows.ts";
import { probeLayer } from "./probe.ts";
import type { Recipe } from "../recipe/recipe.ts";

interface WorkerScope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
let study: { tables: ProbeTables; recipe: Recipe } | null = null;

scope.onmessage = async ({ data }) => {
  if (data.kind === "study") {
    study = data;
    return;
  }
  try {
    if (study === null) throw new Error("A probe worker got a layer before the tables.");
    const { features, meta, asked } = data;
    scope.postMessage({ kind: "rows", rows: await probeLayer(features, study.tables, study.recipe, meta, asked) });
  } catch (error) {
    const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
    scope.postMessage({ kind: "error", name, message, stack });
  }
};
