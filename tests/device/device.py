"""Checks and measures the engine on a machine with a GPU that cannot fetch anything, stage by stage.

    python3 FOLDER/device.py --out OUT [--stages smoke,equality,speed,study,race] [--seconds 220] [--plugin FILE]

FOLDER was made by bundle.ts. OUT gets results.json, written anew after each measurement, and at the end a table is
printed. A stage that fails or runs out of time leaves its last words in the JSON, and the next one begins. Without
--plugin the CUDA plug-in of this Python's JAX is taken. Needs Python 3.9 and nothing else; PyTorch is measured if it is
there.
"""
import argparse
import concurrent.futures
import glob
import json
import lzma
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BEGUN = time.monotonic()
EXECUTABLES = ".venv/xla/executables"
MODELS = ["BERT", "BERT-aug", "BERT-neighbor", "BERT-dropout"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder for results.json and what is trained")
    parser.add_argument("--work", default="/tmp/music-bert-device", help="folder for the unpacked bundle")
    parser.add_argument("--stages", default="smoke,equality,speed")
    parser.add_argument("--seconds", type=float, default=220, help="for everything together")
    parser.add_argument("--plugin", help="a PJRT plug-in; default: JAX's for CUDA")
    parser.add_argument("--engine", default="xla")
    parser.add_argument("--specs", default="", help="speeds to measure, comma-separated: 'small bfloat16 16384 BERT'")
    parser.add_argument("--seconds-each", type=float, default=2.0, help="for one speed")
    parser.add_argument("--lanes", type=int, default=os.cpu_count() or 2, help="processes that compile at a time")
    parser.add_argument("--torch", default="eager,compiled", help="how PyTorch is measured; '' leaves it out")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--first-share", type=float, default=0.6, help="of the time left, for compiling and equality")
    parser.add_argument("--together", type=int, default=4, help="trainings at a time")
    parser.add_argument("--study", default="small", help="name of the study's run")
    parser.add_argument("--scale", default="small")
    parser.add_argument("--recipe", default="{}", help="changes to the study's recipe, JSON")
    parser.add_argument("--also", default="[]", help="changes to the study's training whose step is timed besides, JSON")
    parser.add_argument("--jobs", default="train", help="waves of the study's jobs: 'train:0;mps;train:1,2;probe-guesses'")
    parser.add_argument("--races", default="", help="waves of changes to small's recipe, by name, to compare: JSON, or its file")
    parser.add_argument("--pack-seconds", type=float, default=25, help="left for packing after trainings")
    parser.add_argument("--keep-executables", action="store_true", help="bring compiled modules back")
    parser.add_argument("--cases", default="", help="equality's cases; default all")
    return parser.parse_args()


class Results:
    """results.json, whole after each change."""

    def __init__(self, path):
        self.path, self.data, self.lock = path, {"machine": {}, "stages": {}}, threading.Lock()

    def save(self):
        with open(self.path + ".tmp", "w") as file:
            json.dump(self.data, file, indent=1)
        os.replace(self.path + ".tmp", self.path)

    def machine(self, **facts):
        with self.lock:
            self.data["machine"].update(facts)
            self.save()

    def add(self, stage, name, **what):
        with self.lock:
            entry = self.data["stages"].setdefault(stage, {}).setdefault(name, {"measures": []})
            if "measure" in what:
                entry["measures"].append(what.pop("measure"))
            entry.update(what)
            self.save()


def quietly(command, **options):
    """What a program prints, or why there is nothing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, **options).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__}: {error}"


def unpack(work):
    """Deno, the code and the songs out of the bundle; returns Deno's path."""
    os.makedirs(work, exist_ok=True)
    deno = f"{work}/deno"

    def program():
        with lzma.open(f"{HERE}/deno.xz") as source, open(deno + ".tmp", "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        os.chmod(deno + ".tmp", 0o755)
        os.replace(deno + ".tmp", deno)

    def archive(name, folder):
        os.makedirs(folder, exist_ok=True)
        with tarfile.open(f"{HERE}/{name}") as tar:
            tar.extractall(folder)

    jobs = [(archive, "code.tar.xz", work)]
    if os.path.exists(f"{HERE}/songs.tar.xz"):
        jobs.append((archive, "songs.tar.xz", f"{work}/data/corpora/songs"))
    jobs += [(archive, os.path.basename(path), f"{work}/{EXECUTABLES}") for path in glob.glob(f"{HERE}/executables-*.tar.gz")]
    if os.path.exists(f"{HERE}/deno.xz"):
        jobs.append((program,))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for future in [pool.submit(*job) for job in jobs]:
            future.result()
    return deno if os.path.exists(deno) else shutil.which("deno")


def cuda_data():
    """A folder with NVIDIA's libdevice, as XLA's flag xla_gpu_cuda_data_dir wants it, and where its tools lie."""
    site = [folder for folder in sys.path if os.path.isdir(f"{folder}/nvidia")]
    roots = [f"{folder}/nvidia/{name}" for folder in site for name in ("cu13", "cuda_nvcc")]
    nvcc = shutil.which("nvcc")
    roots += ["/usr/local/cuda", *([os.path.dirname(os.path.dirname(os.path.realpath(nvcc)))] if nvcc else [])]
    roots += sorted(glob.glob("/usr/local/cuda-*"))
    has = {root: [part for part in ("nvvm/libdevice/libdevice.10.bc", "bin/ptxas", "bin/nvlink", "lib", "lib64")
                  if os.path.exists(f"{root}/{part}")] for root in roots if os.path.isdir(root)}
    whole = [root for root, parts in has.items() if "nvvm/libdevice/libdevice.10.bc" in parts]
    return (whole[0] if whole else None), has


def nvidia_libraries():
    """Folders of NVIDIA's libraries in this Python, for LD_LIBRARY_PATH."""
    return [path for folder in sys.path for path in glob.glob(f"{folder}/nvidia/*/lib") if os.path.isdir(path)]


JAX = """
import json, time
start = time.time()
import jax, jax.numpy as jnp
devices = [str(d.device_kind) for d in jax.devices()]
loaded = time.time() - start
x = jnp.ones((512, 512))
y = jax.jit(lambda x: jnp.exp(x @ x / 1e6).sum())(x).block_until_ready()
print(json.dumps({"jax": jax.__version__, "devices": devices, "loaded": loaded, "together": time.time() - start, "value": float(y)}))
"""


def ask_jax(results):
    """Whether JAX itself computes here, which tells a fault of the machine from one of ours."""
    try:
        done = subprocess.run([sys.executable, "-c", JAX], capture_output=True, text=True, timeout=90,
                              env={**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"})
        lines = done.stdout.strip().split("\n")
        results.machine(jax=json.loads(lines[-1]) if done.returncode == 0 else done.stderr[-600:])
    except (subprocess.SubprocessError, ValueError, OSError) as error:
        results.machine(jax=f"{type(error).__name__}: {error}")


def cuda_plugin():
    """JAX's plug-in for CUDA in this Python."""
    folders = {sysconfig.get_paths()["purelib"], sysconfig.get_paths()["platlib"], *sys.path}
    found = [path for folder in folders for path in glob.glob(f"{folder}/jax_plugins/xla_cuda*/xla_cuda_plugin.so")]
    return sorted(found)[-1] if found else None


class Runner:
    """Runs stages.ts, one process a job, and keeps its lines."""

    def __init__(self, options, deno, results):
        self.options, self.deno, self.results = options, deno, results
        self.deadline = BEGUN + options.seconds
        plugin = options.plugin or cuda_plugin()
        data, found = cuda_data()
        results.machine(plugin=plugin, deno=quietly([deno, "--version"]).split("\n")[0], cuda_data=data, cuda_found=found)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DENO_")},
            "DENO_DIR": f"{options.work}/deno_dir",
            "DENO_NO_UPDATE_CHECK": "1",
            "NO_COLOR": "1",
            "ENGINE": options.engine,
            **({"PJRT_PLUGIN": plugin} if plugin else {}),
        }
        self.flags = {"xla_gpu_cuda_data_dir": data} if data and plugin and "cuda" in plugin else {}

    def left(self):
        return self.deadline - time.monotonic()

    def run(self, stage, name, arguments, limit, env=None):
        """One process; returns its lines. It is ended at its limit, and its last words are kept."""
        env = dict(env or {})
        flags = {**self.flags, **env.pop("flags", {})}
        limit = min(limit, self.left())
        if limit < 1:
            self.results.add(stage, name, failed="no time was left")
            return []
        config = ["run", "--quiet", "-A", "--cached-only", "--no-lock", f"--config={self.options.work}/deno.json"]
        command = [self.deno, *config, f"{self.options.work}/tests/device/stages.ts", *map(str, arguments)]
        log = f"{self.options.out}/logs/{stage}-{re.sub('[^A-Za-z0-9]+', '-', name)}.txt"
        start, lines = time.monotonic(), []
        with open(log, "w") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=self.options.work,
                start_new_session=True,
                env={**self.env, **env, **({"XLA_OPTIONS": json.dumps(flags)} if flags else {})},
            )

            def end():
                errors.write(f"ended after {limit:.0f} s\n")
                os.killpg(process.pid, signal.SIGKILL)

            def ask():
                os.kill(process.pid, signal.SIGINT)  # a training saves its state and ends

            timers = [threading.Timer(limit, end), threading.Timer(max(1, limit - 12), ask)]
            for timer in timers[:2 if stage == "study" else 1]:
                timer.start()
            try:
                for line in process.stdout:
                    try:
                        measure = json.loads(line)
                    except ValueError:
                        continue  # a step of a study prints a line of its own
                    lines.append(measure)
                    self.results.add(stage, name, measure=measure)
                code = process.wait()
            finally:
                for timer in timers:
                    timer.cancel()
        with open(log, errors="replace") as errors:
            tail = errors.read()[-1500:]
        self.results.add(stage, name, code=code, seconds=round(time.monotonic() - start, 1),
                         **({"failed": f"exit code {code}", "tail": tail} if code != 0 else {}))
        return lines

    def together(self, jobs, workers):
        """Several processes at a time."""
        with concurrent.futures.ThreadPoolExecutor(max_workers=workers) as pool:
            return [future.result() for future in [pool.submit(self.run, *job) for job in jobs]]


class Torch:
    """PyTorch's steps: prepared (models made, compiled) while other stages run, timed on an idle device."""

    def __init__(self, runner, specs, kinds):
        self.results, self.ready = runner.results, {}
        command = [sys.executable, f"{HERE}/torch_step.py", json.dumps({"specs": specs, "kinds": kinds})]
        self.log = open(f"{runner.options.out}/logs/torch.txt", "w")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.lines, self.answered = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.answered:
                self.lines.append(json.loads(line))
                self.answered.notify_all()
        with self.answered:
            self.lines.append({"ended": self.process.wait()})
            self.answered.notify_all()

    def measure(self, seconds, limit):
        """Asks for the times of what is prepared by now."""
        try:
            self.process.stdin.write(json.dumps({"seconds": seconds}) + "\n")
            self.process.stdin.flush()
        except OSError:
            pass
        until = time.monotonic() + limit
        with self.answered:
            while not any("ended" in line or "done" in line for line in self.lines):
                if time.monotonic() > until or not self.answered.wait(until - time.monotonic()):
                    break
        self.process.kill()
        self.log.flush()
        for line in self.lines:
            self.results.add("torch", line.get("name", "torch"), measure=line)
        with open(self.log.name, errors="replace") as log:
            tail = log.read()[-1500:]
        if any(line.get("ended") for line in self.lines):
            self.results.add("torch", "torch", failed="it ended early", tail=tail)


def watch(results, stop):
    """Memory in use (MiB), how busy the card is (%) and its power, by nvidia-smi every two seconds."""
    most, samples = 0, []
    while not stop.wait(2):
        fields = "memory.used,utilization.gpu,power.draw"
        numbers = quietly(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]).split("\n")[0].split(",")
        try:
            memory, busy, power = (float(number) for number in numbers)
        except ValueError:
            return
        most = max(most, memory)
        samples.append([round(time.monotonic() - BEGUN), int(memory), int(busy), int(power)])
        results.machine(most_memory_mib=most, samples=samples)


def equality_jobs(runner, options):
    names = [f"{model} {scale}" for scale in ("demo", "small") for model in MODELS]
    wanted = [name for name in options.cases.split(",") if name] or names
    return [("equality", name, ["equality", name], 150) for name in wanted]


def smoke(runner):
    """The engine as it is; where that fails, other ways to start it, the first that works staying for all stages."""
    libraries = ":".join([*nvidia_libraries(), "/usr/local/cuda/lib64", os.environ.get("LD_LIBRARY_PATH", "")])
    free = {"xla_gpu_exclude_nondeterministic_ops": False}
    ways = {
        "as it is": {},
        "library path": {"LD_LIBRARY_PATH": libraries},
        "any order of sums": {"flags": free},
        "no autotuning": {"flags": {"xla_gpu_autotune_level": 0}},
        "all of these": {"LD_LIBRARY_PATH": libraries, "flags": {**free, "xla_gpu_autotune_level": 0}},
    }
    for name, env in ways.items():
        lines = runner.run("smoke", name, ["smoke"], 90 if name == "as it is" else 45, env)
        if any(line.get("what") == "step" for line in lines):
            runner.flags.update(env.get("flags", {}))
            runner.env.update({key: value for key, value in env.items() if key != "flags"})
            return
        if runner.options.plugin:
            return


FLAGS = {
    "untuned": {"xla_gpu_autotune_level": 0},
    "unordered": {"xla_gpu_exclude_nondeterministic_ops": False},
    "tuned": {"xla_gpu_autotune_level": 4},
}


def speed_job(stage, spec, seconds, limit):
    """A spec without its flags (`untuned`), which go to XLA."""
    words = spec.split()
    flags = {name: value for word in words for name, value in FLAGS.get(word, {}).items()}
    plain = " ".join(word for word in words if word not in FLAGS)
    return (stage, spec, ["speed", plain, seconds], limit, {"flags": flags})


def study_variables(options):
    return {"SCALE": options.scale, "DATA": "data/corpora/songs", "RECIPE": options.recipe}


def warm_jobs(options):
    """What a study's models need is compiled once, each shape of each model in a process of its own."""
    jobs = []
    for i, changes in enumerate([{}, *json.loads(options.also)]):
        recipe = json.loads(options.recipe)
        training = recipe["training"] = {**recipe.get("training", {}), **changes}
        lengths, packed = training.get("buckets", []), training.get("packing") == "rows"
        env = {**study_variables(options), "RECIPE": json.dumps(recipe)}
        name = options.study if i == 0 else f"{options.study}-{i}"
        jobs += [("warm", f"{model} {length} {json.dumps(changes) if changes else ''}".strip(), ["warm", name, model, length], 200, env)
                 for length in sorted(lengths, reverse=True)[:1 if packed else None]
                 for model in (reversed(options.models.split(",")) if i == 0 else ["BERT-aug"])]
    return jobs


def start_mps(runner):
    """NVIDIA's multi-process service, by which kernels of several processes run at once; it changes no setting."""
    folders = {name: f"{runner.options.work}/{name.lower()}" for name in ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY")}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    if shutil.which("nvidia-cuda-mps-control"):
        subprocess.run(["nvidia-cuda-mps-control", "-d"], env={**os.environ, **folders}, timeout=20, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runner.env.update(folders)
    runner.results.machine(mps=quietly(["pgrep", "-fl", "nvidia-cuda-mps"]) or "none")


def stop_mps(runner):
    if "CUDA_MPS_PIPE_DIRECTORY" in runner.env:
        quietly(["nvidia-cuda-mps-control"], input="quit\n", env={**os.environ, **runner.env})


def training_jobs(options, seeds):
    first = options.seeds.split(",")[0]
    return [f"train-{model}{'' if seed == first else f'-seed-{seed}'}"
            for seed in seeds for model in sorted(options.models.split(","), key=lambda model: model == "BERT")]


def study(runner, options):
    """The study's jobs in waves, several jobs at a time: `train` all seeds or `train:0,1`, `mps`, or jobs by name."""
    env, kept = study_variables(options), runner.deadline
    runner.deadline -= options.pack_seconds
    for wave in options.jobs.split(";"):
        start = time.monotonic()
        if wave == "mps":
            start_mps(runner)
            continue
        names = training_jobs(options, (wave.partition(":")[2] or options.seeds).split(",")) \
            if wave.startswith("train:") or wave == "train" else wave.split(",")
        runner.together([("study", name, ["job", options.study, name], 600, env) for name in names], options.together)
        runner.results.machine(**{f"seconds {wave}": round(time.monotonic() - start, 1)})
    stop_mps(runner)
    runner.deadline = kept


def races(runner, options):
    """BERT by each of some recipes, wave after wave; recipes of one shape find what the first of them compiled."""
    text = open(options.races).read() if os.path.exists(options.races) else options.races
    start_mps(runner)
    for wave in json.loads(text):
        runner.together([("race", name, ["race", name], 600, {"RECIPE": json.dumps(recipe)}) for name, recipe in wave.items()],
                        options.together)
    stop_mps(runner)


def pack_study(options):
    """The study's run by seed, without songs and states of trainings that ended."""
    folder = f"{options.work}/data/runs/{options.study}"
    for seed in options.seeds.split(","):
        with tarfile.open(f"{options.out}/{options.study}-seed-{seed}.tar.gz", "w:gz", compresslevel=1) as tar:
            for path in sorted(glob.glob(f"{folder}/**", recursive=True)):
                inside = os.path.relpath(path, folder)
                if not os.path.isfile(path) or inside.startswith("corpus"):
                    continue
                if inside.startswith("models/"):
                    name = inside.split("/")[1]
                    own = name.endswith(f"-seed-{seed}") if seed != options.seeds.split(",")[0] else "-seed-" not in name
                    ended = os.path.exists(f"{folder}/models/{name}/model.safetensors")
                    if not own or (ended and "/training/" in inside and "log" not in os.path.basename(inside)):
                        continue
                tar.add(path, arcname=f"{options.study}/{inside}")


def pack_executables(options):
    """What was compiled, in archives of at most 15 MB, for another run on the same kind of card."""
    folder, part, size = f"{options.work}/{EXECUTABLES}", 0, 0
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    tar = None
    for name in names:
        if tar is None or size > 45e6:
            if tar:
                tar.close()
            part, size = part + 1, 0
            if part > 2:
                return
            tar = tarfile.open(f"{options.out}/executables-{part}.tar.gz", "w:gz", compresslevel=6)
        tar.add(f"{folder}/{name}", arcname=name)
        size += os.path.getsize(f"{folder}/{name}")
    if tar:
        tar.close()


def table(results):
    """One table of everything."""
    data, rows = results.data, []
    for stage, entries in data["stages"].items():
        for name, entry in entries.items():
            for m in entry["measures"]:
                what = m.get("what")
                if what == "engine":
                    rows.append((stage, name, f"{m['engine']} {m['version']} on {m['devices']}, loaded in {m['loaded']} s"))
                elif what == "op":
                    rows.append((stage, "op", f"right: {m['right']}, {m['seconds']} s"))
                elif what == "step":
                    rows.append((stage, m["case"], f"first step {m['first']} s, 40 in {m['all']} s, loss off by {m['difference']:.1e}"))
                elif what == "equality":
                    rows.append((stage, name, f"equal: {m['equal']}; loss {m['loss']['difference']:.1e}, gradient "
                                 f"{m['gradient']['difference']:.1e}; free {m['drift']:.1e} (allowed {m['allowed']:.1e}); compile "
                                 f"{m['compile']:.1f} s, step {1000 * m['step']:.1f} ms"))
                elif what == "compiled":
                    rows.append((stage, m["spec"], f"compiled in {m['compile']:.1f} s"))
                elif what == "speed":
                    peak = m["operationsPerSecond"] / 1e12
                    rows.append((stage, m["spec"], f"{m['tokensPerSecond']:,} tokens/s ({m['queuedTokensPerSecond']:,} queued), "
                                 f"{1000 * m['step']:.2f} ms, {peak:.1f} TFLOP/s, first {m['compile']:.1f} s"))
                elif what == "torch":
                    rows.append((stage, m["name"], f"{m['tokensPerSecond']:,} tokens/s, {1000 * m['step']:.2f} ms, first {m['first']:.1f} s"
                                 + (f", {m['memory']:.0f} MiB" if m.get("memory") else "")))
                elif what == "product":
                    rows.append((stage, m["name"], f"{m['operationsPerSecond'] / 1e12:.0f} TFLOP/s"))
                elif what == "warm":
                    rows.append((stage, name, f"{m['rows']} rows: compiled in {m['compile']:.1f} s, step {1000 * m['step']:.2f} ms, "
                                 f"{m['tokensPerSecond']:,} tokens/s (padded {m['padded']:,}), evaluation {m['evaluation']:.1f} s"))
                elif what == "job":
                    rows.append((stage, name, f"{m['seconds']:.0f} s"))
                elif what == "race":
                    rows.append((stage, name, f"step {m['step']}, {m['tokens'] / 1e6:.1f} million tokens in {m['seconds']:.0f} s: "
                                 f"{m['accuracy']:.4f}, loss {m['loss']:.4f}"))
                elif what == "trained":
                    rows.append((stage, name, f"{m['steps']} steps, {m['tokens']:,} tokens in {m['seconds']:.0f} s, {m['pace']:,.0f} tokens/s "
                                 f"a step, validation {m['validation']}"))
                elif "error" in m:
                    rows.append((stage, name, m["error"]))
            if "failed" in entry:
                words = entry.get("tail", "").strip().split("\n")[-1][-160:]
                rows.append((stage, name, f"FAILED: {entry['failed']} after {entry.get('seconds', 0)} s: {words}"))
    for stage, name, text in rows:
        print(f"{stage:9}| {name:34}| {text}")


SPECS = [
    "small bfloat16 16384 BERT", "small float32 16384 BERT", "small bfloat16 65536 BERT", "small float32 65536 BERT",
    "base bfloat16 16384 BERT", "base float32 16384 BERT", "base bfloat16 65536 BERT", "base float32 65536 BERT",
]


def main():
    options = arguments()
    os.makedirs(f"{options.out}/logs", exist_ok=True)
    results = Results(f"{options.out}/results.json")
    stages = options.stages.split(",")
    results.machine(
        gpu=quietly(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]),
        python=sys.version.split()[0], system=platform.platform(), cores=os.cpu_count(), stages=stages,
    )
    deno = unpack(options.work)
    results.machine(unpacked=round(time.monotonic() - BEGUN, 1))
    runner, stop = Runner(options, deno, results), threading.Event()
    threading.Thread(target=watch, args=(results, stop), daemon=True).start()
    threading.Thread(target=ask_jax, args=(results,), daemon=True).start()
    specs = [spec for spec in options.specs.split(",") if spec] or SPECS
    kinds = [kind for kind in options.torch.split(",") if kind]
    torch = Torch(runner, [spec for spec in specs if len(spec.split()) == 4], kinds) if "speed" in stages and kinds else None

    def stage(name, work):
        if name not in stages:
            return
        start = time.monotonic()
        try:
            work()
        except Exception as error:  # the next stage has its turn
            results.add(name, "stage", failed=f"{type(error).__name__}: {error}")
        results.machine(**{f"seconds_{name}": round(time.monotonic() - start, 1)})
        print(f"{name}: {time.monotonic() - start:.0f} s, {runner.left():.0f} s left", flush=True)

    def first():  # all that compiles, side by side, while nothing is timed; half of the time stays for the rest
        jobs = equality_jobs(runner, options) if "equality" in stages else []
        if "speed" in stages:
            jobs += [speed_job("compile", spec, 0, 150) for spec in specs]
        if "study" in stages:
            runner.run("study", "corpus", ["corpus", options.study], 60, study_variables(options))
            jobs = jobs[:4] + warm_jobs(options) + jobs[4:]
        kept = runner.deadline
        runner.deadline = min(kept, time.monotonic() + options.first_share * runner.left())
        runner.together(jobs, options.lanes)
        runner.deadline = kept

    def speed():
        for spec in specs:
            runner.run(*speed_job("speed", spec, options.seconds_each, 40))

    stage("smoke", lambda: smoke(runner))
    stage(next((name for name in ("equality", "speed", "study") if name in stages), ""), first)
    stage("speed", speed)
    stage("study", lambda: study(runner, options))
    stage("race", lambda: races(runner, options))
    if torch:
        stage("speed", lambda: torch.measure(options.seconds_each / 2, max(5, min(60, runner.left() - options.pack_seconds))))
    stop.set()
    results.machine(seconds=round(time.monotonic() - BEGUN, 1))
    if "study" in stages:
        pack_study(options)
    if options.keep_executables:
        pack_executables(options)
    with tarfile.open(f"{options.out}/logs.tar.gz", "w:gz") as tar:
        tar.add(f"{options.out}/logs", arcname="logs")
    shutil.rmtree(f"{options.out}/logs")
    print(json.dumps({name: fact for name, fact in results.data["machine"].items() if name != "samples"}))
    table(results)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
