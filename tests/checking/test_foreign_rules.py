"""Rules of PyTorch and JAX with planted faults: found, and placed."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import CheckError, DTypeError, ShapeError

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
X[2, 0] = 0.0

FAULTS = {
    "": ("", None),
    "missing derivative": ("w", None),
    "transposed": ("w", "transposed"),
    "sign": ("x", "sign"),
    "factor": ("x", "factor"),
    "zero": ("b", "zero"),
    "one element": ("w", None),
}


def faulty(fault: str, lib: Any, g: Any, x: Any, w: Any) -> tuple[Any, Any, Any]:
    """The gradients of tanh(x @ w) + b, in either library's functions."""
    d = g * (1 - lib.tanh(x @ w) ** 2)
    gx, gw, gb = d @ w.T, x.T @ d, g.sum(0)
    match fault:
        case "missing derivative":
            gw = x.T @ g
        case "transposed":
            gw = gw.T
        case "sign":
            gx = -gx
        case "factor":
            gx = gx / 2
        case "zero":
            gb = 0 * gb
        case "one element":
            mask = np.zeros((3, 2))
            mask[2, 1] = 1e-3
            gw = gw + (lib.tensor(mask) if hasattr(lib, "tensor") else mask)
        case "not summed":
            gb = g
        case "wrong axis":
            gb = g.sum(1)
    return gx, gw, gb


def judged(found: Any, name: str, cause: str | None) -> None:
    """Only the gradient with the fault is wrong, and for the right cause."""
    assert found.ok == (not name)
    for one in found:
        assert one.verdict == ("wrong" if one.name == name else "right"), repr(found)
    if name:
        assert found[name].cause == cause
        assert not found[name].right.shape or np.isfinite(found[name].right).all()


# --- PyTorch ---------------------------------------------------------------------------------------------------------


def torch_function(fault: str = "") -> Any:
    torch = pytest.importorskip("torch")

    class Layer(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any, b: Any) -> Any:
            ctx.save_for_backward(x, w)
            return torch.tanh(x @ w) + b

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return faulty(fault, torch, g, *ctx.saved_tensors)

    return Layer


@pytest.mark.parametrize("fault", FAULTS)
def test_a_torch_function_with_a_planted_fault(fault: str) -> None:
    found = gg.check(torch_function(fault), inputs=(X, W, B))
    judged(found, *FAULTS[fault])
    if fault == "one element":
        assert found["w"].at == (2, 1)
        assert found["w"].wrong == 1
    if fault == "missing derivative":
        exact = X.T @ (1 - np.tanh(X @ W) ** 2)
        assert found["w"].right.shape == exact.shape
        assert found["w"].exact is not None


def test_torch_sums_what_was_broadcast_itself() -> None:
    assert gg.check(torch_function("not summed"), inputs=(X, W, B)).ok


def test_a_shape_that_torch_refuses_is_told() -> None:
    found = gg.check(torch_function("wrong axis"), inputs=(X, W, B))
    judged(found, "b", "shape")
    assert "(5,)" in found["b"].findings[0].en
    assert "(2,)" in found["b"].findings[0].en


def test_torch_tensors_apply_and_parameters_apart_from_inputs() -> None:
    torch = pytest.importorskip("torch")
    function = torch_function("missing derivative")
    given = [torch.tensor(a, dtype=torch.float32) for a in (X, W, B)]
    found = gg.check(function.apply, inputs=tuple(given))
    judged(found, "w", None)
    found = gg.check(function, params=(X, torch.tensor(W)), inputs=(torch.tensor(B),))
    assert [one.name for one in found] == ["x", "w"]
    assert not found.ok


def test_a_torch_forward_that_leaves_torch_is_judged_by_differences() -> None:
    torch = pytest.importorskip("torch")

    class Relu(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(x: Any, slope: float = 0.0) -> Any:
            a = x.detach().numpy()
            return torch.from_numpy(np.where(a > 0, a, slope * a))

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(inputs[0])

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * (x > -0.5), None

    right = gg.check(Relu, inputs=(np.array([1.0, -1.0, 2.0]),))
    assert right.ok
    assert right["x"].exact is None
    assert "numeric" in right.notes[0].en
    wrong = gg.check(Relu, inputs=(np.array([1.0, -0.2, 2.0]),))
    assert wrong["x"].verdict == "wrong"
    assert wrong["x"].at == (1,)


def test_a_torch_forward_in_place_with_several_results_and_settings() -> None:
    torch = pytest.importorskip("torch")

    class SinCos(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, k: int, targets: Any) -> Any:
            ctx.save_for_backward(x.clone())
            ctx.k = k
            assert ctx.needs_input_grad[1] is False
            return torch.sin(x) * k, torch.cos(x)[targets]

        @staticmethod
        def backward(ctx: Any, gs: Any, gc: Any) -> Any:
            (x,) = ctx.saved_tensors
            back = torch.zeros_like(x)
            back[:2] = gc
            return ctx.k * torch.cos(x) * gs - torch.sin(x) * back, None, None

    found = gg.check(SinCos, inputs=(X[0] + 1, 3, np.array([0, 1])))
    assert [one.name for one in found] == ["x"]
    assert found.ok
    assert not gg.check(SinCos, inputs=(X[0] + 1, 3, np.array([1, 0]))).ok


def test_none_in_a_torch_rule_is_a_notice() -> None:
    torch = pytest.importorskip("torch")

    class Error(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, y: Any, t: Any) -> Any:
            ctx.save_for_backward(y, t)
            return ((y - t) ** 2).sum()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            y, t = ctx.saved_tensors
            return 2 * g * (y - t), None

    found = gg.check(Error, inputs=(X, X + 1))
    assert found.ok
    assert (found["t"].verdict, found["t"].cause) == ("notice", "zero")
    assert "None" in found["t"].findings[0].en


def test_a_torch_rule_with_too_few_gradients_or_an_error_of_its_own() -> None:
    torch = pytest.importorskip("torch")

    class Short(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            return x @ w

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g

    class Broken(Short):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return x, x

    with pytest.raises(ShapeError, match="one gradient for each argument"):
        gg.check(Short, inputs=(X, W))
    with pytest.raises(CheckError, match=r"Broken.backward failed .*test_foreign_rules.py:\d+"):
        gg.check(Broken, inputs=(X, W))


def test_random_numbers_in_torch_are_drawn_again() -> None:
    torch = pytest.importorskip("torch")

    class Dropout(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mask = (torch.rand(x.shape) > 0.5) * 2.0
            return x * ctx.mask

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.mask

    found = gg.check(Dropout, inputs=(X,))
    assert found.ok
    assert any("random" in note.en for note in found.notes)


# --- JAX -------------------------------------------------------------------------------------------------------------


def jax_function(fault: str = "") -> Any:
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    @jax.custom_vjp
    def layer(x: Any, w: Any, b: Any) -> Any:
        return jnp.tanh(x @ w) + b

    def fwd(x: Any, w: Any, b: Any) -> Any:
        return layer(x, w, b) * (2 if fault == "forward half" else 1), (x, w)

    def bwd(kept: Any, g: Any) -> Any:
        return faulty(fault, jnp, g, *kept)

    layer.defvjp(fwd, bwd)
    return layer


@pytest.mark.parametrize("fault", FAULTS)
def test_a_jax_function_with_a_planted_fault(fault: str) -> None:
    found = gg.check(jax_function(fault), inputs=(X, W, B))
    judged(found, *FAULTS[fault])
    if fault == "one element":
        assert found["w"].at == (2, 1)


def test_a_missing_sum_that_jax_refuses_is_named() -> None:
    found = gg.check(jax_function("not summed"), inputs=(X, W, B))
    judged(found, "b", "summed")
    assert ".sum(axis=0)" in found["b"].findings[1].ko


def test_the_forward_half_of_a_jax_rule_is_checked() -> None:
    found = gg.check(jax_function("forward half"), inputs=(X, W, B))
    assert not found.ok
    assert "fwd" in found.faults[0].en
    assert all(one.verdict == "right" for one in found)


def test_jax_compiled_nested_and_with_settings() -> None:
    jax = pytest.importorskip("jax")
    judged(gg.check(jax.jit(jax_function("sign")), inputs=(X, W, B)), "x", "sign")

    @functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
    def apply(h: Any, p: Any) -> Any:
        return h(p["a"]) * p["b"]

    def bwd(h: Any, p: Any, g: Any) -> Any:
        return ({"a": g * p["b"] * jax.numpy.cos(p["a"]), "b": 3 * g * h(p["a"])},)

    apply.defvjp(lambda h, p: (apply(h, p), p), bwd)
    found = gg.check(apply, inputs=(jax.numpy.sin, {"a": X, "b": X + 1}))
    assert [one.name for one in found] == ["a", "b"]
    assert [one.verdict for one in found] == ["right", "wrong"]
    assert (found["b"].cause, found["b"].factor) == ("factor", 3.0)


def test_a_jax_rule_for_tangents() -> None:
    jax = pytest.importorskip("jax")

    @jax.custom_jvp
    def f(x: Any, y: Any) -> Any:
        return jax.numpy.sin(x) * y

    @f.defjvp
    def rule(at: Any, moved: Any) -> Any:
        (x, y), (dx, dy) = at, moved
        return f(x, y), jax.numpy.cos(x) * y * dx - jax.numpy.sin(x) * dy

    judged(gg.check(f, inputs=(X, X + 1)), "y", "sign")


def test_a_jax_rule_with_too_few_gradients() -> None:
    jax = pytest.importorskip("jax")

    @jax.custom_vjp
    def f(x: Any, w: Any) -> Any:
        return x @ w

    f.defvjp(lambda x, w: (f(x, w), (x, w)), lambda kept, g: (g @ kept[1].T,))
    with pytest.raises(ShapeError, match=r"returned 1 gradient.*2 argument"):
        gg.check(f, inputs=(X, W))


# --- glassgrad -------------------------------------------------------------------------------------------------------


def own_function(fault: str = "", *, numpy: bool = False) -> Any:
    @gg.custom_vjp
    def layer(x: Any, w: Any, b: Any) -> Any:
        if numpy:
            return np.tanh(np.asarray(x) @ np.asarray(w)) + np.asarray(b)
        return gg.tanh(x @ w) + b

    @layer.defvjp
    def rule(result: Any, x: Any, w: Any, b: Any) -> Any:
        return lambda g: faulty(fault, gg, g, x, w)

    return layer


@pytest.mark.parametrize("numpy", [False, True], ids=["traced", "numpy inside"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_of_glassgrad_with_a_planted_fault(fault: str, numpy: bool) -> None:
    found = gg.check(own_function(fault, numpy=numpy), inputs=(X, W, B))
    judged(found, *FAULTS[fault])
    assert (found["x"].exact is None) == numpy


@pytest.mark.parametrize(("fault", "cause"), [("not summed", "summed"), ("wrong axis", "shape")])
def test_shapes_in_a_rule_of_glassgrad(fault: str, cause: str) -> None:
    judged(gg.check(own_function(fault), inputs=(X, W, B)), "b", cause)


def test_a_rule_for_tangents_and_rules_that_are_meant_to_be_wrong() -> None:
    @gg.custom_jvp
    def softplus(x: Any) -> Any:
        return gg.log1p(gg.exp(x))

    @softplus.defjvp
    def rule(result: Any, x: Any) -> Any:
        return lambda dx: 2 * gg.sigmoid(x) * dx

    judged(gg.check(softplus, inputs=(X,)), "x", "factor")
    judged(gg.check(softplus, inputs=(0.5,)), "x", "factor")

    @gg.custom_vjp
    def rounded(x: Any) -> Any:
        return np.round(np.asarray(x))

    rounded.defvjp(lambda result, x: lambda g: g)
    found = gg.check(rounded, inputs=(X,))
    assert (found["x"].verdict, found["x"].cause) == ("wrong", "flat")
    assert "step" in found["x"].findings[-1].en


def test_nothing_to_check_a_rule_at() -> None:
    with pytest.raises(DTypeError, match="nothing to check layer at"):
        gg.check(own_function())
    with pytest.raises(DTypeError, match="nothing to check layer at"):
        gg.check(own_function(), inputs=(1, "two"))
