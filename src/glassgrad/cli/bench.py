"""``glassgrad bench``: training steps of glassgrad and of other libraries, timed side by side on this machine."""

from __future__ import annotations

import json as encoding
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from glassgrad.cli.options import _whole
from glassgrad.cli.output import SCHEMA_VERSION, check_writable, counted, print_table, say, write_whole

if TYPE_CHECKING:
    from glassgrad.bench.contest import Measured
    from glassgrad.bench.report import Peaks
    from glassgrad.bench.workloads import Workload

__all__ = ["bench"]

_GAIN = 1.5
"""What two threads should reach, as a multiple of one, for the second core to be counted as free."""

_LOAD = 0.5
"""The load above which a person is told that the machine is not idle."""


def bench(
    *workloads: Annotated[str, Parameter(help="Of W1 to W6; by default all.")],
    rounds: Annotated[
        int, Parameter(help="Turns of each contestant; medians and ranges are over them.", converter=_whole)
    ] = 7,
    scaling: Annotated[
        Literal["batch", "width", "depth", "rows"] | None,
        Parameter(help="Instead, let one dimension of a small network grow over decades."),
    ] = None,
    startup: Annotated[
        bool,
        Parameter(
            help="Instead, measure imports, first steps, one whole command, and memory.",
            negative="",
            show_default=False,
        ),
    ] = False,
    json: Annotated[Path | None, Parameter(help="Write every figure to this file.")] = None,
    plot: Annotated[Path | None, Parameter(help="With --scaling, draw it in this SVG file.")] = None,
) -> None:
    """Time training steps of glassgrad, NumPy and whichever of PyTorch, JAX and scikit-learn are installed.

    Contestants start from the same weights, must agree on the loss before they are timed, and take turns.
    """
    from glassgrad.bench.workloads import WORKLOADS, find
    from glassgrad.errors import OptionError
    from glassgrad.options import require

    require("bench", "rounds", rounds, least=1, whole=True)
    chosen = [find(name) for name in dict.fromkeys(workloads)] or list(WORKLOADS.values())
    if startup and (scaling or workloads):
        raise OptionError("--startup measures runs of its own: leave out the workloads and --scaling.")
    if scaling and workloads:
        raise OptionError("--scaling measures networks of its own: leave out the workloads.")
    if plot is not None and scaling is None:
        raise OptionError("--plot draws what --scaling measures: add --scaling batch, width, depth or rows.")
    _check_files(json, plot)
    run = _Report(json, rounds)
    try:
        if startup:
            _startup(run)
        elif scaling is not None:
            _scaling(run, scaling, plot)
        else:
            _contest(run, chosen)
    except KeyboardInterrupt:
        _tell("")
        raise KeyboardInterrupt(run.so_far()) from None


def _contest(run: _Report, workloads: Sequence[Workload]) -> None:
    """Time the workloads, each shown and written as soon as it is done."""
    from glassgrad.bench.contest import Contest
    from glassgrad.bench.report import HEADER, agreement, document, rows

    peaks = run.measure_peaks(workloads)
    wrong: list[str] = []
    with Contest(tell=_tell) as contest:
        run.tell_missing(contest.missing)
        done = run.fields["workloads"] = {}
        for workload in workloads:
            measured = contest.measure(workload, run.rounds)
            _tell("")
            say()
            say(workload.describe())
            print_table(rows(measured, peaks), HEADER, range(1, len(HEADER)))
            for line in (agreement(measured), *measured.notes):
                say(line)
            done[workload.name] = document(measured, peaks)
            run.write()
            wrong += _faults(measured)
    run.tell_file()
    _complain_of(wrong)


def _scaling(run: _Report, kind: str, plot: Path | None) -> None:
    """Time a network of every size, and draw the times."""
    from glassgrad.bench import scaling
    from glassgrad.bench.contest import Contest

    scale = scaling.find(kind)
    workloads = scale.workloads()
    peaks = run.measure_peaks(workloads.values())
    done: dict[int, Measured] = {}
    with Contest(scaling.PEERS, only=scaling.CONTESTANTS, tell=_tell) as contest:
        run.tell_missing(contest.missing)
        for value, workload in workloads.items():
            done[value] = contest.measure(workload, run.rounds)
            run.fields["scaling"] = scaling.document(scale, done, peaks)
            run.write()
    _tell("")
    header = scaling.header(scale, done)
    say()
    say(f"Median µs a step, by {scale.label}; {scaling.BASE.describe()}")
    print_table(scaling.rows(done), header, range(len(header)))
    for note in dict.fromkeys(note for measured in done.values() for note in measured.notes):
        say(note)
    if plot is not None and any(measured.results for measured in done.values()):
        write_whole(plot, scaling.picture(scale, done, run.place()).encode())
        say(f"Drawn in {plot}")
    run.tell_file()
    _complain_of([fault for measured in done.values() for fault in _faults(measured)])


def _startup(run: _Report) -> None:
    """Measure what comes before the first step."""
    from glassgrad.bench.startup import measure

    run.tell_machine()
    found = measure(run.rounds, _tell)
    _tell("")
    run.tell_missing(found.missing)
    say()
    print_table(found.rows(), ("in a fresh process", "ms", "min – max"), (1, 2))
    say()
    print_table(
        found.memory_rows(),
        ("memory of a run", "MiB above what was there", "MiB of parameters, state, activations"),
        (1, 2),
    )
    run.fields["startup"] = found.document()
    run.write()
    run.tell_file()


class _Report:
    """What goes to the JSON file, and what is said of the machine."""

    def __init__(self, path: Path | None, rounds: int) -> None:
        from glassgrad.bench.machine import machine

        self._path = path
        self._written = False
        self._machine = machine()
        self.rounds = rounds
        self.fields: dict[str, Any] = {
            "version": SCHEMA_VERSION,
            "command": "bench",
            "machine": self._machine,
            "rounds": rounds,
        }

    def place(self) -> str:
        """Return where and with what the figures were found, in one line."""
        m = self._machine
        where = f"{m['cpu']} ({m['architecture']}), {counted(m['cores'], 'core')}"
        return f"{where}; glassgrad's engine: {m['engine']}; {counted(self.rounds, 'round')}"

    def tell_machine(self) -> None:
        """Say what the figures belong to."""
        m = self._machine
        versions = ", ".join(f"{name} {version}" for name, version in m["versions"].items() if version)
        say(self.place())
        say(f"{m['system']}, Python {m['python']}, {versions}")
        if m["load"] is not None and m["load"] > _LOAD:
            say(
                f"The load is {m['load']:.1f} already: something else is running, and will show in the ranges."
            )

    def measure_peaks(self, workloads: Iterable[Workload]) -> Peaks:
        """Measure and say what the machine can do."""
        from glassgrad.bench.contest import thread_counts
        from glassgrad.bench.peak import peak

        self.tell_machine()
        dtypes = dict.fromkeys(w.dtype for w in workloads)
        peaks: Peaks = {(dtype, n): peak(dtype, n) for dtype in dtypes for n in thread_counts()}
        told = [f"{rate / 1e9:.0f} ({dtype}, {counted(n, 'thread')})" for (dtype, n), rate in peaks.items()]
        say(f"Measured peak, GFLOP/s: {', '.join(told)}")
        if any(n > 1 and rate < _GAIN * peaks[dtype, 1] for (dtype, n), rate in peaks.items()):
            say("Two threads reach little more than one: a core is busy, or the two are halves of one core.")
        self.fields["peak"] = [
            {"dtype": dtype, "threads": n, "gflops": rate / 1e9} for (dtype, n), rate in peaks.items()
        ]
        return peaks

    def tell_missing(self, missing: list[str]) -> None:
        """Say who does not take part."""
        self.fields["missing"] = missing
        _tell("")
        for line in missing:
            say(line)

    def write(self) -> None:
        """Write what there is by now; Ctrl-C loses only what is being measured."""
        if self._path is not None:
            text = encoding.dumps(self.fields, ensure_ascii=False, allow_nan=False, indent=1)
            write_whole(self._path, f"{text}\n".encode())
            self._written = True

    def so_far(self) -> str:
        """Return what there is when somebody interrupts."""
        return f"Interrupted. What was done is in {self._path}" if self._written else "Interrupted."

    def tell_file(self) -> None:
        """Say where the figures are."""
        if self._path is not None:
            say(f"Every figure is in {self._path}")


def _check_files(json: Path | None, plot: Path | None) -> None:
    """Refuse files that could not be written before anything is measured."""
    from glassgrad.errors import OptionError

    for path in (json, plot):
        if path is not None:
            check_writable(path)
    if json is not None and plot is not None and os.path.realpath(json) == os.path.realpath(plot):
        raise OptionError(f"--json and --plot both name {json}; name two files.")


def _faults(measured: Measured) -> list[str]:
    """Return who computed something else, and glassgrad where it could not be timed."""
    from glassgrad.bench.peers import OURS

    timed = {result.contestant for result in measured.results}
    names = [*measured.wrong, *([] if OURS in timed else [OURS])]
    return [f"{name} in {measured.workload.name}" for name in dict.fromkeys(names)]


def _complain_of(faults: list[str]) -> None:
    """End with an error where the figures are no comparison."""
    from glassgrad.errors import TrainingError

    if faults:
        raise TrainingError(f"Not timed, for the reasons above: {', '.join(faults)}.")


def _tell(text: str) -> None:
    """Show on a terminal what is being done, in one line that is written over; an empty text clears it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
