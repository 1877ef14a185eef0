"""``glassgrad derive``: the chain rule for an expression, written out and checked."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from glassgrad.cli.output import check_writable, page, print_json, say, write_whole

if TYPE_CHECKING:
    from glassgrad.explaining.derivation.derivation import Derivation

__all__ = ["derive"]

_PLACE = re.compile(r"[,;]")


def derive(
    expression: Annotated[
        str, Parameter(help='What to derive, such as "(x + y)*z"; ^ is a power.', allow_leading_hyphen=True)
    ],
    /,
    *,
    wrt: Annotated[
        str | None, Parameter(help="The variable to derive by. [default: the only one]", show_default=False)
    ] = None,
    at: Annotated[
        list[str] | None,
        Parameter(
            help='A number for each variable, such as "x=-2,y=5,z=-4". [default: symbols alone]',
            show_default=False,
            negative="",
        ),
    ] = None,
    latex: Annotated[Path | None, Parameter(help="Write a LaTeX document.", show_default=False)] = None,
    worksheet: Annotated[
        bool, Parameter(negative="", help="Leave the answers out of the LaTeX document.")
    ] = False,
    lang: Annotated[str, Parameter(help="en or ko.")] = "en",
    json: Annotated[
        bool, Parameter(negative="", help="Print one JSON object on standard output, and nothing else there.")
    ] = False,
) -> None:
    """Derive an expression factor by factor, and hold SymPy, backpropagation and differences against each other."""
    from glassgrad.errors import OptionError
    from glassgrad.explaining.derivation.expressions import derive as derived
    from glassgrad.language import language

    tongue = language(lang)
    if latex is not None:
        check_writable(latex)
    if worksheet and latex is None:
        raise OptionError("--worksheet is for --latex FILE: name the file to write.")
    numbers = _numbers(at or [])
    found = derived(expression, wrt=wrt, at=numbers)
    document = found.document()
    if latex is not None:
        from glassgrad.explaining.render.latex import latex as written

        write_whole(latex, written(document, tongue, answers=not worksheet).encode())
    if json:
        file = None if latex is None else str(latex)
        print_json("derive", {"expression": expression, "at": numbers, **_fields(found), "latex_file": file})
    elif latex is None:
        from glassgrad.explaining.render.terminal import terminal

        say(terminal(document, tongue, **page()))
    else:
        say(f"Written to {latex}")


def _numbers(given: list[str]) -> dict[str, float]:
    """Return the numbers of ``--at``."""
    from glassgrad.errors import OptionError

    found: dict[str, float] = {}
    for part in (piece.strip() for text in given for piece in _PLACE.split(text)):
        if not part:
            continue
        name, equals, number = (side.strip() for side in part.partition("="))
        try:
            value = float(number.replace("−", "-"))
        except ValueError:
            raise OptionError(f'--at: {part!r} is no number for a variable: write --at "x=-2,y=5".') from None
        if not equals or not name:
            raise OptionError(f'--at: {part!r} names no variable: write --at "x=-2,y=5".')
        if name in found:
            raise OptionError(f"--at: there are two numbers for {name}.")
        found[name] = value
    return found


def _fields(found: Derivation) -> dict[str, Any]:
    """Return a derivation as JSON."""
    from glassgrad.explaining.derivation.notation import UNICODE

    names = {symbol: name.unicode for symbol, name in found.names.items()}
    check, sweep = found.check, found.check.sweep if found.check else None
    factors = [
        {
            "of": names[f.of.symbol],
            "by": names[f.by],
            "formula": UNICODE.expression(f.simple, found.names),
            "value": _finite(f.number),
        }
        for f in found.factors
    ]
    paths = [
        {
            "through": [names[found.wrt], *(names[f.of.symbol] for f in reversed(p.factors))],
            "value": p.number if found.numbers else None,
        }
        for p in found.paths or []
    ]
    return {
        "wrt": found.label,
        "derivative": None if found.closed is None else UNICODE.expression(found.closed, found.names),
        "value": _finite(found.value),
        "steps": [
            {
                "name": names[s.symbol],
                "formula": UNICODE.expression(s.definition, found.names),
                "value": _finite(s.number),
            }
            for s in found.steps
        ],
        "factors": factors,
        "paths": None if found.paths is None else paths,
        "number_of_paths": found.path_count,
        "symbolic": _finite(check.symbolic) if check else None,
        "backpropagation": _finite(check.backpropagation) if check else None,
        "difference": _finite(check.difference) if check else None,
        "differences": None
        if sweep is None
        else [
            {"h": float(h), "estimate": _finite(float(estimate))}
            for h, estimate in zip(sweep.h, sweep.estimates, strict=True)
        ],
        "notes": [{"en": note.en, "ko": note.ko} for note in found.notes],
        "unicode": found.unicode(),
        "latex": found.latex(),
    }


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None
