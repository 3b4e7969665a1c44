/**
 * `deno task bench-train`: its usage needs no libtensorflow, the bench does.
 * @module
 */
import { taskArguments } from "@lib/cli/arguments.ts";

taskArguments("bench-train");
await import("./train_bench.ts");
