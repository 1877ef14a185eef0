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

from glassgrad.bench.peers.glassgrad_peer import Glassgrad, chosen, network
from glassgrad.bench.workloads import find
from glassgrad.engines import engine
from glassgrad.training import fit

__all__ = ["compile_time", "run_memory"]

_EPOCHS = 2


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
    """Return the memory of a training run with `fit` above what the process had before there was a model.

    Parameters
    ----------
    name
        The workload.
    modules
        Imported beforehand: those that are loaded during a run, as a run before this one found them.

    Returns
    -------
    dict
        ``bytes``, the highest resident memory while `fit` compiles and trains, less that before the model was made,
        when everything was imported and the data loaded, or None where the system does not tell; ``parts``, the bytes
        of parameters, optimizer state and a batch's activations; ``loaded``, the modules that the run imported.
    """
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    workload = find(name)
    x, y = workload.data()
    criterion, optimizer = chosen(workload)
    gc.collect()
    known = set(sys.modules)
    before = _resident_now()
    model = network(workload)
    _resident_now()
    fit(
        model,
        x,
        y,
        loss=criterion,
        optimizer=optimizer,
        epochs=_EPOCHS,
        batch_size=workload.batch,
        progress=False,
    )
    after = _resident_peak()
    weights = [p.numpy() for p in model.parameters()]
    state = [*weights, *(piece for w in weights for piece in optimizer.init(w).values())]
    activations = np.dtype(workload.dtype).itemsize * workload.batch * sum(workload.sizes)
    return {
        "bytes": after - before if before is not None and after is not None else None,
        "parts": sum(a.nbytes for a in state) + activations,
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
