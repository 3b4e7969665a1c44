/** The worker of worker_pool_test.ts, and what it does. */
import { serve } from "@lib/base/worker_pool.ts";
import { UserError } from "@lib/base/user_error.ts";

export interface PoolJob {
  n: number;
  bytes?: Uint8Array<ArrayBuffer>;
  ms?: number;
  fail?: "user" | "fault" | "thrown text";
}

/** Adds `base`, the job's bytes and its number after `ms`, or fails. */
export const adder = ({ base }: { base: number }) => async ({ n, bytes, ms = 0, fail }: PoolJob) => {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  if (fail === "user") throw new UserError(`no ${n}`, { cause: new RangeError("too far") });
  if (fail === "fault") throw new TypeError(`fault ${n}`);
  if (fail === "thrown text") throw `text ${n}`;
  return (bytes ?? new Uint8Array()).reduce((sum, byte) => sum + byte, base + n);
};

if ("WorkerGlobalScope" in globalThis) serve(adder);
