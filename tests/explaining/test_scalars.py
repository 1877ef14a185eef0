"""Scalar gates have the numbers of the run, agree at every level, and hand back what the rules say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.explaining.linearise import NotFollowed
from glassgrad.explaining.scalars import Gates, TooMany
from glassgrad.explaining.subjects import explain

RNG = np.random.default_rng(0)


def assert_gates_hold(told: Any, gates: Gates) -> None:
    """Check that gradients are the sums of what comes back, and that elements of values have the run's own numbers."""
    back: dict[str, list[float]] = {}
    for gate in gates.values():
        assert all(key in gates for key in gate.inputs)
        for key, part in zip(gate.inputs, gate.downstream(), strict=True):
            if part is not None:
                back.setdefault(key, []).append(part)
    for key, parts in back.items():
        wanted = gates[key].gradient
        if wanted is not None:
            scale = max(sum(map(abs, parts)), abs(wanted), 1e-300)
            assert abs(math.fsum(parts) - wanted) <= 1e-14 * scale, key
    for value, array in told.played.values.items():
        for element in range(array.size):
            gate = gates.get(told.names.element(value, element))
            if gate is not None and gate.op != "constant":
                assert gate.value == array.reshape(-1)[element]
                slope = told.played.gradients.get(value)
                assert gate.gradient == (None if slope is None else slope.reshape(-1)[element])


EXAMPLES = [
    "two-two-two",
    "xor-no-bias",
    "circuit-product",
    "circuit-sigmoid",
    "circuit-max",
    "circuit-matrix",
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_levels_agree_to_the_last_bit(name: str) -> None:
    told = explain(gg.examples.get(name))
    for opened in (True, False):
        assert_gates_hold(told, told.gates(opened=opened))
    inner, outer = told.gates(opened=True), told.gates(opened=False)
    for key, gate in outer.items():
        if gate.op != "constant":
            assert (inner[key].value, inner[key].gradient) == (gate.value, gate.gradient)
    assert len(inner) > len(outer) or "sigmoid" not in {g.op for g in outer.values()}


def test_circuit_product() -> None:
    gates = explain(gg.examples.get("circuit-product")).gates()
    assert {k: (g.value, g.gradient) for k, g in gates.items()} == {
        "x": (-2.0, -4.0),
        "y": (5.0, -4.0),
        "z": (-4.0, 3.0),
        "q": (3.0, -4.0),
        "f": (-12.0, 1.0),
    }


def test_circuit_sigmoid_opens_into_four_gates() -> None:
    gates = explain(gg.examples.get("circuit-sigmoid")).gates()
    assert [g.op for k, g in gates.items() if k == "f" or k.startswith("f.")] == [
        "multiply",
        "exp",
        "add",
        "reciprocal",
    ]
    back = {
        "f.2": -0.53444665,  # what 1/x hands back
        "f.1": -0.53444665,  # +1 passes it on
        "f.0": -0.19661193,  # exp
        "sum": 0.19661193,  # ·(−1)
        "w0": -0.19661193,
        "x0": 0.39322387,
        "w1": -0.39322387,
        "x1": -0.58983580,
        "w2": 0.19661193,
    }
    assert {k: round(gates[k].gradient or 0.0, 8) for k in back} == back
    assert round(gates["f"].value, 10) == 0.7310585786


def test_circuit_max_and_matrix() -> None:
    gates = explain(gg.examples.get("circuit-max")).gates()
    assert gates["f"].value == -20.0
    assert [gates[k].gradient for k in "xyzw"] == [-8.0, 6.0, 2.0, 0.0]
    gates = explain(gg.examples.get("circuit-matrix")).gates()
    found = [gates[f"W[{i},{j}]"].gradient for i in range(2) for j in range(2)]
    np.testing.assert_allclose(found, [0.088, 0.176, 0.104, 0.208], rtol=1e-12)
    np.testing.assert_allclose([gates["x[0]"].gradient, gates["x[1]"].gradient], [-0.112, 0.636], rtol=1e-12)
    np.testing.assert_allclose([gates["q[0]"].gradient, gates["q[1]"].gradient], [0.44, 0.52], rtol=1e-12)
    np.testing.assert_allclose(gates["q[0].0"].local, [0.2, 0.1])  # the gate W[0,0]·x[0] swaps its inputs


def test_perceptrons_have_numbers_and_no_gradient() -> None:
    told = explain(gg.examples.get("perceptrons"))
    gates = told.gates()
    given = {
        "AND w0": 0.5,
        "AND w1": 0.5,
        "AND b": -0.7,
        "NAND w0": -0.5,
        "NAND b": 0.7,
        "OR w1": 0.5,
        "OR b": -0.2,
    }
    assert {name: gates[name].value for name in given} == given
    assert [gates[name].value for name in ("x0", "x1", "NAND", "OR", "AND")] == [1.0, 0.0, 1.0, 1.0, 1.0]
    assert round(gates["NAND sum"].value, 12) == 0.2
    why = told.why("AND w0")
    assert (why.gradient, why.paths.number) == (0.0, 0.0)


def test_two_two_two_by_hand() -> None:
    gates = explain(gg.examples.get("two-two-two")).gates()
    assert [round(gates[f"sigmoid1[0,{j}]"].value, 8) for j in range(2)] == [0.51998934, 0.52747230]
    assert [round(gates[f"sigmoid3[0,{j}]"].value, 8) for j in range(2)] == [0.60944600, 0.66384491]
    halves = [gates[f"square[0,{j}]"].value / 2 for j in range(2)]
    assert [round(h, 8) for h in halves] == [0.02193381, 0.00203809]
    assert gates["loss"].value == pytest.approx(0.023971900751730026, rel=1e-12)
    assert gates["0.weight[1,0]"].gradient == pytest.approx(0.00071009, abs=5e-9)


ACTIVATIONS = ["sigmoid", "tanh", "relu", "silu", "gelu", "softplus", "elu", "leaky_relu"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_networks_of_every_activation(activation: str) -> None:
    model = gg.nn.mlp(2, [3], 2, activation=activation, dtype="float64", seed=0)
    told = explain(model, RNG.normal(size=(2, 2)), RNG.normal(size=(2, 2)), loss="mse")
    assert_gates_hold(told, told.gates(opened=False))
    gates = told.gates(opened=True, most=1000)
    for gate in gates.values():
        assert abs(gate.rounding) <= 1e-14 * max(abs(gate.value), 1.0)


def test_where_the_textbook_overflows_the_stable_form_is_opened() -> None:
    gates = explain(lambda x: gg.softplus(x), 1000.0).gates()
    assert all(math.isfinite(g.value) for g in gates.values())
    assert next(reversed(gates.values())).value == 1000.0


def test_too_many_gates_say_what_is_shown_instead() -> None:
    told = explain(gg.nn.mlp(50, [50], 10, seed=0), RNG.normal(size=(8, 50)), RNG.integers(0, 10, 8))
    with pytest.raises(TooMany, match="ask for one weight: its largest paths are shown instead"):
        told.gates()


def test_numbers_without_gradient_are_read_from_the_run() -> None:
    gates = explain(lambda x: x * gg.astype(x > 0, "float64"), 2.0).gates()
    assert [(g.op, g.value, g.gradient) for g in gates.values()][-2:] == [
        ("astype", 1.0, None),
        ("multiply", 2.0, 1.0),
    ]
    x, i = np.array([1.0, 2.0, 3.0]), np.array([[0, 2]])
    told = explain(lambda x, i: gg.sum(x[gg.reshape(i, (2,))]), x, i)
    assert told.gates()["x[2]"].gradient == 1.0


def test_a_product_of_single_numbers_keeps_the_number_of_the_run() -> None:
    x, w = np.array([[0.1]], np.float32), np.array([[0.7]], np.float32)
    gate = explain(lambda x, w: gg.sum(gg.matmul(x, w)), x, w).gates()["matmul[0,0]"]
    assert gate.value == float(x[0, 0] * w[0, 0])
    assert gate.rounding == gate.value - float(x[0, 0]) * float(w[0, 0]) != 0.0


def test_operations_with_graphs_of_their_own_are_refused_by_name() -> None:
    def f(x: Any) -> Any:
        return gg.cond(gg.sum(x) > 0, lambda v: gg.sum(v * v), lambda v: gg.sum(v), x)

    with pytest.raises(NotFollowed, match="cond has graphs of its own"):
        explain(f, np.ones(3)).why("x[0]")


def test_an_explanation_stays_as_it_was_when_the_data_changes() -> None:
    model = gg.nn.mlp(3, [4], 2, seed=0, dtype="float64")
    X, y = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 1, 0, 1, 1])
    told = explain(model, X, y)
    X *= 3
    assert told.taken is not None
    assert told.taken.loss == told.result
    x = np.array([1.0, 2.0])
    told = explain(lambda x: gg.sum(x * x), x)
    x *= 3
    assert told.played.values[told.played.graph.inputs[0]].tolist() == [1.0, 2.0]


def test_results_that_are_whole_numbers_have_gates() -> None:
    *_, last = explain(lambda x: gg.sum(x > 1), np.arange(3.0)).gates().values()
    assert (last.op, last.value) == ("sum", 1.0)


def test_constants_that_look_alike_are_told_apart() -> None:
    C, x = np.array([[1000000.1, 1000000.4]]), np.array([1.0, 2.0])
    told = explain(lambda x: gg.sum(gg.matmul(gg.asarray(C), x)), x)
    gates = told.gates()
    products = [g for g in gates.values() if g.op == "multiply"]
    assert [g.local[1] for g in products] == C[0].tolist()
    assert [gates[g.inputs[0]].value for g in products] == C[0].tolist()
