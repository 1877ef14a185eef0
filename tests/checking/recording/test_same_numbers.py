"""Recording changes nothing: each program of the corpus ends with the same numbers and prints the same."""

from __future__ import annotations

import contextlib
import io
import os
import random
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.checking.recording.run import Program
from glassgrad.checking.recording.traced import is_traced, plain

CORPUS = Path(__file__).parents[1] / "corpus"
PROGRAMS = sorted(p for p in CORPUS.glob("*/*") if p.suffix in (".py", ".ipynb"))

_LONG = re.compile(r"(?<![\w.\-])(\d{3,6})(?![\w.])")
_LOOP = re.compile(r"range\(|epoch|iter|step|while|turn|n_|rounds|count|fit\(|train\(", re.IGNORECASE)
_TURNS = re.compile(r"(for (?:it|epoch|ep|step|turn) in range\()\d+\)")


def shorter(text: str) -> str:
    """Return a program whose loops end sooner."""
    lines = _TURNS.sub(r"\g<1>3)", text).splitlines()
    return "\n".join(
        _LONG.sub("6", line) if _LOOP.search(line) and "seed" not in line else line for line in lines
    )


def content(value: Any, seen: dict[int, int]) -> Any:
    """Return what is in a value, as nested tuples that can be compared."""
    value = plain(value) if is_traced(value) else value
    if id(value) in seen:
        return ("seen", seen[id(value)])
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return (value.shape, [content(v, seen) for v in value.ravel().tolist()])
        if value.dtype == np.longdouble:
            return (value.shape, value.astype(str).tolist())
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, (bool, int, float, str, np.generic)):
        return (type(value).__name__, repr(value))
    if isinstance(value, (list, tuple, set)):
        return (type(value).__name__, [content(v, seen) for v in value])
    if isinstance(value, dict):
        return [(content(k, seen), content(v, seen)) for k, v in value.items()]
    if type(value).__module__ == "__main__" and hasattr(value, "__dict__") and not isinstance(value, type):
        seen[id(value)] = len(seen)
        return (type(value).__name__, content(vars(value), seen))
    return None


def plainly(file: Path, text: str) -> tuple[dict[str, Any], str]:
    names: dict[str, Any] = {"__name__": "__main__", "__file__": str(file)}
    output, folder, known = io.StringIO(), Path.cwd(), list(sys.path)
    np.random.seed(0)
    random.seed(0)
    os.chdir(file.parent)
    sys.path.insert(0, str(file.parent))
    try:
        with (
            contextlib.redirect_stdout(output),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            np.printoptions(),
        ):
            warnings.simplefilter("ignore")
            exec(compile(text, str(file), "exec"), names)
    finally:
        os.chdir(folder)
        sys.path[:] = known
    return names, output.getvalue()


RUNS = [(p, False) for p in PROGRAMS] + [(p, True) for p in PROGRAMS if p.parent.name == "styles"]


@pytest.mark.parametrize(
    ("path", "numbers"), RUNS, ids=[f"{p.parent.name}/{p.name}{'-numbers' * n}" for p, n in RUNS]
)
def test_the_numbers_are_those_of_numpy(path: Path, numbers: bool, tmp_path: Path) -> None:
    text = shorter(Program(path).source(path).text)
    file = tmp_path / f"{path.stem}.py"
    file.write_text(text)
    expected, printed = plainly(file, text)
    run = Program(file, seconds=120.0).execute(steps=10**9, numbers=numbers)
    assert run.failure is None
    assert not run.tape.ended
    assert run.output == printed
    before: dict[int, int] = {}
    after: dict[int, int] = {}
    for name, value in expected.items():
        if not name.startswith("__"):
            assert content(value, before) == content(run.names[name], after), name
