"""Messages from below in the words of the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from glassgrad.cli.wording import in_options

from .conftest import QUICK, Run


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("use it as text: infer(table, text=['a']).", "use it as text: --text a."),
        ("say so: infer(table, 'a', text=['a', 'b c']).", "say so: --text a --text 'b c'."),
        ("such as read(path, encoding='latin-1').", "such as --encoding latin-1."),
        ("as data with header=False.", "as data with --no-header."),
        ("as names with header=True.", "as names with --header."),
        ("with task='regression' (--task regression).", "with --task regression."),
        ("target='price' (on the command line --target price).", "--target price."),
        (
            "Try a smaller learning rate, clip_norm=1.0, or scaled inputs.",
            "Try a smaller learning rate, or scaled inputs.",
        ),
        ("validation=0.5 and test=0.5 leave", "--validation 0.5 and --test 0.5 leave"),
        ("found the text 'lr=5' in a column", "found the text 'lr=5' in a column"),
        ("drop the row (--where '`test` != \"1\"')", "drop the row (--where '`test` != \"1\"')"),
    ],
)
def test_settings_become_options(given: str, expected: str) -> None:
    assert in_options(given) == expected


def test_no_message_names_a_setting_of_python(fails: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "stray.csv").write_text("a,y\n" + "1,2\n" * 50 + "x,3\n")
    assert "--text a" in fails("train", "stray.csv", "--target", "y", *QUICK)
    (tmp_path / "head.csv").write_text("a,y\n")
    assert "--no-header" in fails("train", "head.csv", "--target", "y", *QUICK)
    (tmp_path / "latin.csv").write_bytes(b"a,y\n\xff\xfe\x81\xff,1\n")
    assert "--encoding" in fails("train", "latin.csv", "--target", "y", *QUICK)


def test_shares_that_leave_no_rows_are_refused_before_the_file_is_read(fails: Callable[..., str]) -> None:
    message = fails("train", "nowhere.csv", "--target", "y", "--validation", 0.5, "--test", 0.5)
    assert (
        message == "--validation 0.5 and --test 0.5 leave no rows to train on; their sum must be below 1.\n"
    )


def test_without_a_target_the_columns_are_listed_in_their_order(
    fails: Callable[..., str], tmp_path: Path
) -> None:
    for count in (30, 31):
        names = [f"c{i}" for i in range(count)]
        (tmp_path / "wide.csv").write_text(",".join(names) + "\n" + ",".join("1" * count) + "\n")
        shown = names if count == 30 else [*names[:25], "…", *names[-5:]]
        message = fails("train", "wide.csv")
        assert message.splitlines()[1] == "Its columns: " + ", ".join(
            name if name == "…" else repr(name) for name in shown
        )


def test_limits_are_written_out(fails: Callable[..., str]) -> None:
    message = fails("train", "digits", "--hidden", "1048577")
    assert message == "Training: hidden layer 1 must be a whole number from 1 to 1,048,576; got 1048577\n"
    assert "0 ≤ seed < 9,223,372,036,854,775,808" in fails("train", "digits", "--seed", -1)


def test_a_network_that_does_not_fit_the_memory_is_named(
    fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("glassgrad.learner.network.mlp", full)
    message = fails("train", "digits", "--hidden", "1000000,1000000")
    assert message == (
        "There is not enough memory for the network 64-1000000-1000000-10, which has 1,000,076,000,010 weights "
        "(4,000.3 GB).\nTake fewer or smaller hidden layers.\n"
    )


def test_one_row_has_no_r2_and_no_plural(run: Run, houses: Path, tmp_path: Path) -> None:
    run("train", houses, "--target", "price", "--quiet", "--epochs", 1, "--hidden", 8)
    assert "Trained 1 epoch on 84 rows" in run("show", "houses.safetensors").out
    (tmp_path / "one.csv").write_text("\n".join(houses.read_text().splitlines()[:2]) + "\n")
    assert run("evaluate", "houses.safetensors", "one.csv", "--json").json["test"]["r2"] is None
    shown = run("evaluate", "houses.safetensors", "one.csv").out
    assert shown.startswith("on 1 row\n") or "\non 1 row\n" in shown
    assert shown.rstrip().endswith("–")
    assert (
        run("predict", "houses.safetensors", "one.csv", "-o", "p.csv").out
        == "1 prediction written to p.csv\n"
    )


def test_quiet_leaves_the_result(run: Run, houses: Path, tmp_path: Path) -> None:
    run("train", houses, "--target", "price", "--quiet", *QUICK)
    (tmp_path / "new.csv").write_text("size,town,price\n50,Jeju,100\n60,Busan,200\n")
    loud = run("predict", "houses.safetensors", "new.csv")
    quiet = run("predict", "houses.safetensors", "new.csv", "--quiet")
    assert "Note" in loud.err
    assert (quiet.out, quiet.err) == (loud.out, "")
    assert run("predict", "houses.safetensors", "new.csv", "--quiet", "-o", "p.csv").out == ""
    assert "Note" in run("evaluate", "houses.safetensors", "new.csv").out
    scored = run("evaluate", "houses.safetensors", "new.csv", "--quiet").out
    assert scored.startswith("on 2 rows")


def test_huge_numbers_are_short(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{x:.3f},{x * 1e15:.3f}" for x in rng.normal(size=60)]
    (tmp_path / "huge.csv").write_text("a,y\n" + "\n".join(lines) + "\n")
    result = run("train", "huge.csv", "--target", "y", *QUICK)
    assert "e+1" in result.out.split("on 12 test rows")[1]


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_checkpoint_names_the_one_before(
    run: Run, fails: Callable[..., str], houses: Path, tmp_path: Path, damage: bytes
) -> None:
    run(
        "train",
        houses,
        "--target",
        "price",
        "--quiet",
        *QUICK,
        "--checkpoint-dir",
        "c",
        "--checkpoint-every",
        2,
    )
    steps = sorted((tmp_path / "c").iterdir())
    steps[-1].write_bytes(damage)
    steps[-2].write_bytes(damage)
    message = fails("train", houses, "--resume", "c")
    assert message.endswith(f"--resume c/{steps[-3].name}\n")
    assert run("train", houses, "--resume", f"c/{steps[-3].name}", "--quiet").code == 0
    steps[-3].write_bytes(damage)
    assert "--resume" not in fails("train", houses, "--resume", "c")
