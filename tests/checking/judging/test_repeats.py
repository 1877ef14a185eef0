"""A step played again with a few results replaced gives what the whole step gives that is played with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.checking.judging.judge import Judgement, judge
from glassgrad.checking.judging.replay import Replay
from glassgrad.checking.judging.step import find_step
from glassgrad.checking.naming import nodes_of
from glassgrad.checking.recording.run import Program
from glassgrad.checking.recording.tape import Event

PROGRAM = """
import numpy as np
rng = np.random.default_rng(5)
X, T = rng.uniform(-1, 1, (5, 3)), rng.uniform(0, 1, (5, 2))
W, U, V = rng.normal(0, 0.7, (4, 3)), rng.normal(0, 0.4, (4, 4)), rng.normal(0, 0.7, (2, 4))
for _ in range(6):
    H = np.zeros((6, 4))
    loss = 0.0
    errors = np.empty((5, 2))
    for t in range(5):
        H[t + 1] = np.tanh(W @ X[t] + U @ H[t])
        errors[t] = V @ H[t + 1] - T[t]
        loss += 0.5 * np.sum(errors[t] ** 2)
    dW, dU, dV, back = np.zeros_like(W), np.zeros_like(U), np.zeros_like(V), np.zeros(4)
    for t in reversed(range(5)):
        row = errors[t]
        row *= 1.0
        dV += np.outer(row, H[t + 1])
        dz = (V.T @ row + back) * (1 - H[t + 1] ** 2)
        dW += np.outer(dz, X[t])
        dU += np.outer(dz, H[t])
        back = U.T @ dz
    for p, d in ((W, dW), (U, dU), (V, dV)):
        p -= 0.1 * d
"""


@pytest.fixture(scope="module")
def judgement(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    file = tmp_path_factory.mktemp("repeats") / "program.py"
    file.write_text(PROGRAM)
    program = Program(file)
    run = program.execute()
    step = find_step(run.tape, nodes_of(program))
    assert step is not None
    return judge(step, nodes_of(program), run.tape.bindings)


def test_any_result_replaced_gives_what_the_whole_step_gives(judgement: Judgement) -> None:
    tape, draws = judgement.step.tape, judgement.draws
    wanted = list(judgement.values[0])
    whole = Replay(tape, wanted)
    for event in judgement.backward:
        at = judgement.result(event)
        if at not in judgement.values[2]:
            continue
        other = 1.3 * judgement.values[2][at] + 0.1
        (again,) = draws.values(wanted, lambda draw: {event: other}, (2,))  # noqa: B023
        expected = whole.run({**draws.given[2], event: other})
        assert again.keys() == expected.keys()
        assert all(np.array_equal(again[w], expected[w]) for w in wanted), tape.events[event].name


def test_nothing_is_left_of_a_result_that_was_replaced(judgement: Judgement) -> None:
    wanted = list(judgement.values[0])
    event, at = next((e, a) for e in judgement.backward if (a := judgement.result(e)) in judgement.values[0])
    assert at is not None
    judgement.draws.values(wanted, lambda draw: {event: np.zeros_like(judgement.values[draw][at])})
    for again, before in zip(judgement.draws.values(wanted), judgement.values, strict=True):
        assert all(np.array_equal(again[w], before[w]) for w in wanted)


def test_only_what_depends_on_a_replaced_result_is_played(
    judgement: Judgement, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = [p.parameter.after for p in judgement.parameters if p.parameter.after is not None]
    draws, played = judgement.draws, []
    draws.values(after)
    play = Replay.play

    def noted(event: Event, *rest: Any) -> None:
        played.append(event.index)
        play(event, *rest)

    monkeypatch.setattr(Replay, "play", staticmethod(noted))
    last = max(u for p in judgement.parameters for u in p.parameter.terms)
    draws.values(after, lambda draw: {last: np.ones((2, 4))}, (1,))
    assert played
    assert len(played) < len(judgement.step.slice) / 4
