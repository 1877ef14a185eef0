"""``glassgrad predict``: a model and raw rows, to a table of predictions."""

from __future__ import annotations

import csv
import io
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from glassgrad.cli.options import ReadingOptions
from glassgrad.cli.output import check_not_input, check_writable, counted, print_json, say, write_whole
from glassgrad.cli.sources import read_source

if TYPE_CHECKING:
    from glassgrad.data import Arrays, Table
    from glassgrad.learner.predictions import Predictions

__all__ = ["predict"]


def predict(
    model: Annotated[Path, Parameter(help="A model file that glassgrad train wrote.")],
    data: Annotated[
        str, Parameter(help="Raw rows: the columns that training had; the target may be absent.")
    ],
    /,
    *,
    out: Annotated[
        Path | None,
        Parameter(
            name=("--out", "-o"), help="The CSV file to write. [default: standard output]", show_default=False
        ),
    ] = None,
    options: ReadingOptions | None = None,
) -> None:
    """Predict the target of raw rows, one line of CSV a row, in their order."""
    from glassgrad.learner.learner import Learner

    options = options or ReadingOptions()
    if out is not None:
        check_not_input(out, "-o", data=data, model=model)
        check_writable(out)
    start = time.perf_counter()
    learner = Learner.load(model)
    rows, dropped = read_source(data, options.selection())
    predictions = learner.predict(rows)
    header, table = _table(rows, predictions)
    if out is not None:
        write_whole(out, _csv(header, table).encode())
    for note in () if options.quiet else predictions.notes:
        print(f"Note: {note}", file=sys.stderr)
    if options.json:
        p = predictions.probabilities
        fields: dict[str, Any] = {
            "task": learner.preprocessing.task,
            "engine": learner.summary.engine,
            "seconds": time.perf_counter() - start,
            "model": str(model),
            "rows": len(table),
            "out": None if out is None else str(out),
            "classes": list(predictions.classes) or None,
            "predictions": predictions.values.tolist() if out is None else None,
            "probabilities": None if out is not None or p is None else p.tolist(),
            "dropped": dropped,
            "notes": list(predictions.notes),
        }
        print_json("predict", fields)
    elif out is None:
        sys.stdout.write(_csv(header, table))
    elif not options.quiet:
        say(f"{counted(len(table), 'prediction')} written to {out}")


def _table(rows: Table | Arrays, predictions: Predictions) -> tuple[list[str], list[list[Any]]]:
    """Return the header, and a row for each prediction: where it stood, the value, the classes' probabilities."""
    from glassgrad.data import Arrays

    if isinstance(rows, Arrays):
        label, places = ("file", list(rows.names)) if rows.names else ("row", range(1, rows.height + 1))
    else:
        label, places = rows.unit, range(1, rows.height + 1) if rows.places is None else rows.places.tolist()
    header = [label, "prediction", *(f"probability of {name}" for name in predictions.classes)]
    values = predictions.values.tolist()
    p = predictions.probabilities
    table = [[place, value] for place, value in zip(places, values, strict=True)]
    if p is not None:
        table = [[*row, *extra] for row, extra in zip(table, p.round(6).tolist(), strict=True)]
    return header, table


def _csv(header: list[str], table: list[list[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(table)
    return text.getvalue()
