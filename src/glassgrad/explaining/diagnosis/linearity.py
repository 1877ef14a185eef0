"""Linear layers with no activation between them: together they are one linear map."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.explaining.diagnosis.examination import Examination, Layer
from glassgrad.explaining.diagnosis.verdict import Verdict
from glassgrad.language import Text

__all__ = ["check"]


def check(exam: Examination) -> Iterator[Verdict]:
    """Find a layer that reads another one's sums as they are.

    A narrow layer in between is left alone: it keeps the rank low, which is a use that one map does not have.
    """
    made = {layer.z: layer for layer in exam.layers}
    for second in exam.layers:
        first = made.get(exam.source_of(second.x))
        if first is None:
            continue
        inputs, inner, outputs = _size(first, 1), _size(first, 0), _size(second, 0)
        if inner < min(inputs, outputs):
            continue
        spent = (inputs + 1) * inner + (inner + 1) * outputs
        enough = (inputs + 1) * outputs
        names = [
            exam.name_of[layer.weight].rpartition(".")[0] or str(layer.place) for layer in (first, second)
        ]
        yield Verdict(
            "linear-layers",
            _TITLE,
            "warning",
            second.place,
            spent / enough,
            _FINDING.fill(first=names[0], second=names[1], spent=spent, enough=enough),
            _CAUSE,
            _FIX.fill(first=names[0], second=names[1]),
        )


def _size(layer: Layer, axis: int) -> int:
    """Return how many units a layer has (0), or how many inputs (1)."""
    return int(layer.weight.shape[layer.units if axis == 0 else 1 - layer.units])  # type: ignore[arg-type]


_TITLE = Text("linear layers with no activation between them", "사이에 활성화 함수가 없는 선형 층")
_FINDING = Text(
    "Layers {first} and {second} follow each other with no activation between them: {spent} numbers do what "
    "{enough} of a single layer can.",
    "층 {first:과/와} {second} 사이에 활성화 함수가 없다. 층 하나의 수 {enough}개로 할 수 있는 일을 "
    "{spent}개로 한다.",
)
_CAUSE = Text(
    "W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂): a chain of linear maps is one linear map, however many "
    "there are, and cannot learn XOR.",
    "W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂). 선형 변환은 아무리 이어도 하나의 선형 변환이며 XOR를 배울 "
    "수 없다.",
)
_FIX = Text(
    "Put an activation such as relu between {first} and {second}, or leave one of them out.",
    "{first:과/와} {second} 사이에 relu 같은 활성화 함수를 넣거나 하나를 뺀다.",
)
