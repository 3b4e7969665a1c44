/**
 * Several processes that train one model, by TensorFlow's collectives: sums over all of them, by a ring over gRPC.
 *
 * The runtime asks nobody who he is: who reaches a worker's port can read and change what it computes with.
 * @module
 */
import { lookup } from "node:dns/promises";
import { scalar } from "@tensorflow/tfjs";
import { hostAndPort, type WorkerPlace } from "../choice.ts";
import { findLibrary } from "../library.ts";
import { type Engine, EngineError, type Group } from "../types.ts";
import { context } from "./binding.ts";
import { C, check, cString, status, utf8 } from "./capi.ts";
import { listeningOn } from "./listening.ts";

/** What TensorFlow calls a worker. */
const taskName = (worker: number): string => `/job:worker/replica:0/task:${worker}`;

const varint = (value: number): number[] => value < 128 ? [value] : [value & 127 | 128, ...varint(value >> 7)];
const bytesField = (
  field: number,
  bytes: ArrayLike<number>,
): number[] => [...varint(field << 3 | 2), ...varint(bytes.length), ...Array.from(bytes)];
const numberField = (field: number, value: number): number[] => [...varint(field << 3), ...varint(value)];
const textField = (field: number, text: string): number[] => bytesField(field, utf8(text));

/**
 * A ServerDef as protobuf: the cluster (1) of one job (1) with its name (1) and tasks (2: number, address); this
 * process's job (2) and task (3); the configuration (4), whose experimental part (16) names the leader (1), who tells
 * the others what is summed with what; and the protocol (5).
 */
export function serverDefinition({ worker, hosts }: WorkerPlace): Uint8Array<ArrayBuffer> {
  const tasks = hosts.flatMap((host, i) => bytesField(2, [...numberField(1, i), ...textField(2, host)]));
  const cluster = bytesField(1, [...textField(1, "worker"), ...tasks]);
  const leader = bytesField(16, textField(1, taskName(0)));
  return Uint8Array.from([
    ...bytesField(1, cluster),
    ...textField(2, "worker"),
    ...numberField(3, worker),
    ...bytesField(4, leader),
    ...textField(5, "grpc"),
  ]);
}

/** This worker's own address, by number; an EngineError if it cannot listen there. */
async function ownAddress({ worker, hosts }: WorkerPlace): Promise<{ address: string; port: number }> {
  const { hostname, port } = hostAndPort(hosts[worker]);
  try {
    const { address } = await lookup(hostname);
    Deno.listen({ hostname: address, port }).close();
    return { address, port };
  } catch (error) {
    throw new EngineError(
      `Worker ${worker} cannot listen at ${hosts[worker]}: ${(error as Error).message}. Expected an address of this ` +
        "machine and a free port: name another in the list of addresses, the same for all workers.",
    );
  }
}

/** The promise's value, or the other after so many seconds. */
async function within<T>(seconds: number, promise: Promise<T>, late: T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const after = new Promise<T>((resolve) => timer = setTimeout(() => resolve(late), 1000 * seconds));
  try {
    return await Promise.race([promise, after]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether anyone listens at an address. Asked first, since gRPC waits long before it tries again one who did not. */
async function listens(address: string, seconds: number): Promise<boolean> {
  const attempt = Deno.connect(hostAndPort(address)).then((connection) => {
    connection.close();
    return true;
  }, () => false);
  return await within(seconds, attempt, false);
}

/** Whether a worker's server answers. */
async function answers(worker: number, seconds: number): Promise<boolean> {
  const own = C.TF_NewStatus(), task = utf8(`${taskName(worker)}\0`);
  try {
    await C.TFE_CollectiveOpsCheckPeerHealth(context, task, BigInt(Math.ceil(1000 * seconds)), own);
    return C.TF_GetCode(own) === 0;
  } finally {
    C.TF_DeleteStatus(own);
  }
}

/** TensorFlow's code of an error because of others that cannot be reached. */
const UNAVAILABLE = 14;

/**
 * Starts this worker's server, which listens at its own address alone, and lets the context sum with the others. They
 * need not be there yet.
 *
 * @throws {EngineError} if it cannot listen there
 */
export async function joinGroup({ worker, hosts }: WorkerPlace, rawOps: Engine["rawOps"]): Promise<Group> {
  const definition = serverDefinition({ worker, hosts }), { cc, framework } = findLibrary();
  const names = [cc, framework].map((path) => path.slice(path.lastIndexOf("/") + 1));
  const start = () => C.TFE_EnableCollectiveOps(context, definition, BigInt(definition.length), status);
  await listeningOn(names, await ownAddress({ worker, hosts }), start);
  check(() => `Worker ${worker} of ${hosts.length} could not start its server at ${hosts[worker]}`);
  let sums = 0;
  const fixed = {
    T: "float32",
    merge_op: { text: "Add" },
    final_op: { text: "Id" },
    communication_hint: { text: "ring" },
    timeout_seconds: { float: 0 }, // `missing` finds who is gone
  };
  const tensor = (value: number) => scalar(value, "int32");
  return {
    worker,
    hosts,
    sum: (x) => rawOps("CollectiveReduceV2", fixed, [x, tensor(hosts.length), tensor(1), tensor(++sums)], 1)[0],
    async missing(seconds) {
      const others = hosts.map((_, i) => i).filter((i) => i !== worker);
      const there = await Promise.all(
        others.map(async (i) => await listens(hosts[i], seconds) && await answers(i, seconds)),
      );
      return others.filter((_, i) => !there[i]);
    },
    abort(reason) {
      const own = C.TF_NewStatus();
      C.TF_SetStatus(own, UNAVAILABLE, cString(reason));
      C.TFE_AbortCollectiveOps(context, own);
      C.TF_DeleteStatus(own);
    },
  };
}
