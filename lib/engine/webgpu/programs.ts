/**
 * Shaders for two ops that TensorFlow.js' WebGPU back end lacks or computes in no fixed order.
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import { webgpu_util, type WebGPUBackend, type WebGPUProgram } from "@tensorflow/tfjs-backend-webgpu";
import type { Tensor } from "../types.ts";

const workgroupSize: [number, number, number] = [64, 1, 1];

/** Runs a shader on inputs and int32 numbers by their names there, in `threads` threads; float32 of the given shape. */
function run(
  [shaderKey, code]: [string, string],
  outputShape: number[],
  threads: number,
  inputs: Record<string, Tensor>,
  numbers: Record<string, number> = {},
): Tensor {
  const dispatchLayout = webgpu_util.flatDispatchLayout([threads]);
  const program: WebGPUProgram = {
    shaderKey,
    variableNames: Object.keys(inputs),
    uniforms: Object.keys(numbers).map((name) => `${name} : i32,`).join(" "),
    outputShape,
    dispatchLayout,
    dispatch: webgpu_util.computeDispatch(dispatchLayout, [threads], workgroupSize),
    workgroupSize,
    size: true,
    getUserCode: () => code,
  };
  const uniforms = Object.values(numbers).map((n) => ({ type: "int32", data: [n] }));
  const backend = tf.backend() as WebGPUBackend;
  const made = backend.runWebGPUProgram(program, Object.values(inputs), "float32", uniforms);
  return tf.engine().makeTensorFromTensorInfo(made);
}

const SEGMENT_SUM = `
  fn main(index : i32) {
    if (index < uniforms.size) {
      let segment = index / uniforms.width;
      let column = index % uniforms.width;
      var sum = 0.0;
      for (var row = 0; row < uniforms.rows; row++) {
        if (segments[row] == segment) { sum += x[row * uniforms.width + column]; }
      }
      setOutputAtIndex(index, sum);
    }
  }
`;

/**
 * Philox 4×32 with ten rounds (Salmon et al. 2011) turns the seed's 64-bit halves into key and counter, then each
 * counter into four numbers, whose 23 low bits become floats in [0, 1).
 */
const UNIFORM = `
  fn multiplyHigh(a : u32, b : u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
  }
  fn philox(start : vec4<u32>, first : vec2<u32>) -> vec4<u32> {
    var counter = start;
    var key = first;
    for (var round = 0; round < 10; round++) {
      counter = vec4<u32>(
        multiplyHigh(0xcd9e8d57u, counter.z) ^ counter.y ^ key.x,
        0xcd9e8d57u * counter.z,
        multiplyHigh(0xd2511f53u, counter.x) ^ counter.w ^ key.y,
        0xd2511f53u * counter.x);
      key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return counter;
  }
  fn main(index : i32) {
    let first = 4 * index;
    if (first < uniforms.size) {
      let halves = vec4<u32>(bitcast<u32>(seed[0]), u32(seed[0] >> 31u), bitcast<u32>(seed[1]), u32(seed[1] >> 31u));
      let mixed = philox(halves, vec2<u32>(0x3ec8f720u, 0x02461e29u));
      let drawn = philox(vec4<u32>(u32(index), 0u, mixed.z, mixed.w), mixed.xy);
      for (var i = 0; i < min(4, uniforms.size - first); i++) {
        setOutputAtIndex(first + i, bitcast<f32>((drawn[i] & 0x7fffffu) | 0x3f800000u) - 1.0);
      }
    }
  }
`;

/** Shaders for ops where TensorFlow.js' own sum in no fixed order (segments) or draw other numbers than TensorFlow. */
export const shaders = {
  /** Row s of the result is the sum of x's rows whose segment is s, in their order; segments × width. */
  segmentSum(x: Tensor, segments: Tensor, count: number): Tensor {
    const rows = x.shape[0], width = x.size / rows, inputs = { x: x.reshape([-1, width]), segments };
    return run(["segmentSum", SEGMENT_SUM], [count, width], count * width, inputs, { rows, width })
      .reshape([count, ...x.shape.slice(1)]);
  },
  /** TensorFlow's StatelessRandomUniform: the same numbers for the same two int32. */
  uniform(shape: number[], seed: Tensor): Tensor {
    const size = shape.reduce((a, b) => a * b, 1);
    return run(["philox", UNIFORM], [size], Math.ceil(size / 4), { seed }).reshape(shape);
  },
};
