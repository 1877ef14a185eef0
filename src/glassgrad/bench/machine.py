"""The machine and the versions that figures belong to: without them a figure means nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from glassgrad.engines import engine

__all__ = ["cores", "machine"]

_PACKAGES = ("glassgrad", "numpy", "scipy", "llvmlite", "torch", "jax", "jaxlib", "scikit-learn")


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """Return the processor, its cores and load, the system, and the versions of everything that is installed.

    Examples
    --------
    >>> sorted(machine())
    ['architecture', 'cores', 'cpu', 'engine', 'load', 'python', 'system', 'versions']
    """
    versions: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": _cpu(),
        "architecture": platform.machine(),
        "cores": cores(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.system(),
        "python": platform.python_version(),
        "engine": engine().name,
        "versions": versions,
    }


def _cpu() -> str:
    """Return the processor's name, or its architecture where the system does not tell."""
    system = platform.system()
    if system == "Linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model", "cpu model") and value.strip():
                return value.strip()
    if system == "Darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine()
