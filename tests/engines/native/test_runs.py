"""Whole training runs: the native engine ends where the NumPy engine ends, with any number of threads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl

import glassgrad as gg
from glassgrad import examples
from glassgrad.data import load_digits, read
from glassgrad.engines import engine
from glassgrad.engines.native import NativeEngine, threads
from glassgrad.engines.native.codegen.target import host, named
from glassgrad.engines.native.loop import NativeLoop
from glassgrad.engines.native.program import NativeProgram
from glassgrad.errors import ShapeError
from glassgrad.training.step import TrainingStep, build_step

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist"


def classifier(X: Any, y: Any, hidden: int = 64) -> TrainingStep:
    model = gg.nn.mlp(X[0].size, [hidden], 10, activation="relu", seed=0)
    return build_step(model, gg.nn.losses.loss("cross_entropy"), gg.optim.optimizer("adam", lr=1e-3), X, y)


def train(loop: Any, step: TrainingStep, X: Any, y: Any, steps: int, batch: int = 32) -> np.ndarray:
    """Return the losses of the first steps; the step's state holds the result."""
    order = np.random.default_rng(0).integers(0, len(X), (steps, batch))
    rows, each = [X, y, np.arange(len(X))], [np.full(steps, 1e-3), np.arange(1, steps + 1)]
    reports = loop.run(step.state, rows, order, each, step.fixed, np.zeros(1, np.uint8))
    return np.asarray(reports[:, 0])


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return np.float32(data.X).reshape(len(data.X), -1) / 16, np.asarray(data.y, np.int64)


def test_sixty_thousand_steps_of_xor() -> None:
    example = examples.get("xor")
    weights = []
    for name in ("numpy", "native"):
        model = example.build()
        settings = {"loss": example.loss, "optimizer": "sgd", "lr": example.lr, "shuffle": False}
        gg.fit(
            model, example.X, example.y, epochs=60_000, batch_size=4, engine=name, progress=False, **settings
        )
        weights.append([p.numpy() for p in model.parameters()])
    for expected, found in zip(*weights, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=0)


def test_the_first_hundred_losses_on_digits() -> None:
    X, y = digits()
    expected, found = (
        train(engine(name).loop(step.step), step, X, y, 100)
        for name in ("numpy", "native")
        for step in [classifier(X, y)]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("target", ["host", "avx2", "sse2"])
def test_every_target_trains(target: str) -> None:
    X, y = digits()
    step = classifier(X, y)
    found = train(NativeLoop(step.step, named(target)), step, X, y, 30, batch=29)
    same = classifier(X, y)
    expected = train(engine("numpy").loop(same.step), same, X, y, 30, batch=29)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    for a, b in zip(step.state[:4], same.state[:4], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=2e-4)


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason="the real data sets (../shared/data) are absent")
def test_mnist_learns_as_much_with_either_engine() -> None:
    data = read(MNIST)
    X = np.float32(data.X).reshape(len(data.X), -1) / 255
    y, test = np.asarray(data.y, np.int64), data.test
    assert test is not None
    test_X = np.float32(test.X).reshape(len(test.X), -1) / 255
    found = {}
    for name in ("numpy", "native"):
        step = classifier(X, y, 128)
        loss = train(engine(name).loop(step.step), step, X, y, 100)
        model = gg.nn.mlp(784, [128], 10, activation="relu", seed=0)
        gg.fit(model, X, y, epochs=5, engine=name, progress=False)
        found[name] = loss, np.mean(gg.predict(model, test_X).argmax(1) == test.y)
    np.testing.assert_allclose(found["native"][0], found["numpy"][0], rtol=1e-4)
    assert abs(found["native"][1] - found["numpy"][1]) <= 0.003


# --- threads -------------------------------------------------------------------------------------------------------


class Always:
    """Takes every step with the same number of threads, whatever they cost."""

    def __init__(self, count: int) -> None:
        self.count = count

    def next(self, steps: int) -> tuple[int, int]:
        return steps, self.count

    def note(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    ("optimizer", "hidden"), [("sgd", [130, 70]), ("adam", [130, 70]), ("adam", [601, 600])]
)
def test_the_bits_do_not_depend_on_the_number_of_threads(
    optimizer: str, hidden: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    X, y = np.float32(rng.normal(size=(300, 100))), np.float32(rng.normal(size=(300, 3)))
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr("glassgrad.engines.native.loop.Pace", lambda *_, n=count: Always(n))
        model = gg.nn.mlp(100, hidden, 3, activation="gelu", dropout=0.1, seed=0)
        step = build_step(model, gg.nn.losses.loss("mse"), gg.optim.optimizer(optimizer, lr=1e-3), X, y)
        reports = train(NativeLoop(step.step, host()), step, X, y, 12, batch=100)
        results.append([a.tobytes() for a in (*step.state, reports)])
    assert results[0] == results[1] == results[2]


def test_limits_are_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with threadpoolctl.threadpool_limits(1):
        assert threads.allowed() == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    NativeEngine().compile(gg.trace(lambda x: x + 1.0, gg.Spec((2,))))(np.zeros(2))
    assert threads.allowed() == 6
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads.allowed() == 3
    with threadpoolctl.threadpool_limits(2):
        assert threads.allowed() == 2
        with threadpoolctl.threadpool_limits(1, user_api="glassgrad"):
            assert threads.allowed() == 1
    assert threads.allowed() == 3


def test_more_threads_are_used_only_where_they_are_faster() -> None:
    for cost, expected in ((0.6, 2), (1.5, 1)):
        pace = threads.Pace(several=True, most=2)
        taken = {1: 0, 2: 0}
        for _ in range(200):
            steps, count = pace.next(1000)
            pace.note(count, steps, steps * 1e-4 * (1 if count == 1 else cost))
            taken[count] += steps
        assert max(taken, key=lambda n: taken[n]) == (expected if threads.allowed() > 1 else 1)
        assert pace.next(2)[1] == 1, "two steps of a tenth of a millisecond are not worth a thread"


def test_short_calls_do_not_mislead_the_choice_of_threads() -> None:
    pace = threads.Pace(several=True, most=2)
    for _ in range(50):  # calls of a few steps, in which most of the time is that of the call
        steps, count = pace.next(2)
        pace.note(count, steps, 2e-4 + steps * 3e-5)
    taken = {1: 0, 2: 0}
    for _ in range(200):
        steps, count = pace.next(1000)
        pace.note(count, steps, 2e-4 + steps * (3e-5 if count == 1 else 5e-5))
        taken[count] += steps
    assert taken[1] > 3 * taken[2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_process_trains_to_the_same_bits() -> None:
    X, y = digits()
    step = classifier(X, y)
    loop = NativeLoop(step.step, host())
    train(loop, step, X, y, 5)
    kept = [np.array(a) for a in step.state]
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        train(loop, step, X, y, 5)
        os.write(there, b"".join(a.tobytes() for a in step.state[:2])[:60_000])
        os._exit(0)
    found = os.read(here, 60_000)
    os.waitpid(child, 0)
    step.state[:] = kept
    train(loop, step, X, y, 5)
    assert found == b"".join(a.tobytes() for a in step.state[:2])[: len(found)]
    assert len(found) > 10_000


def test_subnormal_numbers_work_again_after_training() -> None:
    X, y = digits()
    step = classifier(X, y)
    loop = NativeLoop(step.step, host())
    train(loop, step, X, y, 5)
    assert np.array([5e-324])[0] * 1.0 != 0
    with pytest.raises(
        gg.errors.ShapeError, match="label 11 is out of range: with 10 classes they go from 0 to 9"
    ):
        train(loop, step, X, np.full_like(y, 11), 5)
    assert (np.array([5e-324]) * 1.0)[0] != 0


def test_a_thread_that_is_early_is_heard() -> None:
    graph = gg.trace(lambda w, i: w[i], gg.Spec((10, 64)), gg.Spec((4096,), "int64"))
    w, i = np.ones((10, 64)), np.zeros(4096, np.int64)
    i[2048] = 99  # the first row of the second thread, which starts before the first
    call, made = NativeProgram(graph, host()).at([w, i]), np.empty((4096, 64))
    assert call._compiled.shared
    table = np.array([a.ctypes.data for a in (w, i, made)], np.uintp)
    for _ in range(20):
        threads.run_together(
            call._run, (None, call._work.address, table.ctypes.data), 2, call._compiled.scratch
        )
        with pytest.raises(ShapeError, match="index 99"):
            call._work.check(call._compiled.complaints)
    call._work.check(call._compiled.complaints)
