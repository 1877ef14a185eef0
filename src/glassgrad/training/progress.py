"""Progress: how far training has come, where a person can see it.

The one thing below the command line that prints, and only on standard error: a bar in a terminal or a
notebook, and where the output is a file or a pipe, a plain line now and then. A display is redrawn at most
five times a second, so that looking at training does not slow it down.
"""

from __future__ import annotations

import math
import sys
import time
from html import escape
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TextIO

from glassgrad.training.callbacks import Callback

if TYPE_CHECKING:
    from glassgrad.training.history import History
    from glassgrad.training.run import Run

__all__ = ["BarProgress", "LineProgress", "NotebookProgress", "Progress", "make_progress"]

_LOOK = 0.1
_REDRAW = 0.2
_LINES_APART = 2.0


def make_progress(setting: bool | None = None) -> Progress | None:
    """Return the display that suits where the output goes.

    Parameters
    ----------
    setting
        True for a bar in a terminal or notebook and plain lines elsewhere, None for a bar only, False for
        nothing.

    Examples
    --------
    >>> make_progress(False) is None
    True
    """
    if setting is False:
        return None
    if _in_notebook():
        return NotebookProgress()
    if sys.stderr is not None and sys.stderr.isatty():
        return BarProgress(sys.stderr)
    return LineProgress(sys.stderr) if setting and sys.stderr is not None else None


class Progress(Callback):
    """What the displays have in common: when to draw, and the facts to draw.

    Parameters
    ----------
    apart
        Seconds between two drawings.
    """

    def __init__(self, apart: float) -> None:
        self.every: int = 1
        self._apart = apart
        self._drawn = self._began = -math.inf
        self._first = 0

    def on_start(self, run: Run) -> None:
        """Take note of where the run starts: a resumed one is not at its first step."""
        self._began, self._first = time.perf_counter(), run.step
        self._open(run)

    def on_step(self, run: Run) -> None:
        """Draw when it is time, and choose the next step to look at the clock."""
        now = time.perf_counter()
        pace = (run.step - self._first) / max(now - self._began, 1e-9)
        self.every = max(1, min(int(pace * _LOOK), 4 * self.every))
        if now - self._drawn >= self._apart:
            self._drawn = now
            self._draw(run)

    def on_end(self, run: Run, history: History) -> None:
        """Draw the end."""
        self._close(run, history)

    def facts(self, run: Run, *, ended: bool = False) -> list[str]:
        """Return what is known at this moment, as short phrases."""
        epoch = max(run.epoch, 1) if ended else min(run.epoch + 1, run.epochs)
        columns = run.history.columns
        losses = columns.get("loss")
        loss = losses[-1] if losses else run.loss
        facts = [f"epoch {epoch}/{run.epochs}", f"loss {loss:.4g}"]
        shown = [name for name in columns if name.startswith("val_") and name != "val_loss"] or ["val_loss"]
        facts += [
            f"{name.replace('_', ' ')} {columns[name][-1]:.4g}" for name in shown[:1] if name in columns
        ]
        facts.append(f"lr {run.rate:.2g}")
        taken, seconds = run.step - self._first, time.perf_counter() - self._began
        if taken and seconds > 0:
            facts += [f"{_clock(self._left(run))} left", f"{taken / seconds:,.0f} steps/s"]
        return facts

    def _left(self, run: Run) -> float:
        taken = run.step - self._first
        return (time.perf_counter() - self._began) * (run.total_steps - run.step) / max(taken, 1)

    def _open(self, run: Run) -> None:
        """Begin the display."""

    def _draw(self, run: Run) -> None:
        """Draw the display."""
        raise NotImplementedError

    def _close(self, run: Run, history: History) -> None:
        """End the display."""
        raise NotImplementedError


class BarProgress(Progress):
    """A bar in a terminal, drawn by rich.

    Parameters
    ----------
    file
        The terminal.
    """

    def __init__(self, file: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as RichProgress

        super().__init__(_REDRAW)
        self._bar = RichProgress(
            BarColumn(bar_width=10),  # all but the pace fits into 80 columns
            TextColumn("{task.description}", markup=False),
            console=Console(file=file),
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=None)

    def _open(self, run: Run) -> None:
        self._bar.update(self._task, total=run.total_steps, completed=run.step)
        self._bar.start()

    def _draw(self, run: Run) -> None:
        self._bar.update(self._task, completed=run.step, description="  ".join(self.facts(run)), refresh=True)

    def _close(self, run: Run, history: History) -> None:
        self._bar.update(
            self._task, completed=run.step, description=_ending(self.facts(run, ended=True), history)
        )
        self._bar.refresh()
        self._bar.stop()


class LineProgress(Progress):
    """A plain line every two seconds or more, and one at the end.

    Parameters
    ----------
    file
        Where the lines go.
    """

    def __init__(self, file: TextIO) -> None:
        super().__init__(_LINES_APART)
        self._file = file

    def _open(self, run: Run) -> None:
        self._drawn = time.perf_counter()

    def _draw(self, run: Run) -> None:
        print("  ".join(self.facts(run)), file=self._file, flush=True)

    def _close(self, run: Run, history: History) -> None:
        print(_ending(self.facts(run, ended=True), history), file=self._file, flush=True)


class NotebookProgress(Progress):
    """A bar below the cell, in any notebook that shows HTML; rich's own would need ipywidgets."""

    def __init__(self) -> None:
        super().__init__(_REDRAW)
        self._shown: Any = None

    def _open(self, run: Run) -> None:
        from importlib import import_module

        self._html, display = attrgetter("HTML", "display")(import_module("IPython.display"))
        self._shown = display(self._html(_element(run, "")), display_id=True)

    def _draw(self, run: Run) -> None:
        self._shown.update(self._html(_element(run, "  ".join(self.facts(run)))))

    def _close(self, run: Run, history: History) -> None:
        self._shown.update(self._html(_element(run, _ending(self.facts(run, ended=True), history))))


def _element(run: Run, text: str) -> str:
    return f'<progress value="{run.step}" max="{run.total_steps}"></progress> <code>{escape(text)}</code>'


def _ending(facts: list[str], history: History) -> str:
    """Return the last line: what was reached, and the time it took in place of the time left."""
    reached = [fact for fact in facts if not fact.endswith(" left") and not fact.startswith("lr ")]
    return "  ".join(
        [*reached, f"{_clock(history.seconds)} taken", *([] if _plain(history) else [history.stopped])]
    )


def _plain(history: History) -> bool:
    return history.stopped == "finished"


def _clock(seconds: float) -> str:
    whole = max(0, math.ceil(seconds))
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _in_notebook() -> bool:
    """Return whether the code runs in a notebook's kernel, of Jupyter or of a service like it."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")
