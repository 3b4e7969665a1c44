/**
 * What a fresh machine lacks, in `.venv/`: a virtual environment with the smallest Jupyter, libtensorflow out of its
 * pinned wheel, XLA's plug-in for a GPU, the Deno kernel for this project alone, and npm packages in Deno's cache. Each
 * part is stamped last, so that the next set-up repairs one that was cut off. Ray comes on request, into `.venv-ray/`.
 * @module
 */
import { statfs } from "node:fs/promises";
import { exists, explained, removeIfThere, writeFileSync, writeFolder } from "../base/files.ts";
import { withLock } from "../base/lock.ts";
import { projectRoot } from "../base/project.ts";
import { execute, findPython, pipVariables, SetupError } from "../base/python.ts";
import { engineChoice } from "../engine/choice.ts";
import { findLibrary, nvidiaDriver } from "../engine/library.ts";
import { chosenEngine } from "../engine/loading.ts";
import { findPlugin, type PluginName, pluginPath } from "../engine/xla/plugin.ts";
import { readArguments } from "./arguments.ts";
import { jupyterPackages, needsLibrary, pluginPlan, pluginWheels, rayPackage, type Wheel, wheelFor } from "./wheels.ts";

/**
 * Choices of {@link ensureSetup}; `quiet` says nothing unless something has to be done, `searchPath` is as `PATH`, `xla`
 * wants XLA's plug-in for the CPU, too.
 */
type SetupOptions = { root?: string; quiet?: boolean; searchPath?: string; xla?: boolean; say?: Say };
type Say = (line: string) => void;

/** The stamp beside the libraries: what they came from and how large they must be. */
type Stamp = Pick<Wheel, "package" | "version" | "sha256"> & { files: Record<string, number> };

function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path)) as T;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const writeJson = (path: string, value: unknown): void => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

/** Whether `folder` holds the libraries of `wheel`, whole: stamp and sizes agree. */
export function librariesReady(folder: string, wheel: Wheel): boolean {
  const stamp = readJson<Stamp>(`${folder}/stamp.json`);
  if (stamp?.sha256 !== wheel.sha256) return false;
  return Object.entries(stamp.files).every(([name, size]) =>
    exists(`${folder}/${name}`) && Deno.statSync(`${folder}/${name}`).size === size
  );
}

/** Bytes of all files below a folder. */
function folderSize(folder: string): number {
  let bytes = 0;
  for (const entry of exists(folder) ? Deno.readDirSync(folder) : []) {
    const path = `${folder}/${entry.name}`;
    try {
      bytes += entry.isDirectory ? folderSize(path) : Deno.lstatSync(path).size;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // pip removes its temporary files as we look
    }
  }
  return bytes;
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** Runs `work`, says how far the folder it fills has grown every five seconds, and how long it took. */
async function timed<T>(what: string, say: Say, work: () => Promise<T>, filling?: { folder: string; bytes: number }) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(0)} s`;
  say(`setup: ${what} …`);
  const timer = setInterval(() => {
    if (!filling) return;
    const { folder, bytes } = filling, there = Math.min(bytes, folderSize(folder));
    say(`setup: ${what}: ${megabytes(there)} of ${megabytes(bytes)}, ${seconds()}`);
  }, 5000);
  try {
    const result = await work();
    say(`setup: ${what}: done in ${seconds()}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

/** Runs pip in the virtual environment; of its settings it sees only those that say where packages come from. */
async function pip(venv: string, args: string[], variables: Record<string, string> = {}): Promise<string> {
  const python = `${venv}/bin/python`, [verb, ...more] = args;
  const settings = await execute(python, ["-m", "pip", "config", "list"]).then(pipVariables, () => pipVariables(""));
  return await execute(python, ["-m", "pip", verb, "--quiet", "--no-input", ...more], { ...settings, ...variables });
}

/**
 * A virtual environment: its folder, the packages in it and their modules; the file that is stamped last; bytes of the
 * disk that making it needs, `what` for; and how that is told and measured.
 */
type Environment = Record<"venv" | "stamp" | "what" | "label", string> & {
  packages: readonly string[];
  modules: readonly string[];
  room: number;
  pip?: readonly string[];
  fills?: number;
};

/** The environment of Jupyter, and of what else needs Python. */
const jupyterIn = (venv: string): Environment => ({
  ...{ venv, packages: jupyterPackages, modules: jupyterPackages.map((requirement) => requirement.split("==")[0]) },
  ...{ stamp: `${venv}/jupyter.json`, room: 120e6, what: "a virtual environment" },
  label: `virtual environment with ${jupyterPackages.join(", ")} (65 MB)`,
});

/** Whether an environment is stamped, its Python runs, and it has the packages in its own folder. */
async function environmentReady({ venv, packages, modules, stamp }: Environment): Promise<boolean> {
  if (String(readJson(stamp)) !== packages.join()) return false;
  const found = `import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, ${JSON.stringify(modules)})))`;
  return await execute(`${venv}/bin/python`, ["-c", found]).then(() => true, () => false);
}

/** Refuses to begin what the disk has no room for. */
async function needRoom(folder: string, bytes: number, what: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder), free = bavail * bsize;
  if (free >= bytes) return;
  throw new SetupError(
    `Setup: expected ${megabytes(bytes)} free for ${what} in ${folder}, found ${megabytes(free)}. Make room, then ` +
      "run the same command again.",
  );
}

/** Makes an environment anew, apart from what else is in its folder. */
async function makeEnvironment(environment: Environment, searchPath: string, say: Say): Promise<void> {
  const { venv, packages, modules, stamp, room, what, label, pip: options = [], fills } = environment;
  const python = await findPython(searchPath);
  await needRoom(venv, room, what);
  for (const part of ["bin", "lib", "lib64", "include", "pyvenv.cfg"]) await removeIfThere(`${venv}/${part}`);
  await removeIfThere(stamp);
  await timed(label, say, async () => {
    await execute(python, ["-m", "venv", venv]);
    await pip(venv, ["install", ...options, ...packages]);
    await execute(`${venv}/bin/python`, ["-c", `import ${modules.join(", ")}`]);
  }, fills === undefined ? undefined : { folder: venv, bytes: fills });
  writeJson(stamp, packages);
}

const unzip = `
import json, os, re, shutil, sys, zipfile
sizes = {}
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if re.fullmatch(r"tensorflow/libtensorflow_(cc|framework)[.0-9]*(so|dylib)[.0-9]*", name):
            target = os.path.join(sys.argv[2], name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with wheel.open(name) as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            sizes[name] = os.path.getsize(target)
print(json.dumps(sizes))
`;

/** Runs pip on pinned requirements, each with its hash; its temporary files go below `partial`. */
function pipHashed(venv: string, partial: string, verb: string[], requirements: string): Promise<string> {
  Deno.writeTextFileSync(`${partial}/requirements.txt`, requirements);
  const only = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--requirement"];
  return pip(venv, [...verb, ...only, `${partial}/requirements.txt`], { TMPDIR: `${partial}/temporary` });
}

async function makeLibraries(venv: string, wheel: Wheel, say: Say): Promise<void> {
  const { package: name, version, sha256, bytes, unpackedBytes } = wheel;
  const partial = `${venv}/partial`, temporary = `${partial}/temporary`;
  await removeIfThere(partial);
  await Deno.mkdir(temporary, { recursive: true });
  await needRoom(venv, bytes + unpackedBytes, "libtensorflow");
  await timed(`download of ${name} ${version} (${megabytes(bytes)})`, say, () => {
    const tags = ["--python-version", "3.12", "--implementation", "cp", "--abi", "cp312", "--platform", wheel.platform];
    const requirement = `${name}==${version} --hash=sha256:${sha256}\n`;
    return pipHashed(venv, partial, ["download", "--dest", `${partial}/wheel`, ...tags], requirement);
  }, { folder: temporary, bytes });
  const [file] = [...Deno.readDirSync(`${partial}/wheel`)];
  await writeFolder(`${venv}/libtensorflow`, async (made) => {
    const files = await timed(`libtensorflow out of it (${megabytes(unpackedBytes)})`, say, async () => {
      const args = ["-c", unzip, `${partial}/wheel/${file.name}`, made];
      return JSON.parse(await execute(`${venv}/bin/python`, args)) as Record<string, number>;
    });
    if (Object.keys(files).length !== 2) {
      throw new SetupError(`Setup: expected two libraries in ${file.name}, found: ${Object.keys(files).join(", ")}.`);
    }
    await removeIfThere(`${partial}/wheel`);
    writeJson(`${made}/stamp.json`, { package: name, version, sha256, files } satisfies Stamp);
  });
  await removeIfThere(partial);
}

/** What a plug-in's folder holds: its wheels' hashes, and how large its library is. */
type PluginStamp = { wheels: string[]; library: number };

const hashes = (name: PluginName): string[] => pluginWheels[name].map(({ sha256 }) => sha256);

/** Whether `folder` holds a plug-in of XLA, whole: its stamp has the pinned wheels, and its library its size. */
export function pluginReady(folder: string, name: PluginName): boolean {
  const stamp = readJson<PluginStamp>(`${folder}/${name}/stamp.json`), library = pluginPath(name, folder);
  return stamp?.wheels?.join() === hashes(name).join() && exists(library) &&
    Deno.statSync(library).size === stamp.library;
}

async function makePlugin(venv: string, name: PluginName, say: Say): Promise<void> {
  const wheels = pluginWheels[name], folder = `${venv}/xla`, partial = `${venv}/partial`;
  const bytes = wheels.reduce((sum, { bytes }) => sum + bytes, 0);
  if (name !== "cpu") {
    say(
      "setup: NVIDIA's libraries come under its licences, which who fetches them accepts: " +
        "https://docs.nvidia.com/cuda/eula/ and https://docs.nvidia.com/deeplearning/cudnn/latest/reference/eula.html",
    );
  }
  await removeIfThere(partial);
  await Deno.mkdir(`${partial}/temporary`, { recursive: true });
  await Deno.mkdir(folder, { recursive: true });
  await needRoom(venv, 3 * bytes, "XLA's plug-in"); // packed and unpacked
  await writeFolder(`${folder}/${name}`, async (made) => {
    await timed(`XLA's plug-in for ${name} (${megabytes(bytes)})`, say, () => {
      const requirements = wheels.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`).join("");
      return pipHashed(venv, partial, ["install", "--target", made], requirements);
    }, { folder: partial, bytes });
    const library = pluginPath(name, "").replace(`/${name}/`, `${made}/`);
    writeJson(
      `${made}/stamp.json`,
      { wheels: hashes(name), library: Deno.statSync(library).size } satisfies PluginStamp,
    );
  });
  await removeIfThere(partial);
}

/** The Deno that the project is made and tested with. */
export const testedDeno = "2.9.6";

/** A warning where another minor version of Deno runs, or undefined. */
export function denoWarning(version: string): string | undefined {
  const minor = (of: string) => of.split(".").slice(0, 2).join(".");
  if (minor(version) === minor(testedDeno)) return undefined;
  return `setup: expected Deno ${testedDeno}, found ${version}; it may work, but results were not made with it. ` +
    `To use the expected one, write npx -y deno@${testedDeno} instead of deno.`;
}

/** Registers the Deno that runs now as this project's kernel, unless it already is. */
async function makeKernel(venv: string): Promise<void> {
  const path = `${venv}/share/jupyter/kernels/deno/kernel.json`;
  const start = [`${venv}/bin/python`, "-E", `${projectRoot}/lib/report/kernel.py`, Deno.execPath()];
  const spec = readJson<{ argv: string[] }>(path);
  if (start.every((part, i) => spec?.argv?.[i] === part)) return;
  await execute(Deno.execPath(), ["jupyter", "--install", "--force"], { XDG_DATA_HOME: `${venv}/share` });
  const made = readJson<{ argv: string[] }>(path);
  if (!made) throw new SetupError(`Setup: expected the Deno kernel's spec at ${path}, found none after installing it.`);
  writeJson(path, { ...made, argv: [...start, ...made.argv.slice(1)] });
}

/**
 * Sets up what is missing in the project's `.venv/`, and nothing else, and returns its Python; throws a
 * {@link SetupError} saying what to do if Python, its venv module, the disk, the network or the platform falls short.
 */
export async function ensureSetup(options: SetupOptions = {}): Promise<{ python: string }> {
  const { root = projectRoot, quiet, searchPath = Deno.env.get("PATH") ?? "", say = console.error, xla } = options;
  const warning = denoWarning(Deno.version.deno), venv = `${root}/.venv`;
  if (warning) say(warning);
  try {
    await Deno.mkdir(venv, { recursive: true });
    await withLock(`${venv}/setup.lock`, () => setUp(venv, searchPath, xla === true, say), {
      say: (line) => say(`setup: ${line}`),
    });
  } catch (error) {
    throw explained(venv, error);
  }
  if (!quiet) say(`setup: ready in ${venv}`);
  return { python: `${venv}/bin/python` };
}

/** Whether the library of the chosen engine is there. */
function hasEngine(): boolean {
  const engine = chosenEngine();
  if (engine === "XLA") return findPlugin(nvidiaDriver() !== undefined) !== undefined;
  try {
    return engine === "libtensorflow" && findLibrary() !== undefined;
  } catch {
    return false; // the set-up brings it, or says why it cannot
  }
}

/** {@link ensureSetup} only if the engine's library is missing: what needs no Jupyter runs on a machine without network. */
export async function ensureEngine(): Promise<void> {
  if (!hasEngine()) await ensureSetup({ quiet: true });
}

async function setUp(venv: string, searchPath: string, asked: boolean, say: Say): Promise<void> {
  const libraries = `${venv}/libtensorflow`, { os, arch } = Deno.build, choice = engineChoice(Deno.env.get("ENGINE"));
  let fresh = false;
  const packages = execute(Deno.execPath(), ["install", "--quiet", "--config", `${projectRoot}/deno.json`]);
  packages.catch(() => {}); // awaited below; until then a failure must not end the process
  const jupyter = jupyterIn(venv);
  if (!await environmentReady(jupyter)) await makeEnvironment(jupyter, searchPath, say);
  if (Deno.env.get("LIBTENSORFLOW_DIR") === undefined && needsLibrary(choice)) {
    const wheel = wheelFor(os, arch);
    fresh = !librariesReady(libraries, wheel);
    if (fresh) await makeLibraries(venv, wheel, say);
  }
  if (!Deno.env.get("PJRT_PLUGIN")) {
    const { names, why } = pluginPlan({ os, arch, driver: nvidiaDriver(), choice, asked });
    const missing = names.filter((name) => !pluginReady(`${venv}/xla`, name));
    if (why !== undefined && (fresh || asked)) say(`setup: no GPU is used: ${why}`);
    for (const name of missing) await makePlugin(venv, name, say);
  }
  const waiting = setTimeout(() => say("setup: npm packages into Deno's cache (370 MB) …"), 1000);
  await packages.finally(() => clearTimeout(waiting));
  await makeKernel(venv);
}

/**
 * Sets up Ray, if it is missing, in an environment of its own, `.venv-ray/`, and returns its Python; throws a
 * {@link SetupError} saying what to do as {@link ensureSetup} does.
 */
export async function ensureRay(
  { root = projectRoot, searchPath = Deno.env.get("PATH") ?? "", say = console.error }: SetupOptions = {},
): Promise<{ python: string }> {
  const venv = `${root}/.venv-ray`;
  const environment: Environment = {
    ...{ venv, packages: [rayPackage], modules: ["ray"], stamp: `${venv}/ray.json`, room: 450e6, what: "Ray" },
    label: `${rayPackage} in ${venv} (95 MB to fetch, 290 MB on the disk)`,
    ...{ pip: ["--only-binary=:all:"], fills: 290e6 },
  };
  try {
    await Deno.mkdir(venv, { recursive: true });
    await withLock(`${venv}/setup.lock`, async () => {
      if (!await environmentReady(environment)) await makeEnvironment(environment, searchPath, say);
    }, { say: (line) => say(`setup: ${line}`) });
  } catch (error) {
    throw explained(venv, error);
  }
  return { python: `${venv}/bin/python` };
}

/** `deno task setup`; returns the exit code. */
export async function setupCommand(args: string[]): Promise<number> {
  const { values } = readArguments("setup", args);
  await ensureSetup({ xla: values.engine === "xla" });
  if (values.on === "ray") console.error(`setup: Ray is ready, ${(await ensureRay()).python}`);
  return 0;
}
