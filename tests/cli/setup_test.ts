import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SetupError } from "@lib/base/python.ts";
import { denoWarning, ensureRay, ensureSetup, librariesReady, pluginReady, testedDeno } from "@lib/cli/setup.ts";
import { pluginWheels, wheelFor } from "@lib/cli/wheels.ts";
import { pluginPath } from "@lib/engine/xla/plugin.ts";

/**
 * A stand-in for Python: it makes virtual environments of itself, whose pip installs by leaving a file, and fails where
 * a file `offline` lies. It writes down what it sees of Python's and pip's variables.
 */
const standIn = (folder: string) =>
  `#!/bin/sh
env | grep -E '^(PYTHON|PIP_)' >> "${folder}/seen"
here="$(dirname "$0")"
case "$*" in
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo venv >> "${folder}/calls" ;;
  "-m pip config list") echo "install.user='true'"; echo "global.index-url='https://mirror/simple'" ;;
  "-m pip install "*) echo pip >> "${folder}/calls"
    if [ -e "${folder}/offline" ]; then echo "Temporary failure in name resolution" >&2; exit 1; fi
    if [ ! -e "${folder}/broken" ]; then touch "$here/installed"; fi ;;
  *"import venv"*) echo 3.12 ;;
  *import*) [ -e "$here/installed" ] ;;
esac
`;

Deno.test("a set-up that fails says why, and the next one repairs it; settings of Python and pip lead neither astray", async () => {
  const root = await Deno.makeTempDir({ prefix: "Ünï 50%20 #2 " }), venv = `${root}/.venv`;
  await Deno.mkdir(`${root}/bin`);
  await Deno.writeTextFile(`${root}/bin/python3`, standIn(root), { mode: 0o755 });
  const calls = async () => {
    const text = await Deno.readTextFile(`${root}/calls`);
    await Deno.remove(`${root}/calls`);
    return text.trim().split("\n");
  };
  const settings = { LIBTENSORFLOW_DIR: "/none", PYTHONPATH: "/x", PYTHONHOME: "/y", PIP_USER: "1", PIP_TARGET: "/t" };
  const before = Object.keys(settings).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(settings)) Deno.env.set(name, value);
  const setup = () => ensureSetup({ root, searchPath: `${root}/bin`, say: () => {} });
  try {
    await Deno.writeTextFile(`${root}/offline`, "");
    await assertRejects(setup, SetupError, "Temporary failure in name resolution");
    await Deno.rename(`${root}/offline`, `${root}/broken`); // pip says nothing, and installs nothing
    await assertRejects(setup, SetupError, "import nbclient, nbconvert");
    await Deno.remove(`${root}/broken`);
    assertEquals(await calls(), ["venv", "pip", "venv", "pip"]);
    assertEquals(await setup(), { python: `${venv}/bin/python` });
    assertEquals(await calls(), ["venv", "pip"]);
    await setup(); // nothing is done twice
    await Deno.remove(`${venv}/bin/installed`); // a stamped set-up whose packages are gone
    await setup();
    assertEquals(await calls(), ["venv", "pip"]);
    assertEquals((await Deno.stat(`${venv}/share/jupyter/kernels/deno/kernel.json`)).isFile, true);
    const seen = new Set(
      (await Deno.readTextFile(`${root}/seen`)).trim().split("\n").map((line) => line.split("=")[0]),
    );
    for (const name of ["PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET"]) assert(!seen.has(name), name);
    assert(seen.has("PIP_INDEX_URL") && seen.has("PIP_CONFIG_FILE"), "where packages come from is kept");
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("Ray comes into an environment of its own, once; one that was cut off is made again", async () => {
  const root = await Deno.makeTempDir(), said: string[] = [], bin = `${root}/.venv-ray/bin`;
  await Deno.mkdir(`${root}/bin`);
  await Deno.writeTextFile(`${root}/bin/python3`, standIn(root), { mode: 0o755 });
  const calls = async () => (await Deno.readTextFile(`${root}/calls`)).trim().split("\n");
  const setup = () => ensureRay({ root, searchPath: `${root}/bin`, say: (line) => void said.push(line) });
  try {
    await Deno.writeTextFile(`${root}/offline`, "");
    await assertRejects(setup, SetupError, "Temporary failure in name resolution");
    await Deno.remove(`${root}/offline`);
    assertEquals(await setup(), { python: `${bin}/python` });
    await setup();
    assertEquals(await calls(), ["venv", "pip", "venv", "pip"]);
    assertStringIncludes(said[0], "ray==");
    await Deno.remove(`${bin}/installed`);
    await setup();
    assertEquals((await calls()).length, 6);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("libraries cut off half-way, of another version or without a stamp are not ready", () => {
  const wheel = wheelFor("linux", "x86_64");
  const folder = Deno.makeTempDirSync();
  assert(!librariesReady(folder, wheel));
  Deno.writeTextFileSync(`${folder}/libtensorflow_cc.so.2`, "12345");
  const stamp = { package: wheel.package, version: wheel.version, sha256: wheel.sha256 };
  const write = (value: unknown) => Deno.writeTextFileSync(`${folder}/stamp.json`, JSON.stringify(value));
  write({ ...stamp, files: { "libtensorflow_cc.so.2": 5 } });
  assert(librariesReady(folder, wheel));
  assert(!librariesReady(folder, wheelFor("linux", "aarch64")));
  Deno.writeTextFileSync(`${folder}/libtensorflow_cc.so.2`, "123");
  assert(!librariesReady(folder, wheel));
  Deno.writeTextFileSync(`${folder}/stamp.json`, '{"package": "tens');
  assert(!librariesReady(folder, wheel));
});

Deno.test("a plug-in cut off half-way, of other wheels or without a stamp is not ready", () => {
  const folder = Deno.makeTempDirSync(), library = pluginPath("cpu", folder);
  assert(!pluginReady(folder, "cpu"));
  Deno.mkdirSync(library.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.writeTextFileSync(library, "12345");
  assert(!pluginReady(folder, "cpu"));
  const write = (value: unknown) => Deno.writeTextFileSync(`${folder}/cpu/stamp.json`, JSON.stringify(value));
  const wheels = pluginWheels.cpu.map(({ sha256 }) => sha256);
  write({ wheels, library: 5 });
  assert(pluginReady(folder, "cpu") && !pluginReady(folder, "cuda13"));
  write({ wheels: [...wheels, "more"], library: 5 });
  assert(!pluginReady(folder, "cpu"));
  write({ wheels, library: 6 });
  assert(!pluginReady(folder, "cpu"));
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("another Deno is warned of, the tested one and its patches are not", () => {
  assertEquals(denoWarning(testedDeno), undefined);
  assertEquals(denoWarning(testedDeno.replace(/\d+$/, "99")), undefined);
  assertStringIncludes(denoWarning("1.46.3")!, `found 1.46.3`);
  assertStringIncludes(denoWarning("2.10.0")!, `npx -y deno@${testedDeno}`);
  const readme = Deno.readTextFileSync(new URL("../../README.md", import.meta.url));
  assertEquals(new Set([...readme.matchAll(/deno@([\d.]+)/g)].map((match) => match[1])), new Set([testedDeno]));
});
