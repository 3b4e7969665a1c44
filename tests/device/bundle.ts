/**
 * Makes a folder that checks and measures an engine on a machine that cannot fetch anything: Deno, our code, its
 * packages, songs, and golden losses of libtensorflow. There `python3 FOLDER/device.py` runs it.
 *
 * `deno run -A tests/device/bundle.ts FOLDER [--store STORE] [--no-deno]`: FOLDER keeps what it has of Deno, songs and golden
 * losses, so that a second call takes seconds. STORE is a store of bars that models are trained on there.
 * @module
 */
import { parseArgs } from "node:util";
import { goldenOf } from "./cases.ts";
import { projectRoot } from "@lib/base/project.ts";
import { recipe } from "@lib/recipe/recipe.ts";
import { buildCorpus } from "@lib/corpus/build.ts";
import { exists, temporaryFolder, writeFile } from "@lib/base/files.ts";

/** Packages that have no part in what runs there: native code, and another engine. */
const leftOut: Record<string, string> = {
  "@resvg/resvg-js": "export class Resvg { constructor() { throw new Error('There are no pictures here.'); } }\n",
  "@tensorflow/tfjs-backend-webgpu": "export const webgpu_util = undefined;\n",
};

/** What is imported from a package: its names, and whether its default. */
type Wanted = { names: boolean; byDefault: boolean };

/** The packages that lib imports at run time, and how. */
export function packagesOf(texts: readonly string[]): Map<string, Wanted> {
  const found = new Map<string, Wanted>();
  for (const text of texts) {
    for (const [, what = "", name] of text.matchAll(/^import\s+(?:([^"]*?)\s+from\s+)?"([^"]+)";/gm)) {
      if (/^(\.|node:|@lib\/|@std\/)/.test(name) || /^type\s/.test(what)) continue;
      const { names, byDefault } = found.get(name) ?? { names: false, byDefault: false };
      const isDefault = /^\w/.test(what);
      found.set(name, { names: names || !isDefault, byDefault: byDefault || isDefault });
    }
  }
  return found;
}

/** The text files below a folder with one of these ends, by their paths from the project's root. */
function filesBelow(folder: string, ends: RegExp): string[] {
  return [...Deno.readDirSync(`${projectRoot}/${folder}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`, ends) : ends.test(name) ? [`${folder}/${name}`] : []
  ).sort();
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, env, stdout: "null", stderr: "piped" }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr).slice(-2000)}`);
}

/** TensorFlow.js' node back end is a function that calls its base class, which the bundler takes from ES2017's build. */
function mendKernels(folder: string): void {
  const called = /([\w$]+)\.call\(this\)\|\|this/g;
  const mended = [...Deno.readDirSync(folder)].filter(({ name }) => {
    const text = Deno.readTextFileSync(`${folder}/${name}`);
    if (!text.includes("NodeJSKernelBackend") || text.match(called)?.length !== 1) return false;
    Deno.writeTextFileSync(`${folder}/${name}`, text.replace(called, "Reflect.construct($1,[],new.target)"));
    return true;
  });
  if (mended.length !== 1) throw new Error(`Expected one module of the node back end, found ${mended.length}.`);
}

/** Each package as one module in `folder`, what they share in chunks beside them; returns an import map's entries. */
async function bundlePackages(folder: string, wanted: Map<string, Wanted>): Promise<Record<string, string>> {
  const sources = await temporaryFolder(), imports: Record<string, string> = {}, entries: string[] = [];
  const known = JSON.parse(Deno.readTextFileSync(`${projectRoot}/deno.json`)).imports as Record<string, string>;
  try {
    await Deno.mkdir(folder, { recursive: true });
    for (const [name, { names, byDefault }] of wanted) {
      const file = name.replace(/^@/, "").replace(/\.js$/, "").replaceAll("/", "_");
      imports[name] = `./npm/${file}.js`;
      if (leftOut[name] !== undefined) {
        await Deno.writeTextFile(`${folder}/${file}.js`, leftOut[name]);
        continue;
      }
      const prefix = Object.keys(known).find((key) => key.endsWith("/") && name.startsWith(key)) ?? name;
      const specifier = JSON.stringify(known[prefix].replace(/^npm:\//, "npm:") + name.slice(prefix.length));
      const lines = [names && `export * from ${specifier};`, byDefault && `export { default } from ${specifier};`];
      await Deno.writeTextFile(`${sources}/${file}.ts`, lines.filter(Boolean).join("\n"));
      entries.push(`${sources}/${file}.ts`);
    }
    const options = ["--no-config", "--no-lock", "--quiet", "--code-splitting", "--minify", `--outdir=${folder}`];
    await run(Deno.execPath(), ["bundle", ...options, ...entries]);
    mendKernels(folder);
    return imports;
  } finally {
    await Deno.remove(sources, { recursive: true });
  }
}

/** A tar of a folder, compressed by xz. */
const packed = (folder: string, file: string, level: string): Promise<void> =>
  run("bash", [
    "-c",
    'set -o pipefail; tar -C "$1" -cf - . | xz -c "$3" > "$2.tmp" && mv "$2.tmp" "$2"',
    "-",
    folder,
    file,
    level,
  ]);

/** Deno's own program, compressed; 29 MB. */
async function packDeno(file: string): Promise<void> {
  if (exists(file)) return;
  const script = 'xz -c --x86 --lzma2=preset=9e "$1" > "$2.tmp" && mv "$2.tmp" "$2"';
  await run("bash", ["-c", script, "-", Deno.execPath(), file]);
}

/** The code, its packages, the embedded songs as a store and the golden losses, in one archive. */
async function packCode(folder: string): Promise<void> {
  const made = await temporaryFolder();
  try {
    const files = [
      ...filesBelow("lib", /\.(ts|py|json)$/),
      ...filesBelow("tests/device", /\.ts$/),
      "tests/support/operations.ts",
    ];
    for (const path of files) {
      await Deno.mkdir(`${made}/${path.replace(/[^/]*$/, "")}`, { recursive: true });
      await Deno.copyFile(`${projectRoot}/${path}`, `${made}/${path}`);
    }
    const texts = files.filter((path) => path.endsWith(".ts")).map((path) => Deno.readTextFileSync(`${made}/${path}`));
    const imports = await bundlePackages(`${made}/npm`, packagesOf(texts));
    await writeFile(`${made}/deno.json`, JSON.stringify({ imports: { ...imports, "@lib/": "./lib/" }, lock: false }));
    const songs = `${made}/data/corpora/freedoom`;
    await buildCorpus(`${projectRoot}/data/freedoom`, songs, recipe("sound", "demo"), { workers: 0 });
    await writeFile(`${made}/golden.json`, await goldenOf(songs, `${folder}/golden.json`));
    await packed(made, `${folder}/code.tar.xz`, "-9e");
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

if (import.meta.main) {
  const { positionals: [folder], values } = parseArgs({
    allowPositionals: true,
    args: Deno.args,
    options: { store: { type: "string" }, "no-deno": { type: "boolean", default: false } },
  });
  if (folder === undefined) throw new Error("Expected a folder, found none: bundle.ts FOLDER [--store STORE].");
  await Deno.mkdir(folder, { recursive: true });
  await packCode(folder);
  if (!values["no-deno"]) await packDeno(`${folder}/deno.xz`);
  const songsFile = `${folder}/songs.tar.xz`;
  if (values.store !== undefined && !exists(songsFile)) await packed(values.store, songsFile, "-6");
  for (const name of ["device.py", "torch_step.py"]) {
    await Deno.copyFile(`${projectRoot}/tests/device/${name}`, `${folder}/${name}`);
  }
  let total = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    const { size } = Deno.statSync(`${folder}/${name}`);
    total += size;
    console.log(`${(size / 2 ** 20).toFixed(1).padStart(6)} MiB  ${name}`);
  }
  console.log(`${(total / 2 ** 20).toFixed(1).padStart(6)} MiB  together`);
}
