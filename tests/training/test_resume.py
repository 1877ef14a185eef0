"""Nothing is lost: a run that is killed goes on from its newest checkpoint to the same bits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import ModelFileError, OptionError
from glassgrad.training import Callback, History
from glassgrad.training.checkpoints import load_checkpoint, newest_checkpoint
from glassgrad.training.files import load_file, save_file

KILLS = 10

SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import numpy as np
    import glassgrad as gg
    from glassgrad.training.files import save_file

    folder, out = Path(sys.argv[1]), sys.argv[2]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 12))
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    model = gg.nn.mlp(12, [64, 32], 2, dropout=0.2, seed=3)
    history = gg.fit(
        model, X, y, optimizer="adamw", lr=2e-3, weight_decay=0.01, schedule="cosine", epochs=60, batch_size=32,
        validation=0.2, patience=200, metrics=["accuracy"], clip_norm=1.0, seed=11, progress=False,
        checkpoint_dir=folder, checkpoint_every=3, resume=folder if any(folder.glob("step-*")) else None,
    )
    arrays = model.state_dict() | {"history." + k: np.array(v) for k, v in history.columns.items() if k != "seconds"}
    save_file(out, {k: np.asarray(v) for k, v in arrays.items()}, {}, kind="model")
    """
)


def start(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder), str(out)], env={**os.environ})


def test_killed_at_ten_random_moments(tmp_path):
    whole = start(tmp_path / "whole", tmp_path / "whole.safetensors")
    begin = time.monotonic()
    assert whole.wait() == 0
    duration = time.monotonic() - begin
    moments = random.Random(7)
    killed = 0
    folder, out = tmp_path / "broken", tmp_path / "broken.safetensors"
    while killed < KILLS:
        run = start(folder, out)
        before = newest_checkpoint(folder)
        # Wait until this process has written a checkpoint itself, then kill it at a random moment after that.
        while newest_checkpoint(folder) == before and run.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, duration / (4 * KILLS)))
        if run.poll() is not None:
            pytest.fail(f"the run ended after {killed} kills: make it longer") if killed < 3 else None
            break
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        killed += 1
        newest = newest_checkpoint(folder)
        assert newest is not None
        assert load_checkpoint(newest).position.step == int(newest.stem[5:])
    if not out.exists():
        assert start(folder, out).wait() == 0
    assert killed == KILLS
    expected, _ = load_file(tmp_path / "whole.safetensors")
    found, _ = load_file(out)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert array.tobytes() == found[name].tobytes(), name


def small(**options) -> tuple[gg.nn.Module, History]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(100, 4))
    model = gg.nn.mlp(4, [8], 1, seed=0, dropout=0.1)
    settings = {"epochs": 6, "batch_size": 16, "progress": False, "loss": "mse", **options}
    return model, gg.fit(model, X, X[:, :1] ** 2, **settings)


class StopAt(Callback):
    def __init__(self, step):
        self.every = step

    def on_step(self, run):
        run.stop()


@pytest.mark.parametrize("step", [1, 7, 13, 14, 20, 41])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_resumed_run_is_the_uninterrupted_one(tmp_path, step, optimizer):
    whole, history = small(optimizer=optimizer)
    small(optimizer=optimizer, checkpoint_dir=tmp_path, checkpoint_every=1, callbacks=[StopAt(step)])
    assert load_checkpoint(tmp_path).position.step == step
    resumed, again = small(optimizer=optimizer, resume=tmp_path)
    assert again.steps == history.steps
    assert again["loss"] == history["loss"]
    for name, array in whole.state_dict().items():
        assert array.tobytes() == resumed.state_dict()[name].tobytes()


def test_other_data_or_settings_are_refused(tmp_path):
    small(checkpoint_dir=tmp_path, epochs=2)
    for options in (
        {"epochs": 2, "seed": 1},
        {"epochs": 2, "batch_size": 8},
        {"epochs": 3},
        {"epochs": 2, "optimizer": "sgd"},
    ):
        with pytest.raises(ModelFileError, match="belongs to another run"):
            small(resume=tmp_path, **options)


def test_only_the_newest_checkpoints_are_kept(tmp_path):
    small(checkpoint_dir=tmp_path, checkpoint_every=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"step-{n:010d}.safetensors" for n in (30, 35, 40)]


def test_a_folder_with_the_checkpoints_of_another_run_is_refused(tmp_path):
    small(checkpoint_dir=tmp_path, epochs=2)
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(OptionError, match=r"checkpoints of another run.*step-0000000014.*\n.*another folder"):
        small(checkpoint_dir=tmp_path, epochs=2, seed=5)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_what_a_killed_run_left_half_written_is_removed(tmp_path):
    small(checkpoint_dir=tmp_path, checkpoint_every=1, callbacks=[StopAt(9)])
    (tmp_path / ".0123456789abcdef.glassgrad.tmp").write_bytes(b"half")
    small(checkpoint_dir=tmp_path, resume=tmp_path)
    assert all(p.name.startswith("step-") for p in tmp_path.iterdir())


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_training(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    whole, _ = small()
    with pytest.warns(UserWarning, match="Training goes on without this checkpoint"):
        model, history = small(checkpoint_dir=blocked)
    assert history.stopped == "finished"
    assert all(a.tobytes() == b.tobytes() for a, b in zip(state(model), state(whole), strict=True))
    assert blocked.read_text() == "in the way"


def state(model):
    return model.state_dict().values()


def test_no_checkpoint_in_the_folder(tmp_path):
    with pytest.raises(ModelFileError, match="no checkpoint"):
        small(resume=tmp_path)


def test_a_lying_checkpoint(tmp_path):
    path = tmp_path / "step-0000000001.safetensors"
    save_file(path, {"partial": np.zeros(2)}, {"position": {"epoch": -1}}, kind="checkpoint")
    with pytest.raises(ModelFileError, match="no checkpoint of a training run"):
        small(resume=path)
