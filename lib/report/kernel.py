"""The project's kernel as Jupyter starts it: `python kernel.py COMMAND…` runs COMMAND, which is Deno's kernel.

It runs inside the project, where Deno finds deno.json and with it `@lib/…`: in the folder that Jupyter chose, or in
`notebooks/` if that folder lies elsewhere. It ends when Jupyter's process ends, however that ends (kill -9 included).
"""

import os
import signal
import subprocess
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def folder():
    here = os.path.realpath(os.getcwd())
    above = here
    while above != os.path.dirname(above):
        if os.path.exists(os.path.join(above, "lib", "study", "study.ts")):
            return here
        above = os.path.dirname(above)
    return os.path.join(PROJECT, "notebooks")


def main(command):
    parent = os.getppid()
    kernel = subprocess.Popen(command, cwd=folder())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: kernel.send_signal(number))
    while True:
        try:
            code = kernel.wait(timeout=0.5)
            return code if code >= 0 else 128 - code
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:  # another process took this one over: its parent is gone
                kernel.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
