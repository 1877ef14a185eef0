"""Documents made from real numbers, for the tests of what shows them."""

from __future__ import annotations

import numpy as np

from glassgrad.data import load_digits
from glassgrad.explaining.document import Answer, Document, Drawing, Formula, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import (
    Bar,
    Bars,
    Box,
    Circuit,
    Curve,
    Curves,
    Matrices,
    Matrix,
    Surface,
    Wire,
)
from glassgrad.language import Text

HOSTILE = "<script>alert('x')</script>&\"]]>"


def both(text: str) -> Text:
    """A name that is the same in both languages."""
    return Text(text, text)


class Gates:
    """Scalar gates with their gradients, from which a circuit is drawn."""

    def __init__(self) -> None:
        self.boxes: list[Box] = []
        self.values: dict[str, float] = {}
        self.steps: list[tuple[str, list[tuple[str, float]]]] = []

    def add(self, key: str, label: str, kind: str, value: float, *inputs: tuple[str, float]) -> str:
        self.boxes.append(Box(key, label, kind, Text(f"gate {label}", f"게이트 {label}")))
        self.values[key] = value
        self.steps.append((key, list(inputs)))
        return key

    def circuit(self, highlight: frozenset[str] = frozenset()) -> Circuit:
        gradients = dict.fromkeys(self.values, 0.0)
        gradients[self.steps[-1][0]] = 1.0
        wires = []
        for key, inputs in reversed(self.steps):
            for source, local in reversed(inputs):
                gradients[source] += gradients[key] * local
                wires.append(Wire(source, key, self.values[source], gradients[key] * local))
        return Circuit(self.boxes, wires[::-1], highlight)


def two_two_two_gates(*, folded: bool = True) -> Circuit:
    """The network worked by hand as gates; `folded` draws a sigmoid as one gate instead of four."""
    g = Gates()
    v = g.values

    def times(a: str, b: str, key: str) -> str:
        return g.add(key, "×", "gate", v[a] * v[b], (a, v[b]), (b, v[a]))

    def plus(a: str, b: str, key: str) -> str:
        return g.add(key, "+", "gate", v[a] + v[b], (a, 1.0), (b, 1.0))

    def sigmoid(a: str, key: str) -> str:
        s = 1 / (1 + np.exp(-v[a]))
        if folded:
            return g.add(key, "σ", "gate", s, (a, s * (1 - s)))
        n = g.add(f"{key}n", "·(−1)", "gate", -v[a], (a, -1.0))
        e = g.add(f"{key}e", "exp", "gate", float(np.exp(v[n])), (n, float(np.exp(v[n]))))
        p = g.add(f"{key}p", "+1", "gate", v[e] + 1, (e, 1.0))
        return g.add(key, "1/x", "gate", 1 / v[p], (p, -1 / v[p] ** 2))

    x = [g.add(f"x{i}", f"x{'₁₂'[i]}", "input", value) for i, value in enumerate((0.1, 0.2))]
    below = x
    for layer, weights in ((1, [[0.3, 0.25], [0.4, 0.35]]), (2, [[0.45, 0.4], [0.7, 0.6]])):
        above = []
        for i, row in enumerate(weights):
            terms = []
            for j, weight in enumerate(row):
                w = g.add(f"W{layer}[{i},{j}]", f"W{layer}[{i},{j}]", "parameter", weight)
                terms.append(times(w, below[j], f"{layer}*{i}{j}"))
            above.append(sigmoid(plus(*terms, f"{layer}+{i}"), f"{'zho'[layer]}{i}"))
        below = above
    errors = []
    for i, target in enumerate((0.4, 0.6)):
        t = g.add(f"t{i}", f"t{'₁₂'[i]}", "input", target)
        d = g.add(f"d{i}", "−", "gate", v[t] - v[below[i]], (t, 1.0), (below[i], -1.0))
        errors.append(g.add(f"E{i}", "½x²", "gate", v[d] ** 2 / 2, (d, v[d])))
    plus(*errors, "sum")
    g.add("E", "E", "loss", v["sum"], ("sum", 1.0))
    return g.circuit(frozenset({"W1[0,0]", "1*00", "1+0", "h0", "2*00", "2+0", "o0", "d0", "E0", "sum", "E"}))


def two_two_two() -> Document:
    """An explanation of the network worked by hand."""
    W2 = np.array([[0.45, 0.4], [0.7, 0.6]])
    dW2 = np.array([[0.02592286, 0.02629590], [0.00740844, 0.00751506]])
    h = np.logspace(-12, 0, 40)
    error = np.abs(1e-16 / h + 0.01 * h**2)
    path = Table(
        [Text("path", "경로"), Text("product", "곱"), Text("contribution", "기여")],
        [
            [
                "W1[0,0] → × → + → σ → × → + → σ → − → ½x²",
                "0.1 · 0.2496 · 0.45 · 0.238 · 0.2094",
                0.0005597312345,
            ],
            [
                "W1[0,0] → × → + → σ → × → + → σ → − → ½x²",
                "0.1 · 0.2496 · 0.7 · 0.2232 · 0.06384",
                0.0002491487655,
            ],
            [Text("sum", "합"), None, 0.00080888],
        ],
        Text("The gradient of W1[0,0] as a sum over paths", "W1[0,0]의 기울기는 경로별 합이다"),
        total=True,
    )
    return Document(
        Text(
            "two-two-two: where the gradient of W1[0,0] comes from",
            "two-two-two: W1[0,0]의 기울기는 어디서 왔는가",
        ),
        [
            Section(
                "circuit",
                Text("The circuit", "계산 그래프"),
                [
                    Paragraph(
                        Text(
                            "Every gate with its value above the wire and its gradient below it. The path of W1[0,0] "
                            "through the first output is marked.",
                            "게이트마다 선 위에는 값, 선 아래에는 기울기를 적었다. 첫 출력을 지나는 W1[0,0]의 경로를 "
                            "표시했다.",
                        )
                    ),
                    Drawing(two_two_two_gates(), Text("Forward and backward", "순전파와 역전파")),
                    Paragraph(
                        Text(
                            "A multiply gate swaps its inputs: each gets the upstream gradient times the other.",
                            "곱셈 게이트는 입력을 맞바꾼다. 각 입력의 기울기는 상류 기울기에 다른 입력을 곱한 것이다.",
                        ),
                        "rule",
                    ),
                ],
            ),
            Section(
                "paths",
                Text("Sum over paths", "경로별 합"),
                [
                    path,
                    Drawing(
                        Bars(
                            [
                                Bar("o₁", 0.0005597312345),
                                Bar("o₂", 0.0002491487655),
                                Bar("rounding", -1.1e-19),
                            ]
                        ),
                        Text("What each path contributes", "경로별 기여"),
                    ),
                ],
            ),
            Section(
                "derivation",
                Text("Derivation", "유도"),
                [
                    Formula(
                        r"\frac{\partial E}{\partial w_{11}} = "
                        r"\sum_{k=1}^{2} \left(o_k - t_k\right) \sigma'\left(a_k\right)"
                        r" v_{k1}\, \sigma'\left(z_1\right) x_1",
                        "∂E/∂w₁₁ = Σₖ (oₖ − tₖ) σ′(aₖ) vₖ₁ σ′(z₁) x₁",
                        Text("the chain rule, factor by factor", "연쇄 법칙을 인수마다 적으면"),
                    ),
                    Formula(
                        r"\sigma'\left(z\right) = \frac{e^{- z}}{\left(1 + e^{- z}\right)^{2}} "
                        r"= \sigma(z)\,(1-\sigma(z))",
                        "σ′(z) = σ(z)(1 − σ(z))",
                        answer=True,
                    ),
                    Answer(Text("What is ∂E/∂W1[0,0]?", "∂E/∂W1[0,0]은 얼마인가?"), 0.0008088782),
                ],
            ),
            Section(
                "check",
                Text("Check", "기울기 확인"),
                [
                    Paragraph(
                        Text(
                            "Below h = 1e-6 cancellation eats the digits.",
                            "h가 1e-6보다 작으면 자릿수 누락으로 숫자를 잃는다.",
                        ),
                        "warning",
                    ),
                    Drawing(
                        Curves(
                            [
                                Curve("|central difference − backpropagation|", h, error, dots=True),
                                Curve("h²", h, h**2, dashed=True),
                            ],
                            both("h"),
                            Text("error", "오차"),
                            log_x=True,
                            log_y=True,
                        ),
                        Text("The error of the central difference over h", "h에 따른 중앙 차분의 오차"),
                    ),
                ],
            ),
            Section(
                "weights",
                Text("Weights", "가중치"),
                [
                    Drawing(
                        Matrices([Matrix("W2", W2), Matrix("∇W2", dW2)]),
                        Text("W2 and its gradient", "W2와 기울기"),
                    )
                ],
            ),
        ],
    )


def digits() -> Document:
    """An explanation of a softmax regression on the built-in digits: large matrices, many rows."""
    data = load_digits()
    X, y = np.asarray(data.X).reshape(len(data.X), -1) / 16, np.asarray(data.y)
    W, share = np.zeros((10, X.shape[1])), np.eye(10)
    losses, first = [], []
    for _ in range(30):
        p = np.exp(X @ W.T)
        p /= p.sum(1, keepdims=True)
        losses.append(float(-np.log(p[np.arange(len(y)), y]).mean()))
        gradient = (p - share[y]).T @ X / len(y)
        first.append(float(np.linalg.norm(gradient)))
        W -= 2.0 * gradient
    steps = np.arange(1.0, 31.0)
    axis = np.linspace(-2.0, 2.0, 41)
    gx, gy = np.meshgrid(axis, axis)
    bowl = gx**4 - 4 * gx**2 + gx + gy**2
    walk = np.array([[1.9 * 0.8**k + 1.34 * (1 - 0.8**k), 1.8 * 0.8**k] for k in range(20)])
    return Document(
        Text("digits: what the network has learnt", "digits: 신경망이 배운 것"),
        [
            Section(
                "layers",
                Text("Layers", "층"),
                [
                    Drawing(
                        Matrices([Matrix("weight", W), Matrix("∇weight", gradient)]),
                        Text("All weights beside their gradients", "전체 가중치와 기울기"),
                    ),
                    Drawing(
                        Matrices([Matrix(f"weight[{k}]", W[k].reshape(8, 8)) for k in (0, 3)]),
                        Text(
                            "The incoming weights of two outputs as pictures",
                            "두 출력으로 들어오는 가중치를 그림으로",
                        ),
                    ),
                    Table(
                        [Text("row", "행"), Text("share", "몫"), Text("label", "정답 레이블")],
                        [[k, float(X[k].sum() / 7e3), int(y[k])] for k in range(40)],
                        Text("Which rows pushed this weight", "이 가중치를 움직인 행"),
                    ),
                ],
            ),
            Section(
                "loss",
                Text("Loss", "손실"),
                [
                    Drawing(
                        Curves(
                            [Curve("loss", steps, np.array(losses)), Curve("‖∇‖", steps, np.array(first))],
                            Text("step", "단계"),
                            Text("loss", "손실"),
                        ),
                        Text("The loss over training", "학습 동안의 손실"),
                    ),
                    Drawing(
                        Surface(
                            axis,
                            axis,
                            bowl,
                            [
                                Curve("from 1.9", walk[:, 0], walk[:, 1]),
                                Curve("from −1.9", -walk[:, 0], -walk[:, 1]),
                            ],
                            Text("first direction", "첫째 방향"),
                            Text("second direction", "둘째 방향"),
                        ),
                        Text("A slice of the loss surface", "손실 곡면의 단면"),
                    ),
                ],
            ),
        ],
    )
