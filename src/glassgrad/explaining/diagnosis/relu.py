"""Dead units: ReLUs, and smooth ones of their kind, that are flat on every row and so never learn again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Array, Examination, place_of
from glassgrad.explaining.diagnosis.verdict import Verdict
from glassgrad.explaining.diagnosis.words import some_units
from glassgrad.language import Text

__all__ = ["check", "has_dead_layer"]

MOST_UNITS = 0.5
"""Half of a layer must be dead for a warning; all of it is a fault. Good runs were seen to leave up to a
third of a layer dead, and did not suffer."""

FEWEST_ROWS = 32
"""With fewer rows only a layer that is dead as a whole counts: a live unit, on for half of all rows, is off
on all of 32 in one of 4·10⁹ samples, but on all of 4 in one of 16."""


FLAT_BELOW = {"relu": 0.0, "gelu": -4.5, "silu": -12.0, "elu": -9.2, "softplus": -9.2}
"""The weighted sum up to which the slope is 0, or of the smooth ones below 10⁻⁴."""

_NAMES = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "elu": "ELU", "softplus": "softplus"}


def check(exam: Examination) -> Iterator[Verdict]:
    """Find layers of which half or more is flat on every examined row."""
    for node in exam.activations(*FLAT_BELOW):
        before = exam.replay.values[node.inputs[0]]
        if before.ndim < 2:
            continue
        dead: Array = np.all(before.reshape(-1, before.shape[-1]) <= FLAT_BELOW[node.op], axis=0)
        share, whole = float(dead.mean()), bool(dead.all())
        if whole or (share >= MOST_UNITS and len(exam.rows) >= FEWEST_ROWS):
            units = some_units(np.flatnonzero(dead), len(dead))
            yield Verdict(
                "dead-relu",
                _TITLE.fill(op=_NAMES[node.op]),
                "fault" if whole else "warning",
                place_of(node),
                share,
                _FINDING.fill(
                    units=units,
                    rows=len(exam.rows),
                    share=f"{share:.0%}",
                    op=_NAMES[node.op],
                    flat=_ZERO if node.op == "relu" else _SMALL,
                ),
                _WHOLE if whole else _CAUSE,
                _FIX,
            )


def has_dead_layer(exam: Examination) -> bool:
    """Say whether a whole layer is dead, which explains every gradient of 0 before it."""
    return any(verdict.severity == "fault" for verdict in check(exam))


_TITLE = Text("dead {op}", "죽은 {op}")
_FINDING = Text(
    "The slope of {op} is {flat} on every one of {rows} rows, for {units}, {share} of the layer.",
    "층의 {share}인 {units}에서 {op}의 국소적 미분이 {rows}개 행 전부에서 {flat}이다.",
)
_ZERO = Text("0", "0")
_SMALL = Text("below 0.0001", "0.0001 미만")
_CAUSE = Text(
    "Where the weighted sum is too far below 0 these units pass no gradient on and get none, so they cannot "
    "come back; the layer works with the others alone. A rate that is too high, or a bias far below 0, does "
    "this.",
    "가중합이 0보다 너무 작으면 이 유닛들은 기울기를 전달하지도 받지도 못하므로 되살아나지 못한다. 층은 "
    "나머지 유닛만으로 일한다. 너무 큰 학습률이나 0보다 훨씬 작은 편향이 원인이다.",
)
_WHOLE = Text(
    "Where the weighted sum is too far below 0 a unit passes no gradient on; here none does, so no weight "
    "before this layer can learn. A rate that is too high, or a bias far below 0, does this.",
    "가중합이 0보다 너무 작으면 유닛이 기울기를 전달하지 못한다. 여기서는 모든 유닛이 그러하므로 이 층 앞의 "
    "가중치는 학습할 수 없다. 너무 큰 학습률이나 0보다 훨씬 작은 편향이 원인이다.",
)
_FIX = Text(
    "Start anew with a smaller rate and weight_init='he_uniform', or use leaky_relu.",
    "더 작은 학습률과 weight_init='he_uniform'으로 다시 시작하거나 leaky_relu를 쓴다.",
)
