"""What is returned where a derivative does not exist, beside what PyTorch and JAX return there.

The rule: of all subgradients the one of least norm, of the operation as a function of its array arguments (a Python
number is part of the operation: ``maximum(x, 0)`` is ReLU); ties share evenly; where a limit exists, the limit.
Each row is a program in the three libraries with the gradient of the sum of its results; the tests run every row in
every library that is installed, so that what the documentation says of the others stays true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, nan
from typing import Any, TypeAlias

import numpy as np

from glassgrad.language import Text

__all__ = ["CONVENTIONS", "Convention"]

Meets: TypeAlias = Callable[[Sequence[Any], Any, Mapping[str, Any]], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """One hard place.

    Attributes
    ----------
    case
        What happens there, for people.
    meets
        ``meets(inputs, result, attrs)``: where a run of the operation on arrays is at that place, true or false for
        each element of the result, or for all; None where it is nothing a reader need be told.
    op
        The operation's record, or the function.
    at
        The inputs ``x``, ``y``, ``w`` of the programs: numbers or nested lists, real.
    code, torch, jax
        The program in terms of ``xp`` (glassgrad.xp), ``torch`` and ``jnp``, ``jax``; empty where a library lacks it.
    gives, torch_gives, jax_gives
        The gradient of the sum of the results for each input.
    about
        The inputs whose gradient is meant, where not all are: a run is at the place if one of them has one.
    """

    case: Text
    meets: Meets | None
    op: str
    at: tuple[Any, ...]
    code: str
    gives: tuple[Any, ...]
    torch: str = ""
    torch_gives: tuple[Any, ...] = ()
    jax: str = ""
    jax_gives: tuple[Any, ...] = ()
    about: tuple[int, ...] = ()


def _row(
    en: str,
    ko: str,
    meets: Meets | None,
    op: str,
    at: tuple[Any, ...],
    ours: Any,
    torch: Any,
    jax: Any,
    about: tuple[int, ...] = (),
) -> Convention:
    """Make a row of (program, gradients) in each library."""
    return Convention(
        case=Text(en, ko),
        meets=meets,
        op=op,
        at=at,
        code=ours[0],
        gives=ours[1],
        torch=torch[0],
        torch_gives=torch[1],
        jax=jax[0],
        jax_gives=jax[1],
        about=about,
    )


def _zero(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return xs[0] == 0


def _any_zero(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return np.any(xs[0] == 0)


def _both_zero(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return (xs[0] == 0) & (xs[1] == 0)


def _equal(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return xs[0] == xs[1]


def _at_bound(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return xs[0] == attrs["bound"]


def _at_a_bound(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return (xs[0] == attrs["min"]) | (xs[0] == attrs["max"])


def _at_hardtanh(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return (np.abs(xs[0]) == 1) & (attrs["min"] == -1) & (attrs["max"] == 1)


def _constant(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return z == 0


def _no_length(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return (z == 0) & (attrs["ord"] == 2)


def _zeros_in_sum(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return np.any(xs[0] == 0, axis=attrs["axis"], keepdims=attrs["keepdims"]) & (attrs["ord"] == 1)


def _holders_tie(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    axis, keepdims = attrs["axis"], attrs["keepdims"]
    holds = xs[0] == (z if keepdims else np.expand_dims(z, axis))
    return np.sum(holds, axis=axis, keepdims=keepdims) > 1


def _holder_stays(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    axis = attrs["axis"]
    before = np.roll(z, 1, axis)
    np.moveaxis(before, axis, 0)[:1] = np.nan
    return xs[0] == before


def _spoilt_first(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return ~(xs[0] | np.isfinite(xs[1]))


def _spoilt_second(xs: Sequence[Any], z: Any, attrs: Mapping[str, Any]) -> Any:
    return xs[0] & ~np.isfinite(xs[2])


def _neighbours_equal(values: Any) -> Any:
    return np.any(np.diff(values, axis=-1) == 0)


_I2 = [[1.0, 0.0], [0.0, 1.0]]
_NAN2 = [[nan, nan], [nan, nan]]
_WEIGHTS = "[[1.0, 2.0], [3.0, 4.0]]"

CONVENTIONS: tuple[Convention, ...] = (
    _row("max over an axis, tie", "가장 큰 값이 여럿인 최댓값",
         _holders_tie, "max", ([1.0, 2.0, 2.0],),
         ("xp.max(x, axis=0)", ([0, 0.5, 0.5],)),
         ("torch.amax(x, 0)", ([0, 0.5, 0.5],)),
         ("jnp.max(x, axis=0)", ([0, 0.5, 0.5],))),
    _row("max over an axis, tie, with its place", "위치도 주는 함수의 최댓값, 가장 큰 값이 여럿",
         None, "max", ([1.0, 2.0, 2.0],),
         ("xp.max(x, axis=0)", ([0, 0.5, 0.5],)),
         ("torch.max(x, 0).values", ([0, 1, 0],)),
         ("jnp.max(x, axis=0)", ([0, 0.5, 0.5],))),
    _row("min over an axis, tie", "가장 작은 값이 여럿인 최솟값",
         _holders_tie, "min", ([2.0, 1.0, 1.0],),
         ("xp.min(x, axis=0)", ([0, 0.5, 0.5],)),
         ("torch.amin(x, 0)", ([0, 0.5, 0.5],)),
         ("jnp.min(x, axis=0)", ([0, 0.5, 0.5],))),
    _row("maximum of two arrays, tie", "두 배열의 maximum에서 같은 값",
         _equal, "maximum", (1.0, 1.0),
         ("xp.maximum(x, y)", (0.5, 0.5)), ("torch.maximum(x, y)", (0.5, 0.5)), ("jnp.maximum(x, y)", (0.5, 0.5))),
    _row("minimum of two arrays, tie", "두 배열의 minimum에서 같은 값",
         _equal, "minimum", (1.0, 1.0),
         ("xp.minimum(x, y)", (0.5, 0.5)), ("torch.minimum(x, y)", (0.5, 0.5)), ("jnp.minimum(x, y)", (0.5, 0.5))),
    _row("maximum(x, 0) at 0, a number for a bound", "경계가 수인 maximum(x, 0)의 0",
         _at_bound, "maximum_scalar", (0.0,),
         ("xp.maximum(x, 0)", (0,)),
         ("torch.maximum(x, torch.zeros_like(x))", (0.5,)),
         ("jnp.maximum(x, 0)", (0.5,))),
    _row("minimum(x, 0) at 0, a number for a bound", "경계가 수인 minimum(x, 0)의 0",
         _at_bound, "minimum_scalar", (0.0,),
         ("xp.minimum(x, 0)", (0,)),
         ("torch.minimum(x, torch.zeros_like(x))", (0.5,)),
         ("jnp.minimum(x, 0)", (0.5,))),
    _row("fmax(x, 0) at 0, a number for a bound", "경계가 수인 fmax(x, 0)의 0",
         _at_bound, "fmax_scalar", (0.0,),
         ("xp.fmax(x, 0)", (0,)), ("torch.fmax(x, torch.zeros_like(x))", (1,)), ("jnp.fmax(x, 0)", (0,))),
    _row("fmin(x, 0) at 0, a number for a bound", "경계가 수인 fmin(x, 0)의 0",
         _at_bound, "fmin_scalar", (0.0,),
         ("xp.fmin(x, 0)", (0,)), ("torch.fmin(x, torch.zeros_like(x))", (1,)), ("jnp.fmin(x, 0)", (0,))),
    _row("fmax, tie", "fmax에서 같은 값",
         _equal, "fmax", (1.0, 1.0),
         ("xp.fmax(x, y)", (0.5, 0.5)), ("torch.fmax(x, y)", (1, 0)), ("jnp.fmax(x, y)", (0, 1))),
    _row("fmin, tie", "fmin에서 같은 값",
         _equal, "fmin", (1.0, 1.0),
         ("xp.fmin(x, y)", (0.5, 0.5)), ("torch.fmin(x, y)", (1, 0)), ("jnp.fmin(x, y)", (0, 1))),
    _row("cummax, tie: shared among the holders so far", "누적 최댓값의 같은 값: 그때까지의 최댓값들이 나눈다",
         _holder_stays, "cummax", ([1.0, 2.0, 2.0, 1.0],),
         ("xp.cummax(x)", ([1, 2, 1, 0],)),
         ("torch.cummax(x, 0).values", ([1, 1, 2, 0],)),
         ("jax.lax.cummax(x)", ([1, 2, 1, 0],))),
    _row("abs(0)", "0의 절댓값",
         _zero, "abs", (0.0,), ("xp.abs(x)", (0,)), ("torch.abs(x)", (0,)), ("jnp.abs(x)", (1,))),
    _row("L1 norm at 0", "0에서의 L1 노름",
         _zeros_in_sum, "vector_norm", ([0.0, 0.0],),
         ("xp.linalg.vector_norm(x, ord=1)", ([0, 0],)),
         ("torch.linalg.vector_norm(x, 1)", ([0, 0],)),
         ("jnp.linalg.norm(x, ord=1)", ([1, 1],))),
    _row("relu(0)", "relu(0)",
         _zero, "relu", (0.0,), ("xp.relu(x)", (0,)), ("torch.relu(x)", (0,)), ("jax.nn.relu(x)", (0,))),
    _row("leaky_relu(0), slope 0.2", "기울기가 0.2인 leaky_relu(0)",
         _zero, "leaky_relu", (0.0,),
         ("xp.leaky_relu(x, 0.2)", (0.2,)),
         ("torch.nn.functional.leaky_relu(x, 0.2)", (0.2,)),
         ("jax.nn.leaky_relu(x, 0.2)", (1,))),
    _row("hardtanh at its bounds", "hardtanh의 경계",
         _at_hardtanh, "clip", ([-1.0, 1.0],),
         ("xp.hardtanh(x)", ([0, 0],)),
         ("torch.nn.functional.hardtanh(x)", ([0, 0],)),
         ("jax.nn.hard_tanh(x)", ([1, 1],))),
    _row("clip at bounds that are numbers", "경계가 수인 clip의 경계",
         _at_a_bound, "clip", ([-1.0, 1.0],),
         ("xp.clip(x, -1, 1)", ([0, 0],)),
         ("torch.clip(x, -1, 1)", ([1, 1],)),
         ("jnp.clip(x, -1, 1)", ([0.5, 0.5],))),
    _row("clip at a bound that is an array", "경계가 배열인 clip의 경계",
         None, "clip", (1.0, 1.0),
         ("xp.clip(x, y, None)", (0.5, 0.5)), ("torch.clip(x, y)", (1, 0)), ("jnp.clip(x, y)", (0.5, 0.5))),
    _row("vector norm at 0", "0에서의 벡터 노름",
         _no_length, "vector_norm", ([0.0, 0.0],),
         ("xp.linalg.vector_norm(x)", ([0, 0],)),
         ("torch.linalg.vector_norm(x)", ([0, 0],)),
         ("jnp.linalg.norm(x)", ([nan, nan],))),
    _row("Frobenius norm at 0", "0에서의 프로베니우스 노름",
         None, "matrix_norm", ([[0.0, 0.0], [0.0, 0.0]],),
         ("xp.linalg.matrix_norm(x)", ([[0, 0], [0, 0]],)),
         ("torch.linalg.matrix_norm(x)", ([[0, 0], [0, 0]],)),
         ("jnp.linalg.norm(x)", (_NAN2,))),
    _row("std of a constant", "모두 같은 값의 표준편차",
         _constant, "std", ([1.0, 1.0, 1.0],),
         ("xp.std(x)", ([0, 0, 0],)),
         ("torch.std(x, 0, correction=0)", ([0, 0, 0],)),
         ("jnp.std(x)", ([nan, nan, nan],))),
    _row("sqrt(0)", "0의 제곱근",
         _zero, "sqrt", (0.0,), ("xp.sqrt(x)", (inf,)), ("torch.sqrt(x)", (inf,)), ("jnp.sqrt(x)", (inf,))),
    _row("log(0)", "log(0)",
         _zero, "log", (0.0,), ("xp.log(x)", (inf,)), ("torch.log(x)", (inf,)), ("jnp.log(x)", (inf,))),
    _row("prod with a zero", "0이 든 곱",
         _any_zero, "prod", ([2.0, 0.0, 3.0],),
         ("xp.prod(x)", ([0, 6, 0],)), ("torch.prod(x)", ([0, 6, 0],)), ("jnp.prod(x)", ([0, 6, 0],))),
    _row("cumulative_prod with a zero", "0이 든 누적 곱",
         _any_zero, "cumulative_prod", ([2.0, 0.0, 3.0],),
         ("xp.cumulative_prod(x)", ([1, 8, 0],)),
         ("torch.cumprod(x, 0)", ([1, 8, 0],)),
         ("jnp.cumprod(x)", ([1, 8, 0],))),
    _row("pow(0, 0)", "pow(0, 0)",
         _both_zero, "pow", (0.0, 0.0),
         ("xp.pow(x, y)", (0, 0)), ("torch.pow(x, y)", (0, 0)), ("jnp.power(x, y)", (nan, 0))),
    _row("pow(-2, 2)", "음수의 거듭제곱 pow(-2, 2)",
         lambda xs, z, attrs: xs[0] < 0, "pow", (-2.0, 2.0),
         ("xp.pow(x, y)", (-4, nan)), ("torch.pow(x, y)", (-4, nan)), ("jnp.power(x, y)", (-4, nan)), about=(1,)),
    _row("where(x > 0, log x, 0) at 0: a branch that was not taken", "where(x > 0, log x, 0)의 0: 지나가지 않은 가지",
         _spoilt_first, "where", ([0.0, 2.0],),
         ("xp.where(x > 0, xp.log(x), 0.0)", ([0, 0.5],)),
         ("torch.where(x > 0, torch.log(x), 0.0)", ([nan, 0.5],)),
         ("jnp.where(x > 0, jnp.log(x), 0.0)", ([nan, 0.5],)), about=(1,)),
    _row("where(x <= 0, 0, log x) at 0: a branch that was not taken", "where(x <= 0, 0, log x)의 0: 지나가지 않은 가지",
         _spoilt_second, "where", ([0.0, 2.0],),
         ("xp.where(x <= 0, 0.0, xp.log(x))", ([0, 0.5],)),
         ("torch.where(x <= 0, 0.0, torch.log(x))", ([nan, 0.5],)),
         ("jnp.where(x <= 0, 0.0, jnp.log(x))", ([nan, 0.5],)), about=(2,)),
    _row("logsumexp, all -inf", "모두 -inf인 logsumexp",
         lambda xs, z, attrs: np.isneginf(z), "logsumexp", ([-inf, -inf],),
         ("xp.logsumexp(x)", ([0, 0],)),
         ("torch.logsumexp(x, 0)", ([nan, nan],)),
         ("jax.nn.logsumexp(x)", ([nan, nan],))),
    _row("logsumexp, some +inf", "+inf가 든 logsumexp",
         lambda xs, z, attrs: np.isposinf(z), "logsumexp", ([inf, 1.0, inf],),
         ("xp.logsumexp(x)", ([0.5, 0, 0.5],)),
         ("torch.logsumexp(x, 0)", ([nan, 0, nan],)),
         ("jax.nn.logsumexp(x)", ([nan, 0, nan],))),
    _row("hypot(0, 0)", "hypot(0, 0)",
         _both_zero, "hypot", (0.0, 0.0),
         ("xp.hypot(x, y)", (0, 0)), ("torch.hypot(x, y)", (nan, nan)), ("jnp.hypot(x, y)", (0.5, 0.5))),
    _row("atan2(0, 0)", "atan2(0, 0)",
         _both_zero, "atan2", (0.0, 0.0),
         ("xp.atan2(x, y)", (0, 0)), ("torch.atan2(x, y)", (0, 0)), ("jnp.arctan2(x, y)", (nan, nan))),
    _row("xlogy(0, 0)", "xlogy(0, 0)",
         _both_zero, "xlogy", (0.0, 0.0),
         ("xp.xlogy(x, y)", (-inf, 0)),
         ("torch.xlogy(x, y)", (0, nan)),
         ("jax.scipy.special.xlogy(x, y)", (-inf, nan))),
    _row("sort with ties: stable", "같은 값이 있는 정렬: 순서를 지킨다",
         None, "sort", ([2.0, 1.0, 2.0], [1.0, 10.0, 100.0]),
         ("xp.sort(x) * y", ([10, 1, 100], [1, 2, 2])),
         ("torch.sort(x, stable=True).values * y", ([10, 1, 100], [1, 2, 2])),
         ("jnp.sort(x) * y", ([10, 1, 100], [1, 2, 2]))),
    _row("median of an even number", "짝수 개의 중앙값",
         None, "median", ([1.0, 3.0, 2.0, 4.0],),
         ("xp.median(x)", ([0, 0.5, 0.5, 0],)),
         ("torch.median(x)", ([0, 0, 1, 0],)),
         ("jnp.median(x)", ([0, 0.5, 0.5, 0],))),
    _row("det at rank n-1", "계수가 n-1인 행렬식",
         lambda xs, z, attrs: np.abs(z) == 0, "det", ([[1.0, 2.0], [2.0, 4.0]],),
         ("xp.linalg.det(x)", ([[4, -2], [-2, 1]],)),
         ("torch.linalg.det(x)", ([[0, 0], [0, 0]],)),
         ("jnp.linalg.det(x)", ([[4, -2], [-2, 1]],))),
    _row("vectors of eigh, equal eigenvalues", "고윳값이 같을 때 eigh의 고유벡터",
         lambda xs, z, attrs: _neighbours_equal(z[0]), "eigh", (_I2,),
         (f"xp.linalg.eigh(x)[1] * xp.asarray({_WEIGHTS})", (_NAN2,)),
         (f"torch.linalg.eigh(x)[1] * torch.tensor({_WEIGHTS})", (_NAN2,)),
         (f"jnp.linalg.eigh(x)[1] * jnp.array({_WEIGHTS})", (_NAN2,))),
    _row("vectors of svd, equal singular values", "특잇값이 같을 때 svd의 특이벡터",
         lambda xs, z, attrs: _neighbours_equal(z[1]), "svd", (_I2,),
         (f"xp.linalg.svd(x)[0] * xp.asarray({_WEIGHTS})", (_NAN2,)),
         (f"torch.linalg.svd(x)[0] * torch.tensor({_WEIGHTS})", (_NAN2,)),
         (f"jnp.linalg.svd(x)[0] * jnp.array({_WEIGHTS})", (_NAN2,))),
    _row("sum of equal singular values", "같은 특잇값들의 합",
         lambda xs, z, attrs: _neighbours_equal(z), "svdvals", (_I2,),
         ("xp.linalg.svdvals(x)", (_I2,)), ("torch.linalg.svdvals(x)", (_I2,)), ("jnp.linalg.svdvals(x)", (_I2,))),
    _row("sum of equal eigenvalues", "같은 고윳값들의 합",
         lambda xs, z, attrs: _neighbours_equal(z), "eigvalsh", (_I2,),
         ("xp.linalg.eigvalsh(x)", (_I2,)),
         ("torch.linalg.eigvalsh(x)", (_I2,)),
         ("jnp.linalg.eigvalsh(x)", (_I2,))),
    _row("getitem with a repeated index", "되풀이된 색인으로 꺼내기",
         None, "getitem", ([1.0, 2.0, 3.0],),
         ("x[xp.asarray([0, 0, 2])]", ([2, 0, 1],)),
         ("x[torch.tensor([0, 0, 2])]", ([2, 0, 1],)),
         ("x[jnp.array([0, 0, 2])]", ([2, 0, 1],))),
    _row("scatter with a repeated index", "되풀이된 색인에 더하기",
         None, "scatter_add", ([0.0, 0.0], [1.0, 2.0, 4.0], [10.0, 20.0]),
         ("xp.scatter_add(x, xp.asarray([0, 0, 1]), y) * w", ([10, 20], [10, 10, 20], [3, 4])),
         ("x.index_add(0, torch.tensor([0, 0, 1]), y) * w", ([10, 20], [10, 10, 20], [3, 4])),
         ("x.at[jnp.array([0, 0, 1])].add(y) * w", ([10, 20], [10, 10, 20], [3, 4]))),
)  # fmt: skip
