"""Tables that fill themselves when they are asked for what they do not have."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from glassgrad.catalogue import Catalogue


def _module(folder: Path, name: str, key: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / f"{name}.py").write_text(
        f"import time; time.sleep(0.05)\nfrom test_catalogue import TABLES\nTABLES[-1].add({key!r}, 1)\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, name, raising=False)
    return name


TABLES: list[Catalogue[str, int]] = []


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> Catalogue[str, int]:
    table: Catalogue[str, int] = Catalogue()
    monkeypatch.setitem(sys.modules, "test_catalogue", sys.modules[__name__])
    TABLES.append(table)
    table.add("first", 0)
    table.wait_for([_module(tmp_path, f"catalogue_{request.node.name.split('[')[0]}", "second", monkeypatch)])
    return table


def test_what_is_there_needs_no_import(table: Catalogue[str, int]) -> None:
    assert table["first"] == 0
    assert "first" in table
    assert table.here("second") is None


@pytest.mark.parametrize(
    "ask", [lambda t: t["second"], lambda t: t.get("second"), lambda t: dict(t.items())["second"]]
)
def test_what_is_missing_arrives(table: Catalogue[str, int], ask: Any) -> None:
    assert ask(table) == 1


def test_all_are_counted_and_walked_through(table: Catalogue[str, int]) -> None:
    assert len(table) == 2
    assert list(table) == list(table.keys()) == ["first", "second"]
    assert list(table.values()) == [0, 1]
    with pytest.raises(KeyError):
        table["third"]
    assert table.get("third", 7) == 7


def test_threads_wait_for_each_other(table: Catalogue[str, int]) -> None:
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(table.get("second"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 4


def test_a_key_is_taken_once(table: Catalogue[str, int]) -> None:
    assert not table.add("first", 5)
    assert table["first"] == 0


def test_training_brings_the_families_it_needs_and_no_others() -> None:
    program = (
        "import sys, numpy as np, glassgrad as gg\n"
        "gg.fit(gg.nn.mlp(2, [3], 1, seed=0), np.ones((8, 2)), np.ones((8, 1)), epochs=1, progress=False)\n"
        "print([m for m in sys.modules if m in ('glassgrad.ops.fourier', 'glassgrad.numpy_calls.shaping')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
