"""Each kind of bug, planted in a small program: its cause is named, and the corrected line mends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.causes import find_cause
from glassgrad.checking.judging.judge import judge
from glassgrad.checking.judging.locate import locate
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import Names, nodes_of
from glassgrad.checking.programs import check_program
from glassgrad.checking.recording.run import Program
from glassgrad.checking.report import Cause

REGRESSION = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(7, 3))
Y = np.sin(X @ np.array([[1.0, -0.5], [0.3, 0.8], [-0.7, 0.2]]))
W1 = rng.normal(size=(3, 4)) * 0.7
b1 = rng.normal(size=4) * 0.1
W2 = rng.normal(size=(4, 4)) * 0.7
b2 = rng.normal(size=4) * 0.1
W3 = rng.normal(size=(4, 2)) * 0.7
b3 = rng.normal(size=2) * 0.1
rate = 0.05


def dsig(a):
    return a * (1 - a)


for epoch in range(20):
    z1 = X @ W1 + b1
    a1 = np.tanh(z1)
    z2 = a1 @ W2 + b2
    a2 = 1 / (1 + np.exp(-z2))
    out = a2 @ W3 + b3
    loss = 0.5 * np.sum((out - Y) ** 2)

    delta3 = out - Y
    dW3 = a2.T @ delta3
    db3 = delta3.sum(axis=0)
    back2 = delta3 @ W3.T
    delta2 = back2 * dsig(a2)
    dW2 = a1.T @ delta2
    db2 = delta2.sum(axis=0)
    back1 = delta2 @ W2.T
    delta1 = back1 * (1 - a1 ** 2)
    dW1 = X.T @ delta1
    db1 = delta1.sum(axis=0)

    W3 -= rate * dW3
    b3 -= rate * db3
    W2 -= rate * dW2
    b2 -= rate * db2
    W1 -= rate * dW1
    b1 -= rate * db1
"""

CLASSIFIER = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(9, 3))
T = np.eye(3)[rng.integers(0, 3, size=9)]
W = rng.normal(size=(3, 3)) * 0.5
b = np.zeros(3)

for epoch in range(20):
    scores = X @ W + b
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.sum(T * np.log(p), axis=1))
    dscores = (p - T) / 9
    W -= 0.5 * (X.T @ dscores)
    b -= 0.5 * dscores.sum(axis=0)
"""

SAMPLES = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(6, 3))
y = np.array([0.3, -0.2, 0.9, 0.1, -0.6, 0.4])
W = rng.normal(size=(2, 3)) * 0.6
v = rng.normal(size=2) * 0.6

for epoch in range(20):
    gW = np.zeros_like(W)
    gv = np.zeros_like(v)
    loss = 0.0
    for i in range(6):
        h = np.tanh(W @ X[i])
        e = v @ h - y[i]
        loss = loss + 0.5 * e ** 2
        gv += e * h
        dh = e * v * (1 - h ** 2)
        gW += np.outer(dh, X[i])
    W -= 0.1 * gW
    v -= 0.1 * gv
"""

LINE = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(8, 2))
y = X @ np.array([0.7, -1.1]) + 0.3
w = rng.normal(size=(2, 1))

for epoch in range(20):
    out = X @ w
    loss = 0.5 * np.sum((out.ravel() - y) ** 2)
    error = out - y.reshape(-1, 1)
    grad = (X.T @ error).mean(axis=1, keepdims=True)
    w = w - 0.02 * grad
"""

SKIPS = REGRESSION.replace("z2 = a1 @ W2 + b2", "z2 = a1 @ W2 + a1 + b2").replace(
    "back1 = delta2 @ W2.T", "back1 = delta2 @ W2.T + delta2"
)
"""A connection that goes past the second layer's weights."""

CASES = [
    (
        REGRESSION,
        "delta1 = back1 * (1 - a1 ** 2)",
        "delta1 = back1",
        "missing-derivative",
        "delta1 = back1 * (1 - a1 ** 2)",
    ),
    (
        REGRESSION,
        "delta2 = back2 * dsig(a2)",
        "delta2 = back2 * dsig(a2) * dsig(a2)",
        "doubled-derivative",
        "delta2 = back2 * dsig(a2)",
    ),
    (REGRESSION, "dsig(a2)", "dsig(z2)", "derivative-place", "delta2 = back2 * dsig(a2)"),
    (REGRESSION, "(1 - a1 ** 2)", "dsig(a1)", "wrong-derivative", "delta1 = back1 * (1 - a1 ** 2)"),
    (REGRESSION, "back1 = delta2 @ W2.T", "back1 = delta2 @ W2", "transposed", "back1 = delta2 @ W2.T"),
    (REGRESSION, "dW2 = a1.T @ delta2", "dW2 = a2.T @ delta2", "wrong-operand", "dW2 = a1.T @ delta2"),
    (REGRESSION, "db2 = delta2.sum(axis=0)", "db2 = delta2.sum()", "wrong-axis", "db2 = delta2.sum(axis=0)"),
    (REGRESSION, "back1 = delta2 @ W2.T", "back1 = -delta2 @ W2.T", "sign", "back1 = delta2 @ W2.T"),
    (
        REGRESSION,
        "db1 = delta1.sum(axis=0)",
        "db1 = delta1[0]",
        "bias-not-summed",
        "db1 = delta1.sum(axis=0)",
    ),
    (
        SAMPLES,
        "gW += np.outer(dh, X[i])",
        "gW = np.outer(dh, X[i])",
        "overwritten",
        "gW += np.outer(dh, X[i])",
    ),
    (REGRESSION, "W1 -= rate * dW1", "W1 -= rate * dW1.mean(axis=0)", "update", "W1 -= rate * dW1"),
    (
        REGRESSION,
        "back1 = delta2 @ W2.T",
        "back1 = delta2 @ W2.T + back2",
        "missing-term",
        "back1 = delta2 @ W2.T",
    ),
    (CLASSIFIER, "(p - T) / 9", "(p - T) * p * (1 - p) / 9", "softmax-twice", "dscores = (p - T) / 9"),
    (
        SKIPS,
        "back1 = delta2 @ W2.T + delta2",
        "back1 = delta2 @ W2.T",
        "missing-term",
        "back1 = delta2 @ W2.T + delta2",
    ),
    (
        SKIPS,
        "back1 = delta2 @ W2.T + delta2",
        "back1 = delta2 @ W2.T + 2 * delta2",
        "factor",
        "back1 = delta2 @ W2.T + delta2",
    ),
    (REGRESSION, "    W2 -= rate * dW2\n", "", "never-updated", "W2 -= rate * dW2"),
    (
        LINE,
        "error = out - y.reshape(-1, 1)",
        "error = out - y",
        "broadcast",
        "error = out - y.reshape(-1, 1)",
    ),
]


def cause_of(path: Path, text: str) -> Cause:
    """Return the cause of a program's first fault."""
    path.write_text(text, encoding="utf-8")
    program = Program(path)
    run = program.execute()
    step = find_step(run.tape, nodes_of(program))
    assert step is not None
    judgement = judge(step, nodes_of(program), run.tape.bindings)
    Names(program, run, judgement)
    assert not judgement.right
    return find_cause(program, run, judgement, locate(judgement)[0])


@pytest.mark.parametrize(("program", "right", "wrong", "key", "line"), CASES, ids=[c[3] for c in CASES])
def test_the_cause_is_named_and_the_corrected_line_mends_it(
    tmp_path: Path, program: str, right: str, wrong: str, key: str, line: str
) -> None:
    assert program.count(right) == 1
    cause = cause_of(tmp_path / "program.py", program.replace(right, wrong))
    assert (cause.key, cause.confirmed) == (key, True)
    assert cause.after == line


def test_an_update_that_comes_too_early_is_moved(tmp_path: Path) -> None:
    early = REGRESSION.replace("    W2 -= rate * dW2\n", "").replace(
        "    back1 = ", "    W2 -= rate * dW2\n    back1 = "
    )
    cause = cause_of(tmp_path / "program.py", early)
    assert (cause.key, cause.confirmed) == ("updated-weight", True)
    assert cause.before == "back1 = delta2 @ W2.T"
    assert cause.after == "back1 = delta2 @ W2.T\nW2 -= rate * dW2"
    assert "W2" in cause.title.en
    assert "W2" in cause.title.ko


LISTS = """
import math

W = [[0.2, -0.4], [0.5, 0.3]]
V = [[0.7, -0.2], [0.4, 0.6]]
samples = [([0.1, 0.9], [0.2, 0.8]), ([0.8, 0.3], [0.7, 0.1])]
for epoch in range(4):
    for x, t in samples:
        h = [1 / (1 + math.exp(-sum(W[i][j] * x[i] for i in range(2)))) for j in range(2)]
        y = [sum(V[j][k] * h[j] for j in range(2)) for k in range(2)]
        d = [y[k] - t[k] for k in range(2)]
        for j in range(2):
            for k in range(2):
                V[j][k] -= 0.5 * d[k] * h[j]
        e = [sum(d[k] * V[j][k] for k in range(2)) for j in range(2)]
        for i in range(2):
            for j in range(2):
                W[i][j] -= 0.5 * e[j] * h[j] * (1 - h[j]) * x[i]
"""


def test_numbers_that_are_updated_too_early_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(LISTS, encoding="utf-8")
    [finding] = check_program(path).findings
    assert (finding.quantity.name, finding.cause.key, finding.cause.confirmed) == (
        "e[0]",
        "updated-weight",
        True,
    )


def test_a_derivative_of_its_own_is_mended_where_it_is_made(tmp_path: Path) -> None:
    wrong = REGRESSION.replace("return a * (1 - a)", "return a * (1 + a)")
    cause = cause_of(tmp_path / "program.py", wrong)
    assert (cause.key, cause.confirmed) == ("wrong-derivative", True)


def test_the_wrong_index_of_a_sum_over_units(tmp_path: Path) -> None:
    """The published bug: columns of W2 where its rows belong."""
    text = Path(__file__).with_name("corpus") / "classes" / "two_two_two.py"
    loop = """        delta_h = np.zeros(2)
        for k in range(2):
            for j in range(2):
                delta_h[j] += delta_o[k] * self.w2[k, j] * slope_h[j]
"""
    columns = (
        "        delta_h = delta_o * self.w2[:, 0] * slope_h[0] + delta_o * self.w2[:, 1] * slope_h[1]\n"
    )
    program = text.read_text(encoding="utf-8")
    assert loop in program
    cause = cause_of(tmp_path / "program.py", program.replace(loop, columns))
    assert (cause.key, cause.confirmed) == ("transposed", True)
    assert "wrong index of self.w2" in cause.title.en


def test_where_no_edit_helps_it_is_said(tmp_path: Path) -> None:
    wrong = REGRESSION.replace("dW2 = a1.T @ delta2", "dW2 = np.cos(a1.T @ back2) ** 3 @ W2")
    cause = cause_of(tmp_path / "program.py", wrong)
    assert (cause.key, cause.after, cause.confirmed) == ("unknown", "", False)
