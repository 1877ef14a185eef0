"""A recording tells what the run did: its numbers, its bounds in memory, its file after kill -9 and on a full disk."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.data.batching import LazyBlocks
from glassgrad.errors import ModelFileError, OptionError, ShapeError
from glassgrad.explaining.changes.losschange import loss_change
from glassgrad.explaining.changes.taken import norm
from glassgrad.explaining.changes.update import update_of
from glassgrad.explaining.document import Drawing, Paragraph
from glassgrad.explaining.recording import recordfile
from glassgrad.explaining.recording.recorded import Series, Snapshots, load_recording
from glassgrad.explaining.recording.recorder import Recorder
from glassgrad.training import Callback

RNG = np.random.default_rng(4)
X = RNG.normal(size=(70, 4))
Y = X[:, :1] ** 2 - X[:, 1:2]


def network(dtype="float64", activation="tanh", **settings):
    return gg.nn.mlp(4, [6, 5], 1, activation=activation, seed=2, dtype=dtype, **settings)


def trained(recorder, model=None, data=(X, Y), **settings):
    model = network() if model is None else model
    chosen = {"epochs": 4, "batch_size": 16, "loss": "mse", "lr": 0.01, "progress": False, **settings}
    return model, gg.fit(model, *data, callbacks=[recorder], **chosen)


# --- the numbers ---


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_numbers_are_those_of_the_step(activation, engine):
    recorder = Recorder(weights=["0.weight[1,2]", "2.bias[3]"])
    trained(recorder, network(activation=activation), engine=engine, optimizer="adamw", clip_norm=0.5)
    recording = recorder.recording
    assert recording.steps.tolist() == list(range(20))
    for step in (0, 7, 19):
        taken = recorder.at(step)
        assert recording["loss"][step] == pytest.approx(taken.loss, rel=1e-12)
        for name, w in taken.before.items():
            g, move = taken.gradients[name], taken.after[name] - w
            assert recording[f"{name}.gradient_norm"][step] == pytest.approx(norm({"": g}), rel=1e-10)
            assert recording[f"{name}.weight_norm"][step] == pytest.approx(norm({"": w}), rel=1e-12)
            if norm({"": w}):
                ratio = norm({"": move}) / norm({"": w})
                assert recording[f"{name}.update_ratio"][step] == pytest.approx(ratio, rel=1e-8)
        assert recording["0.weight[1,2]"][step] == taken.before["0.weight"][1, 2]
        found = recording["2.bias[3].gradient"][step]
        assert found == pytest.approx(taken.gradients["2.bias"][3], rel=1e-9, abs=1e-15)
        outputs = [n.outputs[0] for n in taken.played.graph.nodes if n.op == activation]
        for name, value in zip(("1", "3"), outputs, strict=True):
            a = taken.played.values[value]
            slope = {"relu": a > 0, "tanh": 1 - a**2, "sigmoid": a * (1 - a)}[activation]
            assert recording[f"{name}.mean"][step] == pytest.approx(a.mean(), rel=1e-10, abs=1e-14)
            assert recording[f"{name}.std"][step] == pytest.approx(a.std(), rel=1e-9)
            assert recording[f"{name}.flat"][step] == np.mean(slope < 0.01)


@pytest.mark.parametrize("sizes", [(3001, 7), (3000, 7), (101, 102), (101, 103)])
def test_large_matrices_are_summed_up_whole(sizes):
    recorder = Recorder()
    wide = gg.nn.mlp(4, list(sizes), 1, seed=0, dtype="float64")
    trained(recorder, wide, epochs=1)
    taken = recorder.at(3)
    assert taken.before["2.weight"].size > 1 << 13
    for name, g in taken.gradients.items():
        assert recorder.recording[f"{name}.gradient_norm"][3] == pytest.approx(norm({"": g}), rel=1e-10)


def test_a_parameter_that_is_zero_has_no_update_ratio_yet():
    recorder = Recorder()
    trained(recorder)
    ratio = recorder.recording["0.bias.update_ratio"]
    assert np.isinf(ratio[0])
    assert np.isfinite(ratio[1:]).all()


@pytest.mark.parametrize("engine", ["numpy", "native"])
def test_a_run_that_is_recorded_learns_the_same(engine):
    plain, recorded = network(), network()
    settings = {"epochs": 4, "batch_size": 16, "loss": "mse", "progress": False, "engine": engine}
    gg.fit(plain, X, Y, **settings)
    gg.fit(recorded, X, Y, callbacks=[Recorder()], **settings)
    for a, b in zip(plain.state_dict().values(), recorded.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_nothing_is_added_to_the_step_when_nobody_watches():
    class Quiet(Callback):
        every = 3

        def on_start(self, run):
            self.graph, self.watched = run.built.step.graph, run.built.watched

    quiet, recorder = Quiet(), Recorder()
    trained(quiet)
    assert not quiet.watched
    assert len(quiet.graph.outputs) == 6 + 2 * 6 + 2
    trained(recorder)
    assert len(recorder.at(0).step.step.graph.nodes) > len(quiet.graph.nodes)


def test_several_may_watch_and_each_gets_its_own():
    class Watcher(Callback):
        def __init__(self, name, parameter):
            self.name, self.parameter, self.seen = name, parameter, []

        def watch(self, inside):
            return {self.name: gg.sum(inside.gradients[self.parameter])}

        def on_numbers(self, run, first, numbers):
            assert set(numbers) == {"loss", self.name}
            assert first == len(self.seen)
            self.seen += numbers[self.name].tolist()

    one, other, recorder = Watcher("a", "0.bias"), Watcher("b", "2.bias"), Recorder()
    gg.fit(
        network(), X, Y, callbacks=[one, recorder, other], epochs=2, batch_size=16, loss="mse", progress=False
    )
    for watcher in (one, other):
        for step, found in enumerate(watcher.seen):
            expected = recorder.at(step).gradients[watcher.parameter].sum()
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (lambda i: i.gradients["0.bias"], ShapeError, r"shape \(6,\).*single numbers"),
        (lambda i: 1.0, OptionError, "float.*Tensors are wanted"),
    ],
)
def test_what_cannot_be_reported_is_refused(asked, error, message):
    class Wrong(Callback):
        def watch(self, inside):
            return {"wrong": asked(inside)}

    with pytest.raises(error, match=message):
        trained(Wrong())


# --- any step, again ---


class Stop(Callback):
    def __init__(self, step):
        self.every = step

    def on_step(self, run):
        self.state = run.optimizer_state()
        run.stop()


@pytest.mark.parametrize("engine", ["numpy", "native"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_any_step_is_held_still_as_it_was(engine, dropout):
    recorder = Recorder(memory=0)
    settings = {"optimizer": "adam", "schedule": "cosine", "engine": engine, "clip_value": 0.1}
    trained(recorder, network(dropout=dropout), **settings)
    for step in (1, 5, 13, 19):
        stop = Stop(step)
        trained(stop, network(dropout=dropout), **settings)
        taken = recorder.at(step)
        for name, w in taken.before.items():
            np.testing.assert_allclose(w, stop.state[f"model.{name}"], rtol=1e-13, atol=1e-15)
        assert taken.loss == pytest.approx(recorder.recording["loss"][step], rel=1e-12)
        assert taken.number == step + 1
        update = update_of(taken, list(taken.before)[2], (1, 1))
        assert abs(update.rounding) <= update.tolerance
        change = loss_change(taken)
        assert change.before == pytest.approx(taken.loss)


def test_steps_follow_from_the_recorded_run_bit_for_bit():
    all_kept, two_kept = Recorder(memory=1 << 30), Recorder(memory=0)
    trained(all_kept)
    trained(two_kept)
    assert len(two_kept.recording.states) <= 2
    for step in range(20):
        for a, b in zip(all_kept.at(step).inputs, two_kept.at(step).inputs, strict=True):
            assert a.tobytes() == b.tobytes()


def test_data_in_blocks_and_a_start_from_before():
    first = Recorder()
    _, _ = trained(first, epochs=1)
    parts = [(X[:30], Y[:30], None), (X[30:], Y[30:], None)]
    recorder = Recorder()
    start = {"step": np.asarray(40)}
    trained(recorder, data=(LazyBlocks(70, lambda: iter(parts)),), start=start, epochs=3)
    recording = recorder.recording
    assert len(recording) == 15
    for step in range(15):
        taken = recorder.at(step)
        assert taken.loss == pytest.approx(recording["loss"][step], rel=1e-12)
        assert taken.number == 41 + step


def test_rows_with_weights_and_clipping():
    recorder = Recorder()
    weight = RNG.uniform(0.1, 2.0, 70)
    trained(recorder, sample_weight=weight, clip_norm=0.2, optimizer="momentum")
    for step in (0, 11, 19):
        taken = recorder.at(step)
        assert taken.loss == pytest.approx(recorder.recording["loss"][step], rel=1e-12)
        norms = [recorder.recording[f"{name}.gradient_norm"][step] for name in taken.gradients]
        assert norm(taken.gradients) == pytest.approx(np.linalg.norm(norms), rel=1e-10)
        assert norm(taken.clipped) <= 0.2 < norm(taken.gradients) or step > 0
        for name, a in taken.before.items():
            update = update_of(taken, name, (0,) * a.ndim)
            assert abs(update.rounding) <= update.tolerance


def test_a_loss_that_is_no_number_is_the_last_that_is_recorded():
    recorder = Recorder()
    bad = X.copy()
    model = network(activation="relu")
    with pytest.warns(UserWarning, match="became"):
        _, history = trained(recorder, model, data=(1e30 * bad, Y), lr=1e30, optimizer="sgd", epochs=30)
    recording = recorder.recording
    assert history.stopped == "not finite"
    assert not np.isfinite(recording["loss"][-1])
    assert np.isfinite(recording["loss"][:-1]).all()
    assert not np.isfinite(recorder.at(int(recording.steps[-1])).loss)


def test_errors_teach():
    with pytest.raises(OptionError, match=r"callbacks=\[recorder\]"):
        _ = Recorder().recording
    with pytest.raises(OptionError, match=r"no parameter '0\.weigt' to record\. Did you mean '0\.weight'"):
        trained(Recorder(weights=["0.weigt[0,0]"]))
    for name in ("0.weight[6,0]", "0.weight[1]", "0.weight"):
        with pytest.raises(OptionError, match=r"0\.weight\[0…5,0…3\], not 0\.weight"):
            trained(Recorder(weights=[name]))
    with pytest.raises(OptionError, match="capacity"):
        Recorder(capacity=1)
    recorder = Recorder()
    trained(recorder)
    with pytest.raises(OptionError, match="steps 0 to 19"):
        recorder.at(20)
    with pytest.raises(OptionError, match="steps 0 to 19"):
        recorder.at(-1)
    with pytest.raises(OptionError, match=r"'0\.weight\.gradient_nrm' was not recorded\. Did you mean"):
        recorder.recording["0.weight.gradient_nrm"]


# --- bounded memory ---


@given(st.lists(st.integers(1, 300), min_size=1, max_size=30), st.integers(2, 40))
def test_rows_are_thinned_out_evenly(calls, capacity):
    series, at = Series(1, capacity), 0
    for count in calls:
        steps = np.arange(at, at + count)
        series.add(steps, steps[:, None] * 2.0)
        at += count
    steps, rows = series.arrays()
    assert len(steps) <= capacity + 1
    assert (rows[:, 0] == steps * 2).all()
    assert steps[0] == 0
    assert steps[-1] == at - 1
    assert steps[:-1].tolist() == list(range(0, int(steps[-1]), series.stride))[: len(steps) - 1]
    assert series.stride == 1 or len(steps) >= capacity // 2


def test_a_step_recorded_again_replaces_what_followed():
    series = Series(1, 100)
    series.add(np.arange(10), np.zeros((10, 1)))
    series.add(np.arange(6, 8), np.ones((2, 1)))
    steps, rows = series.arrays()
    assert steps.tolist() == list(range(8))
    assert rows[:, 0].tolist() == [0] * 6 + [1] * 2


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(0, 12))
def test_states_stay_within_the_limit(gaps, kept):
    snapshots, step = Snapshots(kept * 80), 0
    snapshots.offer(0, [np.zeros(10)])
    for gap in gaps:
        step += gap
        snapshots.offer(step, [np.full(10, float(step))])
        assert len(snapshots.states) <= max(2, kept)
        assert 0 in snapshots.states
        assert all((a[0] == s).all() for s, a in snapshots.states.items())


def test_a_long_run_stays_small():
    recorder = Recorder(capacity=64, memory=20_000)
    model = gg.nn.mlp(4, [3], 1, seed=0)
    trained(recorder, model, epochs=3000, batch_size=70)
    recording = recorder.recording
    assert 32 <= len(recording) <= 65
    assert recording.steps[-1] == 2999
    assert sum(a.nbytes for s in recording.states.values() for a in s) <= 20_000
    assert recorder.at(1777).number == 1778


# --- on disk ---


def same(one, other):
    assert one.steps.tolist() == other.steps.tolist()
    assert list(one.columns) == list(other.columns)
    for name in one.columns:
        assert one[name].tobytes() == other[name].tobytes()


def test_the_file_holds_what_the_memory_does(tmp_path):
    recorder = Recorder(weights=["0.weight[0,0]"], path=tmp_path / "run", capacity=10)
    trained(recorder)
    found = load_recording(tmp_path / "run", capacity=10)
    same(found, recorder.recording)
    assert found.note is None
    assert found.settings["batch_size"] == 16
    assert found.keys[0] == "model.0.weight"
    for step, state in recorder.recording.states.items():
        assert all(a.tobytes() == b.tobytes() for a, b in zip(state, found.states[step], strict=True))
    rerun = recorder._run.rerun()
    assert found.at(11, rerun).loss == recorder.at(11).loss


def test_a_cut_or_damaged_tail_is_left_out(tmp_path):
    path = tmp_path / "run"
    recorder = Recorder(path=path)
    trained(recorder)
    data = path.read_bytes()
    whole = load_recording(path)
    head = len(recordfile.MAGIC)
    start = head + 12 + int.from_bytes(data[head : head + 8], "little")
    draw = random.Random(3)
    seen = set()
    for _ in range(120):
        at = draw.randrange(len(data))
        for damaged in (data[:at], data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]):
            path.write_bytes(damaged)
            if at < start:
                with pytest.raises(ModelFileError, match="recording"):
                    load_recording(path)
                continue
            found = load_recording(path)
            seen.add(len(found))
            n = len(found)
            assert found["loss"].tobytes() == whole["loss"][:n].tobytes()
            assert (found.note is not None) == (len(damaged) > recordfile.read_records(path)[1])
    assert len(seen) > 1


def test_records_that_lie_are_refused(tmp_path):
    path = tmp_path / "run"
    header = recordfile.Header(["loss"], [("w", [2], "float64")], {})
    for lie in (
        recordfile.Numbers(b"12345678", b"1"),
        recordfile.Snapshot(3, [b"123"]),
        recordfile.Snapshot(3, []),
    ):
        path.unlink(missing_ok=True)
        file = recordfile.RecordFile(path)
        file.add(header)
        file.add(lie)
        file.close()
        with pytest.raises(ModelFileError, match="does not fit its header"):
            load_recording(path)
    path.write_bytes(recordfile.MAGIC)
    with pytest.raises(ModelFileError, match="without a whole header"):
        load_recording(path)
    path.write_bytes(b"something else")
    with pytest.raises(ModelFileError, match="is not a recording"):
        load_recording(path)
    with pytest.raises(ModelFileError, match="No such file"):
        load_recording(tmp_path / "nothing")


def test_another_file_is_not_overwritten(tmp_path):
    path = tmp_path / "run"
    path.write_bytes(b"my thesis")
    with pytest.raises(ModelFileError, match="is not a recording"):
        trained(Recorder(path=path))
    assert path.read_bytes() == b"my thesis"
    path.unlink()
    trained(Recorder(path=path))
    before = path.read_bytes()
    with pytest.raises(OptionError, match="holds a recording already"):
        trained(Recorder(path=path))
    assert path.read_bytes() == before


def test_a_resumed_run_goes_on_with_its_file(tmp_path):
    whole = Recorder()
    trained(whole)
    path, folder = tmp_path / "run", tmp_path / "checkpoints"

    class StopAt(Stop):
        pass

    stop = StopAt(13)
    gg.fit(
        network(), X, Y, epochs=4, batch_size=16, loss="mse", lr=0.01, progress=False, checkpoint_dir=folder,
        checkpoint_every=3, callbacks=[Recorder(path=path), stop],
    )  # fmt: skip
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    recorder = Recorder(path=path)
    trained(recorder, checkpoint_dir=folder, resume=folder)
    for found in (recorder.recording, load_recording(path)):
        np.testing.assert_array_equal(found.steps, whole.recording.steps)
        for name in whole.recording.columns:
            np.testing.assert_array_equal(found[name], whole.recording[name])
    for step in (2, 12, 17):
        assert recorder.at(step).loss == whole.at(step).loss
    other = Recorder(path=path, weights=["0.weight[0,0]"])
    with pytest.raises(OptionError, match="recording of another run"):
        trained(other, checkpoint_dir=folder, resume=folder)


SCRIPT = textwrap.dedent(
    """
    import sys
    import numpy as np
    import glassgrad as gg
    from glassgrad.explaining.recording.recorder import Recorder

    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 12))
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    model = gg.nn.mlp(12, [64, 32], 2, dropout=0.2, seed=3)
    print("begins", flush=True)
    gg.fit(model, X, y, epochs=100_000, seed=11, progress=False, callbacks=[Recorder(path=sys.argv[1])])
    """
)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_killed_while_recording(tmp_path):
    draw = random.Random(5)
    lengths = []
    for i in range(4):
        path = tmp_path / f"run{i}"
        run = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path)], stdout=subprocess.PIPE)
        assert run.stdout.readline() == b"begins\n"
        while not path.exists() or path.stat().st_size < 300_000:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.5))
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        run.stdout.close()
        found = load_recording(path)
        lengths.append(len(found))
        assert np.isfinite(found["loss"]).all()
        assert found.states
        assert (np.diff(found.steps) > 0).all()
    assert max(lengths) > 100


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    path, write, calls = tmp_path / "run", os.write, []

    def full_after_a_while(file, data):
        calls.append(len(data))
        if len(calls) > 4:
            write(file, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    recorder = Recorder(path=path)
    with monkeypatch.context() as patch:
        patch.setattr(recordfile.os, "write", full_after_a_while)
        with pytest.warns(UserWarning, match="No space left on device. Training goes on; recorded in memory"):
            _, history = trained(recorder)
    assert history.stopped == "finished"
    assert len(recorder.recording) == 20
    assert "No space left" in recorder.recording.note.en
    found = load_recording(path)
    assert found.note is None
    assert 0 < len(found) < 20
    assert found["loss"].tobytes() == recorder.recording["loss"][: len(found)].tobytes()


def test_a_full_disk_for_real(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small file system can be mounted by the superuser only")
    try:
        recorder = Recorder(path=disk / "run")
        with pytest.warns(UserWarning, match="No space left on device"):
            trained(recorder, epochs=400)
        assert len(recorder.recording) == 2000
        assert 0 < len(load_recording(disk / "run")) < 2000
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=10)


def test_a_place_that_cannot_be_written(tmp_path):
    recorder = Recorder(path=tmp_path / "no" / "folder")
    with pytest.warns(UserWarning, match="No such file or directory. Training goes on"):
        trained(recorder)
    assert len(recorder.recording) == 20


# --- as a document ---


def test_the_document_draws_what_was_recorded():
    recorder = Recorder(weights=["0.weight[0,1]"])
    trained(recorder, network(activation="relu"))
    document = recorder.recording.document()
    assert [s.key for s in document.sections] == [
        "loss",
        "gradient_norm",
        "update_ratio",
        "flat",
        "std",
        "weight",
    ]
    for section in document.sections:
        (drawing,) = [b for b in section.blocks if isinstance(b, Drawing)]
        assert all(np.isfinite(c.y).all() and len(c.x) == len(c.y) for c in drawing.figure.curves)
        assert all(b.text.en != b.text.ko for b in section.blocks if isinstance(b, Paragraph))
