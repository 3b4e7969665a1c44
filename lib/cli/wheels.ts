/**
 * The packages that the set-up takes from pip's index, pinned: by version, and the native ones by hash. One wheel serves
 * a platform whatever its Python, since the two libraries inside are the same for all.
 * @module
 */
import { SetupError } from "../base/python.ts";
import type { EngineChoice } from "../engine/choice.ts";
import type { PluginName } from "../engine/xla/plugin.ts";

/**
 * A pinned wheel that holds libtensorflow: its name on the index, the platform tag by which pip finds it, its size and
 * that of the two libraries in it.
 */
export type Wheel = ReturnType<typeof pinned> & { sha256: string };

const version = "2.21.0";
const pinned = (name: string, platform: string, megabytes: number, unpacked: number) => ({
  ...{ package: name, version, platform, bytes: megabytes * 1e6, unpackedBytes: unpacked * 1e6 },
});

const wheels: Record<string, Wheel> = {
  "linux x86_64": {
    ...pinned("tensorflow-cpu", "manylinux_2_27_x86_64", 274, 853),
    sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
  },
  "linux aarch64": {
    ...pinned("tensorflow", "manylinux_2_27_aarch64", 280, 900),
    sha256: "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
  },
  "darwin aarch64": {
    ...pinned("tensorflow", "macosx_12_0_arm64", 240, 800),
    sha256: "56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712",
  },
};

/** A wheel of a plug-in of XLA, or of NVIDIA's libraries that it opens: as pip writes it, of linux x86_64. */
const native = (requirement: string, megabytes: number, sha256: string) =>
  ({ requirement, sha256, bytes: megabytes * 1e6 }) as const;

/**
 * The plug-ins of XLA, with NVIDIA's libraries that `jax-cuda13-plugin[with-cuda]` and its sister for CUDA 12 name. The
 * plug-in for the CPU is JAX's, too, under Apache-2.0, as others have built it.
 */
export const pluginWheels: Record<PluginName, readonly ReturnType<typeof native>[]> = {
  cpu: [
    native("lammps-jax-pjrt-cpu==0.11.2", 63, "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1"),
  ],
  cuda13: [
    native("jax-cuda13-pjrt==0.11.2", 134, "e5ff589d43064913bb74027682d89639c7ea48f9f81c2bae6fc75117e913f93e"),
    native("nvidia-cublas==13.10.0.20", 444, "dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84"),
    native("nvidia-cuda-cupti==13.5.25", 13, "9dcca41c12a734192b14e7128ae116bc9ce1b9da686e2ebf48ae7a4415f76650"),
    native("nvidia-cuda-nvcc==13.5.37", 47, "f5c4f7ead5d964fb4af42bbf1e6d3ec3c1e6e9d83b53749f691d387e7fcaa3a7"),
    native("nvidia-cuda-runtime==13.5.37", 2, "df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d"),
    native("nvidia-cudnn-cu13==9.28.1.4", 517, "a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec"),
    native("nvidia-cufft==12.5.0.14", 165, "b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad"),
    native("nvidia-cusolver==12.4.1.2", 260, "b3b8e02fd2f2df869369af075dc3a179d43f6f7b85e94632a7dce556697be044"),
    native("nvidia-cusparse==12.9.4.2", 230, "072667e58c851a318738f5527a12eb225cbf058803f2ea451c722d8cf8edddec"),
    native("nvidia-nccl-cu13==2.32.3", 305, "1459723080ac889d73a26edfa3e04383a7928ab31ac8f0ec43b3ea9548b04ff3"),
    native("nvidia-nvjitlink==13.5.37", 47, "280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb"),
    native("nvidia-cuda-nvrtc==13.5.37", 58, "86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc"),
    native("nvidia-nvshmem-cu13==3.8.0", 182, "81a4d1f666543e6d34df6d2ff940c7da1435e34e186aab6f3c2b48861b64ef38"),
    native("nvidia-nvvm==13.5.37", 75, "c41bfa362e407405163f103c2229f0765f8cc2ed7d148b754dc77f228bf7e070"),
  ],
  cuda12: [
    native("jax-cuda12-pjrt==0.11.2", 188, "2133b3afc63307c016ae4980f166b2b3de199759363ead74f7d550eaae953463"),
    native("nvidia-cublas-cu12==12.9.3.13", 581, "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72"),
    native("nvidia-cuda-cupti-cu12==12.9.79", 11, "096bcf334f13e1984ba36685ad4c1d6347db214de03dbb6eebb237b41d9d934f"),
    native("nvidia-cuda-nvcc-cu12==12.9.86", 40, "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0"),
    native("nvidia-cuda-runtime-cu12==12.9.79", 4, "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3"),
    native("nvidia-cudnn-cu12==9.28.0.42", 716, "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375"),
    native("nvidia-cufft-cu12==11.4.1.4", 201, "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28"),
    native("nvidia-cusolver-cu12==11.7.5.82", 338, "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88"),
    native("nvidia-cusparse-cu12==12.5.10.65", 366, "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78"),
    native("nvidia-nccl-cu12==2.32.3", 352, "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c"),
    native("nvidia-nvjitlink-cu12==12.9.86", 40, "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9"),
    native("nvidia-cuda-nvrtc-cu12==12.9.86", 90, "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4"),
    native("nvidia-nvshmem-cu12==3.8.0", 281, "b2e5760d6158aefe7bb74348d5128bb1b46a7dd1fd4b7b1e6fe55b4b07888f70"),
  ],
};

/** The oldest major version of NVIDIA's driver that runs each CUDA (NVIDIA's table of CUDA and driver versions). */
const drivers = { cuda13: 580, cuda12: 525 };

/** What a machine is, and what was asked for: `asked` is whether the user named XLA. */
type Machine = { os: string; arch: string; driver: string | undefined; choice: EngineChoice; asked: boolean };

/**
 * The plug-ins that a machine needs: for its GPU, if its driver serves and `ENGINE` leaves it in use; and for the CPU, if
 * the user asked for XLA. `why` says why a GPU has none. Throws a {@link SetupError} if one is asked for where there is
 * none.
 */
export function pluginPlan({ os, arch, driver, choice, asked }: Machine): { names: PluginName[]; why?: string } {
  const wanted = asked || choice === "xla", gpu = driver !== undefined && (wanted || choice === "auto");
  if (os !== "linux" || arch !== "x86_64") {
    const why = `XLA's plug-ins are for Linux on x86-64, this is ${os} ${arch}; PJRT_PLUGIN takes one of your own`;
    if (wanted) throw new SetupError(`Setup: ${why}.`);
    return { names: [], ...gpu ? { why } : {} };
  }
  const names: PluginName[] = wanted ? ["cpu"] : [];
  if (!gpu) return { names };
  const version = driver === "unknown" ? Infinity : parseInt(driver);
  const name = (["cuda13", "cuda12"] as const).find((name) => version >= drivers[name]);
  if (name) return { names: [name, ...names] };
  return {
    names,
    why: `NVIDIA's driver is ${driver}, CUDA 12 needs ${drivers.cuda12} or newer; update it and run setup again`,
  };
}

/** Whether an engine needs libtensorflow: WebGPU does without, and XLA where it was named. */
export const needsLibrary = (choice: EngineChoice): boolean => choice !== "webgpu" && choice !== "xla";

/** What executes and exports notebooks. */
export const jupyterPackages = ["nbclient==0.11.0", "nbconvert==7.17.2"];

/** What runs a study's jobs on many machines; `.venv-ray` has it, apart from what else needs Python. */
export const rayPackage = "ray==2.60.0";

/** The wheel for a platform; throws a {@link SetupError} with the platforms that have one where it has none. */
export function wheelFor(os: string, arch: string): Wheel {
  const wheel = wheels[`${os} ${arch}`];
  if (wheel) return wheel;
  const known = Object.keys(wheels).join(", ");
  throw new SetupError(
    `Setup: expected one of the platforms ${known}, found ${os} ${arch}: TensorFlow ${version} has no wheel for it. ` +
      "On Windows use WSL2; elsewhere build libtensorflow and name its folder in LIBTENSORFLOW_DIR.",
  );
}
