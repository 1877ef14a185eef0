"""``glassgrad bench``: the table, the files, and everything that is refused before hours are spent."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from glassgrad.bench import peers, scaling

from .conftest import Run
from .test_json import documented

Fails = Callable[..., str]


@pytest.fixture(autouse=True)
def only_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave glassgrad and NumPy."""
    for known in (peers.PEERS, scaling.PEERS):
        for name in set(known) - {"glassgrad", "NumPy"}:
            monkeypatch.delitem(known, name)


@pytest.fixture
def wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let somebody take part who takes two steps for one."""
    folder = tmp_path / "peers"
    folder.mkdir()
    (folder / "hasty_peer.py").write_text(
        "from glassgrad.bench.peers.numpy_peer import NumPyPeer\n"
        "class Hasty(NumPyPeer):\n"
        "    name = 'hasty'\n"
        "    def run(self, steps):\n"
        "        super().run(2 * steps)\n"
        "CONTESTANTS = [Hasty]\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setitem(peers.PEERS, "Hasty", "hasty_peer")


def test_the_table_and_the_file(run: Run, tmp_path: Path) -> None:
    result = run("bench", "W6", "--rounds", 1, "--json", "times.json")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert "glassgrad's engine: " in lines[0]
    assert any(re.match(r"Measured peak, GFLOP/s: \d+ \(float32, 1 thread\)", line) for line in lines)
    table = lines.index("W6: 10-32-32-1 relu, mse, sgd, batch 32 of 10000, float32")
    assert lines[table + 1].split()[:3] == ["contestant", "threads", "µs/step"]
    assert {line.split()[0] for line in lines[table + 2 : table + 4]} == {"glassgrad", "numpy"}
    assert re.match(r"Loss after 50 steps: 0\.116\d+ for glassgrad and numpy\.", lines[table + 4])
    assert lines[-1] == "Every figure is in times.json"
    document = json.loads((tmp_path / "times.json").read_text(encoding="utf-8"))
    assert set(document) == documented("bench") - {"scaling", "startup"}
    assert (document["version"], document["command"], document["rounds"]) == (1, "bench", 1)
    assert document["machine"]["versions"]["numpy"]
    assert [p["dtype"] for p in document["peak"]] == ["float32"] * len(document["peak"])
    [first, second] = document["workloads"]["W6"]["results"]
    assert {first["contestant"], second["contestant"]} == {"glassgrad", "numpy"}
    assert 0 < first["of_peak"] < 1
    assert f"{first['loss']:.4f}" == f"{second['loss']:.4f}"


def test_a_missing_library_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.PEERS, "JAX", "no_such_library")
    result = run("bench", "W6", "--rounds", 1)
    assert result.code == 0
    assert result.out.count("JAX is left out: No module named 'no_such_library'.\n") == 1


@pytest.mark.usefixtures("wrong")
def test_a_wrong_contestant_ends_with_an_error_and_the_figures_of_the_others(
    run: Run, tmp_path: Path
) -> None:
    result = run("bench", "W6", "--rounds", 1, "--json", "times.json")
    assert (result.code, result.err) == (2, "Not timed, for the reasons above: hasty in W6.\n")
    assert "hasty is WRONG and not timed: its loss after 50 steps is" in result.out
    document = json.loads((tmp_path / "times.json").read_text(encoding="utf-8"))
    assert document["workloads"]["W6"]["wrong"] == ["hasty"]
    assert {r["contestant"] for r in document["workloads"]["W6"]["results"]} == {"glassgrad", "numpy"}


def test_without_glassgrad_there_is_nothing_to_compare(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.PEERS, "glassgrad", "no_such_library")
    result = run("bench", "W6", "--rounds", 1)
    assert (result.code, result.err) == (2, "Not timed, for the reasons above: glassgrad in W6.\n")


def test_scaling_draws_and_writes(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(scaling.KINDS, "batch", replace(scaling.KINDS["batch"], values=(1, 30)))
    result = run("bench", "--scaling", "batch", "--rounds", 1, "--json", "s.json", "--plot", "s.svg")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^rows in a mini-batch +glassgrad +numpy$", result.out, re.MULTILINE)
    assert re.search(r"^ +30 +[\d.]+ +[\d.]+$", result.out, re.MULTILINE)
    assert result.out.endswith("Drawn in s.svg\nEvery figure is in s.json\n")
    ElementTree.parse(tmp_path / "s.svg")
    document = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert set(document) == documented("bench") - {"workloads", "startup"}
    assert [point["workload"]["batch"] for point in document["scaling"]["points"]] == [1, 30]


def test_startup_is_told_and_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from glassgrad.bench import startup

    found = startup.Startup(
        {"import: torch": [1.0, 2.0, 3.0]},
        {"W3, cold cache": {"bytes": 3 << 20, "parts": 1 << 20}},
        ["no jax."],
    )
    monkeypatch.setattr(startup, "measure", lambda turns, tell: found if turns == 3 else None)
    result = run("bench", "--startup", "--rounds", 3, "--json", "s.json")
    assert (result.code, result.err) == (0, "")
    assert re.search(r"^import: torch +2,000 +1,000 – 3,000$", result.out, re.MULTILINE)
    assert re.search(r"^W3, cold cache +3\.0 +1\.0$", result.out, re.MULTILINE)
    document = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert set(document) == documented("bench") - {"workloads", "scaling", "peak"}
    assert document["startup"]["seconds"] == {"import: torch": [1.0, 2.0, 3.0]}


def test_what_was_done_stays_after_an_interruption(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glassgrad.bench.contest import Contest

    measure = Contest.measure

    def interrupted(self: Contest, workload: object, rounds: int) -> object:
        if getattr(workload, "name", "") == "W1":
            raise KeyboardInterrupt
        return measure(self, workload, rounds)  # type: ignore[arg-type]

    monkeypatch.setattr(Contest, "measure", interrupted)
    result = run("bench", "W6", "W1", "--rounds", 1, "--json", "times.json")
    assert (result.code, result.err) == (130, "Interrupted. What was done is in times.json\n")
    assert set(json.loads((tmp_path / "times.json").read_text(encoding="utf-8"))["workloads"]) == {"W6"}


def test_bad_input_is_refused_before_anything_is_measured(
    fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*arguments: object, **options: object) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr("subprocess.Popen", started)
    assert fails("bench", "W33") == "there is no workload 'W33'. Did you mean 'W3'?\n"
    assert "must be a whole number with 1 ≤ rounds; got 0" in fails("bench", "W1", "--rounds", 0)
    assert '"2.5" is no whole number' in fails("bench", "--rounds", 2.5)
    assert 'Did you mean "width"?' in fails("bench", "--scaling", "widht")
    assert "leave out the workloads" in fails("bench", "W1", "--scaling", "width")
    assert "leave out the workloads and --scaling" in fails("bench", "--startup", "--scaling", "rows")
    assert "add --scaling" in fails("bench", "W1", "--plot", "x.svg")
    for option in ("--json", "--plot"):
        given = ("bench", "--scaling", "rows", option)
        assert "no folder" in fails(*given, "nowhere/x")
        assert "is a folder; name a file" in fails(*given, tmp_path)
    assert "name two files" in fails("bench", "--scaling", "rows", "--json", "x", "--plot", "./x")
