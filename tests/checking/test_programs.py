"""Programs that people write in ways that are easily misread, and what the checker says of them."""

from __future__ import annotations

from pathlib import Path

from glassgrad.checking.programs import check_program
from glassgrad.checking.report import ProgramReport


def checked(folder: Path, text: str) -> ProgramReport:
    file = folder / "program.py"
    file.write_text("import numpy as np\nrng = np.random.RandomState(3)\n" + text, encoding="utf-8")
    return check_program(file)


def test_weights_filled_and_scaled_in_place_before_training(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
x, y = rng.randn(6, 3), rng.randn(6, 2)
w, v = np.zeros((3, 4)), rng.randn(4, 2)
w[...] = rng.rand(3, 4) - 0.5
v /= np.sqrt(4)
for epoch in range(5):
    h = np.tanh(x @ w)
    e = h @ v - y
    dv = h.T @ e
    dw = x.T @ (e @ v.T * (1 - h ** 2))
    w -= 0.1 * dw
    v -= 0.1 * dv
""",
    )
    assert report.verdict == "right"
    assert [round(p.rate or 0, 9) for p in report.parameters] == [0.1, 0.1]


def test_a_step_of_several_terms(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
x, y, keep = rng.randn(6, 3), rng.randn(6, 1), 0
w = rng.randn(3, 1)
for epoch in range(5):
    g = x.T @ (x @ w - y)
    w = w - 0.1 * g + keep / 6 * w
""",
    )
    assert report.verdict == "right"


APPENDED = """
def rows(n, m):
    made = []
    for i in range(n):
        made.append([0.0] * m)
        for j in range(m):
            made[i][j] = rng.rand()
    return made

class Net:
    def __init__(self):
        self.hidden, self.out = rows(2, 2), rows(2, 1)

net = Net()
for x, y in [((0.5, -0.3), 1.0), ((0.2, 0.9), 0.0)] * 3:
    h = [np.tanh(sum(net.hidden[j][i] * x[i] for i in range(2))) for j in range(2)]
    o = sum(net.out[j][0] * h[j] for j in range(2))
    d = o - y
"""
FIRST = """
    for j in range(2):
        net.out[j][0] -= 0.5 * d * h[j]
"""
SECOND = """
    e = [0.0, 0.0]
    for j in range(2):
        e[j] = d * net.out[j][0] * (1 - h[j] ** 2)
    for j in range(2):
        for i in range(2):
            net.hidden[j][i] -= 0.5 * e[j] * x[i]
"""


def test_weights_in_lists_are_seen_from_their_first_step(tmp_path: Path) -> None:
    right = checked(tmp_path, APPENDED + SECOND + FIRST)
    assert right.verdict == "right"
    assert len(right.parameters) == 6


def test_a_weight_in_a_list_that_was_stepped_too_early(tmp_path: Path) -> None:
    wrong = checked(tmp_path, APPENDED + FIRST + SECOND)
    assert wrong.verdict == "wrong"
    assert len(wrong.parameters) == 6
    assert wrong.findings[0].quantity.name.startswith("e[")


def test_rates_of_parameters_with_the_same_name(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
class Layer:
    def __init__(self, n, m):
        self.w = rng.randn(n, m)

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, d, rate):
        back = d @ self.w.T
        self.w -= rate * self.x.T @ d
        return back

one, two = Layer(3, 4), Layer(4, 2)
x, y = rng.randn(6, 3), rng.randn(6, 2)
for epoch in range(5):
    d = two.forward(one.forward(x)) - y
    one.backward(two.backward(d, 0.01), 0.03)
""",
    )
    assert report.verdict == "notice"
    assert "self.w 0.01, self.w 0.03" in report.notices[0].en


def test_weights_scaled_by_a_number_that_was_computed(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        """
x, y, spread = rng.randn(6, 3), rng.randn(6, 2), np.logspace(0, -1, 3)
w, b = spread[1] * rng.randn(3, 2), np.zeros(2)
for epoch in range(5):
    e = x @ w + b - y
    w -= 0.1 * x.T @ e
    b -= 0.1 * e.sum(axis=0)
""",
    )
    assert report.verdict == "right"
    assert [p.name for p in report.parameters] == ["w", "b"]


ONCE = """
x, y = np.array([[0.3, -0.8]]), np.array([[0.5]])
w, v = rng.randn(2, 3), rng.randn(3, 1)
h = np.tanh(x @ w)
d = h @ v - y
e = d @ v.T * (1 - h ** 2)
new_v = v - 0.1 * h.T @ d
new_w = w - 0.1 * x.T @ e
"""


def test_a_single_step_with_new_names(tmp_path: Path) -> None:
    assert checked(tmp_path, ONCE).verdict == "right"
    wrong = checked(tmp_path, ONCE.replace(" * (1 - h ** 2)", " * (1 - h)"))
    assert wrong.verdict == "wrong"
    assert [f.quantity.name for f in wrong.findings] == ["e"]


def test_a_bias_that_is_never_stepped_has_a_line(tmp_path: Path) -> None:
    report = checked(
        tmp_path,
        ONCE.replace("h = ", "b = np.array([[0.1, 0.3, -0.2]])\nh = ").replace("x @ w)", "x @ w + b)"),
    )
    assert report.verdict == "wrong"
    assert [(f.quantity.name, f.quantity.line) for f in report.findings] == [("b", 6)]
    assert "np.array([[0.1, 0.3, -0.2]])" in report.text(width=120)
