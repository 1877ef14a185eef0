"""One process of the benchmark: it holds the contestants of one module, at one number of threads.

``python -m glassgrad.bench.worker MODULE`` reads a request a line from standard input and writes an answer a line to
standard output, both JSON. The number of threads is that of the environment it was started in.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

from glassgrad.bench.peers import Contestant, NotExpressibleError
from glassgrad.bench.workloads import Workload

__all__ = ["serve"]

_LOOK = 0.005
"""Seconds between two looks at whether threads still spin."""

_LONGEST_WAIT = 1.0


def serve(module: str) -> None:
    """Answer requests until the input ends.

    The first line written is a greeting: ``contestants``, by name, with whether they are checked, or ``missing``,
    why the module cannot be imported. An answer has a ``value``, or says why there is none: what the contestant
    ``cannot`` do, or how it ``failed``.

    Parameters
    ----------
    module
        Full name of a module with ``CONTESTANTS``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that holds the contest
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not end up among the replies
    try:
        contestants: list[type[Contestant]] = importlib.import_module(module).CONTESTANTS
    except ImportError as error:
        print(json.dumps({"missing": _first_line(error)}), file=replies)
        return
    classes = {c.name: c for c in contestants}
    print(json.dumps({"contestants": {c.name: c.checked for c in contestants}}), file=replies)
    held: dict[str, Contestant] = {}
    for line in sys.stdin:
        try:
            reply = {"value": _answer(json.loads(line), classes, held)}
        except NotExpressibleError as error:
            reply = {"cannot": _first_line(error)}
        except Exception as error:
            traceback.print_exc()
            reply = {"failed": f"{type(error).__name__}: {_first_line(error)}"}
        print(json.dumps(reply), file=replies)


def _answer(
    request: dict[str, Any], classes: dict[str, type[Contestant]], held: dict[str, Contestant]
) -> Any:
    """Do one thing that the contest asks for; `held` has the contestants that are prepared."""
    match request:
        case {"do": "prepare", "contestant": name, "workload": workload}:
            held.pop(name, None)
            contestant = classes[name]()
            contestant.prepare(Workload.of(workload))
            held[name] = contestant
        case {"do": "run", "contestant": name, "steps": steps}:
            start = time.perf_counter()
            held[name].run(steps)
            return time.perf_counter() - start
        case {"do": "turn", "contestant": name, "steps": steps}:
            held[name].run(1)  # wakes the threads and fills the caches
            start = time.perf_counter()
            held[name].run(steps)
            seconds = time.perf_counter() - start
            _settle()
            return seconds
        case {"do": "loss", "contestant": name}:
            return held[name].loss()
        case {"do": "release", "contestant": name}:
            held.pop(name, None)
        case {"do": "rest"}:
            _settle()
        case _:
            raise ValueError(f"no such request: {request}")
    return None


def _settle() -> None:
    """Wait until this process uses the processor no longer: some thread pools spin for a tenth of a second."""
    end = time.perf_counter() + _LONGEST_WAIT
    used = time.process_time()
    while time.perf_counter() < end:
        time.sleep(_LOOK)
        before, used = used, time.process_time()
        if used - before < 0.2 * _LOOK:
            return


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


if __name__ == "__main__":
    serve(sys.argv[1])
