"""What can only be measured in a process that has done nothing else: the first step, and the memory of a run.

``python -m glassgrad.bench.fresh compile W3`` and ``… memory W3 MODULE…`` print one JSON object. The compile cache of
the engine is where the environment says (GLASSGRAD_CACHE_DIR).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.bench.peers.glassgrad_peer import Glassgrad
from glassgrad.bench.workloads import find
from glassgrad.engines import engine

__all__ = ["compile_time", "run_memory"]

_SOME_STEPS = 10


def compile_time(name: str) -> dict[str, Any]:
    """Return the seconds from a traced step to its first result, with whatever the engine loads on the way."""
    ours = Glassgrad()
    ours.build(find(name))
    engine()
    start = time.perf_counter()
    ours.loop = ours.compile()
    ours.run(1)
    return {"seconds": time.perf_counter() - start}


def run_memory(name: str, modules: list[str]) -> dict[str, Any]:
    """Return the memory of a training run above what the process had before it.

    Parameters
    ----------
    name
        The workload.
    modules
        Imported beforehand: those that the engine loads during a run, as a run before this one found them.

    Returns
    -------
    dict
        ``bytes``, the highest resident memory during compiling and a few steps, less that before it, when
        everything was imported, the data loaded and the step traced, or None where the system does not tell;
        ``parts``, the bytes of parameters, optimizer state and a batch's activations; ``loaded``, the modules that
        the run imported.
    """
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    workload = find(name)
    ours = Glassgrad()
    ours.build(workload)
    itemsize = np.dtype(workload.dtype).itemsize
    state = sum(array.nbytes for array in ours.state)
    parts = state + itemsize * workload.batch * sum(workload.sizes)
    gc.collect()
    known = set(sys.modules)
    before = _resident_now()
    ours.loop = ours.compile()
    ours.run(_SOME_STEPS)
    after = _resident_peak()
    return {
        "bytes": after - before if before is not None and after is not None else None,
        "parts": parts,
        "loaded": sorted(set(sys.modules) - known),
    }


def _resident_now() -> int | None:
    """Return the resident memory, and let its highest mark begin anew from there; None where that is impossible."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _resident_peak() -> int | None:
    """Return the highest resident memory since the mark was set."""
    return _status("VmHWM")


def _status(field: str) -> int | None:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    return None


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    what, workload_name, *imports = sys.argv[1:]
    found = compile_time(workload_name) if what == "compile" else run_memory(workload_name, imports)
    print(json.dumps(found), file=answers, flush=True)
