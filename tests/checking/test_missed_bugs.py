"""Bugs that are easily missed, or said of the wrong quantity: updates left out, penalties, other losses."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.programs import check_program
from glassgrad.checking.report import ProgramReport


def checked(folder: Path, text: str) -> ProgramReport:
    file = folder / "program.py"
    file.write_text("import numpy as np\nrng = np.random.RandomState(3)\n" + text, encoding="utf-8")
    return check_program(file)


def found(report: ProgramReport) -> list[tuple[str, str]]:
    return [(f.quantity.name, f.cause.key) for f in report.findings]


TWO_LAYERS = """
x, y = rng.randn(6, 3), rng.randn(6, 2)
W1, b1 = rng.randn(3, 4), rng.randn(4)
W2, b2 = rng.randn(4, 2), rng.randn(2)
for epoch in range(5):
    h = np.tanh(x @ W1 + b1)
    e = (h @ W2 + b2 - y) / 6
    dW2, db2 = h.T @ e, e.sum(axis=0)
    d = e @ W2.T * (1 - h ** 2)
    dW1, db1 = x.T @ d, d.sum(axis=0)
    W1 -= 0.1 * dW1
    b1 -= 0.1 * db1
    W2 -= 0.1 * dW2
    b2 -= 0.1 * db2
"""


@pytest.mark.parametrize("name", ["W1", "b1", "W2", "b2"])
def test_a_parameter_without_an_update_is_named_itself(tmp_path: Path, name: str) -> None:
    line = f"    {name} -= 0.1 * d{name}\n"
    report = checked(tmp_path, TWO_LAYERS.replace(line, ""))
    assert found(report) == [(name, "never-updated")]
    assert report.findings[0].cause.after == line.strip()


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("W2 -= 0.1 * dW2", "W2[1:] -= 0.1 * dW2[1:]", "W2[0]"),
        ("W1 -= 0.1 * dW1", "W1[:, :2] -= 0.1 * (x.T @ d)[:, :2]", "W1[:, 2:4]"),
        ("b1 -= 0.1 * db1", "b1[:-1] -= 0.1 * db1[:-1]", "b1[-1]"),
    ],
)
def test_a_part_that_gets_no_step(tmp_path: Path, old: str, new: str, part: str) -> None:
    report = checked(tmp_path, TWO_LAYERS.replace(old, new))
    assert found(report) == [(part.split("[")[0], "never-updated")]
    assert part in report.findings[0].cause.title.en
    assert report.findings[0].cause.confirmed


NEURONS = """
import random
random.seed(1)
class Neuron:
    def __init__(self, n):
        self.weights = []
        for _ in range(n):
            self.weights.append(random.uniform(-1, 1))
layers = [[Neuron(2), Neuron(2)], [Neuron(2)]]
data = [([0.2, 0.7], 0.3), ([0.9, 0.4], 0.8)]
def fire(neuron, inputs):
    total = 0.0
    for w, x in zip(neuron.weights, inputs):
        total += w * x
    neuron.inputs, neuron.out = inputs, 1 / (1 + np.exp(-total))
    return neuron.out
for epoch in range(4):
    for x, t in data:
        for layer in layers:
            x = [fire(neuron, x) for neuron in layer]
        last = layers[1][0]
        last.delta = (last.out - t) * last.out * (1 - last.out)
        for i, neuron in enumerate(layers[0]):
            neuron.delta = last.delta * last.weights[i] * neuron.out * (1 - neuron.out)
        for layer in layers[0:]:
            for neuron in layer:
                for i in range(2):
                    neuron.weights[i] -= 0.5 * neuron.delta * neuron.inputs[i]
"""


def test_weights_in_objects_that_are_never_updated_are_called_by_where_they_are_kept(tmp_path: Path) -> None:
    assert checked(tmp_path, NEURONS).verdict == "right"
    assert found(checked(tmp_path, NEURONS.replace("layers[0:]", "layers[1:]"))) == [
        ("layers[0][0].weights[0]", "never-updated")
    ]


LOGISTIC = """
x, t = rng.randn(8, 3), (rng.rand(8, 1) > 0.5) * 1.0
w = rng.randn(3, 1)
for epoch in range(5):
    p = 1 / (1 + np.exp(-x @ w))
    {loss}
    dp = {error}
    dz = dp * p * (1 - p)
    w = w - 0.1 * x.T @ dz
"""


@pytest.mark.parametrize("loss", ["pass", "print(-np.mean(t * np.log(p) + (1 - t) * np.log(1 - p)))"])
def test_probabilities_are_no_rates_of_counts(tmp_path: Path, loss: str) -> None:
    right = checked(tmp_path, LOGISTIC.format(loss=loss, error="(p - t) / (p * (1 - p))"))
    assert right.verdict == "right"
    wrong = checked(tmp_path, LOGISTIC.format(loss=loss, error="(p - t) / p"))  # that of p - t ln p
    assert wrong.verdict == "wrong"


COUNTS = """
x, t = rng.randn(8, 3), rng.poisson(2, (8, 1))
w = rng.randn(3, 1)
for epoch in range(5):
    rate = np.exp(x @ w)
    w = w - 0.01 * x.T @ (rate - t)
"""


def test_counts_have_their_loss(tmp_path: Path) -> None:
    report = checked(tmp_path, COUNTS)
    assert report.verdict == "right"
    assert "Poisson" in report.loss.says.en


CLIMBING = """
x, t = rng.randn(8, 3), (rng.rand(8) > 0.5) * 1.0
w, lam = rng.randn(3), 0.3
for epoch in range(5):
    p = 1 / (1 + np.exp(-x @ w))
    loglik = np.sum(t * np.log(p) + (1 - t) * np.log(1 - p)) - lam / 2 * w @ w
    score = x.T @ (t - p)
    score = score - lam * w
    w = w + 0.01 * score
"""


def test_a_likelihood_is_climbed(tmp_path: Path) -> None:
    report = checked(tmp_path, CLIMBING)
    assert report.verdict == "right"
    assert not report.notices
    down = checked(tmp_path, CLIMBING.replace("w + 0.01", "w - 0.01"))
    assert found(down) == [("w", "update")]


PENALISED = """
x, y, lam = rng.randn(6, 3), rng.randn(6, 2), 0.01
W1, W2 = rng.randn(3, 4), rng.randn(4, 2)
for epoch in range(5):
    h = np.tanh(x @ W1)
    e = h @ W2 - y
    data_loss = np.sum(e ** 2) / 2
    {shown}
    dW2 = h.T @ e
    dW1 = x.T @ (e @ W2.T * (1 - h ** 2))
    dW2 += lam * W2
    dW1 += lam * W1
    W1 -= 0.1 * dW1
    W2 -= 0.1 * dW2
"""
SHOWN = [
    "loss = data_loss + lam / 2 * (np.sum(W1 ** 2) + np.sum(W2 ** 2))",
    "reg_loss = 0.5 * lam * (np.sum(W1 * W1) + np.sum(W2 * W2)); print(data_loss + reg_loss)",
]
PENALTIES = [("dW2 += lam * W2", "pass"), ("lam * W1", "2 * lam * W1"), ("h.T @ e", "h.T @ e / 6")]


@pytest.mark.parametrize("shown", SHOWN)
def test_a_penalty_of_the_loss_that_the_program_computes_belongs_to_its_gradient(
    tmp_path: Path, shown: str
) -> None:
    program = PENALISED.format(shown=shown)
    right = checked(tmp_path, program)
    assert right.verdict == "right"
    assert not right.notices
    for old, new in PENALTIES:
        wrong = checked(tmp_path, program.replace(old, new))
        assert [f.quantity.name for f in wrong.findings] == ["dW1" if "W1" in old else "dW2"]
    left_out = program.replace("dW2 += lam * W2", "pass").replace("dW1 += lam * W1", "pass")
    assert checked(tmp_path, left_out).verdict == "wrong"


def test_a_penalty_that_the_program_never_computes_is_the_users_own(tmp_path: Path) -> None:
    program = PENALISED.format(shown="print(data_loss)")
    assert checked(tmp_path, program).verdict == "notice"
    for old, new in PENALTIES[:2]:
        assert checked(tmp_path, program.replace(old, new)).verdict == "notice"


ROUNDED = """
x, y = rng.randn(6, 3), rng.randn(6, 2)
W1, W2 = rng.randn(3, 4), rng.randn(4, 2)
for epoch in range(5):
    h = np.tanh(x @ W1)
    e = (h @ W2 - y) / 6
    dW2 = h.T @ e
    d = e @ W2.T * (1 - h ** 2)
    dW1 = np.zeros((3, 4))
    dW1[:] = x.T @ d
    W1 -= 0.1 * dW1
    W2 -= 0.1 * dW2
"""
ROUNDINGS = [
    ("(h @ W2 - y) / 6", "(h @ W2 - y) // 6", "e"),
    ("(h @ W2 - y) / 6", "(h @ W2 - y).astype(int) / 6", "e"),
    ("h.T @ e", "np.round(h.T @ e)", "dW2"),
    ("* (1 - h ** 2)", "* (1 - h ** 2) // 1", "d"),
    ("np.zeros((3, 4))", "np.zeros((3, 4), dtype=int)", "dW1"),
    ("h.T @ e", "np.array((h.T @ e).T, dtype=int).T", "dW2"),
    ("h.T @ e", "np.float16(h.T @ e)", "dW2"),
]


@pytest.mark.parametrize(("old", "new", "name"), ROUNDINGS)
def test_a_rounded_gradient_is_named_where_it_is_rounded(
    tmp_path: Path, old: str, new: str, name: str
) -> None:
    assert ROUNDED.count(old) == 1
    assert found(checked(tmp_path, ROUNDED.replace(old, new))) == [(name, "precision")]


def test_a_truncated_prediction(tmp_path: Path) -> None:
    program = """
data = [(rng.randn(3), 2 * rng.randn()) for _ in range(4)]
w, b = rng.randn(3), 1.0
for epoch in range(3):
    for x, t in data:
        e = t - float(x @ w + b)
        w = w + 0.1 * e * x
        b = b + 0.1 * e
"""
    assert checked(tmp_path, program).verdict == "right"
    assert found(checked(tmp_path, program.replace("float(", "int("))) == [("e", "precision")]


def test_a_rate_that_floor_division_makes_zero(tmp_path: Path) -> None:
    report = checked(tmp_path, ROUNDED.replace("W2 -= 0.1 * dW2", "W2 = W2 - 1 // 6 * dW2"))
    assert found(report) == [("W2", "precision")]
    assert report.findings[0].cause.after == "W2 = W2 - 1 / 6 * dW2"


LISTS = """
x, y = np.array([1, 2, 3]), np.array([1, 0])
W, b = rng.randn(2, 3), rng.randn(2)
for epoch in range(4):
    p = 1 / (1 + np.exp(-(W @ x + b)))
    d = {made}
    for k in range(2):
        d[k] = (p[k] - y[k]) * p[k] * (1 - p[k])
    for k in range(2):
        b[k] -= 0.1 * d[k]
        for i in range(3):
            W[k, i] -= {step}
"""


def test_elements_of_whole_numbers(tmp_path: Path) -> None:
    made, step = "np.zeros(2)", "0.1 * d[k] * x[i]"
    assert checked(tmp_path, LISTS.format(made=made, step=step)).verdict == "right"
    assert found(checked(tmp_path, LISTS.format(made="np.zeros_like(y)", step=step))) == [("d", "precision")]


def test_a_step_that_is_rounded(tmp_path: Path) -> None:
    program = ROUNDED.replace("W2 -= 0.1 * dW2", "W2 = W2 - 0.1 * np.array(dW2, dtype=int)")
    assert found(checked(tmp_path, program)) == [("W2", "precision")]


RADIAL = """
xs = np.linspace(-3, 3, 12).reshape(-1, 1)
ts = np.sin(xs)
centres, widths, w = np.linspace(-2, 2, 4) + 0.1 * rng.rand(4), 1 + 0.2 * rng.rand(4), rng.randn(4, 1)
scale = 0.7
for epoch in range(5):
    away = xs - centres
    bump = np.exp(-away ** 2 / (2 * widths ** 2))
    e = scale * (bump @ w) - ts
    grad_w = scale * bump.T @ e
    grad_scale = np.sum(e * (bump @ w))
    back = scale * e @ w.T * bump
    grad_c = (back * away / widths ** 2).sum(axis=0)
    grad_s = (back * away ** 2 / widths ** 3).sum(axis=0)
    grad_x = -(back * away / widths ** 2).sum(axis=1, keepdims=True)
    w = w - 0.02 * grad_w
    centres = centres - 0.02 * grad_c
    widths = widths - 0.02 * grad_s
    scale = scale - 0.02 * grad_scale
"""


@pytest.mark.parametrize("name", ["w", "centres", "widths", "scale"])
def test_a_parameter_whose_gradient_goes_nowhere(tmp_path: Path, name: str) -> None:
    assert checked(tmp_path, RADIAL).verdict == "right"
    line = next(text for text in RADIAL.splitlines() if text.startswith(f"    {name} = {name}"))
    assert found(checked(tmp_path, RADIAL.replace(line, ""))) == [(name, "never-updated")]


@pytest.mark.parametrize(
    "last", ["dx = d @ W1.T", "grad_x = (d[:, None] * W1).sum(axis=2)", "dx = d.dot(W1.T); dy = -e"]
)
def test_the_gradient_in_the_input_goes_nowhere_rightly(tmp_path: Path, last: str) -> None:
    assert checked(tmp_path, TWO_LAYERS + f"    {last}\n").verdict == "right"


def test_a_gradient_that_is_multiplied_by_zero(tmp_path: Path) -> None:
    report = checked(tmp_path, TWO_LAYERS.replace("dW2, db2 = h.T @ e,", "dW2, db2 = 1 // 6 * (h.T @ e),"))
    assert [(f.quantity.name, f.quantity.line) for f in report.findings] == [("dW2", 10)]


ADDED_UP = """
class Layer:
    def __init__(self, n, m):
        self.W, self.b = rng.randn(n, m), np.zeros(m)
        self.gW, self.gb = np.zeros((n, m)), np.zeros(m)
x, y = rng.randn(6, 3), rng.randn(6, 2)
layers = [Layer(3, 4), Layer(4, 2)]
speed = [np.zeros((3, 4)), np.zeros((4, 2))]
for epoch in range(5):
    for layer in layers:
        layer.gW[...] = 0
        layer.gb = np.zeros_like(layer.b)
    h = np.tanh(x @ layers[0].W + layers[0].b)
    d = (h @ layers[1].W + layers[1].b - y) / 6
    for layer, a in zip(layers[::-1], (h, x)):
        layer.gW += a.T @ d
        layer.gb += d.sum(axis=0)
        d = d @ layer.W.T * (1 - a ** 2)
    for i, layer in enumerate(layers):
        speed[i] = 0.9 * speed[i] + layer.gW
        layer.W -= 0.1 * speed[i]
        layer.b -= 0.1 * layer.gb
"""


def test_a_gradient_that_is_never_set_to_zero(tmp_path: Path) -> None:
    assert checked(tmp_path, ADDED_UP).verdict == "right"
    for old, name in (("layer.gW[...] = 0", "layer.gW"), ("layer.gb = np.zeros_like(layer.b)", "layer.gb")):
        assert found(checked(tmp_path, ADDED_UP.replace(old, "pass"))) == [(name, "overwritten")]


ZEROS_FIRST = """
data = [(np.zeros(3), 0.5), (np.array([0.3, -0.7, 0.9]), -0.2), (np.array([0.1, 0.8, -0.4]), 0.7)]
W1, b1, W2 = rng.randn(3, 4), rng.randn(4), rng.randn(4)
v = np.zeros(4)
for epoch in range(5):
    for x, t in data:
        h = np.tanh(x @ W1 + b1)
        e = h @ W2 - t
        d = e * W2 * (1 - h ** 2)
        {momentum}
        W1 -= 0.1 * np.outer(x, {wrong})
        b1 -= 0.1 * d
"""


@pytest.mark.parametrize("momentum", ["W2 -= 0.1 * e * h", "v = 0.9 * v - 0.1 * e * h; W2 += v"])
def test_a_first_sample_of_zeros_tells_nothing(tmp_path: Path, momentum: str) -> None:
    assert checked(tmp_path, ZEROS_FIRST.format(momentum=momentum, wrong="d")).verdict == "notice"
    wrong = checked(tmp_path, ZEROS_FIRST.format(momentum=momentum, wrong="h"))
    if "v =" not in momentum:  # of which the second step is no multiple of its gradient
        assert [f.quantity.name for f in wrong.findings] == ["W1"]


FOREST = """
x, y = rng.randn(6, 3), rng.randn(6)
theta = rng.randn(3, 1) if {columns} else rng.randn(3)
for epoch in range(5):
    error = x @ theta - (y[:, None] if {columns} else y)
    grad = {grad}
    theta = theta - 0.1 * grad
"""


def test_a_gradient_of_another_shape_is_wrong_before_the_parameter_that_takes_it(tmp_path: Path) -> None:
    assert checked(tmp_path, FOREST.format(columns=True, grad="x.T @ error")).verdict == "right"
    wrong = checked(tmp_path, FOREST.format(columns=True, grad="np.sum(x * error, axis=0)"))
    assert [f.quantity.name for f in wrong.findings] == ["grad"]


def test_an_error_that_is_computed_and_not_used(tmp_path: Path) -> None:
    program = """
x, y = rng.randn(6, 3), rng.randn(6)
w, lam = rng.randn(3), 0.1
for epoch in range(5):
    error = x @ w - y
    grad = x.T @ error
    grad = grad + lam * w
    w -= 0.1 * grad
"""
    assert checked(tmp_path, program).verdict != "wrong"
    wrong = checked(tmp_path, program.replace("grad + lam", "lam"))
    assert [f.quantity.name for f in wrong.findings] == ["grad"]


def test_a_target_that_no_prediction_meets(tmp_path: Path) -> None:
    program = """
V, W = rng.randn(4, 3), rng.randn(3, 4)
for epoch in range(5):
    inputs, hidden, errors = [], [], []
    for case in range(6):
        x, t = rng.randn(3), np.eye(3)[case % 3]
        h = np.tanh(V @ x)
        e = np.exp(W @ h)
        p = e / e.sum()
        inputs.append(x)
        hidden.append(h)
        errors.append(p - t)
    E, H = np.vstack(errors), np.vstack(hidden)
    dH = E @ W * (1 - H ** 2)
    W -= 0.1 * E.T @ H
    V -= 0.1 * dH.T @ np.vstack(inputs)
"""
    assert checked(tmp_path, program).verdict == "right"
    assert checked(tmp_path, program.replace("p - t", "-t")).verdict == "wrong"


@pytest.mark.parametrize("made", ["np.random.default_rng()", "np.random.RandomState()"])
def test_a_generator_without_a_seed_gives_the_same_numbers_in_every_run(tmp_path: Path, made: str) -> None:
    program = (
        f"own = {made}; W = own.normal(size=(3, 2)); x, y = np.ones((1, 3)), np.full((1, 2), 0.5)\n"
        + """
for epoch in range(5):
    W -= 0.1 * x.T @ (x @ W - y)
"""
    )
    one, other = checked(tmp_path, program), checked(tmp_path, program)
    assert one.verdict == "right"
    assert one.parameters[0].exact is not None
    assert other.parameters[0].exact is not None
    assert (one.parameters[0].exact == other.parameters[0].exact).all()


def test_a_draw_on_which_a_gradient_is_no_number_is_drawn_again(tmp_path: Path) -> None:
    program = """
x, y = rng.rand(6, 3), rng.rand(6)
w = np.array([0.9, 0.02, 0.03])
for epoch in range(5):
    root = np.sqrt(w)
    error = x @ root - y
    w = w - 0.001 * (x.T @ error) * {slope} / root
"""
    assert checked(tmp_path, program.format(slope="0.5")).verdict == "right"
    wrong = checked(tmp_path, program.replace("/ root", "* root").format(slope="0.5"))
    assert wrong.verdict == "wrong"


def test_weights_in_the_list_of_an_object_that_is_being_made(tmp_path: Path) -> None:
    program = """
class Net:
    def fit(self, x, y):
        self.weights = []
        for n, m in ((3, 4), (4, 1)):
            self.weights.append(rng.randn(n, m))
        for epoch in range(6):
            made = [x]
            for layer in self.weights:
                made.append(np.tanh(made[-1] @ layer))
            d = (made[-1] - y) * (1 - made[-1] ** 2)
            for i in {order}:
                step = made[i].T @ d
                d = d @ self.weights[i].T * (1 - made[i] ** 2)
                self.weights[i] = self.weights[i] - 0.1 * step
        return self
net = Net().fit(rng.randn(5, 3), rng.rand(5, 1))
"""
    assert checked(tmp_path, program.format(order="(1, 0)")).verdict == "right"
    assert found(checked(tmp_path, program.format(order="(1,)"))) == [("self.weights[0]", "never-updated")]
