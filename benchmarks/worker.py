"""One process of the benchmark: it holds the contestants of one module, at one number of threads.

Libraries bring thread pools that spin, so contestants in one process would slow each other down. The runner
starts a worker for each module and number of threads, and lets them take turns: a line of JSON in, one out.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

from peers import Contestant, NotExpressibleError
from workloads import WORKLOADS

__all__ = ["serve"]


def answer(request: dict[str, Any], classes: dict[str, type[Contestant]], held: list[Contestant]) -> Any:
    """Do one thing that the runner asks for; ``held`` has the contestant of the current workload, if any."""
    match request:
        case {"do": "prepare", "contestant": name, "workload": workload}:
            held[:] = [classes[name]()]
            held[0].prepare(WORKLOADS[workload])
        case {"do": "run", "steps": steps}:
            start = time.perf_counter()
            held[0].run(steps)
            return time.perf_counter() - start
        case {"do": "loss"}:
            return held[0].loss()
        case {"do": "release"}:
            held.clear()
    return None


def serve(module: str) -> None:
    """Answer requests until the input ends."""
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not end up among the replies
    try:
        contestants: list[type[Contestant]] = importlib.import_module(f"peers.{module}").CONTESTANTS
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=replies)
        return
    classes = {c.name: c for c in contestants}
    print(json.dumps({"contestants": {c.name: c.checked for c in contestants}}), file=replies)
    held: dict[str, list[Contestant]] = {name: [] for name in classes}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"value": answer(request, classes, held[request["contestant"]])}
        except NotExpressibleError as error:
            reply = {"cannot": str(error)}
        print(json.dumps(reply), file=replies)


if __name__ == "__main__":
    serve(sys.argv[1])
