"""What is measured in fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from glassgrad.bench import startup
from glassgrad.errors import GlassgradError, OptionError


def fresh(cache: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "glassgrad.bench.fresh", *arguments]
    environment = {**os.environ, "GLASSGRAD_CACHE_DIR": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_first_step_takes_some_time(tmp_path: Path) -> None:
    assert 0 < fresh(tmp_path, "compile", "W1")["seconds"] < 60


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the system keeps no mark of the memory"
)
def test_the_memory_of_a_run_is_that_above_what_was_loaded(tmp_path: Path) -> None:
    found = fresh(tmp_path, "memory", "W4")
    again = fresh(tmp_path, "memory", "W4", *found["loaded"], "no_such_module")
    assert again["loaded"] == []
    weights = 8 * 64 + 64 + 64 * 64 + 64 + 64 + 1
    assert again["parts"] == 4 * (3 * weights + 256 * (8 + 64 + 64 + 1))
    assert 0 <= again["bytes"] < 200 << 20


def test_imports_are_timed_without_the_start_of_python() -> None:
    assert startup._import_seconds("pass") < 0.05
    assert startup._import_seconds("time.sleep(0.2)") >= 0.2


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(
        GlassgradError, match="ended with code 1: ModuleNotFoundError: No module named 'nowhere'"
    ):
        startup._import_seconds("import nowhere")


def test_turns_are_counted_from_one() -> None:
    with pytest.raises(OptionError, match="rounds must be a whole number"):
        startup.measure(0)


@pytest.mark.slow
def test_everything_that_comes_before_the_first_step() -> None:
    found = startup.measure(1)
    names = set(found.seconds)
    assert {"import: glassgrad", "glassgrad train xor, warm cache", "first step of W5, cold cache"} <= names
    assert all(len(turns) == 1 and turns[0] > 0 for turns in found.seconds.values())
    assert set(found.memory) == {
        f"{w}, {state} cache" for w in startup.REMEMBERED for state in ("cold", "warm")
    }


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="the system keeps no mark of the memory"
)
@pytest.mark.parametrize("state", ["cold", "warm"])
def test_a_small_network_takes_little_memory_to_train(tmp_path: Path, state: str) -> None:
    loaded = fresh(tmp_path / "first", "memory", "W3")["loaded"]
    cache = tmp_path / "second" if state == "cold" else tmp_path / "first"
    assert fresh(cache, "memory", "W3", *loaded)["bytes"] < 16 << 20
