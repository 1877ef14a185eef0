"""``glassgrad train``: what it does, says and leaves behind."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.learner.learner import Learner

from .conftest import QUICK, Run, contents, write_houses


def weights(path: Path) -> dict[str, Any]:
    return Learner.load(path).network.state_dict()


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)


def test_a_person_is_shown_the_data_the_plan_the_result_and_the_next_command(
    run: Run, houses: Path, tmp_path: Path
) -> None:
    result = run("train", houses, "--target", "price", *QUICK)
    assert result.code == 0, result.err
    for line in (
        "houses.csv: 120 rows, 3 columns",
        "Missing cells of size become ",
        "Regression, rows: 84 to train on, 12 to validate, 24 to test (seed 0)",
        "Network 4-8-1, relu, float32; loss mse",
        "adamw, learning rate 0.003 (one_cycle), 2 epochs in batches of 32",
        "Model saved in houses.safetensors",
        f"Next: glassgrad predict houses.safetensors {houses} -o predictions.csv",
    ):
        assert line in result.out
    assert re.search(r"^price +number \(target\) +0 +\d+", result.out, re.MULTILINE)
    assert re.search(r"^on 24 test rows +loss +RMSE +MAE +R²$", result.out, re.MULTILINE)
    for row in ("trained network", "mean of the training rows", "linear model (ridge)"):
        assert row in result.out
    assert sorted(contents(tmp_path)) == ["houses.csv", "houses.safetensors"]


def test_progress_goes_to_standard_error(run: Run, houses: Path) -> None:
    result = run("train", houses, "--target", "price", *QUICK)
    assert "epoch 2/2" in result.err
    assert "epoch 2/2" not in result.out


def test_quiet_prints_nothing(run: Run, houses: Path, tmp_path: Path) -> None:
    result = run("train", houses, "--target", "price", "--quiet", *QUICK)
    assert (result.code, result.out, result.err) == (0, "", "")
    assert (tmp_path / "houses.safetensors").exists()


def test_what_was_dropped_is_said(run: Run, houses: Path) -> None:
    result = run(
        "train",
        houses,
        "--target",
        "price",
        *QUICK,
        "--where",
        "size > 60",
        "--where",
        "price > 10",
        "--drop",
        "town",
    )
    assert "houses.csv: 120 rows, 3 columns" in result.out
    assert re.search(r"Dropped \d+ rows that do not meet: size > 60", result.out)
    assert "Dropped 0 rows that do not meet: price > 10" in result.out
    assert "Dropped columns: town" in result.out


def test_numbers_can_be_taken_as_categories(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "codes.csv"
    path.write_text("zone,y\n" + "".join(f"{i % 3},{i % 3 + i / 100}\n" for i in range(60)))
    document = run(
        "train", path, "--target", "y", "--task", "regression", *QUICK, "--text", "zone", "--json"
    ).json
    assert document["features"] == 3
    assert run("train", path, "--target", "y", *QUICK, "--json").json["features"] == 1


def test_out_names_the_model_and_replaces_an_old_one(run: Run, houses: Path, tmp_path: Path) -> None:
    out = tmp_path / "kept" / "m.safetensors"
    out.parent.mkdir()
    out.write_bytes(b"old")
    assert run("train", houses, "--target", "price", *QUICK, "--out", out).code == 0
    assert Learner.load(out).summary.epochs == 2
    assert sorted(contents(tmp_path)) == ["houses.csv", "kept/m.safetensors"]


def test_every_choice_reaches_the_training(run: Run, houses: Path, tmp_path: Path) -> None:
    run(
        *(
            "train",
            houses,
            "--target",
            "price",
            "--task",
            "regression",
            "--hidden",
            "6,5",
            "--activation",
            "tanh",
        ),
        *("--loss", "huber", "--optimizer", "adam", "--lr", 0.02, "--schedule", "cosine", "--batch-size", 16),
        *("--epochs", 3, "--patience", 2, "--dropout", 0.1, "--weight-decay", 0.001, "--validation", 0.2),
        *("--test", 0.3, "--engine", "numpy", "--dtype", "float64", "--seed", 7, "--quiet"),
    )
    recipe = Learner.load(tmp_path / "houses.safetensors").recipe
    assert (recipe.hidden, recipe.activation, recipe.loss, recipe.optimizer) == (
        (6, 5),
        "tanh",
        "huber",
        "adam",
    )
    assert (recipe.lr, recipe.schedule, recipe.batch_size, recipe.epochs) == (0.02, "cosine", 16, 3)
    assert (recipe.patience, recipe.dropout, recipe.weight_decay) == (2, 0.1, 0.001)
    assert (recipe.validation, recipe.test, recipe.engine) == (0.2, 0.3, "numpy")
    assert (recipe.dtype, recipe.seed) == ("float64", 7)
    assert weights(tmp_path / "houses.safetensors")["0.weight"].dtype == np.float64


def test_hidden_0_is_a_linear_model(run: Run, houses: Path, tmp_path: Path) -> None:
    assert run("train", houses, "--target", "price", "--hidden", 0, "--epochs", 1).code == 0
    assert weights(tmp_path / "houses.safetensors")["0.weight"].shape == (1, 4)


def test_the_seed_decides_every_bit(run: Run, houses: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(
            "train",
            houses,
            "--target",
            "price",
            *QUICK,
            "--seed",
            seed,
            "--out",
            f"{name}.safetensors",
            "--quiet",
        )
    a, b, c = (weights(tmp_path / f"{name}.safetensors") for name in "abc")
    assert same(a, b)
    assert not same(a, c)


def test_a_resumed_run_is_the_uninterrupted_one(run: Run, houses: Path, tmp_path: Path) -> None:
    task = (
        "train",
        houses,
        "--target",
        "price",
        "--hidden",
        8,
        "--epochs",
        4,
        "--where",
        "size > 30",
        "--quiet",
    )
    assert run(*task, "--out", "whole.safetensors").code == 0
    assert (
        run(*task, "--out", "saved.safetensors", "--checkpoint-dir", "c", "--checkpoint-every", 2).code == 0
    )
    steps = sorted((tmp_path / "c").iterdir())
    assert len(steps) == 3
    result = run("train", houses, "--resume", steps[0], "--out", "resumed.safetensors", "--quiet")
    assert result.code == 0, result.err
    assert same(weights(tmp_path / "whole.safetensors"), weights(tmp_path / "resumed.safetensors"))
    assert run("train", houses, "--resume", "c", "--where", "size > 30", "--epochs", 4, "--quiet").code == 0


def test_training_goes_on_with_new_rows(run: Run, houses: Path, tmp_path: Path) -> None:
    new = write_houses(tmp_path / "new.csv", seed=5)
    run("train", houses, "--target", "price", *QUICK, "--quiet")
    result = run("train", new, "--continue-from", "houses.safetensors", "--epochs", 3)
    assert result.code == 0, result.err
    assert "Going on from a model of 2 epochs, with its columns, units and classes" in result.out
    assert "learning rate 0.0003" in result.out
    before, after = Learner.load(tmp_path / "houses.safetensors"), Learner.load(tmp_path / "new.safetensors")
    assert after.preprocessing == before.preprocessing
    assert (after.summary.epochs, after.summary.epochs_before) == (3, 2)


def test_a_test_set_that_came_with_the_data_is_used(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    np.savez(tmp_path / "d.npz", x_train=x[:50], y_train=y[:50], x_test=x[50:], y_test=y[50:])
    result = run("train", "d.npz", "--task", "classification", *QUICK)
    assert "d.npz: 50 samples of 3, and 10 that came as a test set" in result.out
    assert "on 10 test rows" in result.out
    scored = run("evaluate", "d.safetensors", "d.npz", "--json").json
    trained = run("show", "d.safetensors", "--json").json
    assert scored["test"]["accuracy"] == trained["test"]["accuracy"]
    assert scored["rows"] == 10


def test_without_rows_held_back_there_are_no_figures(run: Run, houses: Path) -> None:
    result = run("train", houses, "--target", "price", *QUICK, "--test", 0, "--validation", 0)
    assert "No rows were held back" in result.out
    assert "trained network" not in result.out
    only = run("train", houses, "--target", "price", *QUICK, "--test", 0)
    assert "on 12 validation rows" in only.out


def test_digits_are_built_in(run: Run, tmp_path: Path) -> None:
    result = run("train", "digits", *QUICK)
    assert result.code == 0
    assert "digits: 1,797 images of 8×8" in result.out
    assert "logistic regression" in result.out
    assert (tmp_path / "digits.safetensors").exists()


def test_a_worked_example_is_trained_as_it_is_written(run: Run, tmp_path: Path) -> None:
    result = run("train", "two-two-two")
    assert "0.60617688, 0.66295848" in result.out
    assert "loss 0.023971901 before, 0.023236339 after" in result.out
    assert contents(tmp_path) == {}
    assert "∂f/∂x" in run("train", "circuit-max").out


def test_ctrl_c_leaves_a_usable_model_and_says_where(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from glassgrad.training.progress import LineProgress

    def interrupt(self: LineProgress, run: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LineProgress, "on_step", interrupt)
    result = run("train", houses, "--target", "price", "--hidden", 8, "--epochs", 1000)
    assert result.code == 0, result.err
    assert "Interrupted in epoch 1, step 1 of 3; the model holds the weights reached there." in result.out
    assert run("predict", "houses.safetensors", houses).code == 0


def test_ctrl_c_before_there_is_a_result(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("glassgrad.data.load_digits", interrupt)
    result = run("train", "digits")
    assert (result.code, result.err) == (130, "Interrupted; nothing was written.\n")
    assert contents(tmp_path) == {}


def test_a_loss_that_turns_nan_late_keeps_the_last_good_weights(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glassgrad.optim import Constant

    def explode(self: Constant, steps: Any, total: int) -> Any:
        return np.where(steps < 4, 1.0, 1e30)  # three steps an epoch: the second epoch goes wrong

    monkeypatch.setattr(Constant, "factors", explode)
    options = ("--optimizer", "sgd", "--schedule", "constant", "--lr", 0.01, "--hidden", 8, "--epochs", 5)
    result = run("train", houses, "--target", "price", *options)
    assert result.code == 2
    assert re.search(r"The loss became \S+ in epoch 2, step \d.*weights of the end of epoch 1", result.err)
    assert "That model is saved in houses.safetensors" in result.err
    assert "Traceback" not in result.err
    assert all(np.isfinite(array).all() for array in weights(tmp_path / "houses.safetensors").values())


def interrupt_during(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Press Ctrl-C when the program comes to a function, and go on from there."""
    import importlib
    import signal

    module, _, name = place.rpartition(".")
    owner: Any = importlib.import_module(module)
    original = getattr(owner, name)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize(
    "place",
    [
        "glassgrad.learner.learner.summarise",
        "glassgrad.learner.files.save_file",
        "glassgrad.learner.learner.judge",
        "glassgrad.learner.learner.compare",
    ],
)
def test_ctrl_c_after_the_last_step_leaves_the_model(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    with monkeypatch.context() as patch:
        interrupt_during(patch, place)
        result = run("train", houses, "--target", "price", *QUICK, "--quiet")
    assert (result.code, result.err) == (130, "Interrupted; the model is saved in houses.safetensors.\n")
    assert Learner.load(tmp_path / "houses.safetensors").summary.epochs == 2
    assert run("predict", "houses.safetensors", houses).code == 0


def test_keys_pressed_twice_are_one_wish(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    from glassgrad.training.progress import LineProgress

    def interrupt(self: LineProgress, run: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(LineProgress, "on_step", interrupt)
    result = run("train", houses, "--target", "price", "--hidden", 8, "--epochs", 1000)
    assert result.code == 0, result.err
    assert Learner.load(tmp_path / "houses.safetensors").summary.steps == 1


def test_a_training_that_is_broken_off_points_to_its_checkpoints(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("glassgrad.training.run.Run._watch", interrupt)
    task = ("train", houses, "--target", "price", *QUICK, "--quiet")
    assert run(*task).err == "Interrupted; nothing was written.\n"
    result = run(*task, "--checkpoint-dir", "c", "--checkpoint-every", 1)
    assert result.err == ("Interrupted; no model was written.\nGo on from the checkpoints: --resume c.\n")
    assert {path.split("/")[0] for path in contents(tmp_path)} == {"houses.csv", "c"}


def test_the_model_is_on_the_disk_before_the_baselines(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr("glassgrad.learner.learner.compare", die)
    assert run("train", houses, "--target", "price", *QUICK, "--quiet").code == 2
    assert Learner.load(tmp_path / "houses.safetensors").summary.baselines == {}


def test_a_baseline_that_takes_long_is_announced(
    run: Run, houses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "Fitting a linear model to compare with …"
    assert line not in run("train", houses, "--target", "price", *QUICK).err
    monkeypatch.setattr("glassgrad.learner.scores._SLOW", 0)
    assert line in run("train", houses, "--target", "price", *QUICK).err
    assert line not in run("train", houses, "--target", "price", *QUICK, "--quiet").err


def test_a_warning_is_one_plain_line(run: Run, houses: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError("No space left on device.")

    monkeypatch.setattr("glassgrad.training.run.save_checkpoint", full)
    result = run("train", houses, "--target", "price", *QUICK, "--quiet", "--checkpoint-dir", "c")
    assert result.code == 0
    assert result.err == 2 * "No space left on device. Training goes on without this checkpoint.\n"


def test_o_is_out(run: Run, houses: Path, tmp_path: Path) -> None:
    assert run("train", houses, "--target", "price", *QUICK, "--quiet", "-o", "m.safetensors").code == 0
    assert (tmp_path / "m.safetensors").exists()
