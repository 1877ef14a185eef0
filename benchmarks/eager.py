"""What differentiation costs beside the arithmetic: glassgrad, PyTorch, JAX and autograd, taking turns in one run.

    python benchmarks/eager.py [operations] [chain] [solve]

``operations``: microseconds for one operation on arrays of three numbers, without and with a gradient wanted (JAX and
autograd have no such switch: their second column is an operation while `grad` runs). ``chain``: seconds for the
forward and the backward pass of a scalar graph of 100 000 nodes. ``solve``: how many times the forward time of a
1000×1000 system its gradient takes, forward included. Peers that are not installed are left out. Run it on an idle
machine.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import glassgrad as gg

ROUNDS = 15
NODES = 100_000
ORDER = 1000

Timed = Callable[[], float]


def _call(f: Callable[[], Any], repeats: int = 2000) -> float:
    """Return the seconds that one call takes, the mean of `repeats`."""
    begin = time.perf_counter()
    for _ in range(repeats):
        f()
    return (time.perf_counter() - begin) / repeats


def turns(contestants: Mapping[str, Timed], rounds: int = ROUNDS) -> dict[str, tuple[float, float, float]]:
    """Return (median, first and third quartile) of what each contestant says, taking turns after a warm-up."""
    for timed in contestants.values():
        timed()
    found = np.array([[timed() for timed in contestants.values()] for _ in range(rounds)])
    quartiles = np.quantile(found, [0.5, 0.25, 0.75], axis=0)
    return {name: tuple(quartiles[:, i]) for i, name in enumerate(contestants)}  # type: ignore[misc]


def _has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


# --- one operation -------------------------------------------------------------------------------------------------

OPERATIONS: dict[str, tuple[str, str]] = {
    "x + y": ("x + y", "x + y"),
    "x * 2": ("x * 2.0", "x * 2.0"),
    "exp": ("xp.exp(x)", "xp.exp(x)"),
    "A @ x": ("A @ x", "A @ x"),
    "sum": ("xp.sum(x)", "xp.sum(x)"),
    "mean": ("xp.mean(x)", "xp.mean(x)"),
    "x[0]": ("x[0]", "x[0]"),
    "where": ("xp.where(c, x, y)", "xp.where(c, x, y)"),
    "maximum(x, 0)": ("xp.maximum(x, 0.0)", "xp.maximum(x, zero)"),
    "reshape": ("xp.reshape(A, (9,))", "xp.reshape(A, (9,))"),
}
"""The program in the namespace of each library; PyTorch's differs where it takes no numbers."""


def _arrays() -> dict[str, np.ndarray[Any, Any]]:
    return {"x": np.array([0.5, 1.0, 1.5]), "y": np.ones(3), "A": np.eye(3)}


def _glassgrad(code: str, wanted: bool) -> Callable[[], Any]:
    values: dict[str, Any] = {k: gg.tensor(v, requires_grad=wanted) for k, v in _arrays().items()}
    values |= {"xp": gg.xp, "c": gg.asarray(np.array([True, False, True]))}
    return eval(f"lambda: {code}", values)  # type: ignore[no-any-return]


def _torch(code: str, wanted: bool) -> Callable[[], Any]:
    import torch

    torch.set_num_threads(1)
    values: dict[str, Any] = {k: torch.tensor(v, requires_grad=wanted) for k, v in _arrays().items()}
    values |= {
        "xp": torch,
        "c": torch.tensor([True, False, True]),
        "zero": torch.zeros((), dtype=torch.float64),
    }
    return eval(f"lambda: {code}", values)  # type: ignore[no-any-return]


def _functional(library: str, code: str, wanted: bool) -> Timed:
    """Return the time of an operation in a library whose gradients are transforms: inside `grad` where wanted."""
    xp = importlib.import_module("jax.numpy" if library == "jax" else "autograd.numpy")
    grad = importlib.import_module(library).grad
    numbers = _arrays()
    given = {k: xp.asarray(v) for k, v in numbers.items()} if library == "jax" else numbers
    found: list[float] = []

    def measured(values: Any) -> Any:
        f = eval(f"lambda: {code}", {**values, "xp": xp, "c": xp.array([True, False, True])})
        if library == "jax" and not wanted:
            found.append(_call(lambda: f().block_until_ready(), 300))
        else:
            found.append(_call(f, 300))
        return xp.sum(values["x"])

    def timed() -> float:
        if wanted:
            grad(measured)(given)
        else:
            measured(given)
        return found.pop()

    return timed


def operations() -> None:
    """Print the time of one operation in each library."""
    for wanted in (False, True):
        print(
            f"\none operation on three numbers, µs, {'a gradient wanted' if wanted else 'no gradient wanted'}"
        )
        for name, (code, torch_code) in OPERATIONS.items():
            f = _glassgrad(code, wanted)
            contestants: dict[str, Timed] = {"glassgrad": lambda f=f: _call(f)}  # type: ignore[misc]
            if _has("torch"):
                g = _torch(torch_code, wanted)
                contestants["PyTorch"] = lambda g=g: _call(g)  # type: ignore[misc]
            for library in ("jax", "autograd"):
                if _has(library):
                    contestants[library] = _functional(library, code, wanted)
            _print(name, turns(contestants), 1e6, "µs")


# --- a long chain --------------------------------------------------------------------------------------------------


def _chain(x: Any) -> Any:
    for _ in range(NODES // 2):
        x = x * 1.00001 + 0.5
    return x


def chain() -> None:
    """Print the time of the backward pass of a scalar graph of 100 000 nodes, and of both passes."""

    def ours() -> float:
        x = gg.tensor(1.0, requires_grad=True)
        z = _chain(x)
        begin = time.perf_counter()
        z.backward()
        return time.perf_counter() - begin

    contestants: dict[str, Timed] = {"glassgrad": ours}
    if _has("torch"):

        def theirs() -> float:
            import torch

            x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
            z = _chain(x)
            begin = time.perf_counter()
            z.backward()
            return time.perf_counter() - begin

        contestants["PyTorch"] = theirs
    if _has("autograd"):

        def autograds() -> float:
            import autograd

            pull, _ = autograd.make_vjp(_chain)(1.0)
            begin = time.perf_counter()
            pull(1.0)
            return time.perf_counter() - begin

        contestants["autograd"] = autograds
    print(f"\na scalar graph of {NODES} nodes, seconds backward (JAX, some 0.1 ms an operation, is left out)")
    _print("backward", turns(contestants, 5), 1, "s")


# --- solve ---------------------------------------------------------------------------------------------------------


def solve() -> None:
    """Print how many times the forward time the gradient of a solve takes, forward included."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(ORDER, ORDER)), rng.normal(size=ORDER)

    def ratio(forward: Callable[[], Any], both: Callable[[], Any]) -> float:
        begin = time.perf_counter()
        forward()
        middle = time.perf_counter()
        both()
        return (time.perf_counter() - middle) / (middle - begin)

    gradient = gg.value_and_grad(lambda a, b: gg.sum(gg.xp.linalg.solve(a, b)), (0, 1))
    plain = gg.asarray(a), gg.asarray(b)
    contestants: dict[str, Timed] = {
        "glassgrad": lambda: ratio(lambda: gg.xp.linalg.solve(*plain), lambda: gradient(a, b))
    }
    if _has("torch"):
        import torch

        torch.set_num_threads(2)
        ta, tb = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)

        def both() -> None:
            torch.autograd.grad(torch.linalg.solve(ta, tb).sum(), [ta, tb])

        def forward() -> None:
            with torch.no_grad():
                torch.linalg.solve(ta, tb)

        contestants["PyTorch"] = lambda: ratio(forward, both)
    if _has("jax"):
        import jax

        jax.config.update("jax_enable_x64", True)
        ja, jb = jax.numpy.asarray(a), jax.numpy.asarray(b)
        jf = jax.jit(jax.numpy.linalg.solve)
        jg = jax.jit(jax.value_and_grad(lambda a, b: jax.numpy.linalg.solve(a, b).sum(), (0, 1)))
        contestants["jax"] = lambda: ratio(
            lambda: jf(ja, jb).block_until_ready(), lambda: jax.block_until_ready(jg(ja, jb))
        )
    if _has("autograd"):
        import autograd
        import autograd.numpy as anp

        ag = autograd.value_and_grad(lambda ab: anp.sum(anp.linalg.solve(ab[0], ab[1])))
        contestants["autograd"] = lambda: ratio(lambda: np.linalg.solve(a, b), lambda: ag((a, b)))
    print(f"\nvalue and gradient of solve, {ORDER}×{ORDER}, as a multiple of the forward time")
    _print("solve", turns(contestants, 9), 1, "×")


def _print(name: str, found: Mapping[str, tuple[float, float, float]], unit: float, symbol: str) -> None:
    told = "   ".join(
        f"{who} {m * unit:.2f} ({a * unit:.2f}–{b * unit:.2f}) {symbol}" for who, (m, a, b) in found.items()
    )
    print(f"  {name:<14} {told}")


if __name__ == "__main__":
    parts: dict[str, Callable[[], None]] = {"operations": operations, "chain": chain, "solve": solve}
    for part in sys.argv[1:] or parts:
        parts[part]()
