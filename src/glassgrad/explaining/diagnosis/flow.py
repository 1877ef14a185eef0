"""How the gradient fares on its way back: it vanishes, explodes, or does not pass at all."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.explaining.diagnosis.examination import Examination, place_of, rms
from glassgrad.explaining.diagnosis.relu import has_dead_layer
from glassgrad.explaining.diagnosis.verdict import Verdict
from glassgrad.language import Text, short

__all__ = ["check"]

VANISHED = 1e-4
"""The error signal of the first layer over that of the last. Each sigmoid multiplies it by at most ¼: two or
three layers leave 0.01 and learn well, seven leave 6·10⁻⁵ and do not. Below this the first layers need ten
thousand times as many steps as the last one. Good runs of three to nine layers were seen to have 0.1 to 6."""

EXPLODED = 1e4
"""The inverse. A rate that is right for the last layer is then ten thousand times too high for the first."""

FEWEST_LAYERS = 3
"""With one or two weighted sums nothing is passed on often enough to vanish or explode; other verdicts cover
them."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Compare the error signal δ = ∂L/∂z of the first layer with that of the last."""
    blocked = next(exam.activations("step"), None)
    if blocked is not None:
        finding = _STEP_FINDING.fill(zero=0)
        yield Verdict("no-gradient", _NONE, "fault", place_of(blocked), 0.0, finding, _STEP_CAUSE, _STEP_FIX)
        return
    layers = exam.layers
    if len(layers) < FEWEST_LAYERS:
        return
    first, last = layers[0], layers[-1]
    begin, end = (rms(exam.replay.gradient(layer.z)) for layer in (first, last))
    if end == 0:
        return
    ratio = begin / end
    numbers = {"ratio": short(ratio), "first": short(begin), "last": short(end), "count": len(layers)}
    if ratio < VANISHED and not (begin == 0 and has_dead_layer(exam)):
        yield Verdict(
            "vanishing-gradient",
            _VANISHING,
            "fault",
            first.place,
            ratio,
            _FINDING.fill(**numbers),
            _VANISHING_CAUSE,
            _VANISHING_FIX,
        )
    elif ratio > EXPLODED:
        yield Verdict(
            "exploding-gradient",
            _EXPLODING,
            "fault",
            first.place,
            ratio,
            _FINDING.fill(**numbers),
            _EXPLODING_CAUSE,
            _EXPLODING_FIX,
        )


_VANISHING = Text("vanishing gradient", "기울기 소실")
_EXPLODING = Text("exploding gradient", "기울기 폭주")
_NONE = Text("no gradient", "기울기 없음")
_FINDING = Text(
    "The error signal δ is {ratio} times as large in the first of {count} layers ({first}) as in the last "
    "({last}).",
    "층 {count}개 중 첫 층의 오차 신호 δ({first})는 마지막 층({last})의 {ratio}배이다.",
)
_VANISHING_CAUSE = Text(
    "On its way back the gradient is multiplied by each layer's weights and slopes; here these products are "
    "well below 1, so the first layers hardly move.",
    "기울기는 뒤로 가면서 층마다 가중치와 국소적 미분이 곱해진다. 여기서는 그 곱이 1보다 훨씬 작아서 앞쪽 "
    "층이 거의 움직이지 않는다.",
)
_VANISHING_FIX = Text(
    "Use relu with weight_init='he_uniform' (tanh with 'xavier_uniform') in place of sigmoid, or fewer "
    "layers.",
    "sigmoid 대신 relu와 weight_init='he_uniform'(tanh는 'xavier_uniform')을 쓰거나 층을 줄인다.",
)
_EXPLODING_CAUSE = Text(
    "On its way back the gradient is multiplied by each layer's weights; here these products are well above "
    "1, so no rate suits all layers.",
    "기울기는 뒤로 가면서 층마다 가중치가 곱해진다. 여기서는 그 곱이 1보다 훨씬 커서 모든 층에 맞는 "
    "학습률이 없다.",
)
_EXPLODING_FIX = Text(
    "Start with smaller weights (weight_init='he_uniform' for relu, 'xavier_uniform' for tanh), and clip "
    "the gradient: clip_norm=1.0.",
    "초깃값을 더 작게 하고(relu는 weight_init='he_uniform', tanh는 'xavier_uniform') 기울기를 클리핑한다: "
    "clip_norm=1.0.",
)
_STEP_FINDING = Text(
    "The slope of the step function is {zero} everywhere, so no gradient passes through this layer.",
    "계단 함수의 국소적 미분은 어디서나 {zero}이므로 이 층으로는 기울기가 지나지 못한다.",
)
_STEP_CAUSE = Text(
    "Backpropagation multiplies by the slope; the weights before a step never change.",
    "역전파는 국소적 미분을 곱한다. 계단 함수 앞의 가중치는 결코 바뀌지 않는다.",
)
_STEP_FIX = Text(
    "Use sigmoid in place of the step, or learn a single perceptron by Rosenblatt's rule: fit_rosenblatt.",
    "계단 함수 대신 시그모이드를 쓰거나, 퍼셉트론 하나라면 로젠블랫 규칙(fit_rosenblatt)으로 학습한다.",
)
