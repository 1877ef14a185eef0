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
