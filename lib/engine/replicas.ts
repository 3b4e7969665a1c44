/**
 * A batch over several devices: each computes its share of the rows, and gradients are added up.
 *
 * Inside {@link inShares} a compiled function (with `replicas` as its option) runs on every device at once; outside, and
 * with one device, everything here gives its input back. Draws are each device's part of those of one device.
 * @module
 */
import { engineReplicas, rawOp } from "./mod.ts";
import { int, withGradient } from "./ops.ts";
import type { Tensor } from "./types.ts";

/** Devices that compiled functions may run on at once. */
export const replicas: number = engineReplicas;

let blocks = 0;

/**
 * Runs a part of a trace in which each device has its share of the rows.
 *
 * @param views blocks of equal length, one after another, that make up the rows: of each a device has its share
 */
export function inShares<T>(views: number, work: () => T): T {
  const before = blocks;
  blocks = replicas > 1 ? views : 0;
  try {
    return work();
  } finally {
    blocks = before;
  }
}

/** Blocks of rows, of which this device has its share; 0 where it has all of them. */
export const sharedBlocks = (): number => blocks;

/** This device's rows of `parts` blocks one after another along the first axis. */
export const shareOf = (x: Tensor, parts: number): Tensor =>
  blocks === 0 ? x : rawOp("ReplicaShare", { T: x.dtype, blocks: parts }, [x]);

/** The number of rows before this device's, of a block of `rows` on each device: int32. */
export const rowsBefore = (rows: number): Tensor =>
  blocks === 0 ? int(0) : rawOp("XlaReplicaId", {}, []).mul(int(rows));

/** The sum over all devices. It has no gradient. */
export const allSum = (x: Tensor): Tensor => blocks === 0 ? x : rawOp("CrossReplicaSum", { T: "float32" }, [x]);

/** All devices' rows one after another. Its gradient is that of what every device computes of them: its own rows'. */
export function allGather(x: Tensor): Tensor {
  if (blocks === 0) return x;
  return withGradient([x], (x) => ({
    value: rawOp("AllGather", { T: "float32" }, [x]),
    saved: [],
    gradient: (dy) => [rawOp("ReplicaShare", { T: "float32", blocks: 1 }, [dy])],
  }));
}
