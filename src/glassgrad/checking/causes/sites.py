"""A place in the program where edits are tried."""

from __future__ import annotations

import ast
import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.checking.causes.mending import Mending
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.replay import At, writers
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Source, instrumenting

__all__ = ["Site"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Site:
    """Where edits are tried.

    Attributes
    ----------
    fault
        What is to be mended.
    index
        The number of the statement that is edited.
    binding
        Its result that is looked at, by its place among the program's bindings.
    expected
        What that result should be, on each draw; None where only what follows from it tells.
    mending
        Tells what follows from it.
    earlier
        The faults that are taken as mended.
    """

    program: Program
    run: Run
    judgement: Judgement
    fault: Fault
    index: int
    binding: int
    expected: Sequence[Array] | None
    mending: Mending
    earlier: Sequence[Fault] = ()

    @property
    def statement(self) -> Any:
        """The statement."""
        return self.run.statements[self.index]

    @property
    def source(self) -> Source:
        """Its file."""
        return self.program.sources[self.statement.file]

    @functools.cached_property
    def instrumented(self) -> Callable[[ast.expr], ast.expr]:
        """What instruments an expression of that file."""
        return instrumenting(self.source, self.run.numbers)

    @functools.cached_property
    def targets(self) -> int:
        """The values from outside of which the target is made and the prediction is not, as bits."""
        events = self.run.tape.events
        targets = predictions = 0
        for meeting in self.judgement.step.meetings[:1]:
            for prediction, target in meeting.pairs:
                for at in (prediction, target):
                    if isinstance(at, At):
                        leaves = functools.reduce(
                            operator.or_, (events[w].leaves for w in writers(self.run.tape, at))
                        )
                        if at is prediction:
                            predictions |= leaves
                        else:
                            targets |= leaves
        return targets & ~predictions

    @functools.cached_property
    def writing(self) -> frozenset[str]:
        """The functions of the program that write into something."""
        return frozenset(
            node.name
            for source in self.program.sources.values()
            for node in ast.walk(source.tree)
            if isinstance(node, ast.FunctionDef) and any(map(_writes, ast.walk(node)))
        )


def _writes(node: ast.AST) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else []
    stored = any(isinstance(t, (ast.Subscript, ast.Attribute)) for t in targets)
    return isinstance(node, ast.AugAssign) or stored or (isinstance(node, ast.keyword) and node.arg == "out")
