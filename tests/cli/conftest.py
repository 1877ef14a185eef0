"""The command line in this process: what it prints, how it ends, and what it leaves in the folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.cli.main import main

DATA = Path(__file__).parents[2].parent / "shared" / "data"


@dataclass(frozen=True)
class Result:
    """One command that was run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        assert self.code == 0, self.err
        document: dict[str, Any] = json.loads(self.out)
        return document


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> Result:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return command


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder, hidden ones too, with what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def fails(run: Run, tmp_path: Path) -> Callable[..., str]:
    """Run a command that must fail: code 2, one to three lines, no result, and nothing written."""

    def command(*arguments: object) -> str:
        before = contents(tmp_path)
        result = run(*arguments)
        assert result.code == 2, result.out
        lines = result.err.rstrip("\n").splitlines()
        assert 1 <= len(lines) <= 3, result.err
        assert "Traceback" not in result.err
        assert contents(tmp_path) == before
        return result.err

    return command


def write_houses(path: Path, rows: int = 120, seed: int = 0) -> Path:
    """Write a small table: a number with blanks, a category, and a price."""
    rng = np.random.default_rng(seed)
    size, town = rng.gamma(4.0, 25.0, rows).round(1), rng.choice(["Seoul", "Busan"], rows)
    price = (1000 * size * (1 + (town == "Seoul")) + rng.normal(0, 5000, rows)).round()
    lines = ["size,town,price"]
    for i in range(rows):
        lines.append(f'{"-" if i % 15 == 3 else size[i]},{town[i]},"{price[i]:,.0f}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A table of 120 houses in the working folder."""
    return write_houses(tmp_path / "houses.csv")


QUICK = ("--epochs", 2, "--hidden", 8)
