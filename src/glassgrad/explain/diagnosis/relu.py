"""Dead ReLUs: units that are 0 on every row, and so never learn again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explain.diagnosis.examination import Array, Examination, place_of
from glassgrad.explain.diagnosis.verdict import Verdict
from glassgrad.explain.diagnosis.words import some_units
from glassgrad.language import Text

__all__ = ["check", "has_dead_layer"]

MOST_UNITS = 0.5
"""Half of a layer must be dead for a warning; all of it is a fault. Good runs were seen to leave up to a
third of a layer dead, and did not suffer."""

FEWEST_ROWS = 32
"""With fewer rows only a layer that is dead as a whole counts: a live unit, on for half of all rows, is off
on all of 32 in one of 4·10⁹ samples, but on all of 4 in one of 16."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Find layers of which half or more is 0 on every examined row."""
    for node in exam.activations("relu"):
        before = exam.replay.values[node.inputs[0]]
        if before.ndim < 2:
            continue
        dead: Array = np.all(before.reshape(-1, before.shape[-1]) <= 0, axis=0)
        share, whole = float(dead.mean()), bool(dead.all())
        if whole or (share >= MOST_UNITS and len(exam.rows) >= FEWEST_ROWS):
            units = some_units(np.flatnonzero(dead), len(dead))
            yield Verdict(
                "dead-relu",
                _TITLE,
                "fault" if whole else "warning",
                place_of(node),
                share,
                _FINDING.fill(units=units, rows=len(exam.rows), share=f"{share:.0%}"),
                _WHOLE if whole else _CAUSE,
                _FIX,
            )


def has_dead_layer(exam: Examination) -> bool:
    """Say whether a whole layer is dead, which explains every gradient of 0 before it."""
    return any(verdict.severity == "fault" for verdict in check(exam))


_TITLE = Text("dead ReLU", "죽은 ReLU")
_FINDING = Text(
    "{units}, {share} of the layer, are 0 on every one of {rows} rows.",
    "{units}, 층의 {share:이/가} {rows}개 행 전부에서 0이다.",
)
_CAUSE = Text(
    "Where the weighted sum is below 0 the slope of relu is 0, so these units get no gradient and cannot "
    "come back; the layer works with the others alone. A rate that is too high, or a bias far below 0, does "
    "this.",
    "가중합이 0보다 작으면 relu의 국소적 미분이 0이므로 이 유닛들은 기울기를 받지 못하고 되살아나지 못한다. "
    "층은 나머지 유닛만으로 일한다. 너무 큰 학습률이나 0보다 훨씬 작은 편향이 원인이다.",
)
_WHOLE = Text(
    "Where the weighted sum is below 0 the slope of relu is 0: nothing passes through this layer, forward "
    "or backward, so no weight before it can learn. A rate that is too high, or a bias far below 0, does "
    "this.",
    "가중합이 0보다 작으면 relu의 국소적 미분이 0이다. 순전파도 역전파도 이 층을 지나지 못하므로 그 앞의 "
    "가중치는 학습할 수 없다. 너무 큰 학습률이나 0보다 훨씬 작은 편향이 원인이다.",
)
_FIX = Text(
    "Start anew with a smaller rate and weight_init='he_uniform', or use leaky_relu.",
    "더 작은 학습률과 weight_init='he_uniform'으로 다시 시작하거나 leaky_relu를 쓴다.",
)
