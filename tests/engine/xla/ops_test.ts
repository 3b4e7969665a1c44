import { assertEquals, assertThrows } from "@std/assert";
import { stream } from "@lib/base/random.ts";
import { ATTR, type Attribute, DType } from "@lib/engine/attributes.ts";
import { binding, executeEagerly } from "@lib/engine/libtensorflow/binding.ts";
import { TensorFlowError } from "@lib/engine/types.ts";
import { opNames } from "@lib/engine/xla/ops.ts";
import { type Buffer, type Client, pjrtClient } from "@lib/engine/xla/pjrt.ts";
import { moduleBuilder } from "@lib/engine/xla/stablehlo.ts";
import type { ElementType } from "@lib/engine/xla/element_types.ts";
import type { Value } from "@lib/engine/xla/writer.ts";
import { cpuPlugin, onPlugin } from "../../support/plugin.ts";

/** An input: its values, shape and element type; `fixed` is a constant of the module. bfloat16 is made of float32. */
type Input = { values: number[]; shape: number[]; type: keyof typeof DType; fixed?: boolean };

type Case = {
  op: string;
  inputs: Input[];
  attributes?: Record<string, number | boolean>;
  outputs?: number;
  /** Most that a value may differ, as a share of the largest value or 1. */
  tolerance?: number;
};

const names: Partial<Record<keyof typeof DType, ElementType>> = {
  float32: "f32",
  float64: "f64",
  int32: "i32",
  bool: "i1",
  bfloat16: "bf16",
};
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;
const typesOf = new Map(Object.entries(DType).map(([name, number]) => [number as number, name as keyof typeof DType]));

const sizeOf = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
const random = stream(1, "ops");
const draw = (shape: number[], from = -2, to = 2, type: keyof typeof DType = "float32"): Input => ({
  values: Array.from({ length: sizeOf(shape) }, () => {
    const value = from + (to - from) * random.uniform();
    return type === "float32" || type === "float64" || type === "bfloat16" ? value : Math.floor(value);
  }),
  shape,
  type,
});
const fixed = (...values: number[]): Input => ({ values, shape: [values.length], type: "int32", fixed: true });
const scalar = (value: number, type: keyof typeof DType = "int32"): Input => ({
  values: [value],
  shape: [],
  type,
  fixed: true,
});
const truths = (shape: number[]): Input => draw(shape, 0, 2, "bool");

/** Attributes as the kernels pass them, with those that name the inputs' types. */
function attributesOf({ op, inputs, attributes = {} }: Case): Attribute[] {
  const type = (name: string, value: number): Attribute => ({ name, type: ATTR.type, value });
  const data = DType[(inputs.find(({ fixed }) => !fixed) ?? inputs[0]).type], int = DType.int32;
  const given: Record<string, number> = { T: data, Tidx: int, Tparams: data, Tindices: int, Taxis: int };
  const wanted: Record<string, string[]> = {
    Cast: [],
    Fill: [],
    GatherV2: ["Tparams", "Tindices", "Taxis"],
    Range: [],
    SparseMatMul: [],
    StatelessRandomUniform: [],
    IsFinite: ["T"],
    LogicalAnd: [],
    LogicalOr: [],
    LogicalNot: [],
    All: ["Tidx"],
    Any: ["Tidx"],
    OneHot: [],
  };
  const reductions = ["Sum", "Mean", "Max", "Min", "Prod", "ArgMax", "ArgMin", "ConcatV2"];
  const named = wanted[op] ?? (reductions.includes(op) ? ["T", "Tidx"] : ["T"]);
  const own = Object.entries(attributes).map(([name, value]): Attribute => {
    if (typeof value === "boolean") return { name, type: ATTR.bool, value };
    return { name, type: /^(T|SrcT|DstT|dtype|output_type)/.test(name) ? ATTR.type : ATTR.int, value };
  });
  return [...named.map((name) => type(name, given[name])), ...own];
}

const cast = (from: number, to: number): Attribute[] => [
  { name: "SrcT", type: ATTR.type, value: from },
  { name: "DstT", type: ATTR.type, value: to },
];

type Result = { shape: number[]; type: string; values: number[] };

/**
 * What libtensorflow makes of a case. Of bfloat16's products it makes the rounded float32 product of the same values:
 * its own sum in bfloat16 where oneDNN is off or the processor is an old one.
 */
function byTensorFlow(each: Case): Result[] {
  const wide = each.inputs.some(({ type }) => type === "bfloat16") && /MatMul/.test(each.op);
  const ids = each.inputs.map(({ values, shape, type }) => {
    if (type !== "bfloat16") return binding.createTensor(shape, DType[type], values);
    const full = binding.createTensor(shape, DType.float32, values);
    const rounded = executeEagerly("Cast", cast(DType.float32, DType.bfloat16), [full], 1)[0].id;
    binding.deleteTensor(full);
    if (!wide) return rounded;
    const widened = executeEagerly("Cast", cast(DType.bfloat16, DType.float32), [rounded], 1)[0].id;
    binding.deleteTensor(rounded);
    return widened;
  });
  const attributes = attributesOf(each).map((attribute) =>
    wide && attribute.value === DType.bfloat16 ? { ...attribute, value: DType.float32 } : attribute
  );
  let made = executeEagerly(each.op, attributes as Attribute[], ids, each.outputs ?? 1);
  if (wide && each.op !== "SparseMatMul") {
    const rounded = executeEagerly("Cast", cast(DType.float32, DType.bfloat16), [made[0].id], 1);
    binding.deleteTensor(made[0].id);
    made = rounded;
  }
  const results = made.map(({ id, shape, dtype }) => {
    const [read] = dtype === DType.bfloat16 ? executeEagerly("Cast", cast(dtype, DType.float32), [id], 1) : [{ id }];
    const values = [...binding.tensorDataSync(read.id)];
    binding.deleteTensor(read.id);
    return { shape, type: names[typesOf.get(dtype)!]!, values };
  });
  [...ids, ...made.map(({ id }) => id)].forEach(binding.deleteTensor);
  return results;
}

/** What XLA makes of all cases, as one module. */
function byXla(client: Client, all: Case[]): Result[][] {
  const module = moduleBuilder("ops"), buffers: Buffer[] = [], outputs: Value[] = [];
  const counts = all.map((each) => {
    const values = each.inputs.map(({ values, shape, type, fixed }): Value => {
      const own = type === "bfloat16" ? "float32" : type as keyof typeof arrays;
      const bytes = new Uint8Array(arrays[own].from(values).buffer);
      if (fixed) return module.constant(bytes, shape, names[own]!);
      buffers.push(client.put(names[own]!, shape, bytes));
      const input = module.input(shape, names[own]!);
      return type === "bfloat16" ? module.op("Cast", cast(DType.float32, DType.bfloat16), [input], 1)[0] : input;
    });
    const made = module.op(each.op, attributesOf(each), values, each.outputs ?? 1);
    outputs.push(...made);
    return made.length;
  });
  const executable = client.compileSync(
    module.text(
      outputs.map((output) =>
        output.type === "bf16" ? module.op("Cast", cast(DType.bfloat16, DType.float32), [output], 1)[0] : output
      ),
    ),
  );
  const made = executable.runSync(buffers);
  const results = made.map((buffer, i): Result => {
    const { type } = outputs[i],
      own = (Object.keys(arrays) as (keyof typeof arrays)[]).find((name) => names[name] === type);
    return { shape: buffer.shape(), type, values: [...new arrays[own ?? "float32"](buffer.readSync().buffer)] };
  });
  assertEquals(results.map(({ shape }) => shape), outputs.map(({ shape }) => shape));
  [...buffers, ...made, executable].forEach((each) => each.free());
  return counts.map((count) => results.splice(0, count));
}

const of = (op: string, ...inputs: Input[]): Case => ({ op, inputs });
const d = (shape: number[]): Input => ({ ...draw(shape), type: "float64" });
const half = (shape: number[]): Input => ({ ...draw(shape), type: "bfloat16" });
const whole = (shape: number[], from = -5, to = 6): Input => draw(shape, from, to, "int32");
const all = ["Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum"];
const positiveDefinite: Input = { values: [4, 2, 1, 2, 5, 3, 1, 3, 6], shape: [1, 3, 3], type: "float64" };
const lower: Input = { values: [2, 0, 0, 1, 2, 0, 0.5, 1.25, 2], shape: [1, 3, 3], type: "float64" };
const product = (op: string, a: Input, b: Input, first: boolean, second: boolean): Case => {
  const [left, right] = op === "BatchMatMulV2" ? ["adj_x", "adj_y"] : ["transpose_a", "transpose_b"];
  const sparse = { a_is_sparse: false, b_is_sparse: false, Ta: DType[a.type], Tb: DType[b.type] };
  return {
    op,
    inputs: [a, b],
    attributes: { [left]: first, [right]: second, ...(op === "SparseMatMul" ? sparse : {}) },
    tolerance: a.type === "bfloat16" ? 2 ** -8 : 1e-6,
  };
};
const reduced = (op: string, x: Input, axes: number[], keep: boolean): Case => ({
  op,
  inputs: [x, fixed(...axes)],
  attributes: { keep_dims: keep },
});

const cases: Case[] = [
  ...all.flatMap((op) =>
    [of(op, draw([2, 3]), draw([2, 3])), of(op, draw([2, 1, 3]), draw([4, 1])), of(op, draw([]), d([2]))].slice(0, 2)
  ),
  ...["AddV2", "Sub", "Mul"].flatMap((
    op,
  ) => [of(op, d([2, 3]), d([3])), of(op, half([5, 7]), half([7])), of(op, whole([4]), whole([4]))]),
  ...[
    "Abs",
    "Neg",
    "Exp",
    "Square",
    "Sin",
    "Cos",
    "Tanh",
    "Sigmoid",
    "Erf",
    "Expm1",
    "Sign",
    "Relu",
    "ZerosLike",
    "OnesLike",
    "Identity",
  ]
    .map((op) => of(op, draw([3, 50], -4, 4))),
  ...["Floor", "Ceil", "Round"].map((op) =>
    of(op, { ...draw([40], -4, 4), values: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.49, -3.51], shape: [8] })
  ),
  ...["Sqrt", "Rsqrt", "Log", "Log1p", "Reciprocal"].map((op) => of(op, draw([60], 0.01, 9))),
  of("ZerosLike", whole([3])),
  of("Neg", whole([7])),
  of("Pow", draw([30], 0.1, 3), draw([30], -2, 2)),
  of("Div", draw([2, 3]), draw([3])),
  of("SquaredDifference", draw([2, 3]), draw([3])),
  { op: "AddN", inputs: [draw([4]), draw([4]), draw([4])], attributes: { N: 3 } },
  of("BiasAdd", draw([4, 3]), draw([3])),
  ...["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"].flatMap((op) => [
    of(op, whole([40], 0, 3), whole([40], 0, 3)),
    of(op, draw([2, 30]), scalar(0.25, "float32")),
  ]),
  ...["LogicalAnd", "LogicalOr"].map((op) => of(op, truths([20]), truths([20]))),
  of("LogicalNot", truths([9])),
  of("IsNan", { values: [1, NaN, Infinity, -0], shape: [4], type: "float32" }),
  of("IsFinite", { values: [1, NaN, Infinity, -0, -Infinity], shape: [5], type: "float32" }),
  of("Select", truths([3, 4]), draw([3, 4]), draw([3, 4])),
  of("Select", truths([3]), draw([3, 4]), draw([3, 4])),
  of("SelectV2", truths([3, 1]), draw([3, 4]), draw([4])),
  ...([
    ["float32", "int32"],
    ["float32", "bool"],
    ["bool", "float32"],
    ["int32", "float32"],
    ["float32", "float64"],
    ["float64", "float32"],
    ["float32", "bfloat16"],
    [
      "bfloat16",
      "float32",
    ],
    ["int32", "bool"],
    ["float32", "float32"],
  ] as const).map(([from, to]) => ({
    op: "Cast",
    inputs: [
      from === "bool" ? truths([9]) : {
        ...draw([9], -3, 3, from),
        values: [0, -0, 1.9, -1.9, 1.00390625, 1.01171875, 3, -7, 2 ** 20].map((v) =>
          from === "int32" ? Math.trunc(v) : v
        ),
      },
    ],
    attributes: { SrcT: DType[from], DstT: DType[to], Truncate: false },
  })),
  ...(["Sum", "Mean", "Max", "Min", "Prod"] as const).flatMap((op) => [
    reduced(op, draw([3, 4, 5]), [-1], true),
    reduced(op, draw([3, 4, 5]), [0, 2], false),
    { ...reduced(op, draw([6]), [0], false), inputs: [draw([6]), scalar(0)] },
  ]),
  reduced("Sum", whole([3, 4]), [1], false),
  reduced("Max", whole([3, 4]), [1], false),
  reduced("Min", whole([3, 4]), [1], false),
  reduced("Sum", draw([3, 4]), [], false),
  ...["All", "Any"].map((op) => reduced(op, truths([5, 2]), [1], false)),
  of("L2Loss", draw([100])),
  ...["ArgMax", "ArgMin"].flatMap((op) =>
    [[whole([40, 5], 0, 3), 1], [draw([3, 40]), 1], [draw([7, 3, 2]), -2]].map(([x, axis]) => ({
      op,
      inputs: [x as Input, scalar(axis as number)],
      attributes: { output_type: DType.int32 },
    }))
  ),
  of("Softmax", draw([6, 9], -90, 90)),
  of("Softmax", draw([2, 3, 4])),
  {
    op: "SparseSoftmaxCrossEntropyWithLogits",
    inputs: [draw([12, 7], -60, 60), whole([12], 0, 7)],
    attributes: { Tlabels: DType.int32 },
    outputs: 2,
  },
  ...[false, true].flatMap((a) =>
    [false, true].flatMap((b) => {
      const [left, right] = [a ? [5, 4] : [4, 5], b ? [3, 5] : [5, 3]];
      return [
        product("MatMul", draw(left), draw(right), a, b),
        product("MatMul", half(left), half(right), a, b),
        product("MatMul", d(left), d(right), a, b),
        product("BatchMatMulV2", draw([2, 3, ...left]), draw([2, 3, ...right]), a, b),
        product("BatchMatMulV2", half([2, ...left]), half([2, ...right]), a, b),
        product("BatchMatMulV2", draw([2, 1, ...left]), draw([3, ...right]), a, b),
      ];
    })
  ),
  product("MatMul", half([64, 300]), half([300, 64]), false, false),
  product(
    "MatMul",
    { values: Array(50).fill(1), shape: [1, 50], type: "float32", fixed: true },
    draw([50, 6]),
    false,
    false,
  ),
  product("SparseMatMul", draw([5, 4]), draw([5, 3]), true, false),
  { op: "ConcatV2", inputs: [draw([2, 3]), draw([2, 1]), scalar(-1)], attributes: { N: 2 } },
  { op: "ConcatV2", inputs: [whole([2, 3]), whole([4, 3]), scalar(0)], attributes: { N: 2 } },
  { op: "Pack", inputs: [draw([2, 3]), draw([2, 3])], attributes: { N: 2, axis: 1 } },
  { op: "Pack", inputs: [half([3]), half([3]), half([3])], attributes: { N: 3, axis: 0 } },
  { op: "Unpack", inputs: [draw([2, 3])], attributes: { num: 3, axis: 1 }, outputs: 3 },
  { op: "Unpack", inputs: [half([2, 3, 2])], attributes: { num: 2, axis: 0 }, outputs: 2 },
  { op: "Split", inputs: [scalar(1), d([3, 4])], attributes: { num_split: 2 }, outputs: 2 },
  {
    op: "SplitV",
    inputs: [draw([6, 2]), fixed(1, -1, 2), scalar(0)],
    attributes: { num_split: 3, Tlen: DType.int32 },
    outputs: 3,
  },
  { op: "Slice", inputs: [draw([4, 5]), fixed(1, 0), fixed(2, -1)], attributes: { Index: DType.int32 } },
  {
    op: "PadV2",
    inputs: [draw([2, 3]), { ...fixed(1, 0, 0, 2), shape: [2, 2] }, scalar(-1.5, "float32")],
    attributes: { Tpaddings: DType.int32 },
  },
  { op: "Tile", inputs: [whole([2, 3]), fixed(2, 3)], attributes: { Tmultiples: DType.int32 } },
  { op: "Reshape", inputs: [draw([4, 6]), fixed(2, -1, 3)], attributes: { Tshape: DType.int32 } },
  { op: "Reshape", inputs: [half([4, 6]), fixed(24)], attributes: { Tshape: DType.int32 } },
  { op: "ExpandDims", inputs: [draw([4, 6]), scalar(-1)], attributes: { Tdim: DType.int32 } },
  { op: "Transpose", inputs: [draw([2, 3, 4]), fixed(2, 0, 1)], attributes: { Tperm: DType.int32 } },
  { op: "ReverseV2", inputs: [draw([2, 3, 4]), fixed(0, -1)], attributes: { Tidx: DType.int32 } },
  { op: "Range", inputs: [scalar(3), scalar(12), scalar(4)], attributes: { Tidx: DType.int32 } },
  {
    op: "Range",
    inputs: [scalar(1, "float32"), scalar(0, "float32"), scalar(-0.25, "float32")],
    attributes: { Tidx: DType.float32 },
  },
  {
    op: "Fill",
    inputs: [fixed(2, 3), scalar(0.1, "float32")],
    attributes: { T: DType.float32, index_type: DType.int32 },
  },
  {
    op: "Fill",
    inputs: [fixed(2), { ...scalar(-7), fixed: false }],
    attributes: { T: DType.int32, index_type: DType.int32 },
  },
  ...[0, 1].map((axis) => ({
    op: "GatherV2",
    inputs: [draw([6, 5, 2]), whole([3, 2], 0, 5), scalar(axis)],
    attributes: { batch_dims: 0 },
  })),
  {
    op: "OneHot",
    inputs: [whole([2, 5], -1, 4), scalar(3), scalar(2, "float32"), scalar(-1, "float32")],
    attributes: { axis: -1, T: DType.float32, TI: DType.int32 },
  },
  ...[[40, 7, 5], [40, 3000, 3], [1000, 16, 4]].map(([rows, segments, width]) => ({
    op: "UnsortedSegmentSum",
    inputs: [draw([rows, width]), whole([rows], -1, segments), scalar(segments)],
    attributes: { Tindices: DType.int32, Tnumsegments: DType.int32 },
    tolerance: 2e-6,
  })),
  {
    op: "UnsortedSegmentSum",
    inputs: [whole([2, 5, 3]), whole([2, 5], 0, 4), scalar(4)],
    attributes: { Tindices: DType.int32, Tnumsegments: DType.int32 },
  },
  ...[[123, -45], [-2147483648, 2147483647], [0, 0]].flatMap((seed, i) => ({
    op: "StatelessRandomUniform",
    inputs: [fixed(...[[3, 7], [2, 3, 4, 5], [1001]][i]), { values: seed, shape: [2], type: "int32" } as Input],
    attributes: { dtype: DType.float32, T: DType.int32, Tseed: DType.int32 },
    tolerance: 0,
  })),
  of("Cholesky", positiveDefinite),
  ...[false, true].map((adjoint) => ({
    op: "MatrixTriangularSolve",
    inputs: [lower, d([1, 3, 2])],
    attributes: { lower: true, adjoint },
  })),
];

/** What an output that is not near the expected one says; undefined if it is near. */
function difference(expected: Result, found: Result, given?: number): string | undefined {
  assertEquals([found.type, found.shape], [expected.type, expected.shape]);
  const largest = Math.max(1, ...expected.values.filter(Number.isFinite).map(Math.abs));
  const rounding: Record<string, number> = { f32: 5e-7, f64: 1e-15, bf16: 2 ** -8 };
  const tolerance = (given ?? rounding[found.type] ?? 0) * largest;
  const wrong = found.values.findIndex((value, i) =>
    !Object.is(value, expected.values[i]) && !(Math.abs(value - expected.values[i]) <= tolerance)
  );
  return wrong < 0 ? undefined : `element ${wrong}: expected ${expected.values[wrong]}, found ${found.values[wrong]}`;
}

onPlugin("every op gives what libtensorflow gives, on random inputs of several shapes and element types", () => {
  const client = pjrtClient(cpuPlugin, { cpu_device_count: 1 }), before = client.live();
  const found = byXla(client, cases);
  assertEquals(client.live(), before);
  client.free();
  const wrong = cases.flatMap((each, i) => {
    const inputs = each.inputs.map(({ type, shape }) => `${type}[${shape}]`).join();
    return byTensorFlow(each).flatMap((expected, output) => {
      const why = difference(expected, found[i][output], each.tolerance);
      return why ? [`${each.op}(${inputs}) ${JSON.stringify(each.attributes)}, output ${output}, ${why}`] : [];
    });
  });
  assertEquals(wrong, []);
});

Deno.test("an op that does not fit says which, with its shapes, and what was expected", () => {
  const module = moduleBuilder("wrong"), T: Attribute[] = [];
  const x = (...shape: number[]) => module.input(shape, "f32"), ints = module.input([2], "i32");
  const refuse = (op: string, inputs: Value[], message: string, outputs = 1) =>
    assertThrows(() => module.op(op, T, inputs, outputs), TensorFlowError, message);
  refuse("MatMul", [x(2, 3), x(4, 5)], "MatMul([2,3], [4,5]): the sizes to sum over are 3 and 4");
  refuse("Add", [x(2, 3), x(2)], "Add([2,3], [2]): shapes [2,3] and [2] do not broadcast");
  refuse("Mul", [x(2), ints], "Mul([2], [2]): expected one element type, found f32 and i32");
  refuse("Reshape", [x(2, 3), ints], "Reshape([2,3], [2]): shapes, axes and orders must be constants");
  refuse("Conv2D", [x(2)], "Conv2D([2]): XLA has no such op here. It has Abs, ");
  refuse("Exp", [x(2)], "Exp([2]): expected 2 outputs, found 1", 2);
  const fixed = (...values: number[]) =>
    module.constant(new Uint8Array(Int32Array.from(values).buffer), [values.length], "i32");
  refuse("Reshape", [x(2, 3), fixed(4, -1)], "Reshape([2,3], [2]): expected 6 elements, found the shape [4,-1]");
  refuse("Sum", [x(2, 3), fixed(2)], "Sum([2,3], [1]): expected an axis of 2, found 2");
  refuse("Transpose", [x(2, 3), fixed(0, 0)], "Transpose([2,3], [2]): expected an order of 2 axes, found [0,0]");
  refuse("Slice", [x(2, 3), fixed(1, 0), fixed(2, 3)], "Slice([2,3], [2], [2]): the part from [1,0] of size [2,3]");
  refuse(
    "ConcatV2",
    [x(2, 3), x(3, 4), fixed(0)],
    "ConcatV2([2,3], [3,4], [1]): expected shapes that differ along axis 0",
  );
});

/** What libtensorflow has no kernel for; stablehlo_test.ts tries them. */
const xlaAlone = [
  "AllGather",
  "CrossReplicaSum",
  "ReplicaShare",
  "XlaReplicaId",
];

Deno.test("every op of the table is among the cases", () => {
  const tried = new Set([...cases.map(({ op }) => op), ...xlaAlone]);
  assertEquals(opNames.filter((name) => !tried.has(name)), []);
});
