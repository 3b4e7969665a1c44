"""What only Jupyter can do for the report: execute a notebook on its kernel, and turn its prose and code into HTML.

    python notebook_runner.py execute INPUT OUTPUT FOLDER   executes in FOLDER; reports each event as a JSON line
    python notebook_runner.py render INPUT                  prints each cell's source as HTML, a JSON list

The executed copy is written after every cell, so that a failed run can be looked at. Standard input closes when the
caller dies; then this process ends, and kernel.py ends the kernel.
"""

import json
import os
import re
import sys
import threading
import uuid

import nbformat

KERNEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kernel.py")


def report(**event):
    print(json.dumps(event), flush=True)


def execute(source, target, folder):
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    class Client(NotebookClient):
        """A client that reports progress while a cell runs, and whose kernel ends with this process."""

        def create_kernel_manager(self):
            manager = super().create_kernel_manager()
            argv = manager.kernel_spec.argv
            if KERNEL not in argv:
                argv[:0] = [sys.executable, KERNEL]
            return manager

        def process_message(self, msg, cell, cell_index):
            content = msg["content"]
            if "progress" in content.get("metadata", {}):
                report(event="progress", cell=cell_index, **content["metadata"]["progress"])
            elif msg["msg_type"] == "stream":
                report(event="print", cell=cell_index, text=content["text"])
            return super().process_message(msg, cell, cell_index)

    def save():
        temporary = f"{target}.{uuid.uuid4().hex[:8]}.tmp"
        nbformat.write(notebook, temporary)
        os.replace(temporary, target)

    def started(cell, cell_index):
        first = re.sub(r"\s+", " ", cell.source).strip()
        if cell.cell_type == "code" and first:
            report(event="cell", cell=cell_index, of=len(notebook.cells), source=first[:100])

    notebook = nbformat.read(source, as_version=4)
    client = Client(
        notebook,
        kernel_name="deno",
        timeout=None,
        startup_timeout=120,
        record_timing=True,
        resources={"metadata": {"path": folder}},
        on_cell_start=started,
        on_cell_executed=lambda **_: save(),
    )
    code = 1
    try:
        client.execute()
        report(event="done")
        code = 0
    except CellExecutionError as error:
        failed = next(i for i, c in enumerate(notebook.cells) if any(o.output_type == "error" for o in c.get("outputs", [])))
        text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(notebook.cells[failed].outputs[-1].get("traceback", [])))
        report(event="error", cell=failed, source=notebook.cells[failed].source, message=text or str(error))
    except DeadKernelError as error:
        report(event="error", cell=-1, source="", message=f"The kernel died: {error}")
    finally:
        save()
    return code


def render(source):
    from nbconvert.filters import Highlight2HTML, markdown2html_mistune

    highlight = Highlight2HTML(pygments_lexer="typescript")
    notebook = nbformat.read(source, as_version=4)
    cells = [
        {"html": markdown2html_mistune(c.source) if c.cell_type == "markdown" else highlight(c.source)}
        for c in notebook.cells
    ]
    outputs = [
        [markdown2html_mistune(o.data["text/markdown"]) if "text/markdown" in o.get("data", {}) else None for o in c.get("outputs", [])]
        for c in notebook.cells
    ]
    print(json.dumps([{**cell, "outputs": made} for cell, made in zip(cells, outputs)]))
    return 0


def end_with_caller():
    sys.stdin.buffer.read()
    os._exit(1)


def main(verb, *paths):
    if verb == "render":
        return render(*paths)
    threading.Thread(target=end_with_caller, daemon=True).start()
    return execute(*paths)


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # the thread still reads standard input, which Python's own ending takes for an error
