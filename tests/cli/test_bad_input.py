"""Every bad input: one to three lines that teach, exit code 2, and nothing written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .conftest import QUICK, Run, contents

Fails = Callable[..., str]


@pytest.fixture
def model(run: Run, houses: Path, tmp_path: Path) -> Path:
    assert run("train", houses, "--target", "price", *QUICK, "--quiet").code == 0
    return tmp_path / "houses.safetensors"


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- files ---


def test_a_missing_file(fails: Fails, houses: Path) -> None:
    assert "There is no file" in fails("train", "hauses.csv")
    assert "Did you mean 'houses.csv'?" in fails("train", "hauses.csv")
    assert "no folder" in fails("train", "nowhere/data.csv")


def test_a_mistyped_example(fails: Fails) -> None:
    assert "Did you mean 'digits'?" in fails("train", "digit")
    assert "glassgrad examples" in fails("train", "qqq")


def test_an_empty_file(fails: Fails, tmp_path: Path) -> None:
    assert "empty.csv is empty" in fails("train", write(tmp_path / "empty.csv", ""), "--target", "y")


def test_ragged_rows(fails: Fails, tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "a,b\n1,2\n3\n")
    assert "r.csv, line 3: found 1 field where the header names 2" in fails("train", path, "--target", "b")


def test_a_missing_target(fails: Fails, houses: Path) -> None:
    assert "--target COLUMN" in fails("train", houses)
    assert "'size', 'town', 'price'" in fails("train", houses)


def test_a_wrong_target(fails: Fails, houses: Path) -> None:
    assert "no column 'prize'. Did you mean 'price'" in fails("train", houses, "--target", "prize")


def test_a_text_cell_in_a_column_of_numbers(fails: Fails, tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * 2}\n" for i in range(50))
    path = write(tmp_path / "t.csv", f"a,b\n{rows}oops,3\n")
    message = fails("train", path, "--target", "b")
    assert "t.csv, line 52, column 'a': found the text 'oops'" in message


def test_one_class_only(fails: Fails, tmp_path: Path) -> None:
    path = write(tmp_path / "c.csv", "a,b\n" + "".join(f"{i},yes\n" for i in range(20)))
    assert "has one class only: 'yes'" in fails("train", path, "--target", "b")


def test_too_few_rows(fails: Fails, tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "a,b\n1,0.5\n2,1.5\n")
    assert "2 rows cannot be split into 3 parts" in fails("train", path, "--target", "b")


def test_nothing_to_learn_from(fails: Fails, tmp_path: Path) -> None:
    path = write(tmp_path / "n.csv", "a,b\n" + "".join(f"1,{i}.5\n" for i in range(20)))
    assert "no column to learn 'b' from" in fails("train", path, "--target", "b")


def test_all_missing_and_constant_columns_are_warned_of_and_handled(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "w.csv", "a,b,c,y\n" + "".join(f"{i},-,7,{i}.5\n" for i in range(40)))
    result = run("train", path, "--target", "y", *QUICK)
    assert result.code == 0
    assert "Note: Column 'b' is left out of the features: every cell is missing." in result.out
    assert "Note: Column 'c' is left out of the features: every cell is '7'." in result.out


def test_nan_and_infinity_in_arrays(fails: Fails, tmp_path: Path) -> None:
    X = np.ones((10, 2))
    X[3, 1] = np.nan
    np.savez(tmp_path / "nan.npz", X=X, y=np.arange(10))
    assert "holds nan in row 3, column 1" in fails("train", "nan.npz")
    X[3, 1] = np.inf
    np.savez(tmp_path / "inf.npz", X=X, y=np.arange(10))
    assert "holds inf in row 3, column 1" in fails("train", "inf.npz")


def test_shapes_that_do_not_fit(fails: Fails, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(10, 2))
    np.savez(tmp_path / "column.npz", X=X, y=np.arange(10.0)[:, None])
    assert "shape (10, 1); expected (10,)" in fails("train", "column.npz")
    np.savez(tmp_path / "short.npz", X=X, y=np.arange(9.0))
    assert "10 rows and y has shape (9,)" in fails("train", "short.npz")


def test_a_condition_that_cannot_be_read(fails: Fails, houses: Path) -> None:
    message = fails("train", houses, "--target", "price", "--where", "size >")
    assert "expected a number" in message
    assert "No row" in fails("train", houses, "--target", "price", "--where", "size > 1e9")


def test_dropping_what_is_not_there_or_is_the_target(fails: Fails, houses: Path) -> None:
    assert "no column 'sizes'" in fails("train", houses, "--target", "price", "--drop", "sizes")
    assert "would drop the target" in fails("train", houses, "--target", "price", "--drop", "price")


def test_conditions_are_for_tables(fails: Fails) -> None:
    assert "no named columns" in fails("train", "digits", "--drop", "a")


# --- options ---


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--optimizer", "adm"], "no optimizer 'adm'. Did you mean 'adam'"),
        (["--loss", "mes"], "no loss 'mes'. Did you mean 'mse'"),
        (["--loss", "cross_entropy"], "'cross_entropy' does not fit regression"),
        (["--activation", "rleu"], "no activation 'rleu'. Did you mean 'relu'"),
        (["--schedule", "onecycle"], "no schedule 'onecycle'. Did you mean 'one_cycle'"),
        (["--engine", "native2"], "no engine 'native2'"),
        (["--dtype", "float16"], "no dtype 'float16'"),
        (["--epoch", "3"], "Did you mean --epochs?"),
        (["--epochs", "0"], "epochs must be a whole number with 1 ≤ epochs; got 0"),
        (["--epochs", "many"], '"many"'),
        (["--epochs", "2.5"], '"2.5"'),
        (["--batch-size", "-3"], "batch_size must be a whole number"),
        (["--hidden", "64,0"], "hidden layer 2 must be a whole number"),
        (["--hidden", "64;32"], "such as 128,64; got '64;32'"),
        (["--lr", "0"], "lr must be a number with 0 < lr"),
        (["--lr", "nan"], "lr must be a number"),
        (["--dropout", "1"], "dropout must be a number with 0 ≤ dropout < 1"),
        (["--validation", "0.6", "--test", "0.5"], "no rows to train on"),
        (["--seed", "-1"], "seed must be a whole number"),
        (["--task", "cluster"], "cluster"),
        (["--checkpoint-every", "5"], "--checkpoint-every needs --checkpoint-dir"),
        (["--resume", "a", "--continue-from", "b"], "give one"),
        (["--resume", "nowhere"], "Cannot read 'nowhere'"),
        (["--continue-from", "nowhere"], "Cannot read 'nowhere'"),
        (["--out", "no/such/folder.safetensors"], "There is no folder"),
        (["--out", "."], "is a folder"),
        (["--out", "houses.csv"], "would replace the data"),
        (["--checkpoint-dir", "houses.csv"], "is a file; name a folder"),
        (["--encoding", "utf-9"], "utf-9"),
        (["--delimiter", "ab"], "A delimiter is one character"),
    ],
)
def test_options_that_make_no_sense(fails: Fails, houses: Path, options: list[str], message: str) -> None:
    assert message in fails("train", houses, "--target", "price", "--quiet", *options)


def test_an_unknown_command(fails: Fails) -> None:
    assert 'Unknown command "tran"' in fails("tran", "digits")


def test_a_command_without_its_source(fails: Fails) -> None:
    assert "SOURCE" in fails("train")


def test_options_that_a_worked_example_has_not(fails: Fails) -> None:
    assert "--lr does not apply" in fails("train", "xor", "--lr", 3)
    assert "Did you mean 'xor'" in fails("examples", "xxor")


def test_a_model_cannot_change_its_network_when_it_goes_on(fails: Fails, houses: Path, model: Path) -> None:
    message = fails("train", houses, "--continue-from", model, "--hidden", "16", "--quiet")
    assert "--hidden is (16,), but the model was trained with (8,)" in message
    assert "has learnt 'price'" in fails(
        "train", houses, "--continue-from", model, "--target", "size", "--quiet"
    )
    assert "of regression" in fails(
        "train", houses, "--continue-from", model, "--task", "classification", "--quiet"
    )


def test_a_resumed_run_cannot_change(fails: Fails, run: Run, houses: Path) -> None:
    task = ("train", houses, "--target", "price", *QUICK, "--quiet", "--checkpoint-dir", "c")
    assert run(*task).code == 0
    assert "--lr is 0.5, but c was trained with 0.003" in fails("train", houses, "--resume", "c", "--lr", 0.5)
    assert "--where was () in the run to resume" in fails(
        "train", houses, "--resume", "c", "--where", "size > 50"
    )
    houses.write_text(houses.read_text().replace("Seoul", "Jeju"))
    assert "belongs to another run" in fails("train", houses, "--resume", "c", "--quiet")


# --- prediction ---


def test_a_missing_column_at_prediction(fails: Fails, model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "size,twon\n10,Seoul\n")
    assert "no column 'town'" in fails("predict", model, path, "-o", "out.csv")
    assert "Did you mean 'twon'" in fails("predict", model, path, "-o", "out.csv")


def test_a_text_among_the_numbers_at_prediction(fails: Fails, model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "size,town\n10,Seoul\nbig,Busan\n")
    assert "line 3, column 'size': found the text 'big'" in fails("predict", model, path, "-o", "out.csv")


def test_an_unseen_category_at_prediction_is_noted(run: Run, model: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "size,town\n10,Seoul\n20,Jeju\n")
    result = run("predict", model, path, "-o", "out.csv")
    assert result.code == 0
    assert "Column 'town': 1 cell holds a category that training had not" in result.err
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3


def test_other_data_at_prediction(fails: Fails, model: Path) -> None:
    assert "trained on a table" in fails("predict", model, "digits")
    assert "no column" in fails("evaluate", model, write(Path("e.csv"), "size,town\n1,Seoul\n"))


def test_an_output_that_cannot_be_written(fails: Fails, model: Path, houses: Path) -> None:
    assert "There is no folder" in fails("predict", model, houses, "-o", "no/out.csv")


# --- model files ---


def test_a_truncated_model_file(fails: Fails, model: Path, houses: Path) -> None:
    whole = model.read_bytes()
    for length in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        model.write_bytes(whole[:length])
        assert "houses.safetensors" in fails("predict", model, houses)


def test_a_corrupted_model_file(fails: Fails, model: Path, houses: Path) -> None:
    data = bytearray(model.read_bytes())
    data[-5] ^= 1
    model.write_bytes(data)
    for command in (("show", model), ("predict", model, houses), ("evaluate", model, houses)):
        assert "damaged" in fails(*command)
    assert "damaged" in fails("train", houses, "--continue-from", model)


def test_a_model_file_of_a_newer_version(fails: Fails, model: Path) -> None:
    data = model.read_bytes()
    assert data.count(rb"\"format_version\":1,") == 1
    model.write_bytes(data.replace(rb"\"format_version\":1,", rb"\"format_version\":9,"))
    message = fails("show", model)
    assert "newer glassgrad" in message
    assert "pip install --upgrade glassgrad" in message


def test_a_model_file_that_promises_more_than_it_holds(fails: Fails, model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[:8] = (1 << 60).to_bytes(8, "little")
    model.write_bytes(data)
    assert "announce" in fails("show", model)


def test_a_file_that_is_no_model(fails: Fails, houses: Path) -> None:
    assert "not a safetensors file" in fails("predict", houses, houses)


def test_a_checkpoint_is_no_model(fails: Fails, run: Run, houses: Path, tmp_path: Path) -> None:
    assert run("train", houses, "--target", "price", *QUICK, "--quiet", "--checkpoint-dir", "c").code == 0
    checkpoint = sorted((tmp_path / "c").iterdir())[-1]
    assert "is a checkpoint; a model is needed" in fails("show", checkpoint)


# --- disk full, numbers that overflow ---


def test_a_full_disk_leaves_the_old_model(
    fails: Fails, model: Path, houses: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("glassgrad.training.files.os.write", full)
    message = fails("train", houses, "--target", "price", *QUICK, "--quiet")
    assert "No space left on device" in message
    assert "unchanged" in message


def test_a_full_disk_leaves_the_old_predictions(
    fails: Fails, model: Path, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.csv").write_text("old")

    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("glassgrad.cli.output.os.fsync", full)
    assert "No space left on device" in fails("predict", model, houses, "-o", "out.csv")


@pytest.mark.parametrize("lr", [1e25, 1e38])
def test_a_loss_that_turns_nan_at_once(fails: Fails, houses: Path, lr: float) -> None:
    options = (
        "--optimizer",
        "sgd",
        "--schedule",
        "constant",
        "--lr",
        lr,
        "--hidden",
        8,
        "--activation",
        "identity",
    )
    message = fails("train", houses, "--target", "price", "--quiet", *options)
    assert "in epoch 1, step" in message
    assert "smaller learning rate" in message


def test_nothing_is_left_behind_by_a_failure_of_any_kind(
    run: Run, houses: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("glassgrad.learner.learner.fit", broken)
    before = contents(tmp_path)
    result = run("train", houses, "--target", "price", *QUICK, "--quiet")
    assert result.code == 2
    assert "not enough memory" in result.err
    assert contents(tmp_path) == before
