"""The contest, in its real processes: who agrees is timed, and whoever does not, cannot or fails is named."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from glassgrad.bench.contest import Contest, Measured, Result, thread_counts
from glassgrad.bench.peers import PEERS
from glassgrad.bench.workloads import Workload, find
from glassgrad.errors import OptionError

PEER = """
from glassgrad.bench.peers import NotExpressibleError
from glassgrad.bench.peers.numpy_peer import NumPyPeer

class Odd(NumPyPeer):
    name = "{name}"
    def prepare(self, workload):
        {prepare}
        super().prepare(workload)
    def run(self, steps):
        {run}
        super().run(steps)

CONTESTANTS = [Odd]
"""
ODD = {
    "eager": ("pass", "steps = 2 * steps"),
    "lost": ("pass", "self.flat[0] = float('nan')"),
    "choosy": ("raise NotExpressibleError('it wants more layers')", "pass"),
    "broken": ("pass", "raise RuntimeError('one line\\nand another')"),
    "dying": ("import os, sys; print('so long', file=sys.stderr, flush=True); os._exit(7)", "pass"),
}
TINY = replace(find("W4"), sizes=(5, 6, 3), loss="cross_entropy", batch=8, rows=100, order_steps=64)


@pytest.fixture(scope="module")
def contest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contest]:
    folder = tmp_path_factory.mktemp("peers")
    peers = {needs: PEERS[needs] for needs in ("glassgrad", "NumPy")}
    for name, (prepare, run) in ODD.items():
        (folder / f"peer_{name}.py").write_text(PEER.format(name=name, prepare=prepare, run=run))
        peers[name] = f"peer_{name}"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        with Contest({**peers, "Absent": "no_such_library"}) as contest:
            yield contest


@pytest.fixture(scope="module")
def measured(contest: Contest) -> Measured:
    return contest.measure(TINY, rounds=2)


def test_those_that_agree_are_timed_with_every_number_of_threads(measured: Measured) -> None:
    timed = {(r.contestant, r.threads) for r in measured.results}
    assert timed == {(name, n) for name in ("glassgrad", "numpy") for n in thread_counts()}
    for result in measured.results:
        assert len(result.seconds) == 2
        assert 0 < min(result.seconds) <= result.median <= max(result.seconds) < 1
        assert result.steps >= 3
    first, *others = (r.loss for r in measured.results)
    assert others == pytest.approx([first] * len(others), rel=1e-5)


def test_the_common_loss_is_that_of_training_by_the_book(measured: Measured) -> None:
    """Backpropagation and Adam as in a textbook, in float64."""
    x, y = TINY.data()
    parameters = [p.astype(float) for layer in TINY.weights() for p in layer]
    first, second = ([np.zeros_like(p) for p in parameters] for _ in range(2))

    def forward(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w1, b1, w2, b2 = parameters
        hidden = np.maximum(x @ w1 + b1, 0)
        scores = np.exp(hidden @ w2 + b2)
        return hidden, scores / scores.sum(axis=1, keepdims=True)

    for step in range(TINY.check_steps):
        rows = TINY.order()[step]
        hidden, shares = forward(x[rows])
        above = (shares - np.eye(3)[y[rows]]) / len(rows)
        below = (above @ parameters[2].T) * (hidden > 0)
        gradients = [x[rows].T @ below, below.sum(axis=0), hidden.T @ above, above.sum(axis=0)]
        for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            corrected = np.sqrt(v / (1 - 0.999 ** (step + 1))) + 1e-8
            p -= TINY.learning_rate * m / (1 - 0.9 ** (step + 1)) / corrected
    held_x, held_y = TINY.held_out()
    loss = -np.log(forward(held_x)[1][np.arange(len(held_y)), held_y]).mean()
    assert measured.results[0].loss == pytest.approx(loss, rel=1e-4)


def test_another_loss_is_found_out_and_not_timed(measured: Measured) -> None:
    assert measured.wrong == ("eager", "lost")
    notes = [note for note in measured.notes if "WRONG" in note]
    assert any(note.startswith("eager is WRONG and not timed: its loss after 20 steps is") for note in notes)
    assert any("its loss after 20 steps is nan, the median of all" in note for note in notes)


def test_where_two_disagree_neither_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, run = ODD["eager"]
    (tmp_path / "peer_two.py").write_text(PEER.format(name="two", prepare=prepare, run=run))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with Contest({"NumPy": PEERS["NumPy"], "two": "peer_two"}) as contest:
        measured = contest.measure(TINY, rounds=1)
    assert (set(measured.wrong), measured.results) == ({"numpy", "two"}, ())


def test_whoever_cannot_or_fails_is_named_and_the_others_go_on(measured: Measured) -> None:
    notes = "\n".join(measured.notes)
    assert "choosy is left out: it wants more layers." in notes
    assert "broken failed with 1 thread: RuntimeError: one line\n" in notes + "\n"
    assert "dying failed with 1 thread: its process ended with code 7 (so long)." in notes


def test_a_missing_library_is_named_once(contest: Contest) -> None:
    assert contest.missing == ["Absent is left out: No module named 'no_such_library'."]


def test_a_workload_of_one_thread_is_timed_with_one(contest: Contest) -> None:
    alone = contest.measure(replace(TINY, max_threads=1), rounds=1)
    assert {result.threads for result in alone.results} == {1}
    assert {result.contestant for result in alone.results} == {"glassgrad", "numpy"}


def test_full_batches_without_bias_agree_too(contest: Contest) -> None:
    measured = contest.measure(find("W1"), rounds=1)
    assert {result.contestant for result in measured.results} == {"glassgrad", "numpy"}


@pytest.mark.parametrize("rounds", [0, -1, 1.5])
def test_rounds_are_counted_from_one(contest: Contest, rounds: int) -> None:
    with pytest.raises(OptionError, match="rounds must be a whole number with 1 ≤ rounds"):
        contest.measure(TINY, rounds)


def test_each_is_shown_at_its_best_number_of_threads() -> None:
    def result(name: str, threads: int, *seconds: float) -> Result:
        return Result(name, threads, True, 0.5, 3, seconds)

    found = Measured(
        TINY,
        (result("a", 1, 5.0, 6.0, 1.0), result("a", 2, 4.0, 4.0, 9.0), result("b", 1, 3.0, 2.0, 8.0)),
    )
    assert [(r.contestant, r.threads, r.median) for r in found.best()] == [("b", 1, 3.0), ("a", 2, 4.0)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["W1", "W2", "W3", "W4", "W6"])
def test_every_installed_library_agrees(name: str) -> None:
    modules = {"PyTorch": "torch", "torch.compile": "torch", "JAX": "jax"}
    peers = {needs: PEERS[needs] for needs in ("glassgrad", "NumPy")}
    peers |= {n: PEERS[n] for n, module in modules.items() if importlib.util.find_spec(module)}
    if len(peers) == 2:
        pytest.skip("neither PyTorch nor JAX is installed")
    with Contest(peers) as contest:
        measured = contest.measure(find(name), rounds=1)
    assert measured.wrong == ()
    assert len({result.contestant for result in measured.results}) >= 3
    losses = [result.loss for result in measured.results]
    assert losses == pytest.approx([statistics.median(losses)] * len(losses), rel=2e-4)


def test_a_workload_survives_json() -> None:
    assert Workload.of(json.loads(json.dumps(asdict(TINY)))) == TINY
