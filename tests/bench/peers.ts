/**
 * Python environments of the programs that ours is measured beside; made by the benches alone, below `.venv-bench/`.
 * @module
 */
import { exists } from "@lib/base/files.ts";
import { execute, findPython } from "@lib/base/python.ts";
import { projectRoot } from "@lib/base/project.ts";

/** What each environment holds, by name: how to tell that it is whole, and what is installed in which order. */
const environments = {
  /** PyTorch and Hugging Face's encoders, 5.9 GB. */
  torch: { imports: "torch, transformers, safetensors", installs: [["torch==2.15.0", "transformers==5.23.0"]] },
  /** scikit-learn. */
  sklearn: { imports: "sklearn", installs: [["scikit-learn==1.9.1"]] },
  /** Readers of Parquet. */
  parquet: { imports: "pyarrow, datasets", installs: [["pyarrow", "datasets"]] },
  /** Readers of MIDI; pretty_midi 0.2.9, as the authors had it, needs a NumPy of its time. */
  midi: {
    imports: "pretty_midi, miditok, symusic, numpy; numpy.int",
    installs: [
      ["numpy<1.24", "setuptools<81", "wheel", "six", "mido==1.2.10", "miditok>=3.1,<3.2", "symusic"],
      ["--no-build-isolation", "--no-deps", "pretty_midi==0.2.9"],
    ],
  },
} as const;

/** The Python of an environment, made if it is not there or not whole; `PYTHON`, if it is set, is taken instead. */
export async function peerPython(name: keyof typeof environments): Promise<string> {
  const { imports, installs } = environments[name], folder = `${projectRoot}/.venv-bench/${name}`;
  const own = Deno.env.get("PYTHON"), python = own ?? `${folder}/bin/python`;
  const probe = () => execute(python, ["-c", `import ${imports}`]);
  if (own) await probe();
  if (own) return python;
  if (!exists(python)) await execute(await findPython(), ["-m", "venv", folder]);
  await probe().catch(async () => {
    console.error(`bench: installing ${installs.flat().join(" ")} into .venv-bench/${name} …`);
    for (const packages of installs) await execute(python, ["-m", "pip", "install", "--quiet", ...packages]);
    await probe();
  });
  return python;
}
