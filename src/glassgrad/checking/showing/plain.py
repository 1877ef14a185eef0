"""A report as plain values: keys that stay, numbers in full, sentences in both languages."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad.checking.report import Cause, Finding, Gradient, Line, ProgramReport, Quantity
from glassgrad.checking.showing.arrays import MOST_WHOLE, numbers
from glassgrad.language import Text

__all__ = ["plain"]


def plain(report: ProgramReport) -> dict[str, Any]:
    """Return a report as dicts, lists, strings, numbers and None, as ``--json`` prints it.

    An array is ``{"shape": …, "dtype": …, "values": …}`` with nested lists, or None for the values of more than 4096
    elements; a number that is not finite is None; a sentence is ``{"en": …, "ko": …}``.
    """
    return {
        "file": report.file,
        "verdict": report.verdict,
        "loss": {
            "formula": report.loss.formula,
            "how": report.loss.how,
            "says": _both(report.loss.says),
            "prediction": report.loss.prediction or None,
            "target": report.loss.target or None,
        },
        "parameters": [_gradient(g) for g in report.parameters],
        "findings": [_finding(f) for f in report.findings],
        "notices": [_both(text) for text in report.notices],
        "lines": [_line(line) for line in report.lines],
        "draws": report.draws,
        "method": report.method,
        "seconds": report.seconds,
    }


def _gradient(g: Gradient) -> dict[str, Any]:
    return {
        "name": g.name,
        "shape": [int(n) for n in g.shape],
        "gradient": g.gradient,
        "gradient_says": _both(g.gradient_says),
        "update": g.update,
        "update_says": _both(g.update_says),
        "error": _number(g.error),
        "place": [int(i) for i in g.place],
        "found": _array(g.found),
        "exact": _array(g.exact),
        "rate": _number(g.rate),
    }


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "quantity": _quantity(f.quantity),
        "sentence": _both(f.sentence),
        "cause": _cause(f.cause),
        "follows": list(f.follows),
    }


def _cause(c: Cause) -> dict[str, Any]:
    return {
        "key": c.key,
        "title": _both(c.title),
        "file": c.file,
        "line": c.line,
        "before": c.before,
        "after": c.after or None,
        "confirmed": c.confirmed,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "file": line.file,
        "number": line.number,
        "source": line.source,
        "state": line.state,
        "quantities": [_quantity(q) for q in line.quantities],
    }


def _quantity(q: Quantity) -> dict[str, Any]:
    return {
        "name": q.name,
        "file": q.file,
        "line": q.line,
        "meaning": _both(q.meaning),
        "state": q.state,
        "error": _number(q.error),
        "place": [int(i) for i in q.place],
        "found": _array(q.found),
        "exact": _array(q.exact),
    }


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "ko": text.ko}


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _array(array: np.ndarray[Any, Any] | None) -> dict[str, Any] | None:
    if array is None:
        return None
    real = numbers(array) if array.size <= MOST_WHOLE else None
    values = None
    if real is not None:
        kept = real.astype(object)
        kept[~np.isfinite(real)] = None
        values = kept.tolist()
    return {"shape": list(array.shape), "dtype": str(array.dtype), "values": values}
