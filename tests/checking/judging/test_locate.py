"""Which quantity of a backward pass is the first wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from glassgrad.checking.judging import locate
from glassgrad.checking.judging.choosing import choose
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.groups import Group
from glassgrad.checking.judging.judge import Judgement, judgements
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import nodes_of
from glassgrad.checking.recording.run import Program


def faults(tmp_path: Path, source: str) -> list[Fault]:
    file = tmp_path / "program.py"
    file.write_text("import numpy as np\nrng = np.random.RandomState(3)\n" + source)
    program = Program(file)
    run = program.execute()
    step = find_step(run.tape, nodes_of(program))
    assert step is not None
    return choose(judgements(step, nodes_of(program), run.tape.bindings))[1]


WORDS = """
A, B = rng.normal(0, 0.5, (7, 4)), rng.normal(0, 0.5, (7, 4))
for epoch in range(4):
    for word, near, others in [(0, 3, [1, 5]), (2, 4, [6, 0]), (5, 1, [2, 3])]:
        loss = 0.0
        v = A[word].copy()
        dv = np.zeros(4)
        p = 1 / (1 + np.exp(-(B[near] @ v)))
        loss -= np.log(p)
        g = p - 1.0
        dv += g * B[near]
        B[near] -= 0.2 * g * v
        for k in others:
            q = 1 / (1 + np.exp(B[k] @ v))
            loss -= np.log(q)
            f = 1.0 - q
            dv += f * B[k]
            B[k] -= 0.2 * f * v
        A[word] -= 0.2 * dv
"""


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [("g = p - 1.0", "g = p ** 2 - 1.0", "g"), ("f = 1.0 - q", "f = (1.0 - q) * q", "f")],
)
def test_a_gradient_between_two_terms_of_the_loss(tmp_path: Path, old: str, new: str, name: str) -> None:
    assert [f.name for f in faults(tmp_path, WORDS.replace(old, new))] == [name]
    assert not faults(tmp_path, WORDS)


CENTRED = """
X, T = rng.normal(0, 1, (9, 3)), rng.normal(0, 1, (9, 2))
W, V = rng.normal(0, 0.5, (3, 4)), rng.normal(0, 0.5, (4, 2))
for _ in range(5):
    h = X @ W
    square = h ** 2
    power = 1 / 9 * np.sum(square, axis=0)
    scale = 1 / np.sqrt(power + 0.01)
    out = h * scale
    y = out @ V
    loss = 0.5 * np.sum((y - T) ** 2)
    dy = y - T
    dV = out.T @ dy
    dout = dy @ V.T
    dscale = np.sum(dout * h, axis=0)
    dpower = -0.5 * scale ** 3 * dscale
    dsquare = np.ones((9, 4)) / 9 * dpower
    dh = dout * scale + 2 * h * dsquare
    dW = X.T @ dh
    W -= 0.02 * dW
    V -= 0.02 * dV
"""


def test_a_gradient_in_another_measure_than_the_rest(tmp_path: Path) -> None:
    """What is exact in the common measure is not blamed for it."""
    wrong = CENTRED.replace("np.ones((9, 4)) / 9", "np.ones((9, 4))")
    assert [f.name for f in faults(tmp_path, wrong)] == ["dsquare"]
    assert not faults(tmp_path, CENTRED)


def test_what_is_exact_is_tried_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where time does not suffice for all statements, the likely ones have been tried."""
    tried: list[str] = []
    mending = locate._mending

    def noted(judgement: Judgement, group: Group, *rest: Any) -> Fault | None:
        tried.append(group.members[0].binding.name)
        return mending(judgement, group, *rest)

    monkeypatch.setattr(locate, "_mending", noted)
    wrong = CENTRED.replace("2 * h * dsquare", "2 * h ** 2 * dsquare")
    assert [f.name for f in faults(tmp_path, wrong)] == ["dh"]
    assert tried[0] == "dh"
    assert tried.index("dh") < tried.index("dV")
