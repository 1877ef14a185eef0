"""Values are called as their authors call them, and found by these names."""

from __future__ import annotations

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import OptionError
from glassgrad.explaining.names import Names
from glassgrad.explaining.subjects import explain


def test_variables_of_the_users_own_lines() -> None:
    def f(x, y):
        total = x + y
        scaled = total * 3.0
        return gg.sum(scaled - 1.0)

    assert explain(f, np.ones(2), np.ones(2)).names.all() == ["x", "y", "f", "total", "scaled", "subtract"]


def test_layers_have_their_number() -> None:
    told = explain(gg.nn.mlp(2, [3], 2, seed=0), np.ones((2, 2)), np.array([0, 1]))
    assert {"linear0", "relu1", "linear2", "loss", "0.weight"} <= set(told.names.all())


def test_a_name_that_is_taken_gets_a_mark() -> None:
    graph = gg.trace(lambda x: gg.sum(gg.exp(gg.exp(x))), gg.Spec((2,)))
    assert Names(graph).all() == ["x", "exp", "exp2", "sum"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("0.weigth[0,0]", "there is no value '0.weigth'. Did you mean '0.weight'"),
        ("0.weight[3,0]", r"name one of its numbers: 0.weight\[0…2,0…1\]"),
        ("0.weight[0]", r"has shape \(3, 2\)"),
        ("0.weight", r"has shape \(3, 2\)"),
        ("y[0]", "which has no gradient"),
        ("loss[0]", "it is a single number: loss"),
    ],
)
def test_a_number_that_is_not_there(name: str, message: str) -> None:
    told = explain(gg.nn.mlp(2, [3], 2, seed=0), np.ones((2, 2)), np.array([0, 1]))
    with pytest.raises(OptionError, match=message):
        told.why(name)


def test_every_element_is_found_by_its_name() -> None:
    told = explain(gg.nn.mlp(2, [3], 2, seed=0), np.ones((2, 2)), np.array([0, 1]))
    for value in told.weights:
        for i in range(told.played.values[value].size):
            assert told.names.find(told.names.element(value, i)) == (value, i)
