"""Contestants enter a workload, are held to one loss, and take turns.

A contest starts a worker process for each module of contestants and number of threads. Every contestant trains a few
steps from the same weights on the same rows; whoever arrives at another loss than the others is not timed. Then they
take turns, one at a time, and nobody's turn begins before the threads of the one before have fallen asleep.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any

from glassgrad.bench.machine import cores
from glassgrad.bench.peers import PEERS
from glassgrad.bench.workloads import Workload
from glassgrad.options import require

__all__ = ["Contest", "Measured", "Result", "thread_counts"]

_TOLERANCE = 1e-3
_TURN_SECONDS = 0.1
_LEAST_STEPS = 3
_MOST_THREADS = 2
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
"""What libraries read their number of threads from; NPROC is XLA's."""


@dataclass(frozen=True)
class Result:
    """What one contestant took, at one number of threads.

    Attributes
    ----------
    contestant, threads
        Who, and with how many threads.
    checked
        Whether its loss was held to the others'.
    loss
        After the workload's `check_steps`.
    steps
        Steps of a turn.
    seconds
        Seconds a step, for each round.
    """

    contestant: str
    threads: int
    checked: bool
    loss: float
    steps: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds a step, the median of the rounds."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Measured:
    """What a workload took.

    Attributes
    ----------
    workload
        What was trained.
    results
        Every contestant at every number of threads.
    wrong
        Names of the contestants that arrived at another loss, and were not timed.
    notes
        A sentence for each contestant that was not timed.
    """

    workload: Workload
    results: tuple[Result, ...]
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def best(self) -> list[Result]:
        """Return each contestant at the number of threads that suits it best, the fastest first."""
        found: dict[str, Result] = {}
        for result in sorted(self.results, key=lambda r: r.median):
            found.setdefault(result.contestant, result)
        return list(found.values())


class Contest:
    """The workers, from the start of a benchmark to its end; a context manager.

    Parameters
    ----------
    peers
        Modules of contestants, by what they need.
    only
        Names of the contestants that take part; None for all.
    tell
        Called with a few words on what is being done, never during a turn.

    Attributes
    ----------
    missing
        A sentence for each module that cannot be imported.

    Examples
    --------
    >>> from glassgrad.bench.workloads import find
    >>> with Contest({"NumPy": "glassgrad.bench.peers.numpy_peer"}) as contest:
    ...     measured = contest.measure(find("W1"), rounds=1)
    >>> measured.results[0].contestant, round(measured.results[0].loss, 4)
    ('numpy', 0.4325)
    """

    def __init__(
        self,
        peers: Mapping[str, str] = PEERS,
        *,
        only: Collection[str] | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.peers = peers
        self.only = only
        self.missing: list[str] = []
        self._tell = tell
        self._workers: list[_Worker] = []
        self._contestants: list[tuple[_Worker, str, bool]] = []

    def __enter__(self) -> Contest:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def measure(self, workload: Workload, rounds: int = 7) -> Measured:
        """Time every contestant that arrives at the right loss.

        Parameters
        ----------
        workload
            What to train.
        rounds
            Turns of each contestant at each number of threads.

        Raises
        ------
        OptionError
            Where `rounds` is not a positive whole number.
        """
        require("bench", "rounds", rounds, least=1, whole=True)
        notes: list[str] = []
        entries = self._enter(workload, notes)
        common = _common_loss(entries)
        wrong = [e for e in entries if e.checked and not math.isclose(e.loss, common, rel_tol=_TOLERANCE)]
        for entry in wrong:
            notes.append(
                f"{entry.name} is WRONG and not timed: its loss after {workload.check_steps} steps is "
                f"{entry.loss:.6g}, the median of all {common:.6g}."
            )
        timed = [entry for entry in entries if entry not in wrong]
        for turn in range(rounds):
            self._tell(f"{workload.name}: round {turn + 1} of {rounds}")
            for entry in list(timed):
                try:
                    entry.take_turn()
                except _NotTimedError as reason:
                    notes.append(str(reason))
                    timed.remove(entry)
        for entry in timed + wrong:
            with contextlib.suppress(_NotTimedError):
                entry.worker.ask("release", entry.name)
        return Measured(
            workload,
            tuple(entry.result() for entry in timed),
            tuple(dict.fromkeys(entry.name for entry in wrong)),
            tuple(dict.fromkeys(notes)),
        )

    def _enter(self, workload: Workload, notes: list[str]) -> list[_Entry]:
        """Let every contestant take its first steps."""
        entries = []
        for worker, name, checked in self._contestants:
            if worker.threads > workload.max_threads:
                continue
            self._tell(f"{workload.name}: {name} prepares with {worker.count}")
            try:
                entries.append(_Entry.of(workload, worker, name, checked))
            except _NotTimedError as reason:
                notes.append(str(reason))
        return entries

    def _start(self) -> None:
        self._tell("starting the contestants")
        for needs, module in self.peers.items():
            for threads in thread_counts():
                self._workers.append(_Worker(needs, module, threads))
        missing = []
        for worker in self._workers:
            try:
                for name, checked in worker.greeting().items():
                    if self.only is None or name in self.only:
                        self._contestants.append((worker, name, checked))
            except _NotTimedError as reason:
                missing.append(str(reason))
        self.missing = list(dict.fromkeys(missing))

    def _stop(self) -> None:
        for worker in self._workers:
            worker.stop()


def thread_counts() -> list[int]:
    """Return the numbers of threads that each contestant gets in turn: one, and two where there are two cores."""
    return list(range(1, min(_MOST_THREADS, cores()) + 1))


class _NotTimedError(Exception):
    """Why a contestant is not timed, as a sentence."""


class _Worker:
    """A process that runs the contestants of one module with one number of threads."""

    def __init__(self, needs: str, module: str, threads: int) -> None:
        self.needs, self.threads = needs, threads
        limits = dict.fromkeys(_THREAD_VARIABLES, str(threads))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by stop)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "glassgrad.bench.worker", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            bufsize=1,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "JAX_PLATFORMS": "cpu", **limits},
        )

    def greeting(self) -> dict[str, bool]:
        """Return the contestants, and whether each is checked, when their libraries are loaded."""
        greeting = self._receive(self.needs)
        if "missing" in greeting:
            raise _NotTimedError(f"{self.needs} is left out: {greeting['missing']}.")
        contestants: dict[str, bool] = greeting["contestants"]
        return contestants

    def ask(self, do: str, contestant: str, **request: Any) -> Any:
        """Send a request and return its value."""
        assert self._process.stdin is not None
        line = json.dumps({"do": do, "contestant": contestant, **request})
        with contextlib.suppress(OSError):  # a worker that ended is found out by its silence
            self._process.stdin.write(line + "\n")
        reply = self._receive(contestant)
        if "cannot" in reply:
            raise _NotTimedError(f"{contestant} is left out: {reply['cannot']}.")
        if "failed" in reply:
            raise _NotTimedError(f"{contestant} failed with {self.count}: {reply['failed']}")
        return reply["value"]

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _receive(self, what: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines()
            last = f" ({said[-1]})" if said else ""
            raise _NotTimedError(
                f"{what} failed with {self.count}: its process ended with code {code}{last}."
            )
        reply: dict[str, Any] = json.loads(line)
        return reply

    @property
    def count(self) -> str:
        """The number of threads, in words."""
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"


@dataclass
class _Entry:
    """A contestant in one workload, at one number of threads."""

    worker: _Worker
    name: str
    checked: bool
    loss: float
    steps: int
    seconds: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, workload: Workload, worker: _Worker, name: str, checked: bool) -> _Entry:
        """Return the contestant after its first steps, with as many steps a turn as fill one."""
        worker.ask("prepare", name, workload=asdict(workload))
        worker.ask("run", name, steps=workload.check_steps)
        loss = worker.ask("loss", name)
        steps = 1
        while (seconds := worker.ask("run", name, steps=steps)) < _TURN_SECONDS / 4:
            steps *= 2
        worker.ask("rest", name)
        return cls(worker, name, checked, loss, max(_LEAST_STEPS, round(steps * _TURN_SECONDS / seconds)))

    def take_turn(self) -> None:
        """Run once, alone."""
        self.seconds.append(self.worker.ask("turn", self.name, steps=self.steps) / self.steps)

    def result(self) -> Result:
        """Return what it took."""
        return Result(
            self.name, self.worker.threads, self.checked, self.loss, self.steps, tuple(self.seconds)
        )


def _common_loss(entries: list[_Entry]) -> float:
    """Return the median loss of those that are checked and finite."""
    losses = [entry.loss for entry in entries if entry.checked and math.isfinite(entry.loss)]
    return statistics.median(losses) if losses else math.nan
