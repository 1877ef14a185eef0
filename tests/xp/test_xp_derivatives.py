"""Every function of the standard is there, and has a derivative unless what it returns jumps or never varies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import xp
from glassgrad.ops import FUNCTIONS, REGISTRY


def words(text: str) -> list[str]:
    return text.split()


MAIN = words(
    """
    abs acos acosh add all any arange argmax argmin argsort asarray asin asinh astype atan atan2 atanh
    bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
    broadcast_arrays broadcast_shapes broadcast_to can_cast ceil clip concat conj copysign cos cosh
    count_nonzero cumulative_prod cumulative_sum diff divide empty empty_like equal exp expand_dims expm1
    eye finfo flip floor floor_divide from_dlpack full full_like greater greater_equal hypot iinfo imag
    isdtype isfinite isin isinf isnan less less_equal linspace log log10 log1p log2 logaddexp logical_and
    logical_not logical_or logical_xor matmul matrix_transpose max maximum mean meshgrid min minimum
    moveaxis multiply negative nextafter nonzero not_equal ones ones_like permute_dims positive pow prod
    real reciprocal remainder repeat reshape result_type roll round searchsorted sign signbit sin sinh sort
    sqrt square squeeze stack std subtract sum take take_along_axis tan tanh tensordot tile tril triu trunc
    unique_all unique_counts unique_inverse unique_values unstack var vecdot where zeros zeros_like
    """
)
LINALG = words(
    """
    cholesky cross det diagonal eig eigh eigvals eigvalsh inv matmul matrix_norm matrix_power matrix_rank
    matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot vector_norm
    """
)
FFT = words(
    """
    fft fftfreq fftn fftshift hfft ifft ifftn ifftshift ihfft irfft irfftn rfft rfftfreq rfftn
    """
)

JUMPS = words(
    """
    all any argmax argmin argsort bitwise_and bitwise_invert bitwise_left_shift bitwise_or
    bitwise_right_shift bitwise_xor ceil count_nonzero equal floor floor_divide greater greater_equal
    isfinite isin isinf isnan less less_equal logical_and logical_not logical_or logical_xor matrix_rank
    nextafter nonzero not_equal round searchsorted sign signbit trunc unique_all unique_counts
    unique_inverse unique_values
    """
)
"""Functions that answer in truth values, places or counts, or are flat but where they jump."""

OF_NOTHING = {
    "arange",
    "empty",
    "empty_like",
    "eye",
    "fftfreq",
    "ones",
    "ones_like",
    "rfftfreq",
    "zeros",
    "zeros_like",
}
"""Functions whose result depends on no value."""

ABOUT = {"broadcast_shapes", "can_cast", "finfo", "from_dlpack", "iinfo", "isdtype", "result_type"}
"""Questions about dtypes and shapes, and the way from other libraries, which know no gradient."""

WRITTEN_IN_OTHERS: dict[str, Callable[[Any], Any]] = {
    "asarray": lambda m: xp.asarray([m[0, 0], 2.0, m[1, 1]], copy=True),
    "broadcast_arrays": lambda m: xp.broadcast_arrays(m, m[0])[1],
    "diff": lambda m: xp.diff(m, axis=0, append=m),
    "expand_dims": lambda m: xp.expand_dims(m, axis=1),
    "fftshift": lambda m: xp.fft.fftshift(m),
    "full": lambda m: xp.full((2, 3), m[0, 1]),
    "full_like": lambda m: xp.full_like(m, m[0, 1]),
    "ifftshift": lambda m: xp.fft.ifftshift(m),
    "linspace": lambda m: xp.linspace(m[0, 0], m[1, 1], 4),
    "matrix_norm": lambda m: xp.linalg.matrix_norm(m),
    "matrix_power": lambda m: xp.linalg.matrix_power(m, -3),
    "matrix_transpose": lambda m: xp.matrix_transpose(m),
    "meshgrid": lambda m: xp.meshgrid(m[0], m[1])[0],
    "moveaxis": lambda m: xp.moveaxis(m, 0, 1),
    "outer": lambda m: xp.linalg.outer(m[0], m[1]),
    "repeat": lambda m: xp.repeat(m, 2, axis=1),
    "squeeze": lambda m: xp.squeeze(m[:, None], axis=1),
    "stack": lambda m: xp.stack([m, m * m]),
    "take": lambda m: xp.take(m, xp.asarray([1, 1, 0]), axis=1),
    "take_along_axis": lambda m: xp.take_along_axis(m, xp.asarray([[1], [0]]), axis=1),
    "tensordot": lambda m: xp.tensordot(m, m, axes=([0], [1])),
    "tile": lambda m: xp.tile(m, (2, 1)),
    "trace": lambda m: xp.linalg.trace(m),
    "tril": lambda m: xp.tril(m),
    "triu": lambda m: xp.triu(m, k=1),
    "unstack": lambda m: xp.unstack(m)[1],
    "vecdot": lambda m: xp.vecdot(m, m[0]),
}
"""Functions without a record of their own, whose derivative is that of the operations they are written in."""


@pytest.mark.parametrize(
    ("module", "names"), [(xp, MAIN), (xp.linalg, LINALG), (xp.fft, FFT)], ids=["xp", "linalg", "fft"]
)
def test_every_name_is_there(module: Any, names: list[str]) -> None:
    assert [name for name in names if not callable(getattr(module, name, None))] == []
    assert set(names) <= set(dir(module))


def test_what_has_no_derivative_is_said_above_and_nothing_else() -> None:
    names = {*MAIN, *LINALG, *FFT}
    flat = {name for name in names if name in REGISTRY and REGISTRY[name].pull is None}
    assert flat <= {*JUMPS, *OF_NOTHING}
    smooth = names - {*JUMPS, *OF_NOTHING, *ABOUT}
    assert {name for name in smooth if name not in REGISTRY} == set(WRITTEN_IN_OTHERS)
    assert set(WRITTEN_IN_OTHERS) - {"asarray"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", WRITTEN_IN_OTHERS)
@pytest.mark.parametrize("unit", [1.0, 1.0 + 0.5j], ids=["real", "complex"])
def test_functions_written_in_others_are_differentiated(name: str, unit: complex) -> None:
    f, at = WRITTEN_IN_OTHERS[name], np.array([[1.0, 0.5], [-0.25, 2.0]])

    def loss(m: Any) -> Any:
        z = f(m * unit)
        weights = np.random.default_rng(3).normal(size=z.shape)
        return xp.sum(weights * xp.real(z * xp.conj(z) + z))

    gradient, along = gg.grad(loss)(at).numpy(), np.array([[1.0, -2.0], [0.5, 0.25]])
    tangent = gg.jvp(loss, (at,), (along,))[1].item()
    h = 1e-6
    slope = (loss(xp.asarray(at + h * along)) - loss(xp.asarray(at - h * along))).item() / (2 * h)
    assert (gradient * along).sum() == pytest.approx(tangent, rel=1e-12)
    assert tangent == pytest.approx(slope, rel=1e-7)
    assert np.any(gradient)
