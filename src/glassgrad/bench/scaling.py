"""How the time of a step grows: one dimension of a small network at a time, over decades.

The base is a network of two hidden layers of 64 units, with ReLU, squared error and plain descent on mini-batches of
32 rows. It is small enough that what a library does around the arithmetic is most of its step, and every dimension can
be taken from there to where the arithmetic is all: the left end of a curve shows the overhead, the right end the
arithmetic, and the bend between them the size from which a library pays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from glassgrad.bench import peers
from glassgrad.bench.contest import Measured
from glassgrad.bench.plot import Point, loglog
from glassgrad.bench.report import Peaks, digits
from glassgrad.bench.report import document as workload_document
from glassgrad.bench.workloads import Workload
from glassgrad.errors import OptionError, did_you_mean

__all__ = ["BASE", "CONTESTANTS", "KINDS", "PEERS", "Scale", "document", "find", "header", "picture", "rows"]

CONTESTANTS = ("glassgrad", "numpy", "torch eager", "jax one loop")
"""Who takes part: one of each way to run a step."""

PEERS = {needs: peers.PEERS[needs] for needs in ("glassgrad", "NumPy", "PyTorch", "JAX")}
"""The modules they are in."""

BASE = Workload(
    "base",
    (32, 64, 64, 1),
    hidden="relu",
    output="identity",
    loss="mse",
    optimizer="sgd",
    learning_rate=1e-3,
    batch=32,
    rows=10_000,
    check_steps=10,
    order_steps=1024,
)
"""What every other dimension is kept at."""


@dataclass(frozen=True)
class Scale:
    """One dimension that grows.

    Attributes
    ----------
    kind
        ``"batch"``, ``"width"``, ``"depth"`` or ``"rows"``.
    label
        What the numbers are, for an axis.
    values
        The numbers, from the smallest.
    make
        Returns the workload for a number.
    """

    kind: str
    label: str
    values: tuple[int, ...]
    make: Callable[[int], Workload]

    def workloads(self) -> dict[int, Workload]:
        """Return the workload of each number.

        Examples
        --------
        >>> find("depth").workloads()[5].sizes
        (32, 64, 64, 64, 64, 64, 1)
        """
        return {value: replace(self.make(value), name=f"{self.kind} {value}") for value in self.values}


def _wide(units: int) -> Workload:
    # The largest rate at which descent on squared error is stable falls as the layers get wider.
    rate = min(BASE.learning_rate, 0.05 / units)
    return replace(BASE, sizes=(32, units, units, 1), learning_rate=rate)


def _deep(layers: int) -> Workload:
    rate = BASE.learning_rate / layers
    return replace(BASE, sizes=(32, *(64,) * layers, 1), learning_rate=rate)


KINDS = {
    scale.kind: scale
    for scale in (
        Scale(
            "batch",
            "rows in a mini-batch",
            (1, 3, 10, 30, 100, 300, 1000),
            lambda rows: replace(BASE, batch=rows),
        ),
        Scale("width", "units in each hidden layer", tuple(2**k for k in range(2, 13)), _wide),
        # Two decades: at a thousand layers a float32 network no longer learns, and compilers need minutes.
        Scale("depth", "hidden layers", (1, 2, 5, 10, 20, 50, 100), _deep),
        Scale(
            "rows",
            "rows of the training set",
            (1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
            lambda rows: replace(BASE, rows=rows, order_steps=32_768),  # a million rows are visited
        ),
    )
}


def find(kind: str) -> Scale:
    """Return what grows under that name.

    Raises
    ------
    OptionError
        Where nothing does.

    Examples
    --------
    >>> find("widht")
    Traceback (most recent call last):
    glassgrad.errors.OptionError: there is no scaling 'widht'. Did you mean 'width'?
    """
    if kind not in KINDS:
        raise OptionError(f"there is no scaling {kind!r}. {did_you_mean(kind, KINDS)}")
    return KINDS[kind]


def header(scale: Scale, measured: Mapping[int, Measured]) -> tuple[str, ...]:
    """Return the columns of `rows`."""
    return (scale.label, *_present(measured))


def rows(measured: Mapping[int, Measured]) -> list[tuple[str, ...]]:
    """Return a row for each number: the median microseconds a step of each contestant."""
    names = _present(measured)
    found = []
    for value, one in measured.items():
        medians = {result.contestant: digits(1e6 * result.median) for result in one.best()}
        found.append((f"{value:,}", *(medians.get(name, "–") for name in names)))
    return found


def picture(scale: Scale, measured: Mapping[int, Measured], note: str) -> str:
    """Return the log-log plot of microseconds a step, as SVG; `note` says where they were measured."""
    lines: dict[str, list[Point]] = {name: [] for name in _present(measured)}
    for value, one in measured.items():
        for result in one.best():
            low, high = min(result.seconds), max(result.seconds)
            lines[result.contestant].append(Point(value, 1e6 * result.median, 1e6 * low, 1e6 * high))
    return loglog(
        f"Time of a training step by {scale.label}", scale.label, "µs a step", lines, (BASE.describe(), note)
    )


def document(scale: Scale, measured: Mapping[int, Measured], peaks: Peaks) -> dict[str, Any]:
    """Return everything as JSON."""
    points = [{"value": value, **workload_document(one, peaks)} for value, one in measured.items()]
    return {"kind": scale.kind, "label": scale.label, "points": points}


def _present(measured: Mapping[int, Measured]) -> list[str]:
    """Return the contestants that were timed at all, in the order of `CONTESTANTS`."""
    there = {result.contestant for one in measured.values() for result in one.results}
    return [name for name in CONTESTANTS if name in there]
