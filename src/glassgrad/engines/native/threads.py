"""How many threads a program gets: never more than are allowed, and only as many as make it faster.

Whether a second thread pays depends on what else the machine does at the moment: where a neighbour keeps a core
busy, threads that wait for each other are many times slower than one alone. So it is measured while the program
runs, in short turns. The choice changes no number, because kernels split no sum.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import numpy as np

from glassgrad.engines.native.team import TEAM_BYTES

__all__ = ["TEAM", "Pace", "allowed", "run_together"]

_WORTH = 2e-3
"""Seconds of work from which starting threads can pay."""

_TRIAL = 1e-2
"""Seconds of one thread's work after which a trial is judged."""

_TURN = 3e-2
"""Seconds after which several threads are judged again."""

_AGAIN, _LATEST = 5e-2, 0.5
"""Seconds of work after which several threads are tried again that were slower; doubled each time, up to the latter."""

_CHECK = 1.0
"""Seconds of work after which one thread is tried again that was slower. Several are measured all the time."""


class _Limit:
    """What ``threadpoolctl`` has set; None for nothing."""

    value: int | None = None


@lru_cache(maxsize=1)
def _register() -> None:
    """Tell ``threadpoolctl`` of this engine, so that its limits hold here too."""
    import threadpoolctl

    class Controller(threadpoolctl.LibController):  # type: ignore[misc]
        """The threads of compiled programs, under the name of the library that compiles them."""

        user_api = "glassgrad"
        internal_api = "glassgrad"
        filename_prefixes = ("libllvmlite", "llvmlite")

        def get_num_threads(self) -> int:
            return allowed()

        def set_num_threads(self, num_threads: int) -> None:
            # A context that ends sets what it found when it began, which is no limit where nothing was limited.
            _Limit.value = num_threads if num_threads < _unlimited() else None

        def get_version(self) -> None:
            return None

    threadpoolctl.register(Controller)


def allowed() -> int:
    """Return how many threads a program may use.

    That is the number of cores this process may run on, or ``OMP_NUM_THREADS`` or the limit of ``threadpoolctl`` where
    one of them is less.
    """
    _register()
    return max(1, min(_unlimited(), _Limit.value or _unlimited()))


def _unlimited() -> int:
    """Return how many threads the cores and the environment allow."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(cores, int(wanted)) if wanted.isdigit() and int(wanted) else cores


class Pace:
    """Decides, from what was measured, how many threads take the next steps.

    Parameters
    ----------
    several
        Whether the program has kernels that can be shared.
    most
        The most threads to use; None for what is allowed.
    """

    def __init__(self, several: bool, most: int | None = None) -> None:
        self._several, self._most = several, most
        self._seconds: dict[int, float] = {}
        self._spent: dict[int, float] = {}
        self._warm = False
        self._worked = 0.0
        self._due, self._wait = 0.0, _AGAIN
        self._trying = False

    def next(self, steps: int) -> tuple[int, int]:
        """Return how many of the next steps to take, and with how many threads."""
        most = min(self._most or allowed(), allowed()) if self._several else 1
        if most == 1:
            return steps, 1
        alone = self._seconds.get(1)
        if alone is None:
            return 1, 1
        if alone * steps < _WORTH:
            return steps, 1
        trial = max(1, min(steps, int(_TRIAL / alone)))
        for threads in (1, most):
            if self._spent.get(threads, 0.0) < _TRIAL / 2:
                return trial, threads
        best, other = sorted((most, 1), key=lambda n: self._seconds[n])
        if self._worked >= self._due:
            self._trying = True
            return trial, other
        turn = _TURN if best > 1 else max(_TRIAL, self._due - self._worked)
        return max(1, min(steps, int(turn / self._seconds[best]))), best

    def note(self, threads: int, steps: int, seconds: float) -> None:
        """Take notice of how long steps took."""
        if not self._warm:
            self._warm = True
            return
        if threads in self._seconds and seconds < _WORTH / 2:
            return
        self._spent[threads] = self._spent.get(threads, 0.0) + seconds
        self._seconds[threads] = seconds / max(steps, 1)
        self._worked += seconds
        won = threads > 1 and self._seconds[threads] < self._seconds.get(1, math.inf)
        if threads > 1 and not won:
            self._due, self._wait = self._worked + self._wait, min(2 * self._wait, _LATEST)
        elif self._trying or (won and not self._due):
            self._due, self._wait = self._worked + _CHECK, _AGAIN
        self._trying = False


def run_together(function: Callable[..., Any], arguments: Sequence[Any], threads: int, scratch: int) -> Any:
    """Call a program's function in several threads at once and return what the first returns.

    Each thread gets `scratch` bytes of its own.
    """
    team = np.zeros(TEAM_BYTES + threads * scratch + 64, np.uint8)
    address = team.ctypes.data + -team.ctypes.data % 64
    if threads == 1:
        return function(*arguments, address, 0, 1)
    cores = _cores()

    def help_out(i: int) -> None:
        with _kept_on(cores[i % len(cores)] if cores else None):
            function(*arguments, address, i, threads)

    others = [threading.Thread(target=help_out, args=(i,), daemon=True) for i in range(1, threads)]
    for thread in others:
        thread.start()
    with _kept_on(cores[0] if cores else None):
        result = function(*arguments, address, 0, threads)
    for thread in others:
        thread.join()
    return result


def _cores() -> list[int]:
    """Return the cores this process may use, the one it is on first."""
    if not hasattr(os, "sched_getaffinity"):
        return []
    here = ctypes.CDLL(None).sched_getcpu()
    return sorted(os.sched_getaffinity(0), key=lambda core: core != here)


@contextmanager
def _kept_on(core: int | None) -> Iterator[None]:
    """Keep this thread on one core inside.

    Left to itself, the system may put two threads of a team on one core and leave them there for tens of milliseconds,
    in which they wait for each other in turns.
    """
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    with suppress(OSError):
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, before)


TEAM = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
"""The types of the parameters that the functions of programs take last."""
