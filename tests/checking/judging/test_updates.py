"""What is said of updates: which are wrong, and which statement is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, judge
from glassgrad.checking.judging.locate import locate
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import Names, nodes_of
from glassgrad.checking.recording.run import Program, Run

PROGRAM = """
import numpy as np
rng = np.random.default_rng(5)
X = rng.uniform(-1, 1, (9, 3))
T = rng.uniform(0, 1, (9, 2))
W1, b1 = rng.normal(0, 0.7, (3, 4)), rng.normal(0, 0.1, 4)
W2, b2 = rng.normal(0, 0.7, (4, 2)), rng.normal(0, 0.1, 2)
mW1 = np.zeros((3, 4))
for _ in range(6):
    h = np.tanh(X @ W1 + b1)
    y = h @ W2 + b2
    dy = (y - T) / 9
    dW2 = h.T @ dy
    db2 = dy.sum(axis=0)
    dh = dy @ W2.T * (1 - h ** 2)
    dW1 = X.T @ dh
    db1 = dh.sum(axis=0)
    mW1 = 0.9 * mW1 - 0.3 * dW1
    W1 = W1 + mW1
    b1 = b1 - 0.3 * db1
    W2 = W2 - 0.3 * dW2
    b2 = b2 - 0.3 * db2
"""

FAULTS = [
    ("W1 = W1 + mW1", "W1 = mW1", "W1"),
    ("W1 = W1 + mW1", "W1 + mW1", "W1"),
    ("W1 = W1 + mW1", "pass", "W1"),
    ("- 0.3 * dW1", "+ 0.3 * dW1", "mW1"),
    ("W2 = W2 - 0.3 * dW2", "W2 = - 0.3 * dW2", "W2"),
    ("W2 = W2 - 0.3 * dW2", "W2 =- 0.3 * dW2.mean() * np.ones((4, 2))", "W2"),
    ("W2 = W2 - 0.3 * dW2", "W2 = W2 - 0.3 * dW2.mean(axis=0)", "W2"),
    ("W2 = W2 - 0.3 * dW2", "W2[1:] = W2[1:] - 0.3 * dW2[1:]", "W2"),
    ("W2 = W2 - 0.3 * dW2", "W2 = W2 + 0.3 * dW2", "W2"),
    ("W2 = W2 - 0.3 * dW2", "W2 = W2 - 0.3 // 9 * dW2", "W2"),
    ("b1 = b1 - 0.3 * db1", "pass", "b1"),
    ("b1 = b1 - 0.3 * db1", "b1 = -0.3 * db1", "b1"),
    ("b1 = b1 - 0.3 * db1", "b1 = b1 - 0.3 * dW1[0]", "b1"),
    ("b2 = b2 - 0.3 * db2", "b = b2 - 0.3 * db2", "b2"),
    ("db2 = dy.sum(axis=0)", "db2 = dy", "db2"),
    ("db1 = dh.sum(axis=0)", "db1 = dh * 1.0", "db1"),
]


def judged(tmp_path: Path, source: str) -> tuple[Judgement, Run]:
    file = tmp_path / "program.py"
    file.write_text(source)
    program = Program(file)
    run = program.execute()
    step = find_step(run.tape, nodes_of(program))
    assert step is not None
    judgement = judge(step, nodes_of(program), run.tape.bindings)
    Names(program, run, judgement)
    return judgement, run


def line(run: Run, fault: Fault) -> int:
    if fault.place is not None:
        return fault.place.line
    return run.statements[fault.statement].line if fault.statement >= 0 else 0


def test_the_program_itself_is_right(tmp_path: Path) -> None:
    judgement, _ = judged(tmp_path, PROGRAM)
    assert judgement.right
    assert len(judgement.parameters) == 4


@pytest.mark.parametrize(("old", "new", "name"), FAULTS)
def test_the_first_fault_is_that_of_the_update(tmp_path: Path, old: str, new: str, name: str) -> None:
    assert PROGRAM.count(old) == 1
    judgement, run = judged(tmp_path, PROGRAM.replace(old, new))
    assert not judgement.right
    faults = locate(judgement)
    assert len(faults) == 1
    assert faults[0].name == name
    if new != "pass":
        assert line(run, faults[0]) == PROGRAM[: PROGRAM.index(old)].count("\n") + 1


def test_all_parameters_overwritten(tmp_path: Path) -> None:
    source = PROGRAM.replace("W1 = W1 + mW1", "W1 = - 0.3 * dW1")
    for name in ("b1", "W2", "b2"):
        source = source.replace(f"{name} = {name} - ", f"{name} = - ")
    judgement, _ = judged(tmp_path, source)
    assert {f.name for f in locate(judgement)} == {"W1", "b1", "W2", "b2"}
    assert all(f.kind == "update" for f in locate(judgement))


def test_a_gradient_that_was_not_summed_is_given_as_it_should_be(tmp_path: Path) -> None:
    judgement, _ = judged(tmp_path, PROGRAM.replace("db2 = dy.sum(axis=0)", "db2 = dy"))
    [fault] = locate(judgement)
    assert fault.kind == "gradient"
    assert fault.expected[0][0].shape == (2,)
    assert fault.expected[0][0] == pytest.approx(judgement.values[0][fault.values[0]].sum(axis=0))


ASCENT = """
import numpy as np
rng = np.random.default_rng(5)
X, t = rng.uniform(-1, 1, (9, 3)), rng.uniform(0, 1, 9)
w = rng.normal(0, 0.7, 3)
for _ in range(6):
    error = {error}
    {update}
"""


@pytest.mark.parametrize(
    ("error", "update", "name"),
    [
        ("X @ w - t", "grad = X.T @ error; w = w + 0.1 * grad", "w"),
        ("X @ w - t", "w += 0.1 * X.T @ error", "error"),
        ("t - X @ w", "w -= 0.1 * X.T @ error", "error"),
    ],
)
def test_a_wrong_sign_is_that_of_the_update_where_what_is_added_is_called_a_gradient(
    tmp_path: Path, error: str, update: str, name: str
) -> None:
    judgement, _ = judged(tmp_path, ASCENT.format(error=error, update=update))
    assert [f.name for f in locate(judgement)] == [name]
