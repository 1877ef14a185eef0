"""Causes in values that are shares of a whole: gates, and the rows of a softmax."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.programs import check_program

GATE = """
import numpy as np
rng = np.random.default_rng(2)
X, Y = rng.normal(size=(8, 3)), rng.normal(size=(8, 3))
Wz, Wc, Wo = (rng.normal(size=(3, 3)) * 0.7 for _ in range(3))
for _ in range(5):
    hidden = np.tanh(X @ Wo)
    gate = 1 / (1 + np.exp(-hidden @ Wz))
    new = np.tanh(hidden @ Wc)
    out = (1 - gate) * hidden + gate * new
    loss = 0.5 * np.sum((out - Y) ** 2)
    d_out = out - Y
    d_gate = d_out * (new - hidden) * gate * (1 - gate)
    d_new = d_out * gate * (1 - new ** 2)
    d_skip = d_out * (1 - gate)
    d_hidden = (d_skip + d_gate @ Wz.T + d_new @ Wc.T) * (1 - hidden ** 2)
    Wz = Wz - 0.1 * hidden.T @ d_gate
    Wc = Wc - 0.1 * hidden.T @ d_new
    Wo = Wo - 0.1 * X.T @ d_hidden
"""

SOFTMAX = """
import numpy as np
rng = np.random.default_rng(2)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
W, V = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
for _ in range(5):
    scores = X @ W
    e = np.exp(scores)
    weights = e / e.sum(axis=1, keepdims=True)
    out = weights @ V
    loss = 0.5 * np.sum((out - Y) ** 2)
    d_out = out - Y
    d_weights = d_out @ V.T
    d_scores = weights * (d_weights - (d_weights * weights).sum(axis=1, keepdims=True))
    V = V - 0.1 * weights.T @ d_out
    W = W - 0.1 * X.T @ d_scores
"""

CASES = {
    "the other share": (
        GATE,
        "d_skip = d_out * (1 - gate)",
        "d_skip = d_out * gate",
        "wrong-derivative",
        "d_skip = d_out * (1 - gate)",
    ),
    "a softmax that is passed over": (
        SOFTMAX,
        "d_scores = weights * (d_weights - (d_weights * weights).sum(axis=1, keepdims=True))",
        "d_scores = d_weights",
        "missing-derivative",
        "d_scores = weights * (d_weights - (d_weights * weights).sum(axis=1, keepdims=True))",
    ),
}


@pytest.mark.parametrize(("program", "right", "wrong", "key", "line"), CASES.values(), ids=CASES)
def test_the_cause_is_named_and_the_corrected_line_mends_it(
    tmp_path: Path, program: str, right: str, wrong: str, key: str, line: str
) -> None:
    assert program.count(right) == 1
    path = tmp_path / "program.py"
    path.write_text(program.replace(right, wrong), encoding="utf-8")
    cause = check_program(path).findings[0].cause
    assert (cause.key, cause.confirmed, cause.after) == (key, True, line)
