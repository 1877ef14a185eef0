"""Every level shows the same numbers at its rim, and what is folded is summed exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import OptionError
from glassgrad.explaining.subjects import explain
from glassgrad.explaining.zoom import layers_of, operations_of, zoom

RNG = np.random.default_rng(0)


def test_a_number_of_a_wide_layer_is_a_sum_of_products() -> None:
    model = gg.nn.mlp(50, [40], 3, dtype="float64", seed=0)
    told = explain(model, RNG.normal(size=(6, 50)), RNG.integers(0, 3, 6))
    found = zoom(told, "linear0.matmul[2,7]", most=10)
    X, W = told.played.values[told.names.find("X[0,0]")[0]], model.state_dict()["0.weight"]
    assert (len(found.parts), found.folded, found.op) == (10, 40, "matmul")
    assert found.others is not None
    assert math.fsum([*(p.value for p in found.parts), found.others, found.rounding]) == found.value
    exact = sorted((X[2] * W[7]).tolist(), key=lambda p: -abs(p))
    assert [p.value for p in found.parts] == exact[:10]
    first = found.parts[0]
    k = int(np.abs(X[2] * W[7]).argmax())
    assert first.name == f"0.weight[7,{k}]·X[2,{k}]"
    assert first.downstream == found.gradient * X[2, k]


def test_what_goes_back_is_upstream_times_local() -> None:
    told = explain(lambda x, y: gg.sum(gg.maximum(x * y, x - y)), RNG.normal(size=4), RNG.normal(size=4))
    for name in ("maximum[1]", "multiply[2]", "subtract[0]", "f"):
        found = zoom(told, name)
        for part in found.parts:
            assert part.downstream == found.gradient * part.local


@pytest.mark.parametrize("example", ["two-two-two", "xor", "circuit-matrix"])
def test_from_afar_the_wires_have_the_shapes_and_sizes_of_the_run(example: str) -> None:
    told = explain(gg.examples.get(example))
    for circuit in (layers_of(told), operations_of(told)):
        assert circuit is not None
        keys = {box.key for box in circuit.boxes}
        assert all({wire.source, wire.target} <= keys for wire in circuit.wires)
        assert [box.kind for box in circuit.boxes].count("loss") == 1
    found = operations_of(told)
    assert found is not None
    for wire in found.wires:
        value, _ = told.names.find(f"{wire.source}[0,0]") if wire.source in ("X", "0.weight") else (None, 0)
        if value is not None:
            array, gradient = told.played.values[value], told.played.gradients[value]
            assert wire.value == " × ".join(map(str, array.shape))
            assert wire.gradient == f"‖{np.linalg.norm(gradient):.4g}‖"


def test_an_input_was_made_by_nothing() -> None:
    told = explain(gg.examples.get("two-two-two"))
    with pytest.raises(OptionError, match="is an input: nothing made it"):
        zoom(told, "X[0,0]")
