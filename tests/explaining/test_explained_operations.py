"""Every record on a path: its local derivatives add up to the gradient; what cannot be followed is refused plainly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import DTypeError, OptionError
from glassgrad.explaining.linearise import NotFollowed, links_of
from glassgrad.explaining.names import Names
from glassgrad.explaining.paths import Paths
from glassgrad.explaining.replay import replay
from glassgrad.explaining.scalars import scalar_gates
from glassgrad.explaining.trace import read_trace, write_trace
from glassgrad.graph import Builder
from glassgrad.ir import Graph
from glassgrad.ops import REGISTRY, Sample

RNG = np.random.default_rng(0)


def dtypes(sample: Sample) -> list[np.dtype[Any]]:
    return [x.dtype for x in sample.inputs if isinstance(x, np.ndarray)]


REAL = [
    pytest.param(name, sample, id=f"{name}-{k}")
    for name, op in REGISTRY.items()
    for k, sample in enumerate(op.samples)
    if op.pull is not None
    and not sample.complex
    and all(d.kind != "c" for d in dtypes(sample))
    and (
        not dtypes(sample)
        or len(dtypes(sample)) < len(sample.inputs)
        or any(d.kind == "f" for d in dtypes(sample))
    )
]


def weighted(name: str, sample: Sample) -> tuple[Graph, list[np.ndarray[Any, Any]]]:
    """Return a graph of one operation whose real results are weighted and added up, and inputs for it."""
    given_arrays = [
        x if isinstance(x, np.ndarray) else RNG.uniform(sample.low, sample.high, x) for x in sample.inputs
    ]
    builder = Builder(name)
    handles = [builder.input(a.shape, a.dtype, f"x{i}") for i, a in enumerate(given_arrays)]
    with builder.active():
        call = REGISTRY[name].call
        made = (
            call(builder, handles, **sample.kwargs)
            if name == "concat"
            else call(builder, *handles, **sample.kwargs)
        )
        total: Any = 0.0
        for one in made if REGISTRY[name].several else [made]:
            if one.dtype.kind in "fc":
                size = builder.abs(one) if one.dtype.kind == "c" else one
                total = builder.add(
                    builder.sum(builder.multiply(size, RNG.uniform(0.5, 1.5, tuple(one.shape)))), total
                )
        graph = builder.finish([total])
    return graph, given_arrays


@pytest.mark.parametrize(("name", "sample"), REAL)
def test_the_sum_over_paths_is_the_gradient(name: str, sample: Sample) -> None:
    graph, inputs = weighted(name, sample)
    played = replay(graph, inputs)
    followed = Paths(played)
    for value in played.graph.inputs:
        size = played.values[value].size
        if value.dtype.kind != "f" or not size:
            continue
        if any(v.dtype.kind == "c" for node in played.graph.nodes for v in node.outputs):
            with pytest.raises(NotFollowed, match=f"this run has complex ones at {name}"):
                followed.why(value, 0)
            continue
        for element in {0, size // 2, size - 1}:
            found = followed.why(value, element)
            exactly = math.fsum([*(p.product for p in found.paths), found.others])
            assert found.gradient == pytest.approx(exactly, rel=1e-12, abs=1e-12 * max(found.size, 1.0))


# --- functions of several of them ------------------------------------------------------------------------------------

VECTOR = arrays(np.float64, 5, elements=st.floats(-3, 3, allow_subnormal=False), unique=True)
WEIGHTS = np.array([0.7, -1.3, 0.4, 2.1, -0.6])


def leaders(x: Any) -> Any:
    values, indices = xp.topk(x, 3)
    return gg.sum(values * WEIGHTS[:3] + gg.take(x, indices) ** 2)


def system(x: Any) -> Any:
    A = gg.reshape(x[:4], (2, 2)) + 4.0 * np.eye(2)
    sign, size = gg.linalg.slogdet(A)
    return gg.sum(gg.linalg.solve(A, x[3:]) ** 2) + sign * size


def spectrum(x: Any) -> Any:
    A = gg.reshape(x[:4], (2, 2)) + np.array([[3.0, 0.2], [0.1, -5.0]])
    values, vectors = gg.linalg.eigh(A + A.T)
    return values[0] * vectors[0, 1] ** 2 + gg.linalg.svd(A)[1][0]


def written(x: Any) -> Any:
    y = gg.index_set(x, np.array([0, 3]), x[1:3] * 2.0)
    return gg.sum(gg.pad(gg.scatter_add(y, [1, 1], x[:2]), (1, 2), "reflect") * gg.arange(8.0))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sorted": lambda x: gg.sum(gg.sort(x, descending=True) * WEIGHTS) + gg.median(x) * x[0],
    "running": lambda x: gg.sum(xp.cummax(x) * gg.roll(x, 2)) + gg.sum(gg.diff(x) ** 2),
    "leaders": leaders,
    "written": written,
    "system": system,
    "spectrum": spectrum,
    "quantiles": lambda x: xp.quantile(x, 0.3) * xp.quantile(x, 0.8) + gg.linalg.vector_norm(x + 5.0),
    "special": lambda x: gg.sum(xp.lgamma(x + 4.0) * xp.sinc(x) + xp.erfc(x) * xp.cbrt(x + 4.0)),
    "angles": lambda x: gg.sum(gg.atan2(x + 4.0, gg.roll(x, 1)) * gg.hypot(x, 2.0) + gg.copysign(x, -1.0)),
    "remainders": lambda x: gg.sum(gg.remainder(x, 0.7) * gg.fmod(x, 1.1) + gg.floor(x) * x),
    "masked": lambda x: gg.sum(gg.where(gg.isnan(x), 0.0, xp.logaddexp(x, gg.flip(x)))),
    "products": lambda x: xp.einsum("i,j,ij->", x, x, np.outer(WEIGHTS, WEIGHTS)) + gg.prod(x + 4.0),
    "segments": lambda x: gg.sum(xp.segment_sum(x, np.array([0, 1, 0, 2, 1]), 3) ** 2),
    "again": lambda x: gg.sum(gg.checkpoint(lambda x: gg.exp(gg.sin(x)) * x)(x)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=15, deadline=None)
@given(x=VECTOR)
def test_paths_through_new_operations_add_up(name: str, x: np.ndarray[Any, Any]) -> None:
    told = gg.explain(FUNCTIONS[name], x)
    expected = gg.grad(FUNCTIONS[name])(gg.tensor(x)).numpy()
    for i in range(len(x)):
        why = told.why(f"x[{i}]")
        sums = why.paths
        exactly = math.fsum([*(p.product for p in sums.paths), sums.others])
        assert why.gradient == pytest.approx(expected[i], rel=1e-9, abs=1e-9 * max(1.0, sums.size))
        assert abs(exactly - why.gradient) <= 1e-11 * max(sums.size, 1.0)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gates_and_documents_of_new_operations(name: str) -> None:
    told = gg.explain(FUNCTIONS[name], np.array([0.3, -1.2, 2.5, 1.1, -0.4]))
    gates = told.gates(most=2000)
    back: dict[str, list[float]] = {}
    for gate in gates.values():
        for key, part in zip(gate.inputs, gate.downstream(), strict=True):
            back.setdefault(key, []).append(part or 0.0)
    for i in range(5):
        assert math.fsum(back.get(f"x[{i}]", ())) == pytest.approx(
            gates[f"x[{i}]"].gradient, rel=1e-9, abs=1e-9
        )
    for lang in ("en", "ko"):
        assert told.text("x[0]", lang=lang)
        assert told.html(lang=lang)


# --- links -----------------------------------------------------------------------------------------------------------


def test_what_moves_numbers_is_followed_without_being_listed() -> None:
    x = np.arange(3000.0)
    told = gg.explain(lambda x: gg.sum(gg.index_set(gg.roll(x, 1), [0, 1], x[:2]) * gg.pad(x[1:], (1, 0))), x)
    assert told.why("x[1]").paths.number == 3.0
    mixed = gg.explain(lambda x: gg.sum(gg.concat([x, np.array([1, 2])]) ** 2), np.array([3.0]))
    assert mixed.why("x[0]").paths.number == 1.0
    assert mixed.gates()["x[0]"].gradient == 6.0


def test_each_of_several_results_has_its_own_links() -> None:
    graph = gg.trace(lambda x: gg.linalg.slogdet(x)[1], gg.Spec((2, 2)))
    played = replay(graph, [[[2.0, 1.0], [0.5, 3.0]]])
    sign, size = links_of(played, played.graph.nodes[0])
    assert [link.target for link in (sign, size)] == list(played.graph.nodes[0].outputs)
    assert sign.onward(np.arange(4))[2].tolist() == []
    assert size.carried(np.ones(4)) == pytest.approx(np.linalg.inv([[2.0, 1.0], [0.5, 3.0]]).sum())
    gates = scalar_gates(played, Names(played.graph))
    assert gates["slogdet.1"].value == pytest.approx(math.log(5.5))


def test_several_results_are_called_after_their_variables() -> None:
    def f(x: Any) -> Any:
        values, vectors = gg.linalg.eigh(x)
        return values[0] * vectors[0, 0]

    told = gg.explain(f, np.array([[2.0, 0.5], [0.5, 1.0]]))
    assert {"values", "vectors"} <= set(told.names.all())
    unnamed = gg.explain(lambda x: gg.linalg.eigh(x)[1][0, 0], np.array([[2.0, 0.2], [0.2, 1.0]]))
    assert {"eigh.0", "eigh.1"} <= set(unnamed.names.all())


def test_a_rule_of_its_own_is_what_is_explained() -> None:
    @gg.custom_vjp
    def straight(x: Any) -> Any:
        return gg.sign(x)

    straight.defvjp(lambda result, x: lambda g: (g * 3.0,))
    told = gg.explain(lambda x: gg.sum(straight(x) * 2.0), np.array([0.4, -0.2]))
    why = told.why("x[1]")
    assert why.gradient == 6.0
    assert [stop.derivative for stop in why.paths.paths[0].stops] == [3.0, 2.0, 1.0]
    assert "straight" in told.names.all()
    assert "whoever wrote the function" in told.text()


# --- complex numbers -------------------------------------------------------------------------------------------------


def test_complex_numbers_on_a_path_are_refused_plainly_and_the_gradient_is_right(tmp_path: Any) -> None:
    f = lambda x: gg.sum(gg.abs(gg.fft.rfft(x)) ** 2) + x[0] ** 2  # noqa: E731
    x = np.array([1.0, -0.5, 2.0, 0.3])
    told = gg.explain(f, x)
    assert told.played.gradient(told.weights[0]) == pytest.approx(gg.grad(f)(gg.tensor(x)).numpy())
    with pytest.raises(NotFollowed, match=r"complex ones at rfft \(test_explained_operations.py:\d+\)"):
        told.why("x[1]")
    with pytest.raises(NotFollowed, match="complex"):
        told.gates()
    with pytest.raises(NotFollowed, match="complex"):
        told.zoom("abs[0]")
    text = told.text(width=300)
    assert "explanations follow real numbers; this run has complex ones at rfft" in text
    assert "이 실행에는 복소수가 있다: rfft" in told.text(lang="ko", width=300)
    found = read_trace(write_trace(told, tmp_path / "step.json")[0])
    assert any(array.dtype.kind == "c" for array in found[1].values())


def test_a_path_beside_complex_numbers_is_followed() -> None:
    told = gg.explain(lambda x, y: x * 2.0 + gg.abs(gg.exp(1j * y)), 3.0, 0.5)
    assert told.why("x").paths.number == 1.0
    with pytest.raises(NotFollowed):
        told.why("y")


def test_a_complex_argument_or_result_is_refused_plainly() -> None:
    told = gg.explain(lambda z, x: gg.sum(gg.abs(z)) * x, np.array([1.0 + 2.0j]), 2.0)
    assert told.why("x").gradient == pytest.approx(math.sqrt(5))
    with pytest.raises(OptionError, match="explanations follow real numbers"):
        told.why("z[0]")
    with pytest.raises(DTypeError, match=r"returns a complex128: take gg.real"):
        gg.explain(lambda x: gg.sum(gg.fft.fft(x)), np.ones(3))
