"""``glassgrad check``: is the backward pass of a training program right, and if not, which line is wrong, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from glassgrad.cli.output import check_not_input, check_writable, page, print_json, say, write_whole

__all__ = ["check"]

_WRONG = 1


def check(
    file: Annotated[
        Path,
        Parameter(
            help="Your training program in plain NumPy, a script or a notebook, as it is. This RUNS it: everything in "
            "it happens, as with python FILE, until it has trained a step or a few, so name only a file that you "
            "would run yourself. What it prints is not shown."
        ),
    ],
    /,
    *,
    run: Annotated[
        str | None,
        Parameter(
            help='What to call once the file is loaded, such as "main()" or "Net().train(X, y)". '
            "[default: nothing; the file trains by itself]",
            show_default=False,
            allow_leading_hyphen=True,
        ),
    ] = None,
    loss: Annotated[
        str | None,
        Parameter(
            help="The name of the loss in the program. [default: found out from the gradients]",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        Parameter(
            help="Write one page that works offline: the code, and what each line is.", show_default=False
        ),
    ] = None,
    lang: Annotated[str, Parameter(help="en or ko.")] = "en",
    json: Annotated[
        bool, Parameter(negative="", help="Print one JSON object on standard output, and nothing else there.")
    ] = False,
) -> int:
    """Find the first wrong line of a backward pass written by hand, why it is wrong, and the line that mends it.

    This runs the file, so that whatever the program does happens until it has trained a step or a few.

    The exit code is 0 where the backward pass is right, 1 where it is wrong, 2 where the program could not be judged.
    """
    from glassgrad.language import language

    tongue = language(lang)
    if html is not None:
        check_not_input(html, "--html", program=file)
        check_writable(html)

    from glassgrad.checking.programs import check_program
    from glassgrad.checking.showing import verdict

    report = check_program(file, run=run, loss=loss)
    if html is not None:
        write_whole(html, report.html(tongue).encode())
    if json:
        print_json("check", {**report.to_dict(), "html": None if html is None else str(html)})
    elif html is None:
        say(report.text(tongue, **page()))
    else:
        say(f"{verdict(report).to(tongue)}\nWritten to {html}")
    return 0 if report.ok else _WRONG
