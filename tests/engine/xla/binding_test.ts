import { assertEquals, assertStringIncludes } from "@std/assert";
import { onPlugin } from "../../support/plugin.ts";
import { inProcess } from "../../support/process.ts";

/** What code prints on XLA, as JSON by line; the code has the binding, `f32` and `i32` that make tensors, and `read`. */
async function onXla(code: string): Promise<unknown[]> {
  const before = `import { ATTR, DType } from "@lib/engine/attributes.ts";
    import { binding, executeEagerly, executables, trace } from "@lib/engine/xla/binding.ts";
    const f32 = (values, shape) => binding.createTensor(shape, DType.float32, values);
    const i32 = (values, shape) => binding.createTensor(shape, DType.int32, values);
    const read = ({ id }) => [...binding.tensorDataSync(id)];
    const say = (value) => console.log(JSON.stringify(value));
    const failing = (work) => { try { work(); return "nothing"; } catch (error) { return error.name + " " + error.message; } };
    const keep = { name: "keep_dims", type: ATTR.bool, value: false };\n`;
  const folder = await Deno.makeTempDir();
  const { code: status, out, err } = await inProcess(before + code, { XLA_CACHE: folder });
  assertEquals([status, err], [0, ""]);
  await Deno.remove(folder, { recursive: true });
  return out.split("\n").map((line) => JSON.parse(line));
}

onPlugin("tensors of each type come back as they went in, few and many", async () => {
  const types = ["float32", "float64", "int32", "bool", "uint8"], values = [1, 0, 1, 1];
  const [read, many, held, missing] = await onXla(`
    const types = ${JSON.stringify(types)}, ids = types.map((name) => binding.createTensor([2, 2], DType[name], ${
    JSON.stringify(values)
  }));
    say(ids.map((id) => [binding.tensorDataSync(id).constructor.name, read({ id })]));
    const own = Float32Array.from({ length: 40000 }, (_, i) => i), id = f32(own, [200, 200]);
    own.fill(0); // the tensor is a copy
    say([read({ id })[39999], read({ id })[1]]);
    const before = binding.getNumOfTensors();
    [id, ...ids].forEach(binding.deleteTensor);
    binding.deleteTensor(id); // twice is no fault
    say([before, binding.getNumOfTensors()]);
    say(failing(() => binding.tensorDataSync(id)));`);
  const arrays = ["Float32Array", "Float64Array", "Int32Array", "Uint8Array", "Uint8Array"];
  assertEquals([read, many, held], [arrays.map((name) => [name, values]), [39999, 1], [6, 0]]);
  assertStringIncludes(String(missing), "does not exist, or was disposed");
});

onPlugin("an op by itself is compiled once for its shapes and what must be known, whatever its values", async () => {
  const [sums, counts, refused] = await onXla(`
    const sum = (x, axes) => executeEagerly("Sum", [keep], [x, axes], 1)[0];
    const a = f32([1, 2, 3, 4], [2, 2]), b = f32([5, 6, 7, 8], [2, 2]), [first, second] = [i32([0], [1]), i32([1], [1])];
    say([read(sum(a, first)), read(sum(a, second)), read(sum(b, first))]);
    const compiled = executables.compiled;
    read(sum(b, second));
    const gather = (ids) => executeEagerly("GatherV2", [], [a, ids, i32([0], [])], 1)[0];
    say([compiled, executables.compiled, read(gather(i32([1], [1]))), read(gather(i32([0], [1]))), executables.compiled]);
    say(failing(() => executeEagerly("MatMul", [], [a, f32([1, 2, 3], [3, 1])], 1)));`);
  assertEquals(sums, [[4, 6], [3, 7], [12, 14]]);
  assertEquals(counts, [2, 2, [3, 4], [1, 2], 3]);
  assertStringIncludes(String(refused), "TensorFlowError MatMul([2,2], [3,1]): ");
});

onPlugin("a trace is one module of inputs and captured constants; what cannot be traced says so", async () => {
  const [module, kinds, large, value, nested, after] = await onXla(`
    const one = [{ shape: [2], type: "f32" }], run = (op, ids) => binding.executeOp(op, [], ids, 1)[0].id;
    const captured = f32([3, 4], [2]);
    const traced = trace("t", one, ([x]) => [run("Mul", [run("AddV2", [x.id, captured]), captured]), x.id], { donated: [0] });
    say(traced.module);
    say(traced.outputs.map(({ shape, type }) => [shape, type]));
    const big = f32(new Float32Array(20000), [20000]);
    say(failing(() => trace("t", one, ([x]) => [run("AddV2", [x.id, big])])));
    say(failing(() => trace("t", one, ([x]) => { binding.tensorDataSync(x.id); return [x.id]; })));
    say(failing(() => trace("t", one, ([x]) => { trace("u", one, ([y]) => [y.id]); return [x.id]; })));
    say(read(executeEagerly("AddV2", [], [captured, captured], 1)[0])); // the binding computes again`);
  for (const part of ["stablehlo.add", "stablehlo.multiply", "%arg0", "tf.aliasing_output"]) {
    assertStringIncludes(String(module), part);
  }
  assertEquals([String(module).includes("%arg1"), kinds], [false, [[[2], "f32"], [[2], "f32"]]]);
  assertStringIncludes(String(large), "captured a tensor of shape [20000] (80000 bytes)");
  assertStringIncludes(String(value), "A value was read inside a traced function");
  assertStringIncludes(String(nested), "Traces do not nest");
  assertEquals(after, [6, 8]);
});
