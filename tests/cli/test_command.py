"""``glassgrad`` as a process of its own: start-up, help, exit codes, a terminal, pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glassgrad import __version__
from glassgrad.engines import engine
from glassgrad.learner.recipe import LOSSES
from glassgrad.nn import ACTIVATIONS
from glassgrad.nn.losses import LOSSES as ALL_LOSSES
from glassgrad.optim import OPTIMIZERS, SCHEDULES

from .conftest import Run

SOURCE = Path(__file__).parents[2] / "src"
PROGRAM = "import sys; from glassgrad.cli.main import main; sys.exit(main())"


def start(*arguments: str, cwd: Path, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        **options,  # type: ignore[call-overload]
    )


def test_help_and_version_need_neither_numpy_nor_polars(tmp_path: Path) -> None:
    program = (
        "import sys; from glassgrad.cli.main import main; code = main(); "
        "assert not {'numpy', 'polars'} & set(sys.modules); sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    for arguments in (["--help"], ["--version"], ["train", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments], env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()


def test_help_lists_the_commands(run: Run) -> None:
    result = run("--help")
    assert result.code == 0
    for command in ("train", "predict", "evaluate", "show", "check", "examples"):
        assert command in result.out
    assert __version__ in run("--version").out


def test_help_of_train_names_every_option_of_the_issue_with_its_default(run: Run) -> None:
    text = " ".join(run("train", "--help").out.replace("│", " ").split())
    for option in (
        *(
            "--target",
            "--task",
            "--drop",
            "--where",
            "--hidden",
            "--activation",
            "--loss",
            "--optimizer",
            "--lr",
        ),
        *(
            "--schedule",
            "--batch-size",
            "--epochs",
            "--patience",
            "--dropout",
            "--weight-decay",
            "--validation",
        ),
        *("--test", "--engine", "--dtype", "--seed", "--out", "--checkpoint-dir", "--checkpoint-every"),
        *(
            "--resume",
            "--continue-from",
            "--json",
            "--quiet",
            "--delimiter",
            "--encoding",
            "--header",
            "--text",
        ),
    ):
        assert option in text
    for default in ("128,64 for tables", "relu", "adamw", "one_cycle", "0.1", "0.2", "float32"):
        assert f"{default}]" in text


def test_help_of_train_names_everything_that_can_be_chosen(run: Run) -> None:
    text = " ".join(run("train", "--help").out.replace("│", " ").split())
    losses = [name for names in LOSSES.values() for name in names]
    assert set(losses) == set(ALL_LOSSES.names()) - {
        "binary_cross_entropy"
    }  # of probabilities: logits do better
    for name in (*ACTIVATIONS, *OPTIMIZERS.names(), *SCHEDULES.names(), *losses, engine("numpy").name):
        assert name in text


def test_the_exit_code_and_the_streams_of_a_process(tmp_path: Path) -> None:
    failed = start("train", "nowhere.csv", cwd=tmp_path)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "There is no file nowhere.csv" in failed.stderr
    done = start("train", "digits", "--epochs", "1", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith('{"version": 1')
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    leader, terminal = os.openpty()
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "train", "digits", "--epochs", "3"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    try:
        while part := os.read(leader, 4096):
            seen += part
    except OSError:  # the other end is closed
        pass
    os.close(leader)
    assert process.wait(60) == 0
    text = seen.decode()
    assert "epoch 3/3" in text
    assert "━" in text


def test_a_reader_that_stops_reading_is_no_error(tmp_path: Path) -> None:
    assert start("train", "digits", "--epochs", "1", "--quiet", cwd=tmp_path).returncode == 0
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "predict", "digits.safetensors", "digits"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(60) == 0


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_in_a_process_leaves_a_model(tmp_path: Path) -> None:
    import signal

    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(
        [
            sys.executable,
            "-u",
            "-c",
            PROGRAM,
            "train",
            "digits",
            "--epochs",
            "100000",
            "--patience",
            "100000",
        ],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("epoch")  # the first line of progress: training is on
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Interrupted in epoch" in out
    assert start("predict", "digits.safetensors", "digits", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("unbuffered", [True, False])
def test_training_goes_on_when_nobody_reads(tmp_path: Path, unbuffered: bool) -> None:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    process = subprocess.Popen(
        [sys.executable, *(["-u"] if unbuffered else []), "-c", PROGRAM, "train", "digits", "--epochs", "1"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert b"Broken" not in process.stderr.read()
    assert process.wait(60) == 0
    assert (tmp_path / "digits.safetensors").exists()


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("module", ["cyclopts", "glassgrad.cli.train", "numpy"])
def test_ctrl_c_during_the_imports_is_one_line(tmp_path: Path, module: str) -> None:
    program = f"""
import signal, sys
class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
{PROGRAM}
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "train", "digits"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130
    assert done.stderr.startswith("Interrupted")
    assert len(done.stderr.splitlines()) == 1
