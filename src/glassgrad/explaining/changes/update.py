"""Why a weight changed: the update of one number taken apart, and what the whole update did to the loss.

An optimizer's update is a sum of a few signed terms (`Optimizer.parts`): what the gradient asked for, what clipping
took away, what momentum carried over, what weight decay pulled towards 0. Each is a factor times a number, and for
optimizers with a rate for each weight the factor itself is worth a look: it says how much the history of the gradient
has raised or lowered the rate. Together the terms are new − old; what is missing is rounding, and shown as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, did_you_mean
from glassgrad.explaining.changes.taken import TakenStep, norm
from glassgrad.explaining.document import Block, Document, Paragraph, Section, Table
from glassgrad.language import Text, short

__all__ = ["Term", "Update", "update_of"]

Array = np.ndarray[Any, Any]

NAMES = {
    "gradient": Text("gradient", "기울기"),
    "clip_value": Text("clipping of each element", "원소별 기울기 클리핑"),
    "clip_norm": Text("clipping by the norm", "노름에 의한 기울기 클리핑"),
    "weight_decay": Text("weight decay, through the gradient", "기울기에 더한 가중치 감쇠"),
    "decoupled_decay": Text("weight decay, of the weight itself", "가중치에 직접 한 가중치 감쇠"),
    "momentum": Text("momentum carried over", "이어받은 모멘텀"),
}
"""The terms."""

WHY = {
    "gradient": Text(
        "The gradient says which way the loss rises; the weight goes the other way.",
        "기울기는 손실이 커지는 방향을 가리키고, 가중치는 그 반대로 간다.",
    ),
    "clip_value": Text(
        "The gradient's element was beyond the limit; this is what was cut off.",
        "기울기의 원소가 한계를 넘었다. 이만큼이 잘려 나갔다.",
    ),
    "clip_norm": Text(
        "All gradients together were longer than the limit, so all were scaled down by the same factor.",
        "기울기 전체의 노름이 한계보다 커서 모두 같은 비율로 줄였다.",
    ),
    "weight_decay": Text(
        "Weight decay adds λ times the weight to the gradient, which pulls the weight towards 0.",
        "가중치 감쇠는 기울기에 가중치의 λ배를 더해 가중치를 0 쪽으로 당긴다.",
    ),
    "decoupled_decay": Text(
        "The weight itself shrinks by the share ηλ, whatever its gradient is.",
        "기울기와 관계없이 가중치 자체가 ηλ의 비율만큼 줄어든다.",
    ),
    "momentum": Text(
        "Momentum goes on in the direction of the earlier gradients, as a ball keeps rolling.",
        "모멘텀은 공이 계속 구르듯 이전 기울기들의 방향으로 계속 간다.",
    ),
}
"""What each term is there for."""

RATES = {
    "base_rate": Text("rate the optimizer was given", "옵티마이저에 준 학습률"),
    "schedule": Text("factor of the schedule", "스케줄의 배수"),
    "rate": Text("learning rate η of this step", "이 단계의 학습률 η"),
    "clip_factor": Text("factor of clipping by the norm", "노름 클리핑의 배수"),
    "momentum": Text("momentum μ", "모멘텀 μ"),
    "first_correction": Text(
        "bias correction of the mean gradient, 1 − β₁ᵗ", "평균 기울기의 편향 보정 1 − β₁ᵗ"
    ),
    "second_moment": Text(
        "second moment: the squared gradients so far", "2차 모멘트: 지금까지의 기울기 제곱"
    ),
    "second_correction": Text(
        "bias correction of the second moment, 1 − β₂ᵗ", "2차 모멘트의 편향 보정 1 − β₂ᵗ"
    ),
    "effective_rate": Text("effective rate of this weight", "이 가중치의 실효 학습률"),
}
"""The numbers that the factors are made of."""

_ROUNDINGS = 16
"""How many roundings an update has at most, generously: operations of the longest formula."""


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a weight's change.

    Attributes
    ----------
    name
        A key of `NAMES`.
    factor, value
        Its two factors: `value` is the gradient, the weight, or what the optimizer remembered.
    """

    name: str
    factor: float
    value: float

    @property
    def change(self) -> float:
        """What it adds to the weight."""
        return self.factor * self.value + 0.0  # never −0


@dataclass(frozen=True, slots=True)
class Update:
    """The update of one weight in one step.

    Attributes
    ----------
    weight
        The weight, such as ``"0.weight[1,2]"``.
    optimizer
        The optimizer's name.
    old, new
        The weight before and after.
    terms
        What was added to it.
    rates
        What the terms' factors are made of, by a key of `RATES`.
    dtype
        In which the run computed.
    """

    weight: str
    optimizer: str
    old: float
    new: float
    terms: tuple[Term, ...]
    rates: Mapping[str, float]
    dtype: np.dtype[Any]

    @property
    def change(self) -> float:
        """New − old."""
        return self.new - self.old

    @property
    def rounding(self) -> float:
        """What the terms lack of the change."""
        return self.change - sum(t.change for t in self.terms)

    @property
    def tolerance(self) -> float:
        """The most that rounding can come to in the run's dtype."""
        size = abs(self.old) + abs(self.new) + sum(abs(t.change) for t in self.terms)
        return _ROUNDINGS * float(np.finfo(self.dtype).eps) * size

    def document(self) -> Document:
        """Return the update as sentences and tables."""
        title = Text("Why {weight} changed", "{weight:이/가} 왜 바뀌었는가").fill(weight=self.weight)
        return Document(title, (self.section(),))

    def section(self) -> Section:
        """Return the update as the section of a document."""
        told = Text(
            "{optimizer} moved {weight} from {old} to {new}, by {change}. The largest part is {largest}.",
            "{optimizer:이/가} {weight:을/를} {old}에서 {new:으로/로} 옮겼다. 변화는 {change}이고, 가장 큰 부분은 "
            "{largest}이다.",
        ).fill(
            optimizer=self.optimizer,
            weight=self.weight,
            old=short(self.old),
            new=short(self.new),
            change=f"{self.change:+.4g}",
            largest=NAMES[max(self.terms, key=lambda t: abs(t.change)).name],
        )
        rows: list[tuple[Any, ...]] = [(NAMES[t.name], t.factor, t.value, t.change) for t in self.terms]
        rows.append((Text("rounding", "반올림"), None, None, self.rounding))
        rows.append((Text("new − old", "새 값 − 이전 값"), None, None, self.change))
        header = (
            Text("part", "부분"),
            Text("factor", "배수"),
            Text("times", "곱하는 수"),
            Text("adds", "더하는 값"),
        )
        blocks: list[Block] = [
            Paragraph(told),
            Table(header, rows, total=True, hidden=frozenset({3})),
            *(
                Paragraph(WHY[t.name], "rule")
                for t in self.terms
                if t.change or not t.name.startswith("clip")
            ),
            Table(
                (Text("where the factors come from", "배수를 이루는 값"), Text("value", "값")),
                [(RATES[name], value) for name, value in self.rates.items()],
            ),
        ]
        return Section("update", Text("The update", "갱신"), blocks)


def update_of(taken: TakenStep, parameter: str, index: tuple[int, ...] = ()) -> Update:
    """Take the update of one weight apart.

    Parameters
    ----------
    taken
        The step.
    parameter
        Name of a parameter, such as ``"0.weight"``.
    index
        Which of its numbers.

    Raises
    ------
    OptionError
        Where there is no such parameter or number.

    Examples
    --------
    >>> from glassgrad import examples
    >>> from glassgrad.explaining.recording.recorder import Recorder
    >>> recorder = Recorder()
    >>> _ = examples.get("two-two-two").train(callbacks=[recorder])
    >>> update = update_of(recorder.at(0), "2.weight", (0, 1))
    >>> [(t.name, t.factor, round(t.value, 8)) for t in update.terms], round(update.new, 8)
    ([('gradient', -0.5, 0.0262959)], 0.38685205)
    """
    old = _one(taken.before, parameter, index)
    optimizer, clipping = taken.step.optimizer, taken.step.clipping
    pieces = {k: np.asarray(a[index]) for k, a in taken.pieces(parameter).items()}
    raw, limited, given = (
        np.asarray(found[parameter][index], np.float64)
        for found in (taken.gradients, taken.limited, taken.clipped)
    )
    hyper = optimizer.hyper() | {"lr": taken.rate}
    parts = optimizer.parts(np.asarray(taken.before[parameter][index]), given, pieces, hyper, taken.number)
    terms: list[Term] = []
    for name, (factor, value) in parts.terms.items():
        terms.append(Term(name, float(factor), float(raw if name == "gradient" else value)))
        if name == "gradient" and clipping.value is not None:
            terms.append(Term("clip_value", float(factor), float(limited) - float(raw)))
        if name == "gradient" and clipping.norm is not None:
            terms.append(Term("clip_norm", float(factor), float(given) - float(limited)))
    rates = {name: float(value) for name, value in parts.rates.items()}
    if clipping.norm is not None:
        rates = {"clip_factor": norm(taken.clipped) / (norm(taken.limited) or 1.0)} | rates
    if taken.rate != optimizer.lr:
        rates = {"base_rate": optimizer.lr, "schedule": taken.rate / optimizer.lr} | rates
    name = f"{parameter}[{','.join(map(str, index))}]" if index else parameter
    new = _one(taken.after, parameter, index)
    dtype = taken.before[parameter].dtype
    return Update(name, optimizer.config()["name"], old, new, tuple(terms), rates, dtype)


def _one(arrays: Mapping[str, Array], parameter: str, index: tuple[int, ...]) -> float:
    if parameter not in arrays:
        raise OptionError(f"there is no parameter {parameter!r}. {did_you_mean(parameter, arrays)}")
    shape = arrays[parameter].shape
    if len(index) != len(shape) or not all(0 <= i < d for i, d in zip(index, shape, strict=True)):
        ranges = ",".join(f"0…{d - 1}" for d in shape)
        raise OptionError(f"{parameter} has shape {shape}; one of its numbers is {parameter}[{ranges}]")
    return float(arrays[parameter][index])
