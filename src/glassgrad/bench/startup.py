"""What a user waits for before the first step, and what a run takes of the memory.

Everything is measured in fresh processes, in turns, and told as the median: imports, the first step of each workload
with and without a compile cache, the XOR network's 60 000 steps as one command, and the memory of two runs.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassgrad.bench.report import digits
from glassgrad.errors import GlassgradError
from glassgrad.options import require

__all__ = ["COMPILED", "IMPORTS", "REMEMBERED", "Startup", "measure"]

IMPORTS = {
    "glassgrad": "import glassgrad",
    "glassgrad, all that fit needs": "import glassgrad; glassgrad.fit, glassgrad.nn, glassgrad.optim",
    "torch": "import torch",
    "jax": "import jax",
    "scikit-learn": "from sklearn.neural_network import MLPClassifier",
}
"""What is run, by what it is called."""

COMPILED = ("W1", "W2", "W3", "W4", "W5")
REMEMBERED = ("W3", "W5")
_NEEDED = {"torch": "torch", "jax": "jax", "scikit-learn": "sklearn"}
_CACHE = "GLASSGRAD_CACHE_DIR"
_COMMAND = "import sys; from glassgrad.cli.main import main; sys.exit(main(['train', 'xor', '--quiet']))"


@dataclass(frozen=True)
class Startup:
    """What was measured.

    Attributes
    ----------
    seconds
        Of every turn, by what was done.
    memory
        For each of `REMEMBERED`, with an empty and a filled cache: `run_memory`'s ``bytes`` and ``parts``.
    missing
        A sentence for each library that is not installed.
    """

    seconds: dict[str, list[float]]
    memory: dict[str, dict[str, Any]]
    missing: list[str]

    def rows(self) -> list[tuple[str, str, str]]:
        """Return a row for each thing that takes time: its median and its range, in milliseconds."""
        return [
            (
                name,
                digits(1e3 * statistics.median(turns)),
                f"{digits(1e3 * min(turns))} – {digits(1e3 * max(turns))}",
            )
            for name, turns in self.seconds.items()
        ]

    def memory_rows(self) -> list[tuple[str, str, str]]:
        """Return a row for each run: the memory it took, and its parameters, state and activations, in MiB."""
        return [
            (
                name,
                "–" if found["bytes"] is None else f"{found['bytes'] / 2**20:.1f}",
                f"{found['parts'] / 2**20:.1f}",
            )
            for name, found in self.memory.items()
        ]

    def document(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {"seconds": self.seconds, "memory": self.memory}


def measure(turns: int = 5, tell: Callable[[str], None] = lambda text: None) -> Startup:
    """Measure everything.

    Parameters
    ----------
    turns
        How often each is measured.
    tell
        Called with a few words on what is being done.

    Raises
    ------
    OptionError
        Where `turns` is not a positive whole number.
    GlassgradError
        Where a process fails, with the last line it wrote.
    """
    require("bench", "rounds", turns, least=1, whole=True)
    absent = [name for name, module in _NEEDED.items() if importlib.util.find_spec(module) is None]
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="glassgrad-bench-") as folder:
        for turn in range(turns):
            tell(f"turn {turn + 1} of {turns}")
            cache = {_CACHE: str(Path(folder) / str(turn))}
            for name, code in IMPORTS.items():
                if name not in absent:
                    seconds.setdefault(f"import: {name}", []).append(_import_seconds(code))
            for workload in COMPILED:
                for state in ("cold", "warm"):
                    found = _fresh(["compile", workload], cache)
                    seconds.setdefault(f"first step of {workload}, {state} cache", []).append(
                        found["seconds"]
                    )
            xor = {_CACHE: str(Path(folder) / f"xor-{turn}")}
            for state in ("cold", "warm"):
                seconds.setdefault(f"glassgrad train xor, {state} cache", []).append(_command_seconds(xor))
        memory = {}
        for workload in REMEMBERED:
            tell(f"memory of {workload}")
            cache = {_CACHE: str(Path(folder) / f"memory-{workload}")}
            imports = _fresh(["memory", workload], cache)["loaded"]
            again = {_CACHE: str(Path(folder) / f"again-{workload}")}
            for state in ("cold", "warm"):
                found = _fresh(["memory", workload, *imports], again)
                memory[f"{workload}, {state} cache"] = {key: found[key] for key in ("bytes", "parts")}
    return Startup(seconds, memory, [f"{name} is left out: it is not installed." for name in absent])


def _import_seconds(code: str) -> float:
    """Return how long an import takes in a fresh process, without the start of Python itself."""
    timed = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
    return float(_run(["-c", timed], {}).splitlines()[-1])


def _command_seconds(variables: Mapping[str, str]) -> float:
    """Return how long a whole command takes, from its start to its end."""
    start = time.perf_counter()
    _run(["-c", _COMMAND], variables)
    return time.perf_counter() - start


def _fresh(arguments: list[str], variables: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_run(["-m", "glassgrad.bench.fresh", *arguments], variables))
    return found


def _run(arguments: list[str], variables: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONIOENCODING": "utf-8", **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it wrote nothing"])[-1]
        raise GlassgradError(f"A process of the benchmark ended with code {done.returncode}: {last}")
    return done.stdout
