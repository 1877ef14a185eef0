"""Models that people write themselves: layers used twice, residuals, operations between layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.explaining.drawing.layout import place
from glassgrad.explaining.subjects import explain
from glassgrad.explaining.telling.gates import circuit_of
from glassgrad.explaining.zoom import layers_of

RNG = np.random.default_rng(0)


class Between(gg.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = gg.nn.Linear(3, 3, seed=0), gg.nn.Linear(3, 1, seed=1)

    def forward(self, x: Any) -> Any:
        return self.b(gg.tanh(self.a(x)))


class Tied(Between):
    def forward(self, x: Any) -> Any:
        return self.b(self.a(gg.tanh(self.a(x))))


class Residual(Between):
    def forward(self, x: Any) -> Any:
        h = self.a(x) + x
        return self.b(gg.relu(self.a(h)) + h)


@pytest.mark.parametrize("kind", [Between, Tied, Residual])
def test_their_layers_can_be_drawn(kind: type[Between]) -> None:
    told = explain(kind(), RNG.normal(size=(5, 3)), RNG.normal(size=(5, 1)), loss="mse")
    circuit = layers_of(told)
    assert circuit is not None
    place(circuit)
    assert [box.label for box in circuit.boxes if box.kind == "loss"] == ["loss"]
    for lang in ("en", "ko"):
        assert told.text("a.weight[0,0]", lang=lang)
    assert told.html()


def test_one_activation_used_twice() -> None:
    relu = gg.nn.ReLU()
    model = gg.nn.Sequential(
        gg.nn.Linear(3, 4, seed=0), relu, gg.nn.Linear(4, 4, seed=1), relu, gg.nn.Linear(4, 2, seed=2)
    )
    assert explain(model, RNG.normal(size=(5, 3)), RNG.integers(0, 2, 5)).text()


@pytest.mark.parametrize("f", [lambda x: gg.softmax(x)[1], lambda x: (gg.exp(x) * x)[0]])
def test_the_drawing_ends_in_the_result(f: Any) -> None:
    told = explain(f, np.array([1.0, -2.0, 0.5]))
    *_, last = told.gates().values()
    assert (last.value, last.gradient) == (told.result, 1.0)
    assert circuit_of(told.gates()) is not None


def test_attention_is_followed_path_by_path() -> None:
    q, k, v = (RNG.normal(size=(40, 4)) for _ in range(3))
    told = explain(lambda q, k, v: gg.sum(gg.softmax(q @ gg.permute_dims(k, (1, 0)), axis=-1) @ v), q, k, v)
    found = told.why("q[3,1]").paths
    assert found.number == 40 * 40 * 4
    assert abs(found.rounding) <= 1e-14 * found.size


def test_what_cannot_be_followed_is_told_nevertheless() -> None:
    def loop(w: Any, xs: Any) -> Any:
        carry, _ = gg.scan(lambda h, x: (gg.tanh(h * w + x), h), w, xs)
        return gg.sum(carry)

    told = explain(loop, np.array(0.5), RNG.normal(size=6))
    shown = told.text("w")
    assert "not told apart" in shown
    assert f"{told.played.gradient(told.weights[0]):.4g}".replace("-", "−") in shown


def test_examples_by_name_and_what_cannot_be_explained() -> None:
    assert explain("two-two-two").result == explain(gg.examples.get("two-two-two")).result
    for what, message in ((3, "not 3"), ("two-two-too", "two-two-too")):
        with pytest.raises(gg.errors.GlassgradError, match=message):
            explain(what)
    with pytest.raises(gg.errors.OptionError, match="no step 0"):
        explain("two-two-two", step=0)
    with pytest.raises(gg.errors.OptionError, match="there is no value"):
        explain("two-two-two").why("0.weight[1 0]")
