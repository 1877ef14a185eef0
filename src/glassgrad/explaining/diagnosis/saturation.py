"""Saturated units: sigmoid and tanh where they are flat, so that no gradient passes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Examination, place_of
from glassgrad.explaining.diagnosis.verdict import Verdict
from glassgrad.explaining.diagnosis.words import some_units
from glassgrad.language import Text, short

__all__ = ["check"]

FLAT = 0.01
"""A slope below this counts as flat: the sigmoid's is there for |z| > 4.6, that of tanh for |z| > 3. One
such unit passes at most a hundredth of the gradient on."""

MOST_ROWS = 0.9
"""A unit is saturated where it is flat on this share of rows; units of trained networks are flat on some,
and useful."""

MOST_UNITS = 0.5
"""Half of a layer's units must be saturated: then the layers before it learn from the others alone."""

STILL_MISSED = 0.25
"""At least this share of the trivial loss must be left. The hidden units of a network that has learnt XOR
are saturated on most rows, too: that is how it answers clearly."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Find hidden layers whose units are saturated on nearly all rows while there is much left to learn."""
    if exam.missed() < STILL_MISSED:
        return
    for node in exam.activations("sigmoid", "tanh"):
        value = node.outputs[0]
        z = np.asarray(exam.replay.values[value], np.float64)
        if z.ndim < 2 or exam.source_of(exam.output) is value:
            continue
        slope = z * (1 - z) if node.op == "sigmoid" else 1 - z * z
        flat = (slope < FLAT).reshape(-1, z.shape[-1])
        units = np.flatnonzero(flat.mean(axis=0) >= MOST_ROWS)
        if len(units) < MOST_UNITS * flat.shape[1]:
            continue
        share = float(flat[:, units].mean())
        yield Verdict(
            "saturated",
            _TITLE.fill(op=node.op),
            "fault",
            place_of(node),
            share,
            _FINDING.fill(
                units=some_units(units, flat.shape[1]), flat=short(FLAT), share=f"{share:.0%}", op=node.op
            ),
            _CAUSE,
            _FIX,
        )


_TITLE = Text("saturated {op}", "포화된 {op}")
_FINDING = Text(
    "The slope of {op} is below {flat} on {share} of the rows, for {units}.",
    "{units}에서 {op}의 국소적 미분이 행의 {share}에서 {flat}보다 작다.",
)
_CAUSE = Text(
    "Weighted sums are so large that the unit answers nearly the same for every row; its local derivative "
    "multiplies the gradient by almost 0, so the weights before it stand still.",
    "가중합이 너무 커서 유닛이 거의 모든 행에 같은 값을 낸다. 국소적 미분이 기울기에 0에 가까운 수를 "
    "곱하므로 그 앞의 가중치가 움직이지 않는다.",
)
_FIX = Text(
    "Scale the inputs, start with smaller weights (weight_init='xavier_uniform'), or use relu.",
    "입력을 표준화하거나, 초깃값을 더 작게 하거나(weight_init='xavier_uniform'), relu를 쓴다.",
)
