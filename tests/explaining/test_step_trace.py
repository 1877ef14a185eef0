"""The trace has every number of the step, in every phase, and is read back as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DataError
from glassgrad.explaining.subjects import explain
from glassgrad.explaining.trace import Numbers, Trace, read_trace, trace, write_trace
from glassgrad.training.train_step import train_step

RNG = np.random.default_rng(0)


def numbers(found: Trace, arrays: dict[str, Any], key: str) -> Any:
    """Return the numbers of a value by its id."""
    value = next(v for v in found.values if v.id == key)
    data = value.numbers
    flat = np.array(data.data, value.dtype) if isinstance(data, Numbers) else arrays[data.key]
    return flat.reshape(value.shape)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_the_state_after_the_step_is_that_of_training(optimizer: str) -> None:
    model = gg.nn.mlp(3, [4], 2, seed=0, dtype="float64")
    X, y = RNG.normal(size=(5, 3)), RNG.integers(0, 2, 5)
    found, arrays = trace(explain(model, X, y, optimizer=optimizer, lr=0.1))
    step = train_step(model, "cross_entropy", optimizer, lr=0.1, engine="numpy")
    step(X, y)
    after = dict(model.named_parameters())
    changes = {c.name.removeprefix("model."): c for c in found.state if c.name.startswith("model.")}
    for name, parameter in after.items():
        np.testing.assert_allclose(numbers(found, arrays, changes[name].after), parameter.numpy(), rtol=1e-14)
    assert found.optimizer is not None
    assert found.optimizer["lr"] == 0.1


def test_every_operation_has_its_phase_and_backward_ones_their_cause() -> None:
    found, _ = trace(explain(gg.examples.get("two-two-two")))
    phases = [node.phase for node in found.nodes]
    assert phases == sorted(phases, key=["forward", "backward", "update"].index)
    by_id = {node.id: node for node in found.nodes}
    for node in found.nodes:
        if node.phase == "backward":
            assert node.cause is not None
            assert by_id[node.cause].phase == "forward"
        assert node.why["en"]
        assert node.why["ko"]


def test_gates_stand_where_they_are_drawn() -> None:
    found, _ = trace(explain(gg.examples.get("two-two-two")))
    assert found.gates is not None
    assert found.drawing is not None
    *gates, result = [box.key for box in found.drawing.boxes]
    assert gates == [g.key for g in found.gates if g.op != "constant"]
    assert result == f"{found.gates[-1].key}="


def test_a_large_array_lies_beside_the_trace(tmp_path: Path) -> None:
    model = gg.nn.mlp(30, [20], 3, seed=0)
    told = explain(model, RNG.normal(size=(8, 30)), RNG.integers(0, 3, 8))
    files = write_trace(told, tmp_path / "step.json")
    assert [f.name for f in files] == ["step.json", "step.npz"]
    found, arrays = read_trace(tmp_path / "step.json")
    assert found == trace(told)[0]
    weight = next(v for v in found.values if v.name == "0.weight")
    np.testing.assert_array_equal(numbers(found, arrays, weight.id), model.state_dict()["0.weight"])
    assert found.gates is None


def test_numbers_that_are_not_finite_are_null(tmp_path: Path) -> None:
    write_trace(explain(lambda x: gg.log(x), 0.0), tmp_path / "step.json")
    found, _ = read_trace(tmp_path / "step.json")
    assert next(v.numbers for v in found.values if v.id == found.result) == Numbers((None,))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": 1}', b"\x00\xff"])
def test_a_file_that_is_no_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "step.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no trace"):
        read_trace(path)


def test_a_trace_of_a_newer_version(tmp_path: Path) -> None:
    path = tmp_path / "step.json"
    write_trace(explain(lambda x: x * x, 2.0), path)
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 99'))
    with pytest.raises(DataError, match="version 99"):
        read_trace(path)


def test_the_schema_is_described() -> None:
    text = (Path(__file__).parents[2] / "docs" / "trace-schema.md").read_text(encoding="utf-8")
    for name, record in msgspec.json.schema_components([Trace])[1].items():
        assert f"## {name}" in text, name
        for key in record.get("properties", {}):
            assert f"| `{key}` |" in text, f"{name}.{key}"
