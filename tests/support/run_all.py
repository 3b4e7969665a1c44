"""Sends all cells to a Deno kernel at once, as "Run All" does, and interrupts it when a cell prints "interrupt me".

    python run_all.py FOLDER < CELLS      a JSON list of sources; prints each cell's errors as a JSON list of tracebacks
"""

import json
import queue
import sys

from jupyter_client import KernelManager

manager = KernelManager(kernel_name="deno")
manager.start_kernel(cwd=sys.argv[1])
client = manager.client()
client.start_channels()
try:
    client.wait_for_ready(timeout=120)
    cells = json.load(sys.stdin)
    places = {client.execute(cell): i for i, cell in enumerate(cells)}
    errors, over = [[] for _ in cells], 0
    while over < len(cells):
        message = client.get_iopub_msg(timeout=60)
        at = places.get(message["parent_header"].get("msg_id"))
        if at is None:
            continue
        content = message["content"]
        if message["msg_type"] == "error":
            errors[at].append(content["traceback"])
        elif message["msg_type"] == "stream" and "interrupt me" in content["text"]:
            manager.interrupt_kernel()
        elif message["msg_type"] == "status" and content["execution_state"] == "idle":
            over += 1
    print(json.dumps(errors))
except queue.Empty:
    sys.exit("The kernel said nothing for a minute.")
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
