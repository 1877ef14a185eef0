"""`fit`: what it computes, how it ends, and what it refuses."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.data.batching import LazyBlocks
from glassgrad.errors import DataError, DTypeError, OptionError, ShapeError
from glassgrad.philox import permutation
from glassgrad.training import Callback
from glassgrad.training.fit import NotFiniteWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 5))
Y = np.sin(X @ RNG.normal(size=(5, 2)))
LABELS = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


def network(out=2, dtype="float64", **options):
    return gg.nn.mlp(5, [7], out, activation="tanh", dtype=dtype, seed=1, **options)


def quiet(model, *data, **options):
    return gg.fit(model, *data, progress=False, **options)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_a_run_is_what_pytorch_computes(optimizer):
    """The whole loop, shuffled mini-batches with a smaller last one included, against PyTorch in float64."""
    torch = pytest.importorskip("torch")
    model, lr, decay = network(), 0.05, 0.01
    w = [torch.tensor(np.array(p.numpy()), requires_grad=True) for p in model.parameters()]
    make = {
        "sgd": lambda: torch.optim.SGD(w, lr, weight_decay=decay),
        "momentum": lambda: torch.optim.SGD(w, lr, momentum=0.9, weight_decay=decay),
        "nesterov": lambda: torch.optim.SGD(w, lr, momentum=0.9, nesterov=True, weight_decay=decay),
        "adagrad": lambda: torch.optim.Adagrad(w, lr, weight_decay=decay),
        "rmsprop": lambda: torch.optim.RMSprop(w, lr, weight_decay=decay),
        "adam": lambda: torch.optim.Adam(w, lr, weight_decay=decay),
        "adamw": lambda: torch.optim.AdamW(w, lr, weight_decay=decay),
    }[optimizer]()
    losses = []
    for epoch in range(3):
        order = permutation(90, seed=4, stream=epoch)
        total = 0.0
        for i in range(0, 90, 32):
            rows = order[i : i + 32]
            out = torch.tanh(torch.tensor(X[rows]) @ w[0].T + w[1]) @ w[2].T + w[3]
            loss = ((out - torch.tensor(Y[rows])) ** 2).mean()
            make.zero_grad()
            loss.backward()
            make.step()
            total += loss.item() * len(rows)
        losses.append(total / 90)
    history = quiet(model, X, Y, loss="mse", optimizer=optimizer, lr=lr, weight_decay=decay, epochs=3, seed=4)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-10)
    for ours, theirs in zip(model.parameters(), w, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_same_seed_same_bits_other_seed_other_bits():
    runs = []
    for seed in (0, 0, 1):
        model = network(dropout=0.3)
        quiet(model, X, Y, loss="mse", epochs=2, seed=seed)
        runs.append(b"".join(a.tobytes() for a in model.state_dict().values()))
    assert runs[0] == runs[1] != runs[2]


def test_float32_stays_float32_and_float64_stays_float64():
    for dtype in ("float32", "float64"):
        model = network(dtype=dtype)
        quiet(model, X, Y, loss="mse", epochs=1)
        assert {str(p.dtype) for p in model.parameters()} == {dtype}
        assert gg.predict(model, X).dtype == dtype


def test_labels_choose_cross_entropy_and_numbers_mean_squared_error():
    history = quiet(network(3), X, LABELS, epochs=1, lr=1e-9)
    assert history["loss"][0] == pytest.approx(np.log(3), abs=0.6)
    model = network()
    before = np.mean((gg.predict(model, X) - Y) ** 2)
    assert quiet(model, X, Y, epochs=1, lr=1e-12)["loss"][0] == pytest.approx(before, rel=1e-6)


def test_sample_weights_count_as_repeated_rows():
    counts = np.arange(90) % 3
    weighted, repeated = network(), network()
    options = {"loss": "mse", "optimizer": "sgd", "lr": 0.1, "epochs": 5, "shuffle": False}
    quiet(weighted, X, Y, sample_weight=counts, batch_size=90, **options)
    rows = np.repeat(np.arange(90), counts)
    quiet(repeated, X[rows], Y[rows], batch_size=len(rows), **options)
    for a, b in zip(weighted.parameters(), repeated.parameters(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-14)


def test_blocks_give_the_same_as_one_block_where_batches_agree():
    def halves():
        for part in (slice(0, 45), slice(45, 90)):
            yield X[part], Y[part], None

    one, two = network(), network()
    options = {"loss": "mse", "epochs": 4, "batch_size": 45, "shuffle": False}
    quiet(one, X, Y, **options)
    quiet(two, LazyBlocks(90, halves), **options)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()


def test_early_stopping_keeps_the_best_epoch():
    model = network()
    kept = {}

    class Keep(Callback):
        def on_epoch(self, run, row):
            run.write_back()
            kept[run.epoch] = model.state_dict()

    history = quiet(
        model, X[:30], Y[:30], loss="mse", lr=0.05, epochs=500, batch_size=8, validation=(X[30:], Y[30:]),
        patience=4, callbacks=[Keep()],
    )  # fmt: skip
    best = int(np.argmin(history["val_loss"])) + 1
    assert history.stopped == "early stopping"
    assert history.best_epoch == best == history.epochs - 4
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, kept[best][name])


def test_validation_share_is_held_back():
    history = quiet(network(), X, Y, loss="mse", epochs=2, validation=0.25, metrics=["rmse"])
    assert {"val_loss", "val_rmse"} <= history.columns.keys()
    assert history["val_rmse"][-1] == pytest.approx(history["val_loss"][-1] ** 0.5)
    assert history.steps == 2 * -(-round(90 * 0.75) // 32)


def test_a_loss_that_is_not_finite_ends_the_run_with_the_last_good_weights():
    model = network()
    kept = []

    class Keep(Callback):
        def on_epoch(self, run, row):
            run.write_back()
            kept.append(model.state_dict())

    with pytest.warns(NotFiniteWarning, match="The loss became"):
        history = quiet(
            model, X, Y, loss="mse", optimizer="sgd", lr=1e4, epochs=300, batch_size=30, callbacks=[Keep()]
        )
    assert history.stopped == "not finite"
    assert f"in epoch {history.epochs + 1}, step" in history.message
    assert all(np.isfinite(a).all() for a in model.state_dict().values())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, kept[-1][name])


def test_ctrl_c_leaves_a_usable_model():
    model = network()
    started = threading.Event()

    class Started(Callback):
        def on_epoch(self, run, row):
            started.set()

    def press():
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    history = quiet(model, X, Y, loss="mse", epochs=10**6, callbacks=[Started()])
    thread.join()
    assert history.stopped == "interrupted"
    assert "Interrupted in epoch" in history.message
    assert history.steps > 0
    assert np.isfinite(gg.predict(model, X)).all()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_callbacks_are_called_where_they_ask():
    seen = []

    class Watch(Callback):
        every = 4

        def on_start(self, run):
            seen.append("start")

        def on_step(self, run):
            seen.append(run.step)
            assert np.isfinite(run.loss)
            assert run.rate == 1e-3

        def on_epoch(self, run, row):
            seen.append(f"epoch {run.epoch}")
            assert {"loss", "lr", "seconds"} <= row.keys()

        def on_end(self, run, history):
            seen.append("end")

    quiet(network(), X, Y, loss="mse", epochs=3, callbacks=[Watch()])
    assert seen == ["start", "epoch 1", 4, "epoch 2", 8, "epoch 3", "end"]


def test_full_batch_epochs_are_recorded_one_by_one():
    history = quiet(network(), X, Y, loss="mse", optimizer="sgd", lr=0.1, epochs=50, batch_size=90)
    assert history.epochs == history.steps == 50
    assert all(a > b for a, b in zip(history["loss"], history["loss"][1:], strict=False))


def test_buffers_are_updated_in_training_and_used_in_prediction():
    class Centre(gg.nn.Module):
        def __init__(self):
            super().__init__()
            self.mean = gg.nn.Buffer(np.zeros(5))
            self.linear = gg.nn.Linear(5, 2, dtype="float64", seed=0)

        def forward(self, x):
            if self.training:
                self.mean.update(self.mean * 0.5 + gg.mean(x, axis=0) * 0.5)
            return self.linear(x - self.mean)

    model = Centre()
    quiet(model, X, Y, loss="mse", epochs=2, batch_size=30, shuffle=False)
    expected = np.zeros(5)
    for i in list(range(0, 90, 30)) * 2:
        expected = expected * 0.5 + X[i : i + 30].mean(axis=0) * 0.5
    np.testing.assert_allclose(model.mean.numpy(), expected, rtol=1e-12)


BAD = [
    ({"epochs": 0}, OptionError, "epochs must be above 0"),
    ({"batch_size": -3}, OptionError, "batch_size must be above 0"),
    ({"lr": 0}, OptionError, "lr must be above 0"),
    ({"lr": float("nan")}, OptionError, "lr must be above 0"),
    ({"optimizer": "adma"}, OptionError, "adam"),
    ({"loss": "msee"}, OptionError, "mse"),
    ({"schedule": "cosin"}, OptionError, "cosine"),
    ({"engine": "cuda"}, OptionError, "no engine 'cuda'"),
    ({"metrics": ["acuracy"], "validation": 0.2}, OptionError, "accuracy"),
    ({"validation": 1.5}, OptionError, "between 0 and 1"),
    ({"checkpoint_every": 5}, OptionError, "checkpoint_dir"),
    ({"metrics": ["rmse"]}, OptionError, "pass validation"),
    ({"callbacks": [print]}, OptionError, "subclass of gg.Callback"),
    ({"sample_weight": np.ones(3)}, ShapeError, r"\(90,\)"),
    ({"sample_weight": -np.ones(90)}, DataError, "at least 0"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_options(options, error, message):
    model = network()
    before = model.state_dict()
    with pytest.raises(error, match=message):
        quiet(model, X, Y, **options)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_history_says_what_it_has():
    history = quiet(network(), X, Y, loss="mse", epochs=2)
    assert list(history) == ["loss", "lr", "seconds"]
    with pytest.raises(KeyError, match="no column 'val_loss'; its columns: 'loss'"):
        history["val_loss"]


def test_bad_arrays():
    nan = X.copy()
    nan[17, 3] = np.nan
    with pytest.raises(DataError, match="row 17, column 3"):
        quiet(network(), nan, Y)
    with pytest.raises(DataError, match="row 2"):
        quiet(network(), X, np.where(np.arange(180).reshape(90, 2) == 5, np.inf, Y))
    with pytest.raises(ShapeError, match="90"):
        quiet(network(), X, Y[:80])
    with pytest.raises(ShapeError, match=r"target\[:, None\]"):
        quiet(network(1), X, Y[:, 0], loss="mse")
    with pytest.raises(ShapeError):
        quiet(network(), X[:, :4], Y)
    with pytest.raises(DTypeError):
        quiet(network(), X.astype(object), Y)
    with pytest.raises(DataError, match="targets"):
        quiet(network(), X)
    with pytest.raises(ValueError, match=r"label [345] is out of range"):
        quiet(network(3), X, LABELS + 3)


def test_threads_change_no_number():
    weights = []
    for settings in ({"threads": 1}, {"threads": 2}, {"deterministic": True}):
        model = network()
        gg.fit(model, X, Y, epochs=3, progress=False, **settings)
        weights.append([p.numpy().tobytes() for p in model.parameters()])
    assert weights[0] == weights[1] == weights[2]
    with pytest.raises(OptionError, match="threads must be at least 1, but is 0"):
        gg.fit(network(), X, Y, threads=0, progress=False)
