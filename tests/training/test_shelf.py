"""Weights that lie in a file while a run goes on: the same numbers, whatever becomes of the disk or of the run."""

from __future__ import annotations

import errno
import tempfile
import warnings
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.training import shelf
from glassgrad.training.shelf import shelved

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_LARGE", 0)


def some() -> list[Array]:
    rng = np.random.default_rng(0)
    return [
        rng.normal(size=(300, 500)).astype(np.float32),
        rng.normal(size=(500, 300)).T,
        np.array(7),
        np.zeros((0, 3)),
        np.array([True, False, True]),
    ]


def on_disk(arrays: list[Array]) -> bool:
    return all(not a.flags.writeable for a in arrays if a.nbytes)


def test_copies_are_equal_and_do_not_change() -> None:
    arrays = some()
    kept, before = shelved(arrays), [a.copy() for a in arrays]
    assert on_disk(kept)
    for array in arrays:
        array[...] = 1
    for found, wanted in zip(kept, before, strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)


@pytest.mark.parametrize("call", ["open", "write"])
def test_a_full_disk_costs_memory_only(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((tempfile, "TemporaryFile", full) if call == "open" else (shelf, "_write", full)))
    for found, wanted in zip(shelved(some()), some(), strict=True):
        np.testing.assert_array_equal(found, wanted)
        assert found.flags.writeable


X = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]


def network() -> gg.nn.Module:
    nn = gg.nn
    return nn.Sequential(nn.Linear(1, 8, seed=0), nn.Tanh(), nn.Linear(8, 1, seed=1))


class Watching(gg.Callback):
    """Takes what the model has at the end of each epoch, and then the weights at hand."""

    def __init__(self) -> None:
        self.seen: list[list[Array]] = []
        self.lay_in_a_file: list[bool] = []

    def on_epoch(self, run: Any, row: Any) -> None:
        run.write_back()
        arrays = [p.numpy() for p in run.model.parameters()]
        self.lay_in_a_file.append(on_disk([p._payload for p in run.model.parameters()]))
        self.seen.append(arrays)


def trained(**options: Any) -> tuple[list[Array], Watching, gg.History]:
    model, watching = network(), Watching()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = gg.fit(
            model,
            X,
            options.pop("y", X**2),
            epochs=5,
            batch_size=10,
            progress=False,
            callbacks=[watching],
            **options,
        )
    tensors = [*model.parameters(), *dict(model.named_buffers()).values()]
    assert all(t._payload.flags.writeable for t in tensors), "the model has memory of its own again"
    return [t.numpy() for t in tensors], watching, history


@pytest.mark.parametrize("options", [{}, {"patience": 1, "lr": 0.5}, {"engine": "numpy"}], ids=str)
def test_a_run_is_the_same_with_weights_on_disk(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    found, watching, _ = trained(**options)
    assert all(watching.lay_in_a_file)
    monkeypatch.setattr(shelf, "_LARGE", 1 << 40)
    wanted, others, _ = trained(**options)
    assert not any(others.lay_in_a_file)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    for one, other in zip(watching.seen, others.seen, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_loss_that_is_no_number_leaves_the_last_good_weights() -> None:
    good, _, _ = trained(lr=1e-3)
    y = X**2
    y[-1] = 1e30  # its square is beyond float32
    model = network()
    before = [p.numpy().copy() for p in model.parameters()]
    with pytest.warns(UserWarning, match="The model holds the weights of the start"):
        history = gg.fit(model, X, y, epochs=5, batch_size=10, progress=False)
    assert history.stopped == "not finite"
    for parameter, wanted, other in zip(model.parameters(), before, good, strict=False):
        np.testing.assert_array_equal(parameter.numpy(), wanted)
        assert parameter._payload.flags.writeable
        assert not np.array_equal(other, wanted)


def test_an_error_in_a_callback_leaves_a_model_of_its_own() -> None:
    class Failing(gg.Callback):
        def on_epoch(self, run: Any, row: Any) -> None:
            raise ValueError("a mistake")

    model = gg.nn.mlp(1, [8], 1, seed=0)
    before = [p.numpy().copy() for p in model.parameters()]
    with pytest.raises(ValueError, match="a mistake"):
        gg.fit(model, X, X**2, epochs=5, progress=False, callbacks=[Failing()])
    for parameter, wanted in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.numpy(), wanted)
        assert parameter._payload.flags.writeable
