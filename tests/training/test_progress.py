"""Progress displays: what they say, where they say it, and how seldom."""

from __future__ import annotations

import io
import os
import sys
import types
from typing import Any

import pytest

from glassgrad.training import progress
from glassgrad.training.history import History
from glassgrad.training.progress import BarProgress, LineProgress, NotebookProgress, make_progress


class FakeRun:
    """As much of a run as a display looks at; its clock is set by hand."""

    def __init__(self, epochs: int = 10, steps_per_epoch: int = 100) -> None:
        self.epochs, self.epoch, self.step = epochs, 0, 0
        self.total_steps = epochs * steps_per_epoch
        self.loss, self.rate, self.history = 0.5, 0.001, History()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def train(display: Any, run: FakeRun, clock: list[float], seconds_a_step: float) -> int:
    """Go through a run as the loop does, and count the calls of on_step."""
    calls = 0
    display.on_start(run)
    while run.step < run.total_steps:
        run.step += 1
        clock[0] += seconds_a_step
        if run.step % display.every == 0:
            calls += 1
            display.on_step(run)
        if run.step % 100 == 0:
            run.epoch += 1
            run.history.add({"loss": 1 / run.epoch, "val_loss": 2 / run.epoch, "val_accuracy": 0.9})
    run.history.seconds = seconds_a_step * run.total_steps
    display.on_end(run, run.history)
    return calls


def test_lines_are_two_seconds_apart_and_end_with_the_result(clock: list[float]) -> None:
    file = io.StringIO()
    train(LineProgress(file), FakeRun(), clock, 0.01)  # 10 s in all
    lines = file.getvalue().splitlines()
    assert 4 <= len(lines) <= 6
    assert lines[1] == "epoch 5/10  loss 0.25  val accuracy 0.9  lr 0.001  0:06 left  100 steps/s"
    assert lines[-1] == "epoch 10/10  loss 0.1  val accuracy 0.9  100 steps/s  0:10 taken"


def test_a_short_run_is_one_line(clock: list[float]) -> None:
    file = io.StringIO()
    train(LineProgress(file), FakeRun(), clock, 1e-5)
    assert len(file.getvalue().splitlines()) == 1


def test_the_display_is_called_ten_times_a_second_however_fast_the_steps(clock: list[float]) -> None:
    calls = train(LineProgress(io.StringIO()), FakeRun(epochs=1000), clock, 1e-5)  # 1 s of 100 000 steps
    assert calls <= 40


def test_the_time_left_of_a_resumed_run_counts_its_own_steps(clock: list[float]) -> None:
    display, run = LineProgress(io.StringIO()), FakeRun()
    run.step = 900
    display.on_start(run)
    run.step, clock[0] = 950, clock[0] + 5.0
    assert "10 steps/s" in display.facts(run)
    assert "0:05 left" in display.facts(run)


def test_a_run_that_was_stopped_says_so(clock: list[float]) -> None:
    file, run = io.StringIO(), FakeRun()
    display = LineProgress(file)
    display.on_start(run)
    run.epoch, run.history.stopped = 3, "early stopping"
    display.on_end(run, run.history)
    assert file.getvalue().startswith("epoch 3/10")
    assert file.getvalue().rstrip().endswith("early stopping")


def test_the_bar_is_drawn_in_a_terminal(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    train(BarProgress(file), FakeRun(), clock, 0.01)
    text = file.getvalue()
    assert "━" in text
    assert "epoch 10/10" in text
    assert "val accuracy 0.9" in text
    assert "0:06 left" in text
    assert text.count("epoch") < 130  # ten a second in ten seconds


def test_the_bar_in_a_notebook_is_html_that_is_updated(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            shown.append(html)

    def display(html: str, display_id: bool) -> Handle:
        shown.append(html)
        return Handle()

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display_module = types.ModuleType("IPython.display")
    display_module.HTML, display_module.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display_module)
    bar = make_progress()
    assert isinstance(bar, NotebookProgress)
    train(bar, FakeRun(), clock, 0.01)
    assert shown[-1].startswith('<progress value="1000" max="1000">')
    assert "epoch 10/10" in shown[-1]


def test_where_the_output_is_no_terminal_only_those_who_ask_get_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert make_progress() is None
    assert make_progress(False) is None
    assert isinstance(make_progress(True), LineProgress)
    monkeypatch.setattr(sys, "stderr", None)
    assert make_progress(True) is None


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    _, slave = os.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert isinstance(make_progress(), BarProgress)
        assert make_progress(False) is None
