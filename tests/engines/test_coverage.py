"""What an engine says it lacks is what compiling refuses, for graphs of every kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines.coverage import lacking
from glassgrad.engines.native import NativeEngine, Unsupported
from glassgrad.errors import OptionError
from glassgrad.ir import Graph
from glassgrad.ops import REGISTRY, lookup


def scanned(body: Any) -> Any:
    return lambda xs: gg.scan(lambda carry, x: (carry + body(x), carry), xs[0], xs)[1]


def pair(dtype: Any) -> tuple[Any, Any]:
    return gg.Spec((4,), dtype), gg.Spec((4,), dtype)


GRAPHS: dict[str, tuple[Graph, str]] = {
    "plain": (gg.trace(lambda x: gg.relu(gg.roll(x, 1)), gg.Spec((3,))), ""),
    "open batch": (gg.trace(lambda x: gg.mean(x, axis=0), gg.Spec(("N", 3))), ""),
    "an operation": (gg.trace(gg.sort, gg.Spec((3,))), "the operation 'sort'"),
    "in an open batch": (gg.trace(gg.sort, gg.Spec(("N", 3))), "the operation 'sort'"),
    "in a loop": (gg.trace(scanned(gg.sort), gg.Spec((5, 3))), "the operation 'sort'"),
    "a loop": (gg.trace(scanned(gg.tanh), gg.Spec((5, 3))), ""),
    "complex": (gg.trace(gg.exp, gg.Spec((3,), np.complex64)), "dtype complex64"),
    "becomes complex": (gg.trace(gg.xp.fft.rfft, gg.Spec((3,))), "the operation 'rfft'"),
    "half": (gg.trace(gg.exp, gg.Spec((3,), np.float16)), "dtype float16"),
    "whole powers": (gg.trace(gg.pow, *pair(np.int64)), "pow of int64"),
    "real powers": (gg.trace(gg.pow, *pair(np.float32)), ""),
    "no elements": (gg.trace(gg.exp, gg.Spec((0, 3))), "arrays without elements"),
}


@pytest.mark.parametrize("what", GRAPHS)
def test_what_an_engine_lacks_is_what_compiling_refuses(what: str) -> None:
    graph, reason = GRAPHS[what]
    engine = NativeEngine()
    assert engine.lacks(graph).startswith(reason)
    assert bool(engine.lacks(graph)) == bool(reason)
    arrays = [np.ones([d if isinstance(d, int) else 2 for d in v.shape], v.dtype) for v in graph.inputs]
    if reason:
        with pytest.raises(Unsupported) as refused:
            engine.compile(graph)(*arrays)
        assert str(refused.value) == engine.lacks(graph)
    else:
        engine.compile(graph)(*arrays)


def test_numpy_runs_every_record() -> None:
    assert not any(lacking(op, "numpy") for op in REGISTRY.values())


def test_of_the_records_what_networks_use_is_compiled() -> None:
    left = {name for name, op in REGISTRY.items() if lacking(op, "native")}
    assert {name for name in left if lookup(name).home in ("xp", "inside")} == {
        "argsort", "cofactor", "cofactor_slope", "digamma", "digamma_slope", "lgamma", "nextafter", "over_gaps",
        "searchsorted", "solve_triangular", "sort", "spanning",
    }  # fmt: skip
    assert {"cross", "diagonal", "vector_norm"}.isdisjoint(left)


def test_samples_that_are_complex_are_left_out_where_there_are_others() -> None:
    assert lacking(lookup("real"), "native") == ""
    assert lacking(lookup("prod"), "native") == ""


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(OptionError, match=r"there is no engine 'nativ'\. Did you mean 'native'"):
        lacking(lookup("tanh"), "nativ")
