"""Reports made by hand, of real numbers, for the tests of what shows them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassgrad.checking.report import (
    Cause,
    Finding,
    Gradient,
    Line,
    LossFound,
    ProgramReport,
    Quantity,
    State,
)
from glassgrad.language import Text

HOSTILE = "<script>alert('x')</script>&\"]]>"


def both(text: str) -> Text:
    """A symbol, which is the same in both languages."""
    return Text(text, text)


SOURCE = {
    10: "        self.w1 = np.array([[0.3, 0.25], [0.4, 0.35]])",
    11: "        self.w2 = np.array([[0.45, 0.4], [0.7, 0.6]])",
    19: "        self.h = self.sigmoid(np.dot(self.w1, x))",
    20: "        self.o = self.sigmoid(np.dot(self.w2, self.h))",
    28: "        delta_o = -(target - self.o) * self.o * (1 - self.o)",
    29: "        dE_dw2 = np.outer(delta_o, self.h)",
    32: "        slope_h = self.h * (1 - self.h)",
    36: "                delta_h[k] += delta_o[k] * self.w2[k, j] * slope_h[j]",
    37: "        dE_dw1 = np.outer(delta_h, self.x)",
    39: "        self.w2 = self.w2 - self.learning_rate * dE_dw2",
    40: "        self.w1 = self.w1 - self.learning_rate * dE_dw1",
}
MENDED = "                delta_h[j] += delta_o[k] * self.w2[k, j] * slope_h[j]"
FILE = "two_two_two.py"
LOSS = LossFound(
    "½Σ(ŷ − y)²",
    "computed",
    Text("The program computes it in error(), line 25.", "프로그램이 error(), 25번째 줄에서 계산한다."),
    "self.o",
    "target",
)
EXACT, DESCENDS = Text("exact", "정확하다"), Text("w − η·∂E/∂w", "w − η·∂E/∂w")


def two_two_two(state: State = "wrong") -> ProgramReport:
    """The network worked by hand (worked example 4), as it should be or with its published bug."""
    x, t = np.array([0.1, 0.2]), np.array([0.4, 0.6])
    w1, w2 = np.array([[0.3, 0.25], [0.4, 0.35]]), np.array([[0.45, 0.4], [0.7, 0.6]])
    h = 1 / (1 + np.exp(-w1 @ x))
    o = 1 / (1 + np.exp(-w2 @ h))
    d2 = (o - t) * o * (1 - o)
    d1 = (d2 @ w2) * h * (1 - h)
    wrong = state == "wrong"
    found = d2 * (w2 * (h * (1 - h))).sum(1) if wrong else d1
    after: State = "follows" if wrong else state
    off = {True: (0.35, (1,)), False: (0.0, ())}[wrong]

    def at(
        line: int, name: str, meaning: str | Text, state: State, *more: object, error: float | None = None
    ) -> Quantity:
        text = both(meaning) if isinstance(meaning, str) else meaning
        place = off[1] if state in ("wrong", "follows") else ()
        arrays = dict(zip(("found", "exact"), more, strict=False))
        return Quantity(name, FILE, line, text, state, error, place, **arrays)  # type: ignore[arg-type]

    ok: State = "notice" if state == "notice" else "right"
    output = Text("the output of sigmoid at z{n}", "z{n}에서 시그모이드의 출력")
    first = at(36, "delta_h", "∂E/∂z1", "wrong" if wrong else ok, found, d1, error=off[0])
    quantities = {
        10: [at(10, "self.w1", Text("the weights of layer 1", "1층의 가중치"), "plain", w1)],
        11: [at(11, "self.w2", Text("the weights of layer 2", "2층의 가중치"), "plain", w2)],
        19: [at(19, "self.h", output.fill(n=1), "plain", h)],
        20: [at(20, "self.o", output.fill(n=2), "plain", o)],
        28: [at(28, "delta_o", "∂E/∂z2", ok, d2, d2, error=0.0)],
        29: [at(29, "dE_dw2", "∂E/∂w2", ok, np.outer(d2, h), np.outer(d2, h), error=0.0)],
        32: [
            at(
                32,
                "slope_h",
                Text("the slope of sigmoid at z1", "z1에서 시그모이드의 기울기"),
                "plain",
                h * (1 - h),
            )
        ],
        36: [first],
        37: [
            at(
                37,
                "dE_dw1",
                "∂E/∂w1",
                after if wrong else ok,
                np.outer(found, x),
                np.outer(d1, x),
                error=off[0],
            )
        ],
        39: [at(39, "self.w2", "w2 − η·∂E/∂w2", ok)],
        40: [at(40, "self.w1", "w1 − η·∂E/∂w1", after if wrong else ok)],
    }
    lines = [Line(FILE, number, SOURCE[number], quantities[number]) for number in SOURCE]
    if not wrong:
        lines[7] = Line(FILE, 36, MENDED, quantities[36])
    twice = Text("2 times the exact one", "정확한 것의 2배이다")
    says = twice if state == "notice" else EXACT
    bad = Text("not ∂E/∂w1", "∂E/∂w1이 아니다")
    parameters = [
        Gradient(
            "self.w2", (2, 2), ok, says, "right", DESCENDS, 0.0, (), np.outer(d2, h), np.outer(d2, h), 0.5
        ),
        Gradient(
            "self.w1",
            (2, 2),
            "follows" if wrong else ok,
            bad if wrong else says,
            "right",
            DESCENDS,
            off[0],
            (1, 1) if wrong else (),
            np.outer(d1, x),
            np.outer(found, x),
            0.5,
        ),
    ]
    cause = Cause(
        "transposed",
        Text(
            "The error of hidden unit j must be summed over the outputs (column j of self.w2); here it is summed over "
            "the hidden units.",
            "은닉 뉴런 j의 오차는 출력에 대해(self.w2의 j번째 열로) 합해야 하는데 은닉 뉴런에 대해 합했다.",
        ),
        FILE,
        36,
        SOURCE[36],
        MENDED,
        True,
    )
    sentence = Text("delta_h should be ∂E/∂z1, and is not.", "delta_h는 ∂E/∂z1이어야 하는데 그렇지 않다.")
    factor = Text(
        "All gradients are 2 times the exact ones, which your learning rate absorbs.",
        "모든 기울기가 정확한 것의 2배이며 학습률이 이를 흡수한다.",
    )
    return ProgramReport(
        FILE,
        "wrong" if wrong else "notice" if state == "notice" else "right",
        LOSS,
        parameters,
        [Finding(first, sentence, cause, ["dE_dw1", "self.w1"])] if wrong else [],
        [factor] if state == "notice" else [],
        lines,
        4,
        "exact",
        0.42,
    )


def right() -> ProgramReport:
    """A program that is right."""
    return two_two_two("right")


def notice() -> ProgramReport:
    """A program that is right, twice as fast."""
    return two_two_two("notice")


def update_wrong() -> ProgramReport:
    """A large layer whose gradient is right, and whose update overwrites the weight; no corrected line was found."""
    rng = np.random.default_rng(0)
    exact = rng.normal(size=(784, 128))
    line = "    w = -lr * dw   # " + "a comment that is far too long for one line of a terminal, " * 2
    changed = Quantity("w", "digits.py", 31, both("w − η·∂E/∂w"), "wrong")
    bias = Quantity(
        "b", "digits.py", 32, both("∂E/∂b"), "wrong", np.inf, (), np.zeros((32, 10)), np.zeros(10)
    )
    moved = Quantity(
        "K", "digits.py", 33, both("∂E/∂K"), "wrong", 0.5, (1, 2, 0), rng.normal(size=(3, 4, 2)), None
    )
    many = [Quantity(f"unit{n}.w", "layers.py", 7, both(f"∂E/∂w{n}"), "right", 0.0) for n in range(9)]
    over = Text("The update overwrites w instead of adding to it.", "갱신이 w에 더하지 않고 w를 덮어쓴다.")
    flat = Text("The gradient of b is not summed over the batch.", "b의 기울기를 배치에 대해 합하지 않았다.")
    unknown = Text("No cause was found.", "원인을 찾지 못했다.")
    return ProgramReport(
        "digits.py",
        "wrong",
        LossFound("loss", "given", Text("You named it: --loss loss.", "--loss loss로 정했다.")),
        [
            Gradient("w", (784, 128), "right", EXACT, "wrong", over, 1e-12, (), exact, exact, None),
            Gradient(
                "b", (10,), "wrong", flat, "follows", both("b − η·∂E/∂b"), np.inf, (), np.ones(10), None, 0.1
            ),
        ],
        [
            Finding(changed, over, Cause("update", over, "digits.py", 31, line, "    w += -lr * dw", False)),
            Finding(bias, flat, Cause("bias-not-summed", flat, "digits.py", 32, "    db = d")),
            Finding(moved, unknown, Cause("unknown", unknown, "digits.py", 33, "    dK = f(d)\n    dK *= 2")),
        ],
        [Text("A ReLU stands on its kink in 3 elements.", "ReLU가 원소 3개에서 꺾이는 점에 있다.")],
        [
            Line("digits.py", 31, line, [changed]),
            Line("digits.py", 32, "    db = d", [bias]),
            Line("digits.py", 33, "    dK = f(d)\n    dK *= 2", [moved]),
            Line("layers.py", 7, "for u in units: u.w -= lr * u.delta", many),
        ],
        3,
        "numeric",
        2.0,
    )


def hostile() -> ProgramReport:
    """Names and code that would break a page that does not escape them."""
    bad = both(HOSTILE)
    q = Quantity(HOSTILE, HOSTILE, 3, bad, "wrong", np.nan, (0,), np.array([np.nan]), np.array([np.inf]))
    turned = Quantity("y", HOSTILE, 5, both("y"), "wrong", 2.0, (0,), np.array([1j]), np.array([-1j]))
    cause = Cause("unknown", bad, HOSTILE, 3, HOSTILE, HOSTILE + "[bold]x[/bold]")
    gradient = Gradient(HOSTILE, (1,), "wrong", bad, "wrong", bad, np.nan, (0,), q.exact, q.found, None)
    loss = LossFound(HOSTILE, "computed", bad, HOSTILE, HOSTILE)
    long = "\tif x:\t# " + "가중치를 갱신한다. " * 12
    lines = [
        Line(HOSTILE, 3, "\t" + HOSTILE, [q]),
        Line(HOSTILE, 4, long),
        Line(HOSTILE, 5, "\t\ty = 1j", [turned]),
    ]
    findings = [
        Finding(q, bad, cause, [HOSTILE]),
        Finding(turned, bad, Cause("unknown", bad, HOSTILE, 5, "y = 1j")),
    ]
    return ProgramReport(HOSTILE, "wrong", loss, [gradient], findings, [bad], lines, 1, "exact", 0.1)


REPORTS: dict[str, Callable[[], ProgramReport]] = {
    "right": right,
    "notice": notice,
    "wrong": two_two_two,
    "update": update_wrong,
    "hostile": hostile,
}
