"""What was measured, as rows of a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from glassgrad.bench.contest import Measured, Result
from glassgrad.bench.peers import OURS
from glassgrad.bench.workloads import Workload

__all__ = ["HEADER", "Peaks", "agreement", "digits", "document", "rows"]

Peaks = Mapping[tuple[str, int], float]
"""Operations a second that the machine can do, by dtype and number of threads."""

HEADER = ("contestant", "threads", "µs/step", "min – max", f"× {OURS}", "GFLOP/s", "of peak")
"""The columns of `rows`: the median of the rounds, their range, and what the median means."""


def digits(number: float) -> str:
    """Return three significant digits, and no fewer than those before the point.

    Examples
    --------
    >>> digits(0.07519), digits(16.94), digits(13791.2)
    ('0.0752', '16.9', '13,791')
    """
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def rows(measured: Measured, peaks: Peaks) -> list[tuple[str, ...]]:
    """Return a row for each contestant at its best number of threads, the fastest first."""
    best = measured.best()
    ours = next((result.median for result in best if result.contestant == OURS), math.nan)
    found: list[tuple[str, ...]] = []
    for result in best:
        microseconds = [1e6 * seconds for seconds in result.seconds]
        share = _share(measured.workload, result, peaks)
        found.append(
            (
                result.contestant,
                str(result.threads),
                digits(1e6 * result.median),
                f"{digits(min(microseconds))} – {digits(max(microseconds))}",
                _times(result.median / ours),
                digits(measured.workload.flops / result.median / 1e9),
                "–" if share is None else f"{digits(100 * share)} %",
            )
        )
    return found


def agreement(measured: Measured) -> str:
    """Return a sentence on the losses that were compared."""
    checked = list(dict.fromkeys(r.contestant for r in measured.results if r.checked))
    unchecked = list(dict.fromkeys(r.contestant for r in measured.results if not r.checked))
    if not checked:
        return "No losses were compared."
    loss = next(r.loss for r in measured.results if r.checked)
    text = f"Loss after {measured.workload.check_steps} steps: {loss:.6g} for {_listed(checked)}"
    return f"{text}; {_listed(unchecked)} not compared." if unchecked else f"{text}."


def document(measured: Measured, peaks: Peaks) -> dict[str, Any]:
    """Return one workload with every round of every contestant, as JSON."""
    return {
        "workload": asdict(measured.workload),
        "flops": measured.workload.flops,
        "results": [
            {
                "contestant": result.contestant,
                "threads": result.threads,
                "checked": result.checked,
                "loss": result.loss if math.isfinite(result.loss) else None,
                "steps": result.steps,
                "seconds": list(result.seconds),
                "median": result.median,
                "gflops": measured.workload.flops / result.median / 1e9,
                "of_peak": _share(measured.workload, result, peaks),
            }
            for result in measured.results
        ],
        "wrong": list(measured.wrong),
        "notes": list(measured.notes),
    }


def _times(ratio: float) -> str:
    """Return a ratio with two places, or three digits from ten on; a dash where there is none."""
    if not math.isfinite(ratio):
        return "–"
    return f"{ratio:.2f}" if ratio < 10 else digits(ratio)


def _share(workload: Workload, result: Result, peaks: Peaks) -> float | None:
    """Return the share of the peak that a contestant's matrix products reach, with as many threads."""
    rate = peaks.get((workload.dtype, result.threads))
    return None if rate is None else workload.flops / result.median / rate


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
