"""What faults make right when they are mended: the step played again with exact values in the place of wrong ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from glassgrad.checking.judging.faults import Fault, writer
from glassgrad.checking.judging.judge import (
    Judgement,
    ParameterVerdict,
    against,
    carried,
    goes_down,
    without_noise,
)
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Unplayable

__all__ = ["mended", "values_with"]

Array = np.ndarray[Any, Any]

_MOST_EVENTS = 40


def mended(
    judgement: Judgement, faults: list[Fault], wrong: list[ParameterVerdict]
) -> list[ParameterVerdict]:
    """Return the parameters that are right once faults are mended; none where one that was right is not any more."""
    after = {p: p.parameter.after for p in judgement.parameters if p.parameter.after is not None}
    put = {writer(judgement, at) for fault in faults for at in fault.values}
    inner = {p: _of_its_size(judgement, p, put) for p in wrong if p.step is None}
    inner |= {p: [at] for p in after if p.right and (at := _inside(judgement, p)) is not None}
    wanted = {
        *after.values(),
        *(at for p in inner for at in judgement.sized.get(p.parameter.start, inner[p])),
    }
    found = []
    for draws in ((1,), None):  # one draw first: most candidates fail at once
        try:
            values = judgement.draws.values(wanted, lambda d: _given(judgement, faults, d), draws)
        except (Unplayable, ValueError, IndexError):
            return []
        chosen = range(len(judgement.values)) if draws is None else draws
        found = [
            p
            for p in judgement.parameters
            if p in after and _right(judgement, p, after[p], inner.get(p, []), values, chosen)
        ]
        if not set(found) & set(wrong) or any(p.right and p not in found for p in after):
            return []
    return [p for p in wrong if p in found]


def _inside(judgement: Judgement, p: ParameterVerdict) -> At | None:
    """Return the gradient of a parameter whose step is no multiple of it."""
    return judgement.result(p.gradient[0]) if p.step is None and p.gradient is not None else None


def _right(
    judgement: Judgement,
    p: ParameterVerdict,
    after: At,
    inner: list[At],
    values: list[dict[At, Array]],
    draws: Iterable[int],
) -> bool:
    exact, before = [p.exact[d] for d in draws], [p.before[d] for d in draws]
    if values[0][after].shape != before[0].shape:
        return False
    change = [v[after] - b for v, b in zip(values, before, strict=True)]
    change = without_noise(change, judgement.noise(before))
    how = match(change, exact, None if p.penalised else before)
    if how is not None and (goes_down(how) or not any(map(np.any, exact))):
        return True
    if not against(
        change, exact
    ):  # a few numbers are a multiple of many things: what the step is made of decides
        return False
    return any(match([v[at] for v in values], exact) is not None for at in inner)


def _of_its_size(judgement: Judgement, p: ParameterVerdict, put: set[int]) -> list[At]:
    """Return the results before an update that may have the parameter's size: one of them is its gradient.

    What is itself put in place is none of them, but what is made of it takes its size.
    """
    known: list[At] | None = judgement.sized.get(p.parameter.start)
    cells = judgement.step.tape.cells
    if known is None:
        whole = carried(judgement, p.parameter)
        results = (judgement.result(i) for i in reversed(judgement.backward) if i in whole)
        known = judgement.sized[p.parameter.start] = [at for at in results if at is not None]
    sizes = {
        p.exact[0].size,
        *(math.prod(cells[at.cell].shape) for at in known if writer(judgement, at) in put),
    }
    fitting = (
        at for at in known if math.prod(cells[at.cell].shape) in sizes and writer(judgement, at) not in put
    )
    return list(itertools.islice(fitting, _MOST_EVENTS))


def _given(judgement: Judgement, faults: list[Fault], draw: int) -> Mapping[int, Any]:
    given: dict[int, Any] = {}
    for fault in faults:
        given |= fault.given(judgement, draw)
    return given


def values_with(judgement: Judgement, faults: list[Fault]) -> list[dict[At, Array]]:
    """Return the values of the program as they are once faults are mended."""
    wanted = list(judgement.values[0])
    return judgement.draws.values(wanted, lambda d: _given(judgement, faults, d))
