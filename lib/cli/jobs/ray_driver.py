"""Runs commands as tasks of Ray: python ray_driver.py, with lines of JSON on the standard input and output.

The first line says where: {"address": "HOST:PORT"} joins a cluster whose node this machine is,
{"cpus": N, "memory": BYTES} starts one on 127.0.0.1. Each further line is a job: its "job" (name), "title" (what opens its
part of the log), "command", "cwd", "env", "log" (a file that every node sees), "cpus" and "memory" (bytes); and "workers",
how many processes do it together, each with these cores and this memory, on whichever nodes: each gets --worker I --hosts
LIST, and all but the first a log of their own, as x-worker-1.log beside x.log. Answers:
{"nodes": [{"cpus", "memory"}, ...]} at first and whenever they change; {"job", "code"} of a job that ended,
{"job", "error"} of one that Ray could not run, {"failed"} if there is no cluster.

When the input ends, tasks are cancelled: their commands get SIGINT, and are awaited.
"""

import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone

import ray
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

RETRIES = 3  # of a task whose node or worker dies; one whose command fails has a result, and is not run again


def say(**answer):
    try:
        print(json.dumps(answer), flush=True)
    except BrokenPipeError:  # who listened was killed; the tasks are still to be awaited
        pass


def work(title, command, cwd, env, log):
    """Runs a command, its output appended to the log; returns its exit code, below 0 if a signal ended it."""
    began = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # Without what Ray sets for itself. Ray's workers block SIGINT, and who began the cluster may have ignored it: here it
    # stops the command, now by Ray when the task is cancelled, now by the command itself when its input ends.
    inherited = {name: value for name, value in os.environ.items() if not re.match("RAY_|PYTHON|OMP_NUM_THREADS", name)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    with open(log, "ab", buffering=0) as out:
        out.write(f"{began} {title}, by Ray on {socket.gethostname()}\n".encode())
        # The standard input is a pipe that ends with this worker: then the command stops by itself.
        streams = {"stdin": subprocess.PIPE, "stdout": out, "stderr": out}
        child = subprocess.Popen(command, cwd=cwd, env={**inherited, **env}, start_new_session=True, **streams)
        while child.poll() is None:
            try:
                time.sleep(0.1)
            except KeyboardInterrupt:  # the task is cancelled
                child.send_signal(signal.SIGINT)
        return child.returncode


def alive():
    found = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [{"cpus": one.get("CPU", 0), "memory": one.get("memory", 0)} for one in found]


def outcome(ref):
    try:
        return {"code": ray.get(ref)}
    except ray.exceptions.TaskCancelledError:
        return {"code": -signal.SIGINT}
    except ray.exceptions.RayTaskError as error:  # the command could not be started
        return {"error": f"{error.cause} (on a node of the cluster)"}
    except Exception as error:  # a node or worker that died too often
        return {"error": str(error).strip()}


def address():
    """The address of this node, with a port that is free now."""
    host = ray.util.get_node_ip_address()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
        one.bind((host, 0))
        return f"[{host}]:{one.getsockname()[1]}" if ":" in host else f"{host}:{one.getsockname()[1]}"


def is_lost(ref):
    """Whether a task ended because its node or worker died."""
    try:
        ray.get(ref)
    except (ray.exceptions.TaskCancelledError, ray.exceptions.RayTaskError):
        return False
    except Exception:
        return True
    return False


def ended(refs, stop):
    """Awaits tasks, and cancels them once `stop` is set."""
    told = False
    while ray.wait(refs, num_returns=len(refs), timeout=0.2)[1]:
        if stop.is_set() and not told:
            told = True
            for ref in refs:
                ray.cancel(ref)


def together(line, given, stop):
    """Runs a job by its workers, anew if a node of theirs dies; returns how it ended: as the first of them that failed."""
    each = {"num_cpus": line["cpus"], "memory": line["memory"], "max_retries": 0}
    stem, suffix = os.path.splitext(line["log"])
    for _ in range(RETRIES + 1):
        group = placement_group([{"CPU": line["cpus"], "memory": line["memory"]}] * line["workers"], strategy="PACK")
        try:
            while not group.wait(1):  # the nodes have no room yet
                if stop.is_set():
                    return {"code": -signal.SIGINT}
            places = [PlacementGroupSchedulingStrategy(group, i) for i in range(line["workers"])]
            found = [ray.remote(address).options(num_cpus=0, scheduling_strategy=place).remote() for place in places]
            ended(found, stop)
            if any(is_lost(ref) for ref in found):
                continue
            hosts = ray.get(found)
            if len(set(hosts)) < len(hosts):  # a port that was given twice
                continue
            refs = []
            for i, place in enumerate(places):
                own = {**given, "command": [*line["command"], "--worker", str(i), "--hosts", ",".join(hosts)]}
                own["log"] = line["log"] if i == 0 else f"{stem}-worker-{i}{suffix}"
                task = ray.remote(work).options(**each, name=f"{line['job']}, worker {i}", scheduling_strategy=place)
                refs.append(task.remote(**own))
            ended(refs, stop)
            if stop.is_set() or not any(is_lost(ref) for ref in refs):
                return next((end for end in map(outcome, refs) if end != {"code": 0}), {"code": 0})
        except ray.exceptions.TaskCancelledError:
            return {"code": -signal.SIGINT}
        except Exception as error:
            return {"error": str(error).strip()}
        finally:
            remove_placement_group(group)
    return {"error": f"Nodes of the {line['workers']} workers died {RETRIES + 1} times."}


def serve(lines):
    task, jobs, known, looked = ray.remote(work), {}, None, 0.0
    groups, ends, stop = [], queue.Queue(), threading.Event()

    def begin(line, given):
        ends.put((line["job"], together(line, given, stop)))

    def tell():
        while not ends.empty():
            job, end = ends.get()
            say(job=job, **end)

    while True:
        if time.monotonic() - looked > 2:
            looked, now = time.monotonic(), alive()
            if now != known:
                say(nodes=now)
            known = now
        try:
            line = lines.get(timeout=0.1)
            if line is None:
                break
            needs = {"num_cpus": line["cpus"], "memory": line["memory"], "max_retries": RETRIES, "name": line["job"]}
            given = {name: line[name] for name in ("title", "command", "cwd", "env", "log")}
            if line.get("workers", 1) > 1:
                groups.append(threading.Thread(target=begin, args=(line, given)))
                groups[-1].start()
            else:
                jobs[task.options(**needs).remote(**given)] = line["job"]
        except queue.Empty:
            pass
        for ref in ray.wait(list(jobs), timeout=0.1)[0] if jobs else []:
            say(job=jobs.pop(ref), **outcome(ref))
        tell()
    stop.set()
    for ref in jobs:
        ray.cancel(ref)
    while jobs:
        for ref in ray.wait(list(jobs))[0]:
            say(job=jobs.pop(ref), **outcome(ref))
    for group in groups:
        group.join()
    tell()


def read(lines, own, joined):
    for line in sys.stdin:
        lines.put(json.loads(line))
    lines.put(None)
    if not joined.is_set():  # nobody waits any more; Ray itself may, forever
        shutil.rmtree(own or "", ignore_errors=True)
        os._exit(1)


def main():
    where, lines, joined = json.loads(sys.stdin.readline()), queue.Queue(), threading.Event()
    own = None if "address" in where else tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # its sockets want a short path
    threading.Thread(target=read, args=(lines, own, joined), daemon=True).start()
    try:
        if own is None:
            ray.init(address=where["address"], log_to_driver=False)
        else:
            here = {"_node_ip_address": "127.0.0.1", "_temp_dir": own, "object_store_memory": 100 * 2**20}
            needs = {"num_cpus": where["cpus"], "_memory": where["memory"], "num_gpus": 0}
            ray.init(address="local", include_dashboard=False, log_to_driver=False, **here, **needs)
        joined.set()
        serve(lines)
        return 0
    except Exception as error:
        say(failed=str(error).strip())
        return 1
    finally:
        ray.shutdown()
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
