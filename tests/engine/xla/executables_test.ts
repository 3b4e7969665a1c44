import { assert, assertEquals, assertRejects } from "@std/assert";
import { executablesIn, prune } from "@lib/engine/xla/executables.ts";
import { pjrtClient, PjrtError } from "@lib/engine/xla/pjrt.ts";
import { cpuPlugin, onPlugin } from "../../support/plugin.ts";

const ADD = (times: number) =>
  `func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = stablehlo.constant dense<${times}.0> : tensor<2xf32>
  %1 = stablehlo.multiply %x, %0 : tensor<2xf32>
  return %1 : tensor<2xf32>
}`;

onPlugin("what is compiled once is read the next time, and what is damaged is compiled again", async () => {
  const folder = await Deno.makeTempDir(), client = pjrtClient(cpuPlugin, { cpu_device_count: 1 });
  const run = async (all: ReturnType<typeof executablesIn>, module: string) => {
    const executable = await all.get(module, {});
    const x = client.put("f32", [1 + 1], new Uint8Array(Float32Array.of(1, 2).buffer)), [y] = executable.runSync([x]);
    const values = [...new Float32Array(y.readSync().buffer)];
    [x, y, executable].forEach((each) => each.free());
    return values;
  };
  const first = executablesIn(`${folder}/kept`, client);
  assertEquals([await run(first, ADD(2)), await run(first, ADD(3))], [[2, 4], [3, 6]]);
  assertEquals(first.compiled, 2);
  const second = executablesIn(`${folder}/kept`, client);
  assertEquals([await run(second, ADD(3)), await run(second, ADD(2))], [[3, 6], [2, 4]]);
  assertEquals(second.compiled, 0);
  const files = [...Deno.readDirSync(`${folder}/kept`)].map(({ name }) => `${folder}/kept/${name}`);
  assertEquals(files.length, 2);
  for (const file of files) await Deno.writeTextFile(file, "damaged");
  assertEquals([await run(second, ADD(2)), second.compiled], [[2, 4], 1]);
  // other flags are another executable, and no folder is no error
  second.getSync(ADD(3), { flags: { xla_backend_optimization_level: 0 } }).free();
  assertEquals([...Deno.readDirSync(`${folder}/kept`)].length, 3);
  const none = executablesIn(undefined, client);
  assertEquals([await run(none, ADD(2)), await run(none, ADD(2)), none.compiled], [[2, 4], [2, 4], 2]);
  const unwritable = executablesIn("/proc/nothing", client);
  assertEquals([await run(unwritable, ADD(2)), unwritable.compiled], [[2, 4], 1]);
  await assertRejects(() => none.get("nonsense", {}), PjrtError);
  client.free();
  await Deno.remove(folder, { recursive: true });
});

onPlugin("processes that start together compile a module once", async () => {
  const folder = await Deno.makeTempDir(), client = pjrtClient(cpuPlugin, { cpu_device_count: 1 });
  const all = Array.from({ length: 4 }, () => executablesIn(folder, client));
  const made = await Promise.all(all.map((executables) => executables.get(ADD(5), {})));
  assertEquals(all.reduce((sum, { compiled }) => sum + compiled, 0), 1);
  assertEquals([...Deno.readDirSync(folder)].length, 1); // the turns' files are gone
  const other = executablesIn(folder, client, "another build");
  made.push(await other.get(ADD(5), {}));
  assertEquals(other.compiled, 1);
  made.forEach((executable) => executable.free());
  client.free();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the files that were used least recently go first", async () => {
  const folder = await Deno.makeTempDir();
  for (const [i, name] of ["b", "c", "a"].entries()) {
    await Deno.writeFile(`${folder}/${name}`, new Uint8Array(10));
    await Deno.utime(`${folder}/${name}`, 1000 + i, 1000 + i);
  }
  const left = () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort().join("");
  prune(folder, 30);
  assertEquals(left(), "abc");
  prune(folder, 25);
  assertEquals(left(), "ac");
  prune(folder, 5);
  assert(left() === "");
  await Deno.remove(folder, { recursive: true });
});
