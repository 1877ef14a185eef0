"""Time training steps side by side: ``python benchmarks/run.py [W1 W3 …] [--rounds 7] [--json FILE]``.

For each workload every contestant starts from the same weights; after a few steps their losses must agree
(relative difference below 1e-3), or they are not timed. Then they take turns, each with one thread and with
two, for a number of rounds. The table shows the faster of the two, its median and its range over the rounds,
fastest contestant first; the JSON file has everything. A contestant is one more name in ``MODULES``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads import WORKLOADS, Workload

__all__ = ["MODULES", "main"]

MODULES = ["glassgrad_peer", "numpy_peer", "torch_peer", "jax_peer", "sklearn_peer"]
BASELINE = "glassgrad"
TOLERANCE = 1e-3
ROUND_SECONDS = 0.08
PAUSE_SECONDS = 0.02  # lets the other contestants' threads fall asleep


class Worker:
    """A process that runs the contestants of one module with one number of threads."""

    def __init__(self, module: str, threads: int) -> None:
        self.module, self.threads = module, threads
        count = str(threads)
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), count)
        here = Path(__file__).parent
        self.process = subprocess.Popen(
            [sys.executable, str(here / "worker.py"), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "JAX_PLATFORMS": "cpu", **limits},
        )

    def greet(self) -> dict[str, Any]:
        """Return what the worker says when its libraries are loaded."""
        return self._receive()

    def ask(self, do: str, contestant: str, **request: Any) -> Any:
        """Send a request and return its value."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, "contestant": contestant, **request}) + "\n")
        reply = self._receive()
        if "cannot" in reply:
            raise LookupError(reply["cannot"])
        return reply["value"]

    def stop(self) -> None:
        """End the process."""
        self.process.communicate()

    def _receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"The worker of {self.module} ended with code {self.process.wait()}.")
        reply: dict[str, Any] = json.loads(line)
        return reply


@dataclass
class Entry:
    """A contestant in one workload, at one number of threads."""

    name: str
    worker: Worker
    checked: bool
    loss: float
    steps: int
    rounds: list[float]


def start_workers(most_threads: int) -> tuple[dict[str, list[tuple[Worker, bool]]], list[str]]:
    """Return the workers of each contestant, and a line for each module that cannot be loaded."""
    contestants: dict[str, list[tuple[Worker, bool]]] = {}
    missing = []
    workers = [Worker(module, threads) for module in MODULES for threads in range(1, most_threads + 1)]
    for worker in workers:
        greeting = worker.greet()
        if "missing" in greeting:
            missing.append(f"{worker.module} is skipped: {greeting['missing']}")
        for name, checked in greeting.get("contestants", {}).items():
            contestants.setdefault(name, []).append((worker, checked))
    return contestants, list(dict.fromkeys(missing))


def enter(workload: Workload, name: str, worker: Worker, checked: bool) -> Entry:
    """Return the contestant after its first steps, with a rough idea of what a step takes."""
    worker.ask("prepare", name, workload=workload.name)
    worker.ask("run", name, steps=workload.check_steps)
    loss = worker.ask("loss", name)
    steps = 1
    while (seconds := worker.ask("run", name, steps=steps)) < ROUND_SECONDS / 4:
        steps *= 2
    return Entry(name, worker, checked, loss, max(1, round(steps * ROUND_SECONDS / seconds)), [])


def measure(
    workload: Workload, contestants: dict[str, list[tuple[Worker, bool]]], rounds: int
) -> dict[str, Any]:
    """Return the losses and the seconds per step of every round."""
    entries, notes = [], []
    for name, workers in contestants.items():
        try:
            entries += [enter(workload, name, *w) for w in workers if w[0].threads <= workload.max_threads]
        except LookupError as error:
            notes.append(f"{name} cannot express it: {error}")
    reference = next((e.loss for e in entries if e.checked), math.nan)
    for entry in list(entries):
        if entry.checked and not abs(entry.loss - reference) <= TOLERANCE * abs(reference):
            notes.append(f"{entry.name} is WRONG: loss {entry.loss:.6g} instead of {reference:.6g}")
            entry.worker.ask("release", entry.name)
            entries.remove(entry)
    for _ in range(rounds):
        for entry in entries:
            time.sleep(PAUSE_SECONDS)
            seconds = entry.worker.ask("run", entry.name, steps=entry.steps)
            entry.rounds.append(seconds / entry.steps)
    for entry in entries:
        entry.worker.ask("release", entry.name)
    results = [
        {
            "contestant": e.name,
            "threads": e.worker.threads,
            "checked": e.checked,
            "loss": e.loss,
            "microseconds": [1e6 * s for s in e.rounds],
        }
        for e in entries
    ]
    return {"workload": workload.describe(), "results": results, "notes": notes}


def digits(microseconds: float) -> str:
    """Return three or four significant digits."""
    return f"{microseconds:,.0f}" if microseconds >= 1000 else f"{microseconds:.3g}"


def show(workload: Workload, measured: dict[str, Any]) -> None:
    """Print one workload's table, each contestant at the number of threads that is faster for it."""
    best: dict[str, Any] = {}
    for r in sorted(measured["results"], key=lambda r: statistics.median(r["microseconds"])):
        best.setdefault(r["contestant"], r)
    medians = {name: statistics.median(r["microseconds"]) for name, r in best.items()}
    print(f"\n{measured['workload']}")
    print(
        f"  {'contestant':<14}{'threads':>8}{'median µs/step':>17}{'min – max':>24}{'× glassgrad':>13}  loss"
    )
    for r in best.values():
        median, times = medians[r["contestant"]], r["microseconds"]
        ratio = f"{median / medians[BASELINE]:.2f}" if BASELINE in medians else "–"
        spread = f"{digits(min(times))} – {digits(max(times))}"
        loss = f"{r['loss']:.6g} after {workload.check_steps} steps" if r["checked"] else "not checked"
        print(f"  {r['contestant']:<14}{r['threads']:>8}{digits(median):>17}{spread:>24}{ratio:>13}  {loss}")
    for note in measured["notes"]:
        print(f"  {note}")


def main() -> int:
    """Run the benchmark; return 1 if a contestant computed something else."""
    parser = argparse.ArgumentParser(description="Time training steps of several libraries side by side.")
    parser.add_argument("workloads", nargs="*", default=[], help=f"of {', '.join(WORKLOADS)} (default: all)")
    parser.add_argument("--rounds", type=int, default=7, help="turns per contestant (default: 7)")
    parser.add_argument("--json", metavar="FILE", help="write every figure to this file")
    options = parser.parse_args()
    if unknown := [name for name in options.workloads if name not in WORKLOADS]:
        parser.error(f"unknown workload {unknown[0]!r}; known: {', '.join(WORKLOADS)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    chosen = [WORKLOADS[name] for name in options.workloads or WORKLOADS]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    print(f"{platform.machine()}, {cores} cores{load}; Python {platform.python_version()}")
    contestants, missing = start_workers(min(cores, max(w.max_threads for w in chosen)))
    for line in missing:
        print(line)
    measured = {}
    for workload in chosen:
        measured[workload.name] = measure(workload, contestants, options.rounds)
        show(workload, measured[workload.name])
    for worker in {id(w): w for workers in contestants.values() for w, _ in workers}.values():
        worker.stop()
    if options.json:
        report = {"machine": platform.machine(), "cores": cores, "missing": missing, "workloads": measured}
        Path(options.json).write_text(json.dumps(report, indent=1), encoding="utf-8")
    return int(any("WRONG" in note for m in measured.values() for note in m["notes"]))


if __name__ == "__main__":
    sys.exit(main())
