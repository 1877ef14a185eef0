"""What a step did to the loss: what slope and curvature foretold, and what happened.

An update is made to lower the loss. By how much can be foretold: by the slope, Σ g·Δw, and better with the curvature
along the step added, ½ Δwᵀ H Δw. Beside it stands what happened, on the same rows; where the two part, the step was too
long for what the gradient knows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.explaining.changes.taken import TakenStep, norm
from glassgrad.explaining.document import Block, Document, Formula, Paragraph, Section, Table
from glassgrad.explaining.replay import upto
from glassgrad.graph import differentiate
from glassgrad.graph.forward import pushforward
from glassgrad.graph.passes import for_arrays
from glassgrad.graph.rules import Arrays, evaluate
from glassgrad.language import Text, short

__all__ = ["LossChange", "loss_change"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class LossChange:
    """What an update did to the loss of its mini-batch, and what was to be expected.

    Attributes
    ----------
    before, after
        The loss before and after the update, on the same rows.
    slope
        The first-order term Σ g·Δw of each parameter.
    curvature
        The second-order term ½ Δwᵀ H Δw.
    rate
        The learning rate.
    squared_norm
        ‖g‖² over all parameters.
    plain
        Whether the update is −ηg and nothing else: the first-order term is then −η‖g‖².
    dtype
        In which the run computed.
    """

    before: float
    after: float
    slope: Mapping[str, float]
    curvature: float
    rate: float
    squared_norm: float
    plain: bool
    dtype: np.dtype[Any]

    @property
    def first_order(self) -> float:
        """The change by the slope alone."""
        return sum(self.slope.values())

    @property
    def predicted(self) -> float:
        """The change by slope and curvature."""
        return self.first_order + self.curvature

    @property
    def happened(self) -> float:
        """The change that was."""
        return self.after - self.before

    @property
    def uncertainty(self) -> float:
        """How much of the change that was can be rounding of the two losses."""
        return float(np.finfo(self.dtype).eps) * (abs(self.before) + abs(self.after))

    def document(self) -> Document:
        """Return the comparison as sentences and tables."""
        return Document(
            Text("What the step did to the loss", "이 단계가 손실을 어떻게 바꿨는가"), (self.section(),)
        )

    def section(self) -> Section:
        """Return the comparison as the section of a document."""
        told = Text(
            "The loss on these rows went from {before} to {after}.",
            "이 행들의 손실은 {before}에서 {after:으로/로} 바뀌었다.",
        ).fill(before=short(self.before), after=short(self.after))
        blocks: list[Block] = [Paragraph(told)]
        if self.plain:
            minus = -self.rate * self.squared_norm
            blocks.append(
                Formula(
                    r"\sum g\,\Delta w = -\eta\,\|g\|^2 = " + f"{minus:.6g}",
                    f"Σ g·Δw = −η‖g‖² = −{short(self.rate)} · {short(self.squared_norm)} = {minus:.6g}",
                    Text(
                        "Plain gradient descent lowers the loss by η‖g‖², as long as the step is small.",
                        "순수한 경사 하강법은 걸음이 작은 한 손실을 η‖g‖²만큼 낮춘다.",
                    ),
                    answer=True,
                )
            )
        blocks += [
            Formula(
                r"L(w+\Delta w) - L(w) \approx g^{\top}\Delta w + \tfrac12\,\Delta w^{\top} H\,\Delta w",
                "L(w + Δw) − L(w) ≈ gᵀΔw + ½ Δwᵀ H Δw",
                Text("Slope, and curvature along the step.", "기울기의 몫과, 걸음 방향의 곡률의 몫."),
            ),
            Table(
                (Text("the loss changes", "손실의 변화"), Text("by", "값")),
                [
                    (Text("by the slope, Σ g·Δw", "기울기의 몫 Σ g·Δw"), self.first_order),
                    (Text("by the curvature, ½ Δwᵀ H Δw", "곡률의 몫 ½ Δwᵀ H Δw"), self.curvature),
                    (Text("by both, predicted", "둘을 더한 예측"), self.predicted),
                    (Text("in fact", "실제"), self.happened),
                    (Text("the prediction lacks", "예측에 빠진 양"), self.happened - self.predicted),
                    (Text("rounding of the losses, at most", "손실의 반올림 (최대)"), self.uncertainty),
                ],
                hidden=frozenset({1}),
            ),
            Paragraph(self.verdict()),
            Table(
                (Text("parameter", "매개변수"), Text("Σ g·Δw", "Σ g·Δw")),
                [*self.slope.items(), (Text("all", "전체"), self.first_order)],
                Text(
                    "Which parameters the fall by the slope is due to.",
                    "기울기의 몫이 어느 매개변수에서 왔는가.",
                ),
                total=True,
            ),
        ]
        return Section("loss", Text("The loss", "손실"), blocks)

    def verdict(self) -> Text:
        """Return what the comparison says of the step's size."""
        if not math.isfinite(self.predicted + self.happened):
            return Text(
                "Not all of these numbers are finite, so nothing can be said of the step's size.",
                "유한하지 않은 수가 있어 걸음의 크기를 말할 수 없다.",
            )
        if self.first_order >= 0:
            return Text(
                "The step does not go downhill on these rows: momentum, decay or clipping outweigh the gradient.",
                "이 행들에서는 내리막으로 가지 않는다. 모멘텀, 가중치 감쇠, 클리핑이 기울기보다 크다.",
            )
        share = self.curvature / -self.first_order
        if share > 1:
            return Text(
                "The curvature takes back more than the slope gives: the step is too long, a smaller rate would help.",
                "곡률이 기울기의 몫보다 더 많이 되돌린다. 걸음이 너무 크다. 학습률을 낮추면 낫다.",
            )
        if share > 0.5:
            return Text(
                "The step goes past the lowest point on its way; a smaller rate would lower the loss more.",
                "걸음이 그 방향의 가장 낮은 점을 지나친다. 학습률을 낮추면 손실이 더 줄어든다.",
            )
        if abs(self.happened - self.first_order) > 0.5 * -self.first_order + self.uncertainty:
            return Text(
                "Slope and curvature do not foretell what happened: the loss bends otherwise over such a step.",
                "기울기와 곡률로는 실제 변화를 예측하지 못한다. 이만한 걸음에서는 손실이 다르게 휜다.",
            )
        return Text(
            "The step is short enough for the slope to decide: the loss falls about as much as the gradient says.",
            "걸음이 충분히 작아 기울기가 결정한다. 손실은 기울기가 말하는 만큼 줄어든다.",
        )


def loss_change(taken: TakenStep) -> LossChange:
    """Return what a step was expected to do to the loss of its mini-batch, and what it did.

    The Hessian is never formed: forward mode through the gradient's graph gives its product with the step.

    Examples
    --------
    >>> from glassgrad import examples
    >>> from glassgrad.explaining.recording.recorder import Recorder
    >>> recorder = Recorder()
    >>> _ = examples.get("two-two-two").train(callbacks=[recorder])
    >>> found = loss_change(recorder.at(0))
    >>> round(found.first_order, 9), round(found.curvature, 9), round(found.happened, 9)
    (-0.000740311, 4.725e-06, -0.000735562)
    """
    before, after = taken.before, taken.after
    steps = {k: after[k].astype(np.float64) - before[k].astype(np.float64) for k in before}
    slope = {k: float(np.sum(taken.gradients[k] * steps[k], dtype=np.float64)) for k in before}
    products = _hessian_product(taken, steps)
    curvature = 0.5 * sum(float(np.sum(products[k] * steps[k], dtype=np.float64)) for k in before)
    optimizer, clipping = taken.step.optimizer, taken.step.clipping
    plain = optimizer.config()["name"] == "sgd" and not optimizer.weight_decay
    plain = plain and clipping.value is None and clipping.norm is None
    return LossChange(
        taken.loss,
        taken.with_state(taken.state_after).loss,
        slope,
        curvature,
        taken.rate,
        norm(taken.gradients) ** 2,
        plain,
        next(iter(before.values())).dtype,
    )


def _hessian_product(taken: TakenStep, direction: Mapping[str, Array]) -> dict[str, Array]:
    """Return the product of the Hessian of the loss with a direction, for each parameter."""
    names = taken.step.slots.parameters
    graph = differentiate(upto(taken.step.step.graph, taken.step.step.state), range(len(names)))
    moving = tuple(i < len(names) for i in range(len(graph.inputs)))
    pushed = pushforward(graph, moving)
    tangents = [direction[name].astype(taken.before[name].dtype) for name in names]
    arrays = [np.asarray(a, v.dtype) for a, v in zip([*taken.inputs, *tangents], pushed.inputs, strict=True)]
    with np.errstate(all="ignore"):
        _, *products = evaluate(Arrays(), for_arrays(pushed, arrays), arrays)
    return {name: np.asarray(p, np.float64) for name, p in zip(names, products, strict=True)}
