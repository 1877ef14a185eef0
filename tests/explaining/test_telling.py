"""What an explanation tells: every figure of the lessons, in the document itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import GraphError, OptionError
from glassgrad.explaining.document import Document, Table
from glassgrad.explaining.drawing.figures import Surface
from glassgrad.explaining.subjects import explain

RNG = np.random.default_rng(0)


def tables(document: Document, key: str) -> list[Table]:
    return [b for s in document.sections if s.key.startswith(key) for b in s.blocks if isinstance(b, Table)]


def numbers(document: Document) -> list[float]:
    found: list[float] = []
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                found += [cell for row in block.rows for cell in row if isinstance(cell, float)]
    return found


def assert_told(document: Document, figures: list[float], digits: int = 8) -> None:
    told = {round(n, digits) for n in numbers(document)}
    assert {round(f, digits) for f in figures} <= told


def test_every_figure_of_two_two_two() -> None:
    figures = [0.51998934, 0.52747230, 0.60944600, 0.66384491, 0.02193381, 0.00203809, 0.02397190]
    figures += [
        0.02592286,
        0.02629590,
        0.00740844,
        0.00751506,
        0.00080888,
        0.00161775,
        0.00071009,
        0.00142017,
    ]
    assert_told(explain(gg.examples.get("two-two-two")).document(), figures)


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("0.weight", [[0.29959556, 0.24919112], [0.39964496, 0.34928991]]),
        ("2.weight", [[0.43703857, 0.38685205], [0.69629578, 0.59624247]]),
    ],
)
def test_weights_after_the_step(name: str, after: list[list[float]]) -> None:
    told = explain(gg.examples.get("two-two-two"))
    for i in range(2):
        for j in range(2):
            assert round(told.update(f"{name}[{i},{j}]").new, 8) == after[i][j]
    second = explain(gg.examples.get("two-two-two"), step=2)
    assert second.result == pytest.approx(0.023236338872291772, rel=1e-12)
    assert_told(second.document(), [0.60617688, 0.66295848])


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("circuit-product", [3.0, -12.0, -4.0]),
        ("circuit-sigmoid", [-0.53444665, -0.19661193, 0.19661193, 0.39322387, -0.39322387, -0.58983580]),
        ("circuit-max", [-8.0, 6.0, 2.0, 0.0]),
        ("circuit-matrix", [0.22, 0.26, 0.44, 0.52, 0.088, 0.176, 0.104, 0.208, -0.112, 0.636]),
        ("perceptrons", [0.5, -0.5, 0.7, -0.7, -0.2]),
    ],
)
def test_every_figure_of_the_circuits(name: str, figures: list[float]) -> None:
    told = explain(gg.examples.get(name))
    document = told.document()
    shown = {round(n, 8) for n in numbers(document)} | {round(g.value, 8) for g in told.gates().values()}
    shown |= {round(g.gradient, 8) for g in told.gates().values() if g.gradient is not None}
    assert {round(f, 8) for f in figures} <= shown


def test_the_loss_is_the_sum_of_its_rows() -> None:
    model = gg.nn.mlp(4, [5], 3, dtype="float64", seed=0)
    told = explain(model, RNG.normal(size=(20, 4)), RNG.integers(0, 3, 20))
    (table,) = tables(told.document(), "result")
    *parts, total = [row[1] for row in table.rows]
    assert len(parts) == 9  # eight rows, and the others
    assert math.fsum(parts) == pytest.approx(total, rel=1e-14)


def sums(document: Document) -> list[tuple[float, float]]:
    found = []
    for table in tables(document, ""):
        if table.total:
            column = [row[-1] if isinstance(row[-1], float) else row[1] for row in table.rows]
            cells: list[Any] = [c for c in column if isinstance(c, float)]
            found.append((math.fsum(cells[:-1]), cells[-1]))
    return found


@pytest.mark.parametrize("example", ["two-two-two", "xor", "circuit-max", "digits"])
def test_what_stands_above_a_sum_adds_up_to_it(example: str) -> None:
    told = explain(gg.examples.get(example))
    for weight in (None, told.largest()):
        for parts, total in sums(told.document(weight)):
            assert parts == pytest.approx(total, rel=1e-6, abs=1e-12)


def test_two_minima_are_drawn_with_the_ways_into_them() -> None:
    told = explain(gg.examples.get("two-minima"))
    found = told.surface()
    assert [round(x, 8) for x in found.minima] == [-1.4729976, 1.34699741]
    assert round(found.partings[0], 8) == 0.12600019
    assert "1.347" in told.text()


def test_the_loss_of_a_network_has_a_landscape_and_an_output_has_none() -> None:
    model = gg.nn.mlp(3, [4], 2, seed=0)
    X, y = RNG.normal(size=(8, 3)), RNG.integers(0, 2, 8)
    told = explain(model, X, y)
    middle = told.surface().figure
    assert isinstance(middle, Surface)
    assert middle.z[len(middle.y) // 2, len(middle.x) // 2] == pytest.approx(told.result, rel=1e-5)
    with pytest.raises(OptionError, match="a landscape can be drawn of"):
        explain(model, X[:1]).surface()


def test_a_narrow_deep_network_is_told_without_a_formula_that_never_ends():
    model = gg.nn.mlp(4, [4] * 12, 2, seed=0, dtype="float64", activation="tanh")
    told = explain(model, np.ones((1, 4)), [0])
    with pytest.raises(GraphError, match="written out"):
        told.derive("0.weight[0,0]")
    assert "Why 0.weight[0,0] has its gradient" in told.text("0.weight[0,0]")
