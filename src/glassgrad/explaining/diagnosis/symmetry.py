"""Symmetric initialisation: units that start alike, are pushed alike, and so stay alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Array, Examination, Layer
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.explaining.diagnosis.words import some_units
from glassgrad.language import Text

__all__ = ["check"]

SAME = 1e-5
"""Two units are alike where their weights, and their gradients, differ by less than this share of their
size: the rounding of sums over some hundred rows in float32. Drawn at random, two units differ by about as
much as their weights are large."""

MOST_UNITS = 0.5
"""More than half of a layer's units must be alike. Fewer may be what pruning left."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Find layers in which many units have the same weights and the same gradient."""
    gradients = [_by_unit(exam.replay.gradient(layer.weight), layer.units) for layer in exam.layers]
    pushed = max((float(np.linalg.norm(rows, axis=1).max()) for rows in gradients), default=0.0)
    for layer in exam.layers:
        alike = _alike(exam, layer, pushed)
        count = int(layer.weight.shape[layer.units])  # type: ignore[arg-type]
        if len(alike) < 2 or len(alike) <= MOST_UNITS * count:
            continue
        share = len(alike) / count
        yield Verdict(
            "symmetric-initialization",
            _TITLE,
            "fault",
            Place("parameter", exam.name_of[layer.weight]),
            share,
            _FINDING.fill(units=some_units(alike, count), share=f"{share:.0%}"),
            _CAUSE,
            _FIX,
        )


def _alike(exam: Examination, layer: Layer, pushed: float) -> Array:
    """Return the units whose weights and gradients are those of the majority.

    Where more than half of the rows are the same, the median of each column is their value. `pushed` is the largest
    gradient of a unit in the network: where gradients cancel, rounding as small beside it is what is left of them.
    """
    parameters = [(layer.weight, layer.units)]
    if layer.bias is not None and layer.bias.shape == (layer.weight.shape[layer.units],):
        parameters.append((layer.bias, 0))
    alike: Array = np.full(layer.weight.shape[layer.units], True)
    for value, axis in parameters:
        for array, least in ((exam.replay.values[value], 0.0), (exam.replay.gradient(value), pushed)):
            rows = _by_unit(array, axis)
            middle = np.median(rows, axis=0)
            size = max(float(np.linalg.norm(middle)), least)
            alike &= np.linalg.norm(rows - middle, axis=1) <= SAME * size
    return np.flatnonzero(alike)


def _by_unit(array: Array, axis: int) -> Array:
    """Return an array with a row for each unit."""
    return np.moveaxis(array.astype(np.float64), axis, 0).reshape(array.shape[axis], -1)


_TITLE = Text("symmetric initialization", "대칭 초기화")
_FINDING = Text(
    "The same weights, and the same gradient, are those of {units}, {share} of the layer.",
    "{units}, 층의 {share}가 같은 가중치를 갖고 같은 기울기를 받는다.",
)
_CAUSE = Text(
    "Units that start alike and are pushed alike stay alike: the layer works as if it had one of them.",
    "같게 시작해 같게 밀리는 유닛은 계속 같다. 층은 그중 하나만 있는 것처럼 일한다.",
)
_FIX = Text(
    "Draw the first weights at random: weight_init='he_uniform' (relu) or 'xavier_uniform' (tanh, sigmoid). "
    "Biases may start at 0.",
    "가중치의 초깃값을 무작위로 정한다: weight_init='he_uniform'(relu) 또는 'xavier_uniform'(tanh, "
    "sigmoid). 편향은 0에서 시작해도 된다.",
)
