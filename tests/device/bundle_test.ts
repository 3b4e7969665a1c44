import { assert, assertEquals } from "@std/assert";
import { packagesOf } from "./bundle.ts";
import { furthest, weightsOf } from "./cases.ts";

Deno.test("the packages of modules are found, and how they are imported; types and own modules are none", () => {
  const text = `import tar from "tar-stream";
import type { SchemaElement } from "hyparquet";
import {
  parse,
  View,
} from "vega";
import "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js";
import { join } from "node:path";
import { own } from "./own.ts";
import * as tf from "@tensorflow/tfjs";
import tfjs from "@tensorflow/tfjs";
`;
  assertEquals(Object.fromEntries(packagesOf([text])), {
    "tar-stream": { names: false, byDefault: true },
    "vega": { names: true, byDefault: false },
    "@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js": { names: true, byDefault: false },
    "@tensorflow/tfjs": { names: true, byDefault: true },
  });
});

Deno.test("the furthest number is found with its step, relative to theirs", () => {
  const theirs = [[2, 1], [4, 1], [8, 0]];
  assertEquals(furthest(theirs, theirs, 0), { difference: 0, step: 0 });
  assertEquals(furthest([[2, 1], [5, 1], [9, 0]], theirs, 0), { difference: 0.25, step: 2 });
  assertEquals(furthest([[2, 1], [4, 1], [8, 1]], theirs, 1), { difference: Infinity, step: 3 });
});

Deno.test("weights of odd steps have noise on every value, and the same one each time", () => {
  const fresh = new Float32Array(1000);
  assertEquals(weightsOf(fresh, 4), fresh);
  const noisy = weightsOf(fresh, 5);
  assertEquals(weightsOf(fresh, 5), noisy);
  assert(noisy.every((value) => value !== 0 && Math.abs(value) <= 0.05));
  assert(noisy.some((value, i) => value !== weightsOf(fresh, 7)[i]));
});
