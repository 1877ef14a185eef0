"""Discrete Fourier transforms, each a linear operation whose transpose is another of them.

Zeros that are appended and elements that are cut off (the arguments `n` and `s`) are operations of their own, so a
transform keeps its size and its matrix is the Fourier matrix W, times a number that `norm` states. W is symmetric:
its conjugate transpose is that of the inverse transform, and "backward" and "forward" change places.

Of a real signal half of the frequencies are kept, as the others are their conjugates. So in `rfft` each frequency
strictly inside that half stands for two, and in `irfft` it is read twice: their transposes halve and double it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from glassgrad.errors import DTypeError, OptionError, ShapeError, did_you_mean
from glassgrad.ir import Shape
from glassgrad.ir.devices import require_cpu
from glassgrad.ops.families import linear
from glassgrad.ops.namespace import function
from glassgrad.ops.record import Op, Sample, Text, lookup
from glassgrad.ops.rules import cast, component, floating
from glassgrad.ops.shapes import normalise_axis

_NORMS = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The places where the factor 1/n may be, and where the transpose has it."""

_Half = Literal["none", "after", "before"]
"""Whether a transform keeps half of the frequencies (`rfft`) or reads half of them (`irfft`)."""


# --- arguments in normal form --------------------------------------------------------------------------------------


def _norm(name: str, norm: str) -> str:
    if norm not in _NORMS:
        raise OptionError(f"{name} has no norm {norm!r}. {did_you_mean(norm, _NORMS)}")
    return norm


def _axes(name: str, x: Any, s: Sequence[int] | None, axes: Sequence[int] | None) -> tuple[int, ...]:
    rank = len(x.shape)
    if axes is None:
        axes = range(rank) if s is None else range(rank - len(s), rank)
    if s is not None and len(s) != len(axes):
        raise ShapeError(f"{name} needs a size for each axis: s is {tuple(s)}, axes are {tuple(axes)}")
    normal = tuple(normalise_axis(int(a), rank) for a in axes)
    if not normal:
        raise ShapeError(f"{name} needs an axis to go along; the array has shape {tuple(x.shape)}")
    if len(set(normal)) < len(normal):
        raise ShapeError(f"{name}: axes {tuple(axes)} name one axis twice")
    return normal


def _fitted(F: Any, name: str, x: Any, axis: int, size: int) -> Any:
    """Cut `x` off, or append zeros, so that `axis` has the given size."""
    have = x.shape[axis]
    if have == size:
        return x
    if size < 1:
        raise ShapeError(f"{name} takes 1 element or more along axis {axis}, not {size}")
    if not isinstance(have, int):
        raise ShapeError(
            f"{name}: axis {axis} is the batch, {have} long, which cannot be cut or filled up to {size}"
        )
    if size < have:
        return F.getitem(x, (*(slice(None),) * axis, slice(0, size)))
    zeros = F.full((*x.shape[:axis], size - have, *x.shape[axis + 1 :]), 0, dtype=x.dtype)
    return F.concat([x, zeros], axis=axis)


def _transformed(
    F: Any, name: str, half: _Half, x: Any, s: Sequence[int | None] | None, axes: tuple[int, ...], norm: str
) -> Any:
    """Fit the sizes and bind the transform."""
    if half == "after" and x.dtype.kind == "c":
        raise DTypeError(
            f"{name} takes a real signal, but was given {x.dtype}; fft and fftn take complex ones"
        )
    x = cast(F, x, floating(x.dtype))
    sizes = [x.shape[a] if n is None else int(n) for a, n in zip(axes, s or (None,) * len(axes), strict=True)]
    settings: dict[str, Any] = {"axes": axes, "norm": _norm(name, norm)}
    if half == "before":
        if s is None or s[-1] is None:
            sizes[-1] = 2 * (x.shape[axes[-1]] - 1)
        settings["n"] = sizes[-1]
        if sizes[-1] < 1:
            raise ShapeError(
                f"{name} makes 1 element or more along axis {axes[-1]}, not {sizes[-1]}: say how many"
            )
        sizes[-1] = sizes[-1] // 2 + 1
    for a, n in zip(axes, sizes, strict=True):
        x = _fitted(F, name, x, a, n)
    if any(x.shape[a] == 0 for a in axes):
        raise ShapeError(f"{name} of no values: axes {axes} of shape {tuple(x.shape)} hold none")
    return F.bind(lookup(name), (x,), settings)


def _along_one(name: str, half: _Half) -> Callable[..., Any]:
    def call(F: Any, x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
        return _transformed(F, name, half, x, (n,), _axes(name, x, None, (axis,)), norm)

    return call


def _along_several(name: str, half: _Half) -> Callable[..., Any]:
    def call(
        F: Any,
        x: Any,
        /,
        *,
        s: Sequence[int] | None = None,
        axes: Sequence[int] | None = None,
        norm: str = "backward",
    ) -> Any:
        return _transformed(F, name, half, x, s, _axes(name, x, s, axes), norm)

    return call


# --- the records ---------------------------------------------------------------------------------------------------


def _doubled(F: Any, g: Any, axis: int, n: int, factor: float) -> Any:
    """Multiply by `factor` the frequencies that stand for two: all but 0 and, where `n` is even, the last."""
    weights = np.full(n // 2 + 1, factor, component(g.dtype))
    weights[0] = 1
    if n % 2 == 0:
        weights[-1] = 1
    return F.multiply(g, weights.reshape(-1, *(1,) * (len(g.shape) - axis - 1)))


def _infer(half: _Half) -> Callable[..., Any]:
    def infer(x: Any, *, axes: tuple[int, ...], norm: str, n: int = 0) -> tuple[Shape, np.dtype[Any]]:
        shape, last = list(x.shape), axes[-1]
        if half == "before":
            shape[last] = n
            return tuple(shape), component(x.dtype)
        if half == "after":
            if not isinstance(shape[last], int):
                raise ShapeError(
                    f"half of the frequencies along axis {last}, the batch, {shape[last]} long, is no size"
                )
            shape[last] = shape[last] // 2 + 1
        return tuple(shape), np.result_type(x.dtype, np.complex64)

    return infer


def _transpose(inverse: str, half: _Half) -> Callable[..., Any]:
    def transpose(F: Any, g: Any, x: Any, *, axes: tuple[int, ...], norm: str, n: int = 0) -> Any:
        settings: dict[str, Any] = {"axes": axes, "norm": _NORMS[norm]}
        last = axes[-1]
        if half == "after":
            g = _doubled(F, g, last, x.shape[last], 0.5)
            settings["n"] = x.shape[last]
        back = F.bind(lookup(inverse), (g,), settings)
        if half == "before":
            back = _doubled(F, back, last, n, 2.0)
        return cast(F, back, x.dtype)

    return transpose


def _batch(name: str) -> Any:
    def batch(F: Any, xs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], _: Any) -> Any:
        return F.bind(lookup(name), xs, {**attrs, "axes": tuple(a + 1 for a in attrs["axes"])})

    return batch


def _samples(half: _Half, several: bool) -> tuple[Sample, ...]:
    """Return odd and even sizes, cut and filled up, each norm, real and complex."""
    parts = {"none": ((0,), ()), "after": ((),), "before": ((0,),)}[half]
    if several:
        given: list[tuple[tuple[int, ...], dict[str, Any]]] = [
            ((2, 3, 4), {"axes": (1, 2)}),
            ((3, 4, 2), {"axes": (2, 1), "norm": "ortho"}),
            ((2, 3, 3), {"s": (4, 5), "axes": (2, 1), "norm": "forward"}),
        ]
    else:
        given = [
            ((2, 5), {}),
            ((2, 4), {"norm": "ortho"}),
            ((2, 4, 3), {"n": 5, "axis": 1, "norm": "forward"}),
            ((2, 5), {"n": 4}),
        ]
    return tuple(Sample((shape,), kwargs, complex=c) for c in parts for shape, kwargs in given)


def _record(
    name: str,
    inverse: str,
    half: _Half,
    kernel: Callable[..., Any],
    latex: str,
    why: Text,
    *,
    several: bool = False,
) -> Op:
    """Register a transform.

    Parameters
    ----------
    kernel
        ``kernel(x, axes=, norm=)``, with ``n=`` where half of the frequencies are read.
    several
        Whether it goes along several axes.
    """
    return linear(
        name,
        kernel,
        call=(_along_several if several else _along_one)(name, half),
        infer=_infer(half),
        transpose=_transpose(inverse, half),
        batch=_batch(name),
        latex=latex,
        derivative=rf"\operatorname{{{inverse}}}, \text{{the factor }} 1/n \text{{ on the other side}}",
        why=why,
        samples=_samples(half, several),
        home="fft",
    )


def _fftn(x: Any, *, axes: tuple[int, ...], norm: Any) -> Any:
    return np.fft.fftn(x, axes=axes, norm=norm)


def _ifftn(x: Any, *, axes: tuple[int, ...], norm: Any) -> Any:
    return np.fft.ifftn(x, axes=axes, norm=norm)


def _rfftn(x: Any, *, axes: tuple[int, ...], norm: Any) -> Any:
    return np.fft.rfftn(x, axes=axes, norm=norm)


def _irfftn(x: Any, *, axes: tuple[int, ...], norm: Any, n: int) -> Any:
    return np.fft.irfftn(x, s=(*(x.shape[a] for a in axes[:-1]), n), axes=axes, norm=norm)


def _hfft(x: Any, *, axes: tuple[int, ...], norm: Any, n: int) -> Any:
    return _irfftn(np.conj(x), axes=axes, norm=_NORMS[norm], n=n)


def _ihfft(x: Any, *, axes: tuple[int, ...], norm: Any) -> Any:
    return np.conj(_rfftn(x, axes=axes, norm=_NORMS[norm]))


_WAVES = Text(
    "each frequency weighs every element with a wave, so each element gets the upstream gradients weighed with the "
    "same waves turning the other way",
    "각 주파수는 모든 원소를 파동으로 가중해 더하므로, 각 원소는 상류 기울기를 거꾸로 도는 같은 파동으로 "
    "가중한 합을 받는다",
)
_HALVED = Text(
    "each frequency strictly inside the half stands for two, and each element gets the waves of both, turned back",
    "절반 안쪽의 각 주파수는 두 개를 대표하므로, 각 원소는 두 파동을 되돌린 것을 받는다",
)
_READ_TWICE = Text(
    "each frequency strictly inside the half is read twice, itself and its conjugate, so it gets the gradient twice",
    "절반 안쪽의 각 주파수는 자신과 켤레로 두 번 읽히므로 기울기를 두 번 받는다",
)

_FORWARD = r"\sum_j {0}_j e^{{-2 \pi i jk/n}}"
_INVERSE = r"\frac{{1}}{{n}} \sum_k {0}_k e^{{2 \pi i jk/n}}"

fft = _record("fft", "ifft", "none", _fftn, _FORWARD, _WAVES)
ifft = _record("ifft", "fft", "none", _ifftn, _INVERSE, _WAVES)
fftn = _record("fftn", "ifftn", "none", _fftn, _FORWARD, _WAVES, several=True)
ifftn = _record("ifftn", "fftn", "none", _ifftn, _INVERSE, _WAVES, several=True)
rfft = _record("rfft", "irfft", "after", _rfftn, _FORWARD, _HALVED)
irfft = _record("irfft", "rfft", "before", _irfftn, _INVERSE, _READ_TWICE)
rfftn = _record("rfftn", "irfftn", "after", _rfftn, _FORWARD, _HALVED, several=True)
irfftn = _record("irfftn", "rfftn", "before", _irfftn, _INVERSE, _READ_TWICE, several=True)
hfft = _record("hfft", "ihfft", "before", _hfft, _FORWARD, _READ_TWICE)
ihfft = _record("ihfft", "hfft", "after", _ihfft, _INVERSE, _HALVED)


# --- frequencies, shifts -------------------------------------------------------------------------------------------

_in_fft = partial(function, home="fft")


def _frequencies(F: Any, name: str, n: int, numerators: Any, d: float, dtype: Any, device: Any) -> Any:
    require_cpu(device)
    kind = np.dtype(np.float64 if dtype is None else dtype)
    if kind.kind != "f":
        raise DTypeError(f"{name} returns real numbers, but dtype is {kind}")
    return F.value(np.asarray(numerators * (1.0 / (n * d)), kind))


def _size(name: str, n: int) -> int:
    if n < 1:
        raise ShapeError(f"{name} needs a signal of 1 element or more, not {n}")
    return int(n)


@_in_fft
def fftfreq(F: Any, n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of the places of an `fft` of `n` elements that lie `d` apart.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.fft.fftfreq(4)
    Tensor([ 0.  ,  0.25, -0.5 , -0.25])
    """
    n = _size("fftfreq", n)
    return _frequencies(F, "fftfreq", n, (np.arange(n) + n // 2) % n - n // 2, d, dtype, device)


@_in_fft
def rfftfreq(F: Any, n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """Return the frequencies of the places of an `rfft` of `n` elements that lie `d` apart.

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.fft.rfftfreq(4)
    Tensor([0.  , 0.25, 0.5 ])
    """
    n = _size("rfftfreq", n)
    return _frequencies(F, "rfftfreq", n, np.arange(n // 2 + 1), d, dtype, device)


def _shifted(F: Any, x: Any, axes: int | Sequence[int] | None, sign: int) -> Any:
    axes = range(len(x.shape)) if axes is None else [axes] if isinstance(axes, int) else axes
    at = tuple(normalise_axis(int(a), len(x.shape)) for a in axes)
    return F.roll(x, tuple(sign * (x.shape[a] // 2) for a in at), axis=at)


@_in_fft
def fftshift(F: Any, x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """Move frequency 0 from the front to the middle along `axes` (all of them by default).

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.fft.fftshift(xp.fft.fftfreq(5))
    Tensor([-0.4, -0.2,  0. ,  0.2,  0.4])
    """
    return _shifted(F, x, axes, 1)


@_in_fft
def ifftshift(F: Any, x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """Move frequency 0 from the middle back to the front along `axes` (all of them by default).

    Examples
    --------
    >>> from glassgrad import xp
    >>> xp.fft.ifftshift([-2, -1, 0, 1, 2])
    Tensor([ 0,  1,  2, -2, -1])
    """
    return _shifted(F, x, axes, -1)
