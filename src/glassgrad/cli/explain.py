"""``glassgrad explain``: any number of a run, and where it comes from."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from glassgrad.cli.options import ReadingOptions
from glassgrad.cli.output import check_not_input, check_writable, page, print_json, say, write_whole
from glassgrad.cli.sources import Selection, read_source

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation

__all__ = ["explain"]


_STEPS = 10_000_000
"""The latest step of an example that is trained for."""


def explain(
    what: Annotated[str, Parameter(help="A model file that glassgrad train wrote, or a built-in example.")],
    /,
    *,
    data: Annotated[str | None, Parameter(help="Raw rows for a model: a file, a folder, or digits.")] = None,
    row: Annotated[
        int | None, Parameter(help="Which of the rows, from 1. [default: a mini-batch]", show_default=False)
    ] = None,
    weight: Annotated[
        str | None,
        Parameter(
            help="The number to explain, such as 0.weight[1,0]. [default: those worth it]", show_default=False
        ),
    ] = None,
    step: Annotated[int, Parameter(help="Of an example: the step of training to explain.")] = 1,
    html: Annotated[
        Path | None, Parameter(help="Write one page that works offline.", show_default=False)
    ] = None,
    latex: Annotated[Path | None, Parameter(help="Write a LaTeX document.", show_default=False)] = None,
    worksheet: Annotated[
        bool, Parameter(negative="", help="Leave the answers out of the LaTeX document.")
    ] = False,
    lang: Annotated[str, Parameter(help="en or ko.")] = "en",
    options: ReadingOptions | None = None,
) -> None:
    """Explain a run: its gates, why its weights have their gradients, and which rows pushed them."""
    from glassgrad.errors import OptionError
    from glassgrad.language import language

    options = options or ReadingOptions()
    tongue = language(lang)
    for option, path in (("--html", html), ("--latex", latex)):
        if path is not None:
            check_not_input(path, option, model=what, **({} if data is None else {"data": data}))
            check_writable(path)
    if not 1 <= step <= _STEPS:
        raise OptionError(f"--step counts from 1 and goes up to {_STEPS:,}, so it cannot be {step:,}.")
    if worksheet and latex is None:
        raise OptionError("--worksheet is for --latex FILE: name the file to write.")
    start = time.perf_counter()
    told = _told(what, data, row, step, options.selection())
    document = told.document(weight)
    for path, content in ((html, "html"), (latex, "latex")):
        if path is not None:
            settings: dict[str, Any] = {"answers": not worksheet} if content == "latex" else {}
            write_whole(path, getattr(told, content)(weight, lang=tongue, **settings).encode())
    if options.json:
        fields = {
            "title": {"en": document.title.en, "ko": document.title.ko},
            "seconds": time.perf_counter() - start,
            "result": told.result,
            "why": [_why(told, name) for name in ([weight] if weight else told.worth())],
            "html": None if html is None else str(html),
            "latex": None if latex is None else str(latex),
        }
        print_json("explain", _finite(fields))
        return
    if html is None and latex is None:
        say(told.text(weight, lang=tongue, **page()))
    elif not options.quiet:
        say("\n".join(f"Written to {path}" for path in (html, latex) if path is not None))


def _told(what: str, data: str | None, row: int | None, step: int, selection: Selection) -> Explanation:
    """Replay what the user names."""
    import numpy as np

    from glassgrad import examples
    from glassgrad.errors import OptionError
    from glassgrad.explaining.subjects import explain
    from glassgrad.learner.learner import Learner

    if what in examples.names() and not Path(what).exists():
        if data is not None or row is not None:
            raise OptionError(
                f"{what!r} is a built-in example with rows of its own: --data and --row are for models."
            )
        return explain(examples.get(what), step=step)
    if not Path(what).exists():
        from glassgrad.errors import did_you_mean

        hint = did_you_mean(what, examples.names())
        raise OptionError(f"There is no model file {what!r}, nor an example of that name. {hint}")
    learner = Learner.load(what)
    if data is None:
        raise OptionError(f"Give the rows to explain {what} on: --data FILE, and --row N for one of them.")
    rows, _ = read_source(data, selection)
    if row is not None and not 1 <= row <= rows.height:
        raise OptionError(f"--row {row}: {data} has the rows 1 to {rows.height:,}.")
    first, last = (
        (row - 1, row) if row is not None else (0, min(rows.height, learner.recipe.batch_size or 32))
    )
    return explain(learner, rows.take(np.arange(first, last)))


def _finite(fields: Any) -> Any:
    """Return fields with null where a number is not finite, which JSON cannot say."""
    if isinstance(fields, dict):
        return {key: _finite(field) for key, field in fields.items()}
    if isinstance(fields, list):
        return [_finite(field) for field in fields]
    return None if isinstance(fields, float) and not math.isfinite(fields) else fields


def _why(told: Explanation, name: str) -> dict[str, Any]:
    """Return why a number has its gradient, as JSON."""
    why = told.why(name)
    paths = [
        {
            "stops": [told.names.element(s.value, s.element) for s in path.stops],
            "derivatives": [s.derivative for s in path.stops],
            "product": path.product,
            "row": path.row,
        }
        for path in why.paths.paths
    ]
    return {
        "name": why.name,
        "value": why.value,
        "gradient": why.gradient,
        "paths": paths,
        "number_of_paths": why.paths.number,
        "others": why.paths.others,
        "rounding": why.paths.rounding,
        "rows": None if why.shares is None else why.shares.rows.tolist(),
    }
