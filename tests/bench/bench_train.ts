/**
 * `deno task bench-train`: its usage needs no libtensorflow, the bench does.
 * @module
 */
import { taskArguments } from "@lib/cli/arguments.ts";
import { trainInBranches } from "@lib/cli/workers.ts";

taskArguments("bench-train");
trainInBranches(); // as task train does
await import("./train_bench.ts");
