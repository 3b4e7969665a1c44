/**
 * TensorFlow's StatelessRandomUniform as a function of StableHLO, equal to the bit: Philox 4×32 of ten rounds (Salmon et
 * al. 2011), keyed by the scrambled seed as in tensorflow/core/kernels/stateless_random_ops.cc.
 *
 * Written out and not `rng_bit_generator`: every number is computed by itself from its place, so that a mask is part of
 * the kernel that uses it, on each platform by the same integers.
 * @module
 */

/** Philox' multipliers and the steps of its key. */
const [M0, M1, W0, W1] = [0xd2511f53, 0xcd9e8d57, 0x9e3779b9, 0xbb67ae85];

/** The key that scrambles seeds. */
const SCRAMBLE = [0x3ec8f720, 0x02461e29];

/**
 * How a tensor is a part of one over all replicas: its first axis holds `blocks` blocks of equal length, and block i of
 * all replicas, one after another, is block i of the whole.
 */
export type Shares = { replicas: number; blocks: number };

/**
 * A private function of two int32, the seed, to float32 in 0…1 (less than 1). Each replica draws its part of what one
 * device would draw for all.
 *
 * @param shape of the result; fewer than 2³⁴ numbers on all replicas
 */
export function philoxUniform(name: string, shape: readonly number[], { replicas, blocks }: Shares): string {
  const lines: string[] = [], strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  let last = 0;
  const emit = (operation: string) => (lines.push(`%v${++last} = ${operation}`), `%v${last}`);

  /** Arithmetic on tensors of one shape of unsigned integers. */
  function arithmetic(of: readonly number[]) {
    const narrow = `tensor<${[...of, "ui32"].join("x")}>`, wide = `tensor<${[...of, "ui64"].join("x")}>`;
    const two = (op: string, a: string, b: string, type = narrow) => emit(`stablehlo.${op} ${a}, ${b} : ${type}`);
    const constant = (value: number, type = narrow) => emit(`stablehlo.constant dense<${value}> : ${type}`);
    const widen = (x: string) => emit(`stablehlo.convert ${x} : (${narrow}) -> ${wide}`);
    const cut = (x: string) => emit(`stablehlo.convert ${x} : (${wide}) -> ${narrow}`);
    /** High and low half of a product. */
    const product = (x: string, by: number): [string, string] => {
      const all = two("multiply", widen(x), constant(by, wide), wide);
      return [cut(two("shift_right_logical", all, constant(32, wide), wide)), cut(all)];
    };
    const rounds = ([a, b, c, d]: string[], [k, l]: string[]): string[] => {
      for (let round = 0; round < 10; round++) {
        const [[high0, low0], [high1, low1]] = [product(a, M0), product(c, M1)];
        [a, b, c, d] = [two("xor", two("xor", high1, b), k), low1, two("xor", two("xor", high0, d), l), low0];
        if (round < 9) [k, l] = [two("add", k, constant(W0)), two("add", l, constant(W1))];
      }
      return [a, b, c, d];
    };
    return { narrow, wide, two, constant, widen, cut, rounds };
  }

  const one = arithmetic([]), many = arithmetic(shape), floats = `tensor<${[...shape, "f32"].join("x")}>`;
  const seeds = [0, 1].flatMap((i) => { // each as 64 bits, by its sign
    const part = emit(`stablehlo.slice %seed [${i}:${i + 1}] : (tensor<2xi32>) -> tensor<1xi32>`);
    const number = emit(`stablehlo.reshape ${part} : (tensor<1xi32>) -> tensor<i32>`);
    const sign = one.two(
      "shift_right_arithmetic",
      number,
      emit("stablehlo.constant dense<31> : tensor<i32>"),
      "tensor<i32>",
    );
    return [number, sign].map((x) => emit(`stablehlo.bitcast_convert ${x} : (tensor<i32>) -> tensor<ui32>`));
  });
  const scrambled = one.rounds(seeds, SCRAMBLE.map((k) => one.constant(k)));
  const [key0, key1, third, fourth] = scrambled.map((x) =>
    shape.length === 0 ? x : emit(`stablehlo.broadcast_in_dim ${x}, dims = [] : (tensor<ui32>) -> ${many.narrow}`)
  );
  /** The place along the first axis in the tensor over all replicas. */
  const inWhole = (own: string): string => {
    if (replicas === 1) return own;
    const size = many.constant(shape[0] / blocks, many.wide), skipped = (shape[0] / blocks) * (replicas - 1);
    const block = many.two("divide", own, size, many.wide), before = emit("stablehlo.replica_id : tensor<ui32>");
    const replica = emit(`stablehlo.broadcast_in_dim ${before}, dims = [] : (tensor<ui32>) -> ${many.narrow}`);
    const moved = many.two("multiply", block, many.constant(skipped, many.wide), many.wide);
    const shift = many.two("multiply", many.widen(replica), size, many.wide);
    return many.two("add", many.two("add", own, moved, many.wide), shift, many.wide);
  };
  // A number's place in the result; four share a counter, and its lowest two bits say which of them it is.
  const place = shape.map((_, axis) => {
    const own = emit(`stablehlo.iota dim = ${axis} : ${many.wide}`), along = axis === 0 ? inWhole(own) : own;
    return strides[axis] === 1
      ? along
      : many.two("multiply", along, many.constant(strides[axis], many.wide), many.wide);
  }).reduce((a, b) => many.two("add", a, b, many.wide), many.constant(0, many.wide));
  const counter = many.cut(many.two("shift_right_logical", place, many.constant(2, many.wide), many.wide));
  const which = many.cut(many.two("and", place, many.constant(3, many.wide), many.wide));
  const four = many.rounds([counter, many.constant(0), third, fourth], [key0, key1]);
  const bits = four.slice(0, 3).reduceRight((rest, word, i) => {
    const types = `(${many.narrow}, ${many.narrow}) -> ${many.narrow.replace("ui32", "i1")}`;
    const isIt = emit(`stablehlo.compare EQ, ${which}, ${many.constant(i)} : ${types}`);
    return emit(`stablehlo.select ${isIt}, ${word}, ${rest} : ${many.narrow.replace("ui32", "i1")}, ${many.narrow}`);
  }, four[3]);
  // 23 bits after the point of a number in 1…2, less 1
  const between = many.two("or", many.two("and", bits, many.constant(0x7fffff)), many.constant(0x3f800000));
  const float = emit(`stablehlo.bitcast_convert ${between} : (${many.narrow}) -> ${floats}`);
  const result = many.two("subtract", float, emit(`stablehlo.constant dense<1.0> : ${floats}`), floats);
  return [
    `func.func private @${name}(%seed: tensor<2xi32>) -> ${floats} {`,
    ...lines,
    `return ${result} : ${floats}`,
    "}",
  ]
    .join("\n");
}
