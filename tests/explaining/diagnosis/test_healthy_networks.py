"""Networks that learn well get no verdict: at their first weights, on the way, and when they are trained."""

from __future__ import annotations

import numpy as np
import pytest
from cases import HEALTHY, train

import glassgrad as gg
from glassgrad import examples, nn, optim


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_gets_no_verdict(name: str) -> None:
    case = HEALTHY[name]
    X, y = case.rows()
    order = np.random.default_rng(1).permutation(len(X))
    held, rest = order[: len(X) // 5], order[len(X) // 5 :]
    settings = {"loss": case.loss, "optimizer": case.optimizer}
    model = case.build()
    known = {**settings, "validation": (X[held], y[held])}
    assert list(gg.diagnose(model, X[rest], y[rest], **known)) == []
    train(model, X[rest], y[rest], epochs=1, **settings)
    assert list(gg.diagnose(model, X[rest], y[rest], **known)) == []
    history = train(model, X[rest], y[rest], epochs=case.epochs, **known)
    assert list(gg.diagnose(model, X[rest], y[rest], history=history, **known)) == []
    assert list(gg.diagnose(model, X[rest], y[rest], loss=case.loss, history=history)) == []


def test_the_healthy_networks_do_learn() -> None:
    """A network that learns nothing would make the test above say nothing."""
    for name in ("digits, relu, Adam", "curve, tanh, float64", "moons, a probability"):
        case = HEALTHY[name]
        X, y = case.rows()
        history = train(case.build(), X, y, loss=case.loss, optimizer=case.optimizer, epochs=case.epochs)
        assert history["loss"][-1] < 0.3 * history["loss"][0], name


@pytest.mark.parametrize("name", ["xor", "two-two-two"])
def test_the_worked_examples_without_bias_do_well_without(name: str) -> None:
    example = examples.get(name)
    assert isinstance(example, examples.NetworkExample)
    sgd = optim.SGD(lr=example.lr)
    for model in (example.build(), example.train()[0]):
        assert list(gg.diagnose(model, example.X, example.y, loss=example.loss, optimizer=sgd)) == []


def test_the_network_is_left_as_it_was() -> None:
    case = HEALTHY["digits, dropout, AdamW"]
    X, y = case.rows()
    model = case.build()
    before = model.state_dict()
    gg.diagnose(model, X * 1000, y, optimizer=optim.SGD(lr=10.0))
    assert model.training
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_two_diagnoses_say_the_same() -> None:
    X, y = HEALTHY["digits, relu, Adam"].rows()
    model = nn.mlp(64, 64, 10, seed=0)
    first, second = (gg.diagnose(model, X, y, optimizer=optim.SGD(lr=10.0)) for _ in range(2))
    assert first.verdicts == second.verdicts
    assert len(first) == 1
