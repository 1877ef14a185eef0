"""What a value put in the place of another makes right, found by playing the step again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Replay, Unplayable, ancestors

__all__ = ["Mending"]

Array = np.ndarray[Any, Any]

_MOST_INNER = 12


class Mending:
    """Whether parameters become right.

    Parameters
    ----------
    judgement
        What was found of the program.
    parameters
        The parameters that are to become right.
    """

    def __init__(self, judgement: Judgement, parameters: Sequence[ParameterVerdict]) -> None:
        self.judgement = judgement
        self.parameters = [p for p in parameters if p.parameter.after is not None]
        self._inner = {id(p): self._of_its_size(p) for p in self.parameters if p.step is None}
        wanted = {p.parameter.after for p in self.parameters if p.parameter.after is not None}
        wanted |= {at for ats in self._inner.values() for at in ats}
        self._replay = Replay(judgement.step.tape, wanted)

    def right(self, given: Sequence[Mapping[int, Any]], draws: Sequence[int]) -> int:
        """Return how many parameters are right on some draws with some results of events replaced."""
        try:
            values = [
                self._replay.run({**self.judgement.draws.given[d], **g})
                for d, g in zip(draws, given, strict=True)
            ]
        except (Unplayable, ValueError, IndexError, KeyError, TypeError):
            return 0
        put = set(given[0])
        return sum(self._right(p, values, draws, put) for p in self.parameters)

    def _right(
        self, p: ParameterVerdict, values: list[dict[At, Array]], draws: Sequence[int], put: set[int]
    ) -> bool:
        after = p.parameter.after
        assert after is not None
        exact, before = [p.exact[d] for d in draws], [p.before[d] for d in draws]
        if values[0][after].shape != before[0].shape or not any(map(np.any, exact)):
            return False
        change = [v[after] - b for v, b in zip(values, before, strict=True)]
        how = match(change, exact, None if p.penalised else before)
        if how is not None:
            largest = max(float(np.max(np.abs(c))) for c in change)
            mine = abs(how.factor) * max(float(np.max(np.abs(e))) for e in exact)
            return how.factor < 0 and mine > 1e-3 * largest
        if not all(np.all(np.sign(c) * np.sign(e) <= 0) for c, e in zip(change, exact, strict=True)):
            return False
        inner = (at for at in self._inner.get(id(p), ()) if at.time - 1 not in put)
        return any(match([v[at] for v in values], exact, before) is not None for at in inner)

    def _of_its_size(self, p: ParameterVerdict) -> list[At]:
        """Return results before the update that have the parameter's size: one of them may be its gradient."""
        tape = self.judgement.step.tape
        above = ancestors(tape, p.parameter.terms)
        found = []
        for i in reversed(self.judgement.backward):
            at = self.judgement.result(i) if i in above else None
            if at is not None and int(np.prod(tape.cells[at.cell].shape)) == p.exact[0].size:
                found.append(at)
        return found[:_MOST_INNER]
