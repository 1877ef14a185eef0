"""Every figure of the worked examples, from published lessons, recomputed by the examples as they are shipped."""

from __future__ import annotations

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import examples
from glassgrad.engines.numpy import interpret
from glassgrad.examples.perceptrons import CORNERS, TRUTH
from glassgrad.graph.inside import inside_of
from glassgrad.ops import lookup
from glassgrad.training import Callback, predict

FULL = 1e-12
"""Relative tolerance on figures that are given to full length."""


class Watch(Callback):
    """Keep the mean absolute error before chosen steps."""

    def __init__(self, example, every):
        self.example, self.every, self.errors = example, every, []

    def on_start(self, run):
        self.on_step(run)

    def on_step(self, run):
        run.write_back()
        self.errors.append(np.abs(predict(run.model, self.example.X) - self.example.y).mean())


# --- perceptrons ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AND", "NAND", "OR"])
def test_gates_by_hand_and_learned(name):
    example = examples.get("perceptrons")
    np.testing.assert_array_equal(example.gate(name)(CORNERS).numpy()[:, 0], TRUTH[name])
    learned, converged, _ = example.learn(name)
    assert converged
    np.testing.assert_array_equal(learned(CORNERS).numpy()[:, 0], TRUTH[name])


def test_xor_needs_two_layers():
    example = examples.get("perceptrons")
    np.testing.assert_array_equal(example.xor(CORNERS), TRUTH["XOR"])
    _, converged, corrections = example.learn("XOR")
    assert not converged
    assert corrections > 100
    # The proof the example states: both classes have the same midpoint.
    np.testing.assert_array_equal(
        CORNERS[TRUTH["XOR"] == 1].mean(axis=0), CORNERS[TRUTH["XOR"] == 0].mean(axis=0)
    )


# --- networks ------------------------------------------------------------------------------------------------------


def test_xor():
    example = examples.get("xor")
    watch = Watch(example, 10_000)
    model, _ = example.train(steps=59_999, callbacks=[watch])
    np.testing.assert_allclose(
        watch.errors,
        [
            0.4964100319027255,
            0.04288801700011581,
            0.02409899422852161,
            0.018110652146797843,
            0.014987616272210912,
            0.013014490538142583,
        ],
        rtol=FULL,
    )
    last = predict(model, example.X)[:, 0]
    np.testing.assert_allclose(last, [0.00952977, 0.98778644, 0.98943064, 0.01421274], atol=5e-9)
    assert example.steps == 60_000


def test_xor_no_bias():
    example = examples.get("xor-no-bias")
    model, _ = example.train(steps=19_999)
    np.testing.assert_allclose(
        predict(model, example.X)[:, 0], [0.11560072, 0.82214478, 0.82214488, 0.2342072], atol=5e-9
    )


@pytest.mark.slow
def test_xor_no_bias_is_slow_but_gets_there():
    example = examples.get("xor-no-bias")
    model, _ = example.train(steps=1_000_000)
    np.testing.assert_allclose(predict(model, example.X)[:, 0], [0.007, 0.980, 0.980, 0.027], atol=6e-4)


def test_two_two_two():
    example = examples.get("two-two-two")
    model = example.build()
    hidden = model[1](model[0](example.X))
    np.testing.assert_allclose(hidden.numpy()[0], [0.51998934, 0.52747230], atol=5e-9)
    out = model(example.X)
    np.testing.assert_allclose(out.numpy()[0], [0.60944600, 0.66384491], atol=5e-9)
    np.testing.assert_allclose(0.5 * (example.y - out.numpy())[0] ** 2, [0.02193381, 0.00203809], atol=5e-9)
    loss = gg.nn.losses.loss(example.loss)(out, example.y)
    assert loss.item() == pytest.approx(0.023971900751730026, rel=FULL)
    loss.backward()
    np.testing.assert_allclose(
        model[2].weight.grad.numpy(), [[0.02592286, 0.02629590], [0.00740844, 0.00751506]], atol=5e-9
    )
    np.testing.assert_allclose(
        model[0].weight.grad.numpy(), [[0.00080888, 0.00161775], [0.00071009, 0.00142017]], atol=5e-9
    )
    # The published version with a wrong ∂E/∂W1 must differ visibly from ours.
    assert (
        np.abs(model[0].weight.grad.numpy() - [[0.00105697, 0.00211394], [0.00046199, 0.00092399]]).max()
        > 1e-4
    )
    after, history = example.train()
    assert history["loss"] == pytest.approx([0.023971900751730026], rel=FULL)
    np.testing.assert_allclose(
        after[2].weight.numpy(), [[0.43703857, 0.38685205], [0.69629578, 0.59624247]], atol=5e-9
    )
    np.testing.assert_allclose(
        after[0].weight.numpy(), [[0.29959556, 0.24919112], [0.39964496, 0.34928991]], atol=5e-9
    )
    out = predict(after, example.X)
    np.testing.assert_allclose(out[0], [0.60617688, 0.66295848], atol=5e-9)
    assert 0.5 * np.sum((example.y - out) ** 2) == pytest.approx(0.023236338872291772, rel=FULL)


@pytest.mark.parametrize("name", ["xor", "xor-no-bias", "two-two-two"])
def test_networks_in_float32(name):
    example = examples.get(name)
    steps = min(example.steps, 2000)
    double, _ = example.train(steps=steps)
    single, _ = example.train(example.build().to("float32"), steps=steps)
    assert all(p.dtype == np.float32 for p in single.parameters())
    np.testing.assert_allclose(predict(single, example.X), predict(double, example.X), rtol=5e-4)


# --- circuits ------------------------------------------------------------------------------------------------------


def test_circuit_product():
    values, gradients = examples.get("circuit-product").evaluate()
    assert (values["q"], values["f"]) == (3.0, -12.0)
    assert gradients == {"x": -4.0, "y": -4.0, "z": 3.0}
    of_q = gg.grad(lambda q, z: q * z)(3.0, -4.0)
    assert of_q.item() == -4.0


def test_circuit_sigmoid():
    values, gradients = examples.get("circuit-sigmoid").evaluate()
    assert values["sum"] == 1.0
    assert values["f"] == pytest.approx(0.7310585786, abs=5e-11)
    expected = {"w0": -0.19661193, "x0": 0.39322387, "w1": -0.39322387, "x1": -0.58983580, "w2": 0.19661193}
    for name, value in expected.items():
        assert gradients[name] == pytest.approx(value, abs=5e-9)


def test_the_four_gates_inside_the_sigmoid():
    x = gg.Spec(())
    inside = inside_of(lookup("sigmoid"), [x], {})["definition"]
    gates = [node.op for node in inside.nodes]
    assert len(gates) == 4
    gradient = gg.differentiate(inside)
    assert interpret(gradient, [1.0])[1] == pytest.approx(0.19661193, abs=5e-9)
    # Backwards from 1 through 1/x, +1, exp and ·(−1).
    value, upstream, seen = 1.0, 1.0, []
    forward = []
    for node in inside.nodes:
        constants = [getattr(v, "array", None) for v in node.inputs]
        given = [value if c is None else float(c) for c in constants]
        forward.append((node, constants, given))
        value = getattr(gg, node.op)(*given).item()
    for node, constants, given in reversed(forward):
        position = next(i for i, c in enumerate(constants) if c is None)
        local = gg.grad(getattr(gg, node.op), argnums=position)(*given).item()
        upstream *= local
        seen.append(upstream)
    assert value == pytest.approx(0.7310585786, abs=5e-11)
    np.testing.assert_allclose(seen, [-0.53444665, -0.53444665, -0.19661193, 0.19661193], atol=5e-9)


def test_circuit_max():
    values, gradients = examples.get("circuit-max").evaluate()
    assert values["f"] == -20.0
    assert gradients == {"x": -8.0, "y": 6.0, "z": 2.0, "w": 0.0}


def test_circuit_matrix():
    example = examples.get("circuit-matrix")
    values, gradients = example.evaluate()
    np.testing.assert_allclose(values["q"], [0.22, 0.26], rtol=FULL)
    assert values["f"] == pytest.approx(0.116, rel=FULL)
    np.testing.assert_allclose(gradients["W"], [[0.088, 0.176], [0.104, 0.208]], rtol=FULL)
    np.testing.assert_allclose(gradients["x"], [-0.112, 0.636], rtol=FULL)
    W, x = (np.asarray(v) for v in example.inputs.values())
    np.testing.assert_allclose(
        gg.grad(lambda q: gg.sum(gg.square(q)))(values["q"]).numpy(), [0.44, 0.52], rtol=FULL
    )
    np.testing.assert_array_equal(gg.jacobian(lambda x: gg.asarray(W) @ x)(x).numpy(), W)


@pytest.mark.parametrize("name", ["circuit-product", "circuit-sigmoid", "circuit-max", "circuit-matrix"])
def test_circuits_by_every_engine(name):
    """The traced and differentiated circuit gives what the eager one does."""
    example = examples.get(name)
    inputs = [np.asarray(v, np.float64) for v in example.inputs.values()]
    graph = gg.trace(
        lambda *xs: list(example.function(**dict(zip(example.inputs, xs, strict=True))).values())[-1], *inputs
    )
    out = gg.run(gg.differentiate(graph), *inputs)
    values, gradients = example.evaluate()
    assert out[0] == list(values.values())[-1]
    for got, expected in zip(out[1:], gradients.values(), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-15)


# --- minima --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "x", "f"),
    [(2.0, 1.34699741, -2.61855598), (0.5, 1.34699741, -2.61855598), (-2.0, -1.47299760, -5.44419207),
     (0.1, -1.47299760, -5.44419207)],
)  # fmt: skip
def test_two_minima(start, x, f):
    assert examples.get("two-minima").descend(start) == pytest.approx((x, f), abs=5e-9)


@pytest.mark.parametrize(("start", "ends"), [(0.12600018, -1.47299760), (0.12600020, 1.34699741)])
def test_two_minima_part(start, ends):
    """They part at x = 0.12600019, where the slope is 0 (a maximum)."""
    assert abs(gg.grad(examples.get("two-minima").function)(0.12600019).item()) < 1e-7
    example = examples.get("two-minima")
    assert example.descend(start)[0] == pytest.approx(ends, abs=5e-9)


# --- all -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in examples.names() if n not in ("xor", "xor-no-bias")])
def test_every_example_runs_and_says_what_it_is(name):
    example = examples.get(name)
    assert example.title.en
    assert example.title.ko
    assert example.about.en
    assert example.about.ko
    assert all(value for _, value in example.run())


def test_unknown_example():
    with pytest.raises(gg.errors.OptionError, match="Did you mean 'xor'"):
        examples.get("xorr")
