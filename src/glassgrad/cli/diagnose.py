"""``glassgrad diagnose``: what is wrong with a model, its data or its training."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from glassgrad.cli.options import ReadingOptions
from glassgrad.cli.output import page, print_json, say
from glassgrad.cli.sources import Selection, read_source

if TYPE_CHECKING:
    from glassgrad.explaining.diagnosis import Diagnosis, Verdict
    from glassgrad.language import Text

__all__ = ["diagnose"]


def diagnose(
    model: Annotated[
        str,
        Parameter(
            help="A model file that glassgrad train wrote, a folder of its checkpoints, or a built-in example."
        ),
    ],
    data: Annotated[
        str | None,
        Parameter(
            help="Raw rows, with the target. [default: none; only structure, weights and history are looked at]",
            show_default=False,
        ),
    ] = None,
    /,
    *,
    lang: Annotated[str, Parameter(help="en or ko.")] = "en",
    options: ReadingOptions | None = None,
) -> None:
    """Find what is wrong with a model, its data or its training: verdicts with evidence, cause and cure."""
    from glassgrad.language import language

    options = options or ReadingOptions()
    tongue = language(lang)
    start = time.perf_counter()
    found, dropped = _diagnosis(model, data, options.selection())
    if options.json:
        fields = {
            "model": model,
            "seconds": time.perf_counter() - start,
            "examined": _both(found.examined),
            "verdicts": [_verdict(verdict) for verdict in found],
            "skipped": [_both(text) for text in found.skipped],
            "dropped": dropped,
        }
        print_json("diagnose", fields)
        return
    say(found.text(lang=tongue, **page()).rstrip("\n"))


def _diagnosis(model: str, data: str | None, selection: Selection) -> tuple[Diagnosis, dict[str, Any]]:
    """Diagnose what the user names, and say which of the data was dropped."""
    from glassgrad import examples
    from glassgrad.errors import OptionError, did_you_mean
    from glassgrad.explaining.diagnosis import diagnose as diagnosed

    dropped: dict[str, Any] = {"columns": [], "rows": {}}
    if Path(model).exists():
        rows = None
        if data is not None:
            rows, dropped = read_source(data, selection)
        return diagnosed(model, rows), dropped
    if model in examples.names():
        return _of_example(model, data), dropped
    hint = did_you_mean(model, examples.names())
    raise OptionError(f"There is no model file or folder {model!r}, nor an example of that name. {hint}")


def _of_example(name: str, data: str | None) -> Diagnosis:
    """Train a worked example, and diagnose it."""
    from glassgrad import examples
    from glassgrad.errors import OptionError
    from glassgrad.explaining.diagnosis import diagnose as diagnosed
    from glassgrad.optim import SGD

    example = examples.get(name)
    if data is not None:
        raise OptionError(f"{name!r} is a built-in example with rows of its own: leave out {data!r}.")
    if not isinstance(example, examples.NetworkExample):
        networks = [n for n in examples.names() if isinstance(examples.get(n), examples.NetworkExample)]
        hint = "Train it first: glassgrad train digits." if name == "digits" else ""
        raise OptionError(
            f"{name!r} is no network that can be diagnosed as it is. {hint}\n"
            f"Examples that can: {', '.join(networks)}."
        )
    model, history = example.train()
    optimizer = SGD(lr=example.lr)
    return diagnosed(model, example.X, example.y, loss=example.loss, optimizer=optimizer, history=history)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as JSON."""
    return {
        "key": verdict.key,
        "severity": verdict.severity,
        "place": {"kind": verdict.place.kind, "name": verdict.place.name},
        "evidence": float(verdict.evidence) if math.isfinite(verdict.evidence) else None,
        "title": _both(verdict.title),
        "finding": _both(verdict.finding),
        "cause": _both(verdict.cause),
        "fix": _both(verdict.fix),
    }


def _both(text: Text) -> dict[str, str]:
    return {"en": text.en, "ko": text.ko}
