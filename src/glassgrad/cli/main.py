"""``glassgrad``: finds the command, and turns every error that was foreseen into a few lines.

A person who mistypes a column should read what is wrong and how to mend it, not thirty lines of Python; a
script should get exit code 2. What was not foreseen keeps its traceback, because it is a fault of glassgrad.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from glassgrad._version import __version__

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError

__all__ = ["main"]

_COMMANDS = {
    "train": "Train a network on data, show how good it is, and save it.",
    "predict": "Predict the target of raw rows.",
    "evaluate": "Score a model on rows whose target is known.",
    "show": "Show what is in a model file.",
    "explain": "Show where the numbers of a run come from.",
    "diagnose": "Find what is wrong with a model, its data or its training.",
    "check": "Run a training program of your own, and find what is wrong with its backward pass.",
    "derive": "Derive an expression by the chain rule, and check the answer.",
    "examples": "List the built-in examples, or run one.",
    "bench": "Time training steps of glassgrad and of other libraries, side by side.",
}
_BAD_INPUT, _INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        What follows ``glassgrad``; None for those of the process.

    Returns
    -------
    int
        0 where all went well, 1 where the command found what it looks for to be wrong (`check`), 2 for bad input,
        130 where Ctrl-C ended the command before its work was done.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = _warn
            return _run(arguments)
    except KeyboardInterrupt as interruption:
        print(str(interruption) or "Interrupted.", file=sys.stderr)
        return _INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    from cyclopts import CycloptsError

    from glassgrad.errors import CheckError, GlassgradError

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show 거래금액 is no reason to stop
    code = None
    try:
        code = _app()(
            sys.argv[1:] if arguments is None else arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except CycloptsError as error:
        return _complain(_usage(error))
    except CheckError as error:
        return _complain(str(error), quotes=True)
    except GlassgradError as error:
        return _complain(str(error))
    except BrokenPipeError:
        from glassgrad.cli.output import stop_writing

        stop_writing()
    except OSError as error:
        place = f": '{error.filename}'" if error.filename else ""
        return _complain(f"{error.strerror or error}{place}.")
    except MemoryError:
        return _complain("There is not enough memory for this.\nTake fewer rows, or a smaller --batch-size.")
    return code or 0


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning of glassgrad's own as the sentence it is, and any other as Python does."""
    if issubclass(category, UserWarning):
        print(message, file=sys.stderr)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))


def _app() -> App:
    from cyclopts import App

    app = App(
        name="glassgrad",
        help="Neural networks you can see through: train on real data, keep the model, predict with it.",
        version=__version__,
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )
    for place, (name, text) in enumerate(_COMMANDS.items()):
        app.command(f"glassgrad.cli.{name}:{name}", name=name, help=text, sort_key=place)
    return app


def _usage(error: CycloptsError) -> str:
    """Return a mistake in the options as a line, and where to read about them."""
    words = " ".join(str(error).split())
    command = error.command_chain[0] + " " if error.command_chain else ""
    return f"{words}\nSee: glassgrad {command}--help"


def _complain(message: str, *, quotes: bool = False) -> int:
    """Print a message, in the words of the command line unless it quotes a program, whose ``lr=1`` is its own."""
    from glassgrad.cli.wording import in_options

    print(message if quotes else in_options(message), file=sys.stderr)
    return _BAD_INPUT
