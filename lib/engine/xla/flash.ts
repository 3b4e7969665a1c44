/**
 * cuDNN's attention for NVIDIA's GPUs as custom calls of XLA: the map of scores never reaches memory. Names, operands and
 * settings are those that XLA's GPU compiler reads (CudnnfMHABackendConfig in xla/service/gpu/backend_configs.proto).
 * @module
 */
import { TensorFlowError } from "../types.ts";
import { type Shape, tensorType, typeOf, type Value, type Writer } from "./writer.ts";

/** A contraction of two operands: the axis of each that is summed over, and the axes of each that go together. */
type Product = [left: number, right: number, leftBatch: Shape, rightBatch: Shape];

/** Products by their names in the settings; operands are batch × tokens × heads × size, maps batch × heads × tokens². */
const FORWARD: Record<string, Product> = {
  bmm1: [3, 3, [0, 2], [0, 2]],
  bmm2: [3, 1, [0, 1], [0, 2]],
};
const BACKWARD: Record<string, Product> = {
  bmm1_grad_gemm1: [2, 1, [0, 1], [0, 2]],
  bmm1_grad_gemm2: [3, 1, [0, 1], [0, 2]],
  bmm2_grad_gemm1: [2, 1, [0, 1], [0, 2]],
  bmm2_grad_gemm2: [3, 3, [0, 2], [0, 2]],
};

/** The settings of a call, as JSON. */
function settings(map: Shape, scale: number, products: Record<string, Product>): string {
  const texts = (numbers: Shape) => numbers.map(String),
    none = { dim_level_types: [], dim_unique: [], dim_ordered: [] };
  const dimensions = Object.entries(products).map(([name, [left, right, leftBatch, rightBatch]]) => [
    `${name}_dot_dimension_numbers`,
    {
      lhs_contracting_dimensions: [String(left)],
      rhs_contracting_dimensions: [String(right)],
      lhs_batch_dimensions: texts(leftBatch),
      rhs_batch_dimensions: texts(rightBatch),
    },
  ]);
  return JSON.stringify({
    operation_queue_id: "0",
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: "0",
        math_type: "TENSOR_OP_MATH",
        tuning_knobs: { "17": "1", "24": "0" },
        is_cudnn_frontend: true,
        workspace_size: "0",
      },
      fmha_scale: scale,
      intermediate_tensor_shape: {
        element_type: "BF16",
        dimensions: texts(map),
        tuple_shapes: [],
        layout: {
          ...none,
          minor_to_major: ["3", "2", "1", "0"],
          tiles: [],
          element_size_in_bits: "0",
          memory_space: "0",
          index_primitive_type: "PRIMITIVE_TYPE_INVALID",
          pointer_primitive_type: "PRIMITIVE_TYPE_INVALID",
          dynamic_shape_metadata_prefix_bytes: "0",
        },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: "PADDING",
      ...Object.fromEntries(dimensions),
      dropout_rate: 0,
      seed: 42,
      sliding_window_length: 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  });
}

/** Layouts are lists of axes, the quickest first. */
const layouts = (all: readonly Shape[]) => all.map((axes) => `dense<[${axes}]> : tensor<${axes.length}xindex>`).join();

/** Batch × heads × tokens × size, which lies in memory as batch × tokens × heads × size. */
const APART = [3, 1, 2, 0];

/** A custom call whose results are given by shape and type; the last, memory to work in, is added. */
function customCall(h: Writer, target: string, operands: Value[], config: string, results: [Shape, Value["type"]][]) {
  const all: [Shape, Value["type"]][] = [...results, [[0], "ui8"]],
    plain = ({ length }: Shape) => Array.from({ length }, (_, i) => length - 1 - i);
  const types = all.map(([shape, type]) => tensorType(shape, type)).join(", ");
  const how = [
    `backend_config = "${config.replaceAll('"', "\\22")}"`,
    "api_version = 2 : i32",
    `operand_layouts = [${layouts(operands.map(({ shape }) => plain(shape)))}]`,
    `result_layouts = [${layouts(all.map(([shape]) => shape.length === 4 ? APART : plain(shape)))}]`,
  ].join(", ");
  const names = operands.map(({ name }) => name).join(", ");
  return h.emitAll(
    `stablehlo.custom_call @${target}(${names}) {${how}} : (${operands.map(typeOf).join(", ")}) -> (${types})`,
    all,
  ).slice(0, -1);
}

/** The number of tokens of each row and of queries, int32: keys whose bias is not far below 0, and all queries. */
function rowLengths(h: Writer, bias: Value, queries: number): [Value, Value] {
  const [batch, , , length] = bias.shape, flat = h.reshape(bias, [batch, length]);
  const real = h.convert(h.compare("GT", flat, h.splat(-1, [], "f32")), "i32");
  return [h.splat(queries, [batch], "i32"), h.reduce("add", real, [1], 0)];
}

/** Checks that cuDNN takes the operands; their batch, tokens, heads and size. */
function checked(q: Value, ...others: Value[]): [number, number, number, number] {
  const [batch, tokens, heads, size] = q.shape;
  if ([q, ...others].some(({ type, shape }) => type !== "bf16" || shape.length !== 4) || size % 8 !== 0 || size > 128) {
    throw new TensorFlowError("expected bfloat16 of batch × tokens × heads × size, the size a multiple of 8 up to 128");
  }
  return [batch, tokens, heads, size];
}

/**
 * softmax(q·kᵀ·scale)·v of all heads, pads left out.
 *
 * @param q as k and v bfloat16, batch × tokens × heads × size
 * @param bias batch × 1 × 1 × tokens: 0 at tokens, very negative at pads, which stand at the end
 * @returns the result, in q's shape, and what the gradient needs: batch × heads × tokens, float32
 */
export function flashAttention(h: Writer, [q, k, v, bias]: Value[], scale: number): Value[] {
  const [batch, tokens, heads, size] = checked(q, k, v),
    config = settings([batch, heads, tokens, k.shape[1]], scale, FORWARD);
  const [mixed, statistics] = customCall(h, "__cudnn$fmhaSoftmax", [q, k, v, ...rowLengths(h, bias, tokens)], config, [
    [[batch, heads, tokens, size], "bf16"],
    [[batch, heads, tokens], "f32"],
  ]);
  return [h.transpose(mixed, [0, 2, 1, 3]), statistics];
}

/** The gradients of {@link flashAttention} by q, k and v, of its inputs, its results, and the gradient of its first. */
export function flashAttentionGradient(h: Writer, inputs: Value[], scale: number): Value[] {
  const [q, k, v, bias, mixed, statistics, dy] = inputs, [batch, tokens, heads, size] = checked(q, k, v, mixed, dy);
  const config = settings([batch, heads, tokens, k.shape[1]], scale, BACKWARD);
  const operands = [q, k, v, statistics, dy, mixed, ...rowLengths(h, bias, tokens)];
  const results = [q, k, v].map(({ shape }): [Shape, "bf16"] => [[batch, heads, shape[1], size], "bf16"]);
  return customCall(h, "__cudnn$fmhaSoftmaxBackward", operands, config, results)
    .map((gradient) => h.transpose(gradient, [0, 2, 1, 3]));
}
