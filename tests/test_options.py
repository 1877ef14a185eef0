from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from glassgrad.errors import OptionError
from glassgrad.options import Registry, config_of, require


def colours() -> Registry[Any]:
    registry: Registry[Any] = Registry("colour", key="type")

    @registry.add("red")
    @dataclass(frozen=True)
    class Red:
        shade: float = 0.5
        parts: tuple[int, ...] = ()

    return registry


def test_name_config_and_object_are_one():
    registry = colours()
    red = registry.build("red", shade=0.1)
    assert config_of(registry, red) == {"type": "red", "shade": 0.1, "parts": []}
    assert registry.build({"type": "red", "shade": 0.1}) == red
    assert registry.build({"type": "red", "shade": 0.1}, shade=0.2).shade == 0.2


def test_a_name_is_taken_once():
    registry = colours()
    with pytest.raises(OptionError, match="a colour named 'red' exists already"):
        registry.add("red")(int)


def test_an_unknown_class_has_no_name():
    with pytest.raises(OptionError, match="int has no name among the colours"):
        colours().name_of(int)


@pytest.mark.parametrize("config", [{"name": "red"}, 3, None, {"type": 3}])
def test_what_names_nothing_is_refused(config):
    with pytest.raises(OptionError, match="colour"):
        colours().build(config)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 1])
def test_require_accepts_what_lies_within(value):
    require("X", "x", value, least=0, most=1)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("inf"), float("nan"), True, "1", None])
def test_require_refuses_the_rest(value):
    with pytest.raises(OptionError, match=r"X: x must be a number with 0 ≤ x ≤ 1; got"):
        require("X", "x", value, least=0, most=1)
