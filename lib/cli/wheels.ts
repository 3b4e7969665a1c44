/**
 * The packages that the set-up takes from pip's index, pinned: by version, and the native ones by hash. One wheel serves
 * a platform whatever its Python, since the two libraries inside are the same for all.
 * @module
 */
import { SetupError } from "../base/python.ts";
import { wantsCuda } from "../engine/choice.ts";

/**
 * A pinned wheel that holds libtensorflow: its name on the index, the platform tag by which pip finds it, its size and
 * that of the two libraries in it, and whether NVIDIA's belong beside them.
 */
export type Wheel = ReturnType<typeof pinned> & { sha256: string };

const version = "2.21.0";
const pinned = (name: string, platform: string, megabytes: number, unpacked: number) => ({
  ...{ package: name, version, platform, bytes: megabytes * 1e6, unpackedBytes: unpacked * 1e6, cuda: false },
});

const wheels: Record<string, Wheel> = {
  "linux x86_64": {
    ...pinned("tensorflow-cpu", "manylinux_2_27_x86_64", 274, 853),
    sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
  },
  "linux x86_64 cuda": {
    ...pinned("tensorflow", "manylinux_2_27_x86_64", 572, 1800),
    sha256: "b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0",
    cuda: true,
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

/** One of NVIDIA's wheels that the GPU build needs (its extra `and-cuda`): as pip writes it, of linux x86_64. */
const cuda = (requirement: string, megabytes: number, sha256: string) =>
  ({ requirement, sha256, bytes: megabytes * 1e6 }) as const;

/** NVIDIA's libraries: they lie beside the GPU build, where its run path looks. */
export const cudaWheels = [
  cuda("nvidia-cublas-cu12==12.9.3.13", 581, "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72"),
  cuda("nvidia-cuda-cupti-cu12==12.8.90", 10, "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182"),
  cuda("nvidia-cuda-nvcc-cu12==12.9.86", 41, "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0"),
  cuda("nvidia-cuda-nvrtc-cu12==12.9.86", 90, "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4"),
  cuda("nvidia-cuda-runtime-cu12==12.9.79", 4, "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3"),
  cuda("nvidia-cudnn-cu12==9.28.0.42", 650, "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375"),
  cuda("nvidia-cufft-cu12==11.4.1.4", 201, "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28"),
  cuda("nvidia-curand-cu12==10.3.10.19", 68, "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e"),
  cuda("nvidia-cusolver-cu12==11.7.5.82", 338, "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88"),
  cuda("nvidia-cusparse-cu12==12.5.10.65", 367, "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78"),
  cuda("nvidia-nccl-cu12==2.32.3", 300, "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c"),
  cuda("nvidia-nvjitlink-cu12==12.9.86", 40, "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9"),
];

/**
 * What the set-up does about libtensorflow: the `wheel` to fetch, none where WebGPU does without; the wheels whose
 * libraries, where they are there already, do as well; and `why` it has no CUDA, although NVIDIA's driver is there.
 */
type LibraryPlan = { wheel?: Wheel; serves: Wheel[]; why?: string };

/**
 * Which wheel a machine needs. The build with CUDA runs on the CPU too, so that `ENGINE=cpu` keeps one it finds. Throws
 * a {@link SetupError} where TensorFlow has no wheel, unless WebGPU does without.
 */
export function libraryPlan(found: Parameters<typeof wantsCuda>[0]): LibraryPlan {
  const { os, arch, choice } = found;
  if (choice === "webgpu") return { serves: [] };
  const { cuda, why } = wantsCuda(found), wheel = wheelFor(os, arch, cuda);
  return { wheel, serves: choice === "cpu" ? [wheel, wheelFor(os, arch, true)] : [wheel], why };
}

/** What executes and exports notebooks. */
export const jupyterPackages = ["nbclient==0.11.0", "nbconvert==7.17.2"];

/** The wheel for a platform; throws a {@link SetupError} with the platforms that have one where it has none. */
export function wheelFor(os: string, arch: string, nvidia = false): Wheel {
  const wheel = wheels[`${os} ${arch}${nvidia ? " cuda" : ""}`] ?? wheels[`${os} ${arch}`];
  if (wheel) return wheel;
  const known = Object.keys(wheels).filter((name) => !name.endsWith("cuda")).join(", ");
  throw new SetupError(
    `Setup: expected one of the platforms ${known}, found ${os} ${arch}: TensorFlow ${version} has no wheel for it. ` +
      "On Windows use WSL2; elsewhere build libtensorflow and name its folder in LIBTENSORFLOW_DIR.",
  );
}
