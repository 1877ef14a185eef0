"""Where a run stands on a kink, the explanation says so and names what PyTorch and JAX would return."""

from __future__ import annotations

from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad import nn


def _section(told: Any) -> Any:
    found = [s for s in told.document().sections if s.key == "conventions"]
    return found[0] if found else None


def _rows(told: Any) -> list[list[Any]]:
    return _section(told).blocks[1].rows


def test_a_relu_that_stands_on_its_kink_is_named() -> None:
    told = gg.explain(lambda x: gg.sum(gg.relu(x) * 2.0), np.array([-1.0, 0.0, 1.0]))
    (row,) = _rows(told)
    assert row[0].endswith("[1]")
    assert row[1].en == "relu(0)"
    assert row[2:] == ["0", "0", "0"]


def test_what_the_others_return_stands_beside() -> None:
    told = gg.explain(
        lambda x, y: gg.sum(gg.maximum(x, 0.0) + gg.abs(y)), np.array([0.0, 3.0]), np.array([0.0])
    )
    rows = {row[1].en: row[2:] for row in _rows(told)}
    assert rows["maximum(x, 0) at 0, a number for a bound"] == ["0", "0.5", "0.5"]
    assert rows["abs(0)"] == ["0", "0", "1"]


def test_a_branch_that_was_not_taken_is_named() -> None:
    told = gg.explain(lambda x: gg.sum(gg.where(x > 0, gg.log(x), 0.0)), np.array([0.0, 2.0]))
    assert any(row[1].en.startswith("where(x > 0") and row[3] == "[NaN, 0.5]" for row in _rows(told))


def test_a_smooth_run_has_no_such_section() -> None:
    assert _section(gg.explain(lambda x: gg.sum(gg.tanh(x)), np.array([0.5, 1.0]))) is None


def test_a_kink_that_no_gradient_reaches_is_not_told() -> None:
    assert _section(gg.explain(lambda x: gg.sum(gg.relu(x) * 0.0 + x), np.array([0.0, 1.0]))) is None


def test_many_places_are_counted() -> None:
    model = nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Linear(20, 1))
    model[0].weight.assign(np.zeros((20, 3)))
    model[0].bias.assign(np.zeros(20))
    told = gg.explain(model, np.ones((1, 3)), np.ones((1, 1)))
    section = _section(told)
    assert len(section.blocks[1].rows) == 12
    assert section.blocks[2].text.en == "8 more are not listed."


def test_places_inside_functions_and_composites_are_found() -> None:
    def f(x: Any, y: Any) -> Any:
        inner = gg.hardtanh(x) + gg.maximum(x, y)
        length = gg.linalg.vector_norm(y - 1.0) + gg.linalg.vector_norm(x - x, ord=1)
        return gg.sum(inner) + gg.std(gg.abs(y)) + gg.checkpoint(gg.relu)(x[1]) + length

    told = gg.explain(f, np.array([-1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0]))
    cases = [row[1].en for row in _rows(told)]
    assert cases.count("hardtanh at its bounds") == cases.count("clip at bounds that are numbers") == 2
    for case in (
        "maximum of two arrays, tie",
        "std of a constant",
        "vector norm at 0",
        "L1 norm at 0",
        "relu(0)",
    ):
        assert case in cases
    korean = told.text(lang="ko", width=200)
    assert "미분이 없는 자리" in korean
    assert "모두 같은 값의 표준편차" in korean


def test_running_and_bounded_extremes_are_named() -> None:
    told = gg.explain(
        lambda x: gg.sum(gg.xp.cummax(x)) + gg.min(gg.fmin(x, 1.0)) + gg.sum(gg.minimum(x, 2.0)),
        np.array([1.0, 2.0, 2.0, 1.0]),
    )
    rows = {(row[0], row[1].en.partition(",")[0]) for row in _rows(told)}
    assert {place for place, case in rows if case == "cummax"} == {"cummax[2]"}
    assert {"fmin(x", "minimum(x", "min over an axis"} <= {case for _, case in rows}


def test_only_what_moves_and_what_is_steep_is_told() -> None:
    x = np.array([-1.0, 0.0, 2.0])
    told = gg.explain(lambda x: gg.sum(gg.where(x <= 0, 0.0, gg.log(x) * 2.0)), x)
    assert [row[0] for row in _rows(told)] == ["where[1]"]  # log(−1) has a slope, and log(0) no gradient
    assert _section(gg.explain(lambda x: gg.median(x), np.array([1.0, 3.0, 2.0, 4.0]))) is None
    assert (
        _section(gg.explain(lambda x: gg.sum(gg.pow(x, np.array([2.5, 3.0]))), np.array([1.0, -2.0]))) is None
    )
    assert (
        _section(gg.explain(lambda x, y: gg.sum(gg.pow(x, y)), np.array([-2.0]), np.array([2.0]))) is not None
    )


def test_a_branch_that_was_not_taken_adds_nothing_to_the_sum_over_paths() -> None:
    told = gg.explain(lambda x: gg.sum(gg.where(x > 0, gg.log(x), 0.0) + x), np.array([0.0, 2.0]))
    why = told.why("x[0]")
    assert sorted(path.product for path in why.paths.paths) == [0.0, 1.0]
    assert (why.gradient, why.paths.rounding) == (1.0, 0.0)
    assert [g.downstream() for g in told.gates().values() if g.op == "log"] == [[0.0], [0.5]]
    off = gg.explain(lambda x: gg.log(gg.relu(x)), -1.0)
    assert off.gates()["relu"].downstream() == [None]
    assert off.why("x").paths.paths[0].product == off.why("x").gradient == 0.0
    lost = gg.explain(lambda x: gg.sqrt(gg.square(x)), 0.0).why(
        "x"
    )  # ∞ comes to a slope of 0: no number, as it ran
    assert np.isnan([lost.gradient, *(path.product for path in lost.paths.paths)]).all()
