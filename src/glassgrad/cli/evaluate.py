"""``glassgrad evaluate``: how good a model is on rows whose target is known."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from glassgrad.cli.options import ReadingOptions
from glassgrad.cli.output import counted, print_json, print_table, say
from glassgrad.cli.sources import read_source

__all__ = ["evaluate"]


def evaluate(
    model: Annotated[Path, Parameter(help="A model file that glassgrad train wrote.")],
    data: Annotated[str, Parameter(help="Raw rows, with the target.")],
    /,
    *,
    options: ReadingOptions | None = None,
) -> None:
    """Score a model on rows whose target is known, in the target's own units."""
    from glassgrad.cli.tell import score_rows
    from glassgrad.data import Arrays
    from glassgrad.learner.learner import Learner

    options = options or ReadingOptions()
    start = time.perf_counter()
    learner = Learner.load(model)
    target = learner.preprocessing.target_encoding.column or None
    rows, dropped = read_source(data, options.selection(), target)
    notes = []
    if learner.trained_on(rows):
        if isinstance(rows, Arrays) and rows.test is not None:
            notes.append(f"Scored on the test set of {rows.source}; the model was trained on the rest.")
            rows = rows.test
        else:
            notes.append("The model was trained on most of these rows: expect worse figures on new ones.")
    scores, more = learner.score(rows)
    notes += more
    if options.json:
        fields = {
            "task": learner.preprocessing.task,
            "engine": learner.summary.engine,
            "seconds": time.perf_counter() - start,
            "model": str(model),
            "epochs": learner.summary.epochs + learner.summary.epochs_before,
            "test": {name: value if math.isfinite(value) else None for name, value in scores.items()},
            "rows": rows.height,
            "dropped": dropped,
            "notes": notes,
        }
        print_json("evaluate", fields)
        return
    for note in () if options.quiet else notes:
        say(f"Note: {note}")
    print_table(score_rows(scores), (f"on {counted(rows.height, 'row')}", ""), numbers=(1,))
