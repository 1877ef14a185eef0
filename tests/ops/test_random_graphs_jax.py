"""Random graphs of 5 to 40 operations, real and complex: their values and gradients are JAX's.

A graph is drawn step by step on numbers, and a step on or near a kink, a branch cut or a pole is left out: what happens
there is a convention, and `test_op_conventions.py` has those. What is left must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from glassgrad.errors import GlassgradError
from glassgrad.functional import vjp
from glassgrad.ops import REGISTRY
from glassgrad.tensors import T
from random_graphs import BINARY, UNARY

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax.scipy import special  # noqa: E402
from op_peers import peers  # noqa: E402

jax.config.update("jax_enable_x64", True)

NAMED = {
    "relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, "silu": jax.nn.silu, "softplus": jax.nn.softplus,
    "elu": jax.nn.elu, "leaky_relu": lambda x: jax.nn.leaky_relu(x, 0.01),
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "softmax": jax.nn.softmax, "log_softmax": jax.nn.log_softmax, "logsumexp": special.logsumexp,
    "median": lambda x, **k: jnp.median(x, **k) if x.ndim else x,  # JAX gives one number an axis with keepdims
    "identity": lambda x: x, "step": lambda x: jnp.heaviside(x, 1.0), "stop_gradient": jax.lax.stop_gradient,
    "binary_cross_entropy_with_logits": lambda x, t: jax.nn.softplus(x) - t * x,
}  # fmt: skip
"""Functions that JAX has under another name and that no table of peers holds."""

COMPILED_SOON = {
    "xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True,
    "xla_cpu_use_fusion_emitters": False,
}  # fmt: skip
"""Options of XLA: each graph runs once, so what counts is how soon it is compiled."""

LEFT_OUT = {
    "again": "what checkpoints recompute; tests/graph has it",
    "direction": "JAX takes the complex sign to be flat",
    "sign": "likewise",
    "strong_multiply": "a helper of rules",
    "binary_cross_entropy": "of probabilities and targets, not of any numbers",
    "nextafter": "no derivative in JAX",
}
"""Records that take no part."""

UNARIES, BINARIES = ([n for n in names if n not in LEFT_OUT] for names in (UNARY, BINARY))

COMPLEX = {op.name for op in REGISTRY.values() if any(s.complex for s in op.samples)} | {
    "diff", "flip", "nansum", "roll"
}  # fmt: skip
"""What takes complex numbers; the others are drawn on real ones only."""


class Jax:
    """The operations by glassgrad's names, in JAX."""

    def __init__(self) -> None:
        self.peers = peers()

    def __getattr__(self, name: str) -> Any:
        peer = self.peers.get(name)
        if peer is not None and peer.jax is not None:
            return peer.jax
        return NAMED[name] if name in NAMED else getattr(jnp, name)


JAX = Jax()


@dataclass(frozen=True)
class Step:
    """One operation: what it does in a namespace, and on which of the values before it."""

    text: str
    f: Callable[..., Any]
    at: tuple[int, ...]


def named(name: str, **kwargs: Any) -> Any:
    """Return the operation `name` with settings; one that takes real numbers only takes the real parts."""

    def f(F: Any, *xs: Any) -> Any:
        if name not in COMPLEX:
            xs = tuple(F.real(x) for x in xs)
        return getattr(F, name)(*xs, **kwargs)

    return f


# --- steps ---------------------------------------------------------------------------------------------------------

ALONG_AXES = ("sum", "mean", "prod", "max", "min", "var", "std", "logsumexp", "median", "nansum")
ALONG_AXIS = ("cumulative_sum", "cumulative_prod", "cummax", "cummin", "softmax", "log_softmax", "sort", "flip",
              "roll", "diff", "fft", "ifft", "rfft", "irfft")  # fmt: skip
NUMBERS = (0.5, -3, 2.0, 1.5 - 0.5j)
PICKS = (
    (..., 0), (..., slice(None, None, -1)), (..., slice(1, None)), (..., None), (None, slice(0, 2)),
    (..., np.array([0, -1, 0])), (np.array([[1], [0]]),), (..., np.array([1, 0]), slice(None)),
)  # fmt: skip


def _draw_step(draw: Any, values: list[Any]) -> Step:
    """Draw an operation and what it takes; whether it fits is seen when it runs."""
    i, j = (draw(st.integers(0, len(values) - 1)) for _ in range(2))
    rank = values[i].ndim
    axis = draw(st.integers(0, max(rank - 1, 0)))
    kind = draw(
        st.sampled_from(("unary", "binary", "number", "reduce", "along", "shape", "pick", "pair", "parts"))
    )
    if kind == "unary":
        name = draw(st.sampled_from(UNARIES))
        return Step(name, named(name), (i,))
    if kind == "binary":
        name = draw(st.sampled_from(BINARIES))
        return Step(name, named(name), (i, j))
    if kind == "number":
        name, number = draw(st.sampled_from(("add", "multiply", "subtract"))), draw(st.sampled_from(NUMBERS))
        return Step(f"{name} {number}", lambda F, x: getattr(F, name)(x, number), (i,))
    if kind == "reduce":
        name = draw(st.sampled_from(ALONG_AXES))
        over, keepdims = draw(st.sampled_from((None, axis))), draw(st.booleans())
        return Step(f"{name} over {over}, {keepdims}", named(name, axis=over, keepdims=keepdims), (i,))
    if kind == "along":
        name = draw(st.sampled_from(ALONG_AXIS))
        more = {"roll": {"shift": 1}, "sort": {"descending": draw(st.booleans())}}.get(name, {})
        return Step(f"{name} along {axis}", named(name, axis=axis, **more), (i,))
    if kind == "shape":
        return _shape(draw(st.sampled_from(("flat", "turn", "wide", "tile"))), rank, i)
    if kind == "pick":
        index = draw(st.sampled_from(PICKS))
        return Step(f"[{index}]", lambda F, x: x[index], (i,))
    if kind == "pair":
        return _pair(draw(st.sampled_from(("matmul", "join", "pile", "choose", "take"))), axis, i, j)
    return _parts(draw(st.sampled_from(("make", "real", "imag", "conj", "modulus"))), i, j)


def _shape(kind: str, rank: int, i: int) -> Step:
    f = {
        "flat": lambda F, x: F.reshape(x, (-1,)),
        "turn": lambda F, x: F.permute_dims(x, tuple(reversed(range(rank)))),
        "wide": lambda F, x: F.broadcast_to(x, (2, *x.shape)),
        "tile": lambda F, x: F.concat([x, F.flip(x, axis=0)], axis=rank - 1),
    }[kind]
    return Step(kind, f, (i,))


def _pair(kind: str, axis: int, i: int, j: int) -> Step:
    f = {
        "matmul": lambda F, x, y: F.matmul(x, F.matrix_transpose(y)),
        "join": lambda F, x, y: F.concat([x, y], axis=axis),
        "pile": lambda F, x, y: F.stack([x, y]),
        "choose": lambda F, x, y: F.where(F.greater(F.real(x), 0.25), x, y),
        "take": lambda F, x, y: F.take_along_axis(x, F.argsort(F.real(y), axis=axis), axis=axis),
    }[kind]
    return Step(kind, f, (i, j))


def _parts(kind: str, i: int, j: int) -> Step:
    if kind == "make":
        return Step("complex", lambda F, x, y: F.add(F.real(x), F.multiply(F.real(y), 1j)), (i, j))
    name = "abs" if kind == "modulus" else kind
    return Step(name, named(name), (i,))


# --- graphs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Program:
    """A graph: real inputs, steps, the shapes and dtypes of their results; its loss weighs all that are not used."""

    inputs: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]
    types: tuple[tuple[tuple[int, ...], str], ...]

    def loss(self, F: Any, *inputs: Any) -> Any:
        values = list(inputs)
        for step, expected in zip(self.steps, self.types, strict=True):
            z = step.f(F, *(values[k] for k in step.at))
            assert (tuple(z.shape), str(z.dtype)) == expected, step
            values.append(z)
        used = {k for step in self.steps for k in step.at}
        ends = [F.real(F.sum(F.multiply(z, _weights(z)))) for k, z in enumerate(values) if k not in used]
        return F.sum(F.stack(ends))


def _weights(z: Any) -> np.ndarray:
    w = np.cos(np.arange(np.prod(z.shape))).reshape(z.shape)  # 1 for a single number
    return w * (1 - 0.7j) if np.dtype(z.dtype).kind == "c" else w


def _moved(x: np.ndarray, by: float) -> np.ndarray:
    noise = by * np.cos(7.0 + 3 * np.arange(x.size)).reshape(x.shape)
    return x + (noise * (1 + 0.6j) if x.dtype.kind == "c" else noise)


def _slopes(f: Any, xs: list[np.ndarray]) -> list[np.ndarray]:
    z, pull = vjp(f, *xs)
    return [z.numpy(), *(g.numpy() for g in pull(_weights(z)))]


def _settled(step: Step, xs: list[np.ndarray]) -> np.ndarray | None:
    """Return the result where it is moderate and neither it nor its gradient jumps nearby."""
    f = lambda *xs: step.f(T, *xs)  # noqa: E731
    with np.errstate(all="ignore"):
        try:
            here = _slopes(f, xs)
            if here[0].dtype.kind not in "fc" or not 0 < here[0].size <= 40 or here[0].ndim > 3:
                return None
            near = _slopes(f, [_moved(x, 1e-6) for x in xs])
        except GlassgradError:
            return None  # what was drawn does not fit
    if step.text.startswith("std") and (here[0] < 1e-3).any():
        return None  # of a single number, say: a kink that no move leaves
    for a, b in zip(here, near, strict=True):
        if not (np.abs(a) <= 30).all() or not (np.abs(a - b) <= 1e-3).all():
            return None
    return here[0]


@st.composite
def programs(draw: Any) -> Program:
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    shapes = draw(st.lists(st.sampled_from(((), (3,), (2, 3), (3, 1), (2, 2, 3))), min_size=1, max_size=3))
    inputs = tuple(rng.normal(size=shape) for shape in shapes)
    values: list[np.ndarray] = list(inputs)
    steps: list[Step] = []
    wanted = draw(st.integers(5, 40))
    for _ in range(3 * wanted):
        step = _draw_step(draw, values)
        z = _settled(step, [values[k] for k in step.at])
        if z is not None:
            values.append(z)
            steps.append(step)
        if len(steps) == wanted:
            break
    assume(len(steps) >= 5)
    return Program(inputs, tuple(steps), tuple((z.shape, str(z.dtype)) for z in values[len(inputs) :]))


def _compare(program: Program) -> None:
    xs = list(program.inputs)
    with np.errstate(all="ignore"):
        z, *ours = _slopes(lambda *a: program.loss(T, *a), xs)
        _, *near = _slopes(lambda *a: program.loss(T, *a), [_moved(x, 1e-9) for x in xs])
    scale = max(1.0, *(np.abs(g).max() for g in ours))
    assume(all((np.abs(a - b) <= 1e-4 * scale).all() for a, b in zip(ours, near, strict=True)))
    at = tuple(range(len(xs)))
    value, theirs = jax.jit(
        jax.value_and_grad(lambda *a: program.loss(JAX, *a), at), compiler_options=COMPILED_SOON
    )(*xs)
    np.testing.assert_allclose(z, value, rtol=1e-8, atol=1e-8)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7 * scale)


@given(programs())
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
def test_random_graphs_have_jaxs_values_and_gradients(program: Program) -> None:
    _compare(program)


@pytest.mark.slow
@given(programs())
@settings(max_examples=3000, suppress_health_check=list(HealthCheck))
def test_thousands_of_random_graphs_have_jaxs_values_and_gradients(program: Program) -> None:
    _compare(program)


def test_every_elementwise_record_takes_part() -> None:
    for name in (*UNARIES, *BINARIES, *ALONG_AXES, *ALONG_AXIS):
        assert callable(getattr(JAX, name))
        assert callable(getattr(T, name))
    assert set(LEFT_OUT) <= {*UNARY, *BINARY}
