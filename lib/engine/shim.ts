/**
 * Two functions of Node's `util` that Deno lacks and TensorFlow.js' node kernels call. Import it before them.
 * @module
 */
import util from "node:util";

const legacy = util as unknown as Record<string, (value: unknown) => boolean>;
legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
legacy.isArray ??= Array.isArray;
