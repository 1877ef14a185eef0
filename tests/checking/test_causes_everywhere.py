"""Causes that are not in the line of the wrong quantity, or that stand in a form of its own: each in a program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from glassgrad.checking.causes.confirming import breaks
from glassgrad.checking.causes.derivatives import factor_named
from glassgrad.checking.causes.edits import expression
from glassgrad.checking.judging.judge import Judgement, judge
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import nodes_of
from glassgrad.checking.programs import check_program
from glassgrad.checking.recording.run import Program

ACTIVATIONS = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(8, 3))
Y = rng.normal(size=(8, 2))
FORMS = {
    "soft": (lambda z: np.logaddexp(0, z), lambda a: 1 - np.exp(-a)),
    "tanh": (lambda z: np.tanh(z), lambda a: 1 - a * a),
}
layers = [
    [rng.normal(size=(3, 4)) * 0.6, FORMS["tanh"]],
    [rng.normal(size=(4, 4)) * 0.6, FORMS["soft"]],
    [rng.normal(size=(4, 2)) * 0.6, FORMS["tanh"]],
]

for epoch in range(20):
    outs = [X]
    for W, (f, df) in layers:
        outs.append(f(outs[-1] @ W))
    loss = 0.5 * np.sum((outs[-1] - Y) ** 2)
    back = outs[-1] - Y
    steps = []
    for (W, (f, df)), into, out in zip(layers[::-1], outs[-2::-1], outs[::-1]):
        delta = back * df(out)
        steps.append(into.T @ delta)
        back = delta @ W.T
    for layer, step in zip(layers[::-1], steps):
        layer[0] = layer[0] - 0.05 * step
"""

ROWS = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(5, 3))
Y = rng.normal(size=(5, 2))
V = rng.normal(size=(4, 3)) * 0.6
W = rng.normal(size=(2, 4)) * 0.6

for epoch in range(20):
    dV = np.zeros_like(V)
    dW = np.zeros_like(W)
    for x, y in zip(X, Y):
        h = np.tanh(V @ x)
        error = W @ h - y
        J = np.diag(1 - h * h)
        delta = J @ (W.T @ error)
        dW += np.outer(error, h)
        dV += np.outer(delta, x)
    V -= 0.1 * dV
    W -= 0.1 * dW
"""

LISTS = (Path(__file__).with_name("corpus") / "classes" / "sizes_list.py").read_text(encoding="utf-8")
LISTS = LISTS.replace("sum_b = [s + g ", "sum_b = [s + 1.0 * g ")

LINE = """\
import numpy as np

rng = np.random.default_rng(2)
x = rng.normal(size=9)
y = 0.7 * x - 0.3
a, b = np.array(0.2), np.array(0.1)

for epoch in range(20):
    residual = a * x + b - y
    mse = np.mean((a * x + b - y) ** 2)
    da = np.mean(2 * residual * x)
    db = np.mean(2 * residual)
    a -= 0.1 * da
    b -= 0.1 * db
"""

OUTPUTS = """\
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(8, 3))
Y = rng.uniform(0.1, 0.9, size=(8, 2))
V = rng.normal(size=(3, 4)) * 0.7
W = rng.normal(size=(4, 2)) * 0.7
c = np.zeros(2)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


for epoch in range(20):
    h = sigmoid(X @ V)
    p = sigmoid(h @ W + c)
    error = p - Y
    delta = error * p * (1 - p)
    back = delta @ W.T * h * (1 - h)
    W -= 0.1 * h.T @ delta
    c -= 0.1 * delta.sum(axis=0)
    V -= 0.1 * X.T @ back
"""

WRITTEN = """\
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(8, 3))
Y = rng.normal(size=(8, 2))
V = rng.normal(size=(3, 4)) * 0.7
W = rng.normal(size=(4, 2)) * 0.7
z, h, back, active = (np.empty((8, 4)) for _ in range(4))
dV, dW = np.empty_like(V), np.empty_like(W)

for epoch in range(20):
    np.dot(X, V, out=z)
    np.maximum(z, 0, out=h)
    error = h @ W - Y
    np.dot(h.T, error, out=dW)
    np.dot(error, W.T, out=back)
    np.greater(z, 0, out=active)
    np.multiply(back, active, out=back)
    np.dot(X.T, back, out=dV)
    W -= 0.02 * dW
    V -= 0.02 * dV
"""

CHAIN = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(6, 4))
Y = rng.normal(size=(6, 4))


class Layer:
    def __init__(self, after=None):
        self.W = rng.normal(size=(4, 4)) * 0.6
        self.after = after

    def learn(self, x, y):
        z = x @ self.W
        if self.after is None:
            grad = z - y
        else:
            a = z.copy()
            a[z < 0] = 0
            grad = self.after.learn(a, y)
            grad[z <= 0] = 0
        down = grad @ self.W.T
        self.W -= 0.02 * x.T @ grad
        return down


net = Layer(Layer(Layer()))
for epoch in range(20):
    net.learn(X, Y)
"""

RIDGE = """\
import math

import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(9, 3))
y = np.tanh(X @ np.array([0.4, -0.6, 0.2])) + 0.1 * rng.normal(size=9)
decay = 0.3
w = rng.normal(size=3) * 0.5
b = np.array(0.1)

for epoch in range(20):
    p = [math.tanh(s) for s in X @ w + b]
    loss = 0.0
    dw, db = decay * w, 0.0
    for i in range(9):
        loss += 0.5 * (p[i] - y[i]) ** 2
        d = (p[i] - y[i]) * (1 - p[i] ** 2)
        dw = dw + d * X[i]
        db += d
    loss += 0.5 * decay * np.sum(w * w)
    w -= 0.05 * dw
    b -= 0.05 * db
"""

TWO_DECAYS = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(9, 3))
Y = rng.normal(size=(9, 2))
decay = 0.3
V = rng.normal(size=(3, 4)) * 0.5
W = rng.normal(size=(4, 2)) * 0.5

for epoch in range(20):
    h = np.tanh(X @ V)
    error = h @ W - Y
    loss = 0.5 * np.sum(error**2) + 0.5 * decay * (np.sum(V**2) + np.sum(W**2))
    dW = h.T @ error + decay * W
    dV = X.T @ (error @ W.T * (1 - h * h)) + decay * V
    W -= 0.02 * dW
    V -= 0.02 * dV
"""

UNITS = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(6, 3))
Y = rng.normal(size=(6, 3))
V = rng.normal(size=(4, 3)) * 0.6
W = rng.normal(size=(3, 4)) * 0.6

for epoch in range(5):
    dV, dW = np.zeros_like(V), np.zeros_like(W)
    for x, y in zip(X, Y):
        h = np.tanh(V @ x)
        out = W @ h
        back = np.zeros(4)
        for j in range(4):
            blame = 0.0
            for k in range(3):
                blame += (out[k] - y[k]) * W[k, j]
            back[j] = blame * (1 - h[j] ** 2)
        dV += np.outer(back, x)
        dW += np.outer(out - y, h)
    V -= 0.05 * dV
    W -= 0.05 * dW
"""

CASES = {
    "a loop over a part": (
        UNITS,
        "for k in range(3)",
        "for k in range(1, 3)",
        "missing-term",
        "in range(3):",
    ),
    "weight decay left out": (TWO_DECAYS, ") + decay * V", ")", "missing-term", " + decay * V"),
    "a function of the math module": (
        RIDGE,
        "(1 - p[i] ** 2)",
        "(1 - math.tanh(p[i]) ** 2)",
        "derivative-place",
        "(1 - p[i] ** 2)",
    ),
    "a lambda in a table": (ACTIVATIONS, "1 - a * a", "1 + a * a", "wrong-derivative", "1 - a"),
    "its formula at the pre-activation": (
        ACTIVATIONS,
        "lambda a: 1 - np.exp(-a)",
        "lambda a: 1 / (1 + np.exp(-a))",
        "derivative-place",
        "1 - np.exp(-a)",
    ),
    "a list made anew each turn": (
        LISTS,
        "sum_b = [s + 1.0",
        "sum_b = [1.0",
        "overwritten",
        "sum_b = [s + 1.0 * g for s, g in zip(sum_b, gb)]",
    ),
    "before the wrong quantity, in a loop over rows": (
        ROWS,
        "np.diag(1 - h * h)",
        "np.diag(1 + h * h)",
        "wrong-derivative",
        "J = np.diag(1 - h * h)",
    ),
    "data that is no derivative": (
        LINE,
        "(2 * residual)",
        "(2 * residual * x)",
        "wrong-operand",
        "db = np.mean(2 * residual)",
    ),
    "a column made of a row": (
        LINE,
        "+ b - y\n",
        "+ b - y.reshape(-1, 1)\n",
        "broadcast",
        "residual = a * x + b - y",
    ),
    "a column where a row is": (
        LINE,
        "+ b - y\n",
        "+ b - y[:, None]\n",
        "broadcast",
        "residual = a * x + b - y",
    ),
    "the error before its derivative": (
        OUTPUTS,
        "delta @ W.T",
        "error @ W.T",
        "wrong-operand",
        "delta @ W.T",
    ),
    "the output's derivative twice": (
        OUTPUTS,
        "error * p * (1 - p)",
        "error * (p * (1 - p)) ** 2",
        "doubled-derivative",
        "error * (p * (1 - p))",
    ),
    "a product written into an array": (
        WRITTEN,
        "np.multiply(back, active, out=back)",
        "np.multiply(back, h, out=back)",
        "wrong-derivative",
        "np.multiply(back, active, out=back)",
    ),
    "a line left out after one that writes": (
        WRITTEN,
        "    np.multiply(back, active, out=back)\n",
        "",
        "missing-derivative",
        "back[...] = np.dot(error, W.T) * (",
    ),
    "an update between layers": (
        CHAIN,
        "        down = grad @ self.W.T\n        self.W -= 0.02 * x.T @ grad\n",
        "        self.W -= 0.02 * x.T @ grad\n        down = grad @ self.W.T\n",
        "updated-weight",
        "self.W -= 0.02 * x.T @ grad",
    ),
}


@pytest.mark.parametrize(("program", "right", "wrong", "key", "line"), CASES.values(), ids=CASES)
def test_a_cause_away_from_the_wrong_quantity(
    tmp_path: Path, program: str, right: str, wrong: str, key: str, line: str
) -> None:
    assert program.count(right) == 1
    path = tmp_path / "program.py"
    path.write_text(program, encoding="utf-8")
    assert check_program(path).verdict == "right"
    path.write_text(program.replace(right, wrong), encoding="utf-8")
    report = check_program(path)
    cause = report.findings[0].cause
    assert (cause.key, cause.confirmed) == (key, True)
    assert line in cause.after


def test_a_correction_makes_nothing_else_wrong(tmp_path: Path) -> None:
    def judged_with(right: str, wrong: str) -> Judgement:
        path = tmp_path / "program.py"
        path.write_text(TWO_DECAYS.replace(right, wrong), encoding="utf-8")
        program = Program(path)
        run = program.execute()
        step = find_step(run.tape, nodes_of(program))
        assert step is not None
        return judge(step, nodes_of(program), run.tape.bindings)

    v_is_wrong = judged_with(") + decay * V", ")")
    w_is_wrong = judged_with("error + decay * W", "error")
    assert breaks(w_is_wrong, v_is_wrong)
    assert not breaks(v_is_wrong, v_is_wrong)
    assert not breaks(judged_with("", ""), v_is_wrong)


def test_faults_with_one_cause_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text(ACTIVATIONS.replace("1 - a * a", "1 + a * a"), encoding="utf-8")
    report = check_program(path)
    assert len(report.findings) == 1
    assert [g.gradient for g in report.parameters].count("wrong") > 1


@pytest.mark.parametrize(
    ("line", "place", "factor", "key"),
    [
        ("error @ W.T", "error @ W.T", "h * (1 - h)", "missing-derivative"),
        ("2 * residual * x", "residual", "x", "wrong-derivative"),
        ("error * slope(net.h)", "error", "1 / (1 + np.exp(-net.h))", "wrong-derivative"),
        ("g / (1 + np.exp(-s))", "-s", "s", "wrong-derivative"),
        ("np.sum(error, axis=0)", "error", "h * (1 - h)", "missing-derivative"),
    ],
)
def test_a_factor_is_missing_only_where_no_formula_stands(
    line: str, place: str, factor: str, key: str
) -> None:
    value = expression(line)
    (node,) = (n for n in ast.walk(value) if isinstance(n, ast.expr) and ast.unparse(n) == place)
    assert factor_named(value, node, expression(factor))[0] == key
