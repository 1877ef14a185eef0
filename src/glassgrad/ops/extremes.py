"""The larger, the smaller, and what is cut off at bounds: operations that choose one of their inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassgrad.ops.families import elementwise
from glassgrad.ops.record import Kink, Op, Sample, Text, lookup
from glassgrad.ops.rules import number

_PAIR = (Sample(((2, 3), (2, 3))), Sample(((2, 3), (3,))), Sample(((4, 1), (1, 3))))


def _shares(better: str, skips_nan: bool) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the local derivatives: 1 to the one that wins, half to each in a tie."""

    def share(F: Any, own: Any, other: Any, dtype: np.dtype[Any]) -> Any:
        wins, ties = getattr(F, better)(own, other), F.equal(own, other)
        if skips_nan:
            wins = F.logical_or(wins, F.logical_and(F.isnan(other), F.logical_not(F.isnan(own))))
        one, half, none = (number(share, dtype) for share in (1, 0.5, 0))
        return F.where(wins, one, F.where(ties, half, none))

    def first(F: Any, z: Any, x: Any, y: Any) -> Any:
        return share(F, x, y, z.dtype)

    def second(F: Any, z: Any, x: Any, y: Any) -> Any:
        return share(F, y, x, z.dtype)

    return first, second


def _call_extreme(pair: str, bounded: str) -> Any:
    def call(F: Any, x: Any, y: Any, /) -> Any:
        for value, bound in ((x, y), (y, x)):
            if isinstance(bound, (int, float)) and not isinstance(value, (int, float)):
                return F.bind(lookup(bounded), (value,), {"bound": bound})
        return F.bind(lookup(pair), (x, y))

    return call


def _kernel(ufunc: np.ufunc) -> Callable[..., Any]:
    return lambda x, *, bound, out=None: ufunc(x, bound, out=out)


def _beyond(better: str, skips_nan: bool) -> Callable[..., Any]:
    """Return the local derivative beside a bound: whether `x` wins."""

    def rule(F: Any, z: Any, x: Any, *, bound: float) -> Any:
        return 1 if skips_nan and bound != bound else getattr(F, better)(x, bound)

    return rule


def _without_nan(extreme: str) -> Callable[..., Any]:
    """Return fmax or fmin in terms of maximum or minimum."""
    return lambda F, x, y: F.where(F.isnan(x), y, F.where(F.isnan(y), x, getattr(F, extreme)(x, y)))


def _bounded_without_nan(extreme: str) -> Callable[..., Any]:
    def form(F: Any, x: Any, *, bound: float) -> Any:
        if bound != bound:
            return F.identity(x)
        return F.where(
            F.isnan(x), number(bound, np.result_type(x.dtype, bound)), getattr(F, extreme)(x, bound)
        )

    return form


_LARGER = Text(
    "a max gate routes the upstream gradient to the larger input",
    "최댓값 게이트는 상류 기울기를 더 큰 입력 쪽으로 보낸다",
)
_SMALLER = Text(
    "a min gate routes the upstream gradient to the smaller input",
    "최솟값 게이트는 상류 기울기를 더 작은 입력 쪽으로 보낸다",
)


def _extreme(name: str, ufunc: np.ufunc, better: str, why: Text, latex: str, of: str | None = None) -> Op:
    """Register an extreme of two arrays, and the one beside a number; `of` where NaN counts as missing."""
    bounded = f"{name}_scalar"
    pair = elementwise(
        name,
        ufunc,
        _shares(better, of is not None),
        call=_call_extreme(name, bounded),
        definition=_without_nan(of) if of else None,
        latex=rf"{latex}({{0}}, {{1}})",
        derivative=r"1 \text{ to the winner}",
        why=why,
        kinks=(Kink("x = y", "½ | ½"), *((Kink("x is NaN", "0 | 1, as y is chosen"),) if of else ())),
        samples=_PAIR,
    )
    elementwise(
        bounded,
        _kernel(ufunc),
        (_beyond(better, of is not None),),
        call=lambda F, x, bound: F.bind(lookup(bounded), (x,), {"bound": bound}),
        definition=_bounded_without_nan(of) if of else None,
        dtype=lambda d, *, bound: np.result_type(d, bound),
        writes_out=True,
        home="inside",
        latex=rf"{latex}({{0}}, c)",
        derivative=rf"[x {'>' if better == 'greater' else '<'} c]",
        why=why,
        kinks=(Kink("x = c", "0: the bound is part of the operation, as in ReLU"),),
        samples=(Sample(((2, 3),), {"bound": 0.25}),),
    )
    return pair


maximum = _extreme("maximum", np.maximum, "greater", _LARGER, r"\max")
minimum = _extreme("minimum", np.minimum, "less", _SMALLER, r"\min")
fmax = _extreme("fmax", np.fmax, "greater", _LARGER, r"\operatorname{{fmax}}", of="maximum")
fmin = _extreme("fmin", np.fmin, "less", _SMALLER, r"\operatorname{{fmin}}", of="minimum")


# --- clip ----------------------------------------------------------------------------------------------------------


def _call_clip(F: Any, x: Any, /, min: Any = None, max: Any = None) -> Any:
    numbers = (int, float, type(None))
    if isinstance(min, numbers) and isinstance(max, numbers):
        return F.bind(clip, (x,), {"min": min, "max": max})
    if min is not None:
        x = F.maximum(x, min)
    return x if max is None else F.minimum(x, max)


def _inside(F: Any, z: Any, x: Any, *, min: float | None, max: float | None) -> Any:
    above = None if min is None else F.greater(x, min)
    below = None if max is None else F.less(x, max)
    if above is None or below is None:
        return 1 if above is below else below if above is None else above
    return F.logical_and(above, below)


clip: Op = elementwise(
    "clip",
    lambda x, *, min, max, out=None: (
        np.positive(x, out=out) if min is max is None else np.clip(x, min, max, out=out)
    ),
    (_inside,),
    call=_call_clip,
    dtype=lambda d, *, min, max: np.result_type(d, *(bound for bound in (min, max) if bound is not None)),
    writes_out=True,
    latex=r"\operatorname{{clip}}({0})",
    derivative=r"[a < x < b]",
    why=Text(
        "between the bounds the upstream gradient passes on unchanged; at and beyond them the output stands still",
        "두 경계 사이에서는 상류 기울기가 그대로 흐르고, 경계와 그 바깥에서는 출력이 움직이지 않는다",
    ),
    kinks=(Kink("x at a bound", "0: the bounds are part of the operation; arrays as bounds share ½ | ½"),),
    samples=(
        Sample(((2, 3),), {"min": -1.0, "max": 1.0}),
        Sample(((2, 3),), {"min": 0.25}),
        Sample(((2, 3),), {"max": 0.25}),
    ),
)
