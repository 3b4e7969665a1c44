/**
 * Shaders for two ops that TensorFlow.js' WebGPU back end lacks or computes in no fixed order.
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import { webgpu_util, type WebGPUBackend, type WebGPUProgram } from "@tensorflow/tfjs-backend-webgpu";
import type { Tensor } from "../types.ts";
import type { Programs } from "./ops.ts";

const WORKGROUP: [number, number, number] = [64, 1, 1];

/** A program that runs `threads` threads. */
function program(
  { shape, threads, ...rest }: Pick<WebGPUProgram, "shaderKey" | "variableNames" | "uniforms"> & {
    shape: number[];
    threads: number;
  },
  code: string,
): WebGPUProgram {
  const dispatchLayout = webgpu_util.flatDispatchLayout([threads]);
  const dispatch = webgpu_util.computeDispatch(dispatchLayout, [threads], WORKGROUP);
  const layout = { dispatchLayout, dispatch, workgroupSize: WORKGROUP, size: true };
  return { ...rest, ...layout, outputShape: shape, getUserCode: () => code };
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
 * TensorFlow's StatelessRandomUniform. Philox 4×32 with ten rounds (Salmon et al. 2011) turns the seed's 64-bit halves into
 * key and counter, then each counter into four numbers, whose 23 low bits become floats in [0, 1).
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

/** The programs on TensorFlow.js' WebGPU back end. */
export function shaderPrograms(): Programs {
  const backend = tf.backend() as WebGPUBackend;
  const run = (program: WebGPUProgram, inputs: Tensor[], uniforms: number[]): Tensor =>
    tf.engine().makeTensorFromTensorInfo(
      backend.runWebGPUProgram(program, inputs, "float32", uniforms.map((n) => ({ type: "int32", data: [n] }))),
    );
  return {
    segmentSum(x, segments, count) {
      const width = x.size / x.shape[0], names = { shaderKey: "segmentSum", variableNames: ["x", "segments"] };
      const layout = { uniforms: "rows : i32, width : i32,", shape: [count, width], threads: count * width };
      const made = program({ ...names, ...layout }, SEGMENT_SUM);
      const sums = run(made, [x.reshape([-1, width]), segments], [x.shape[0], width]);
      return sums.reshape([count, ...x.shape.slice(1)]);
    },
    uniform(shape, seed) {
      const size = shape.reduce((a, b) => a * b, 1);
      const names = { shaderKey: "philox", variableNames: ["seed"], uniforms: "" };
      const made = program({ ...names, shape: [size], threads: Math.ceil(size / 4) }, UNIFORM);
      return run(made, [seed], []).reshape(shape);
    },
  };
}
