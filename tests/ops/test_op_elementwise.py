"""The elementwise family: kinks, special values, second derivatives behind masks, dtypes and bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import DTypeError, GlassgradError, OptionError, ShapeError
from glassgrad.functional import grad, hessian, vjp

inf, nan = np.inf, np.nan
quiet = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def slopes(f: Any, *xs: Any) -> list[np.ndarray]:
    """Return the gradient of the sum of the outputs for each argument."""
    z, pull = vjp(f, *[np.asarray(x, np.float64) for x in xs])
    return [g.numpy() for g in pull(np.ones(z.shape))]


# --- where there is no derivative ----------------------------------------------------------------------------------

ROWS: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("fmax, tie", xp.fmax, [[1, 2], [1, 0]], [[0.5, 1], [0.5, 0]]),
    ("fmin, tie", xp.fmin, [[1, 2], [1, 0]], [[0.5, 0], [0.5, 1]]),
    ("fmax, NaN", xp.fmax, [[nan, 1, nan], [2, nan, nan]], [[0, 1, 0], [1, 0, 0]]),
    ("fmin, NaN", xp.fmin, [[nan, 1, nan], [2, nan, nan]], [[0, 1, 0], [1, 0, 0]]),
    ("fmax(x, 0)", lambda x: xp.fmax(x, 0), [[-1, 0, 1, nan]], [[0, 0, 1, 0]]),
    ("fmin(0, x)", lambda x: xp.fmin(0.0, x), [[-1, 0, 1, nan]], [[1, 0, 0, 0]]),
    ("fmax(x, NaN)", lambda x: xp.fmax(x, nan), [[-1, 3]], [[1, 1]]),
    ("maximum, NaN", xp.maximum, [[nan, 1], [2, 0]], [[0, 1], [0, 0]]),
    ("clip, an array and a number", lambda x, y: xp.clip(x, y, 2), [[0, 3], [0, 0]], [[0.5, 0], [0.5, 0]]),
    ("hypot(0, 0)", xp.hypot, [[0.0], [0.0]], [[0], [0]]),
    ("hypot does not overflow", xp.hypot, [[3e200], [4e200]], [[0.6], [0.8]]),
    ("atan2(0, 0)", xp.atan2, [[0.0], [0.0]], [[0], [0]]),
    ("atan2 does not underflow", xp.atan2, [[3e-200], [4e-200]], [[1.6e199], [-1.2e199]]),
    ("xlogy", xp.xlogy, [[0, 0, 2], [0, 3, 4]], [[-inf, np.log(3), np.log(4)], [0, 0, 0.5]]),
    ("copysign", xp.copysign, [[-2, 0, 2, 2], [1, 1, -0.0, 0]], [[-1, 0, -1, 1], [0, 0, 0, 0]]),
    ("remainder", xp.remainder, [[7.5, -7.5], [2, 2]], [[1, 1], [-3, 4]]),
    ("fmod", xp.fmod, [[7.5, -7.5], [2, 2]], [[1, 1], [-3, 3]]),
    ("cbrt(0)", xp.cbrt, [[0.0]], [[inf]]),
    ("rsqrt(0)", xp.rsqrt, [[0.0]], [[-inf]]),
    ("logaddexp, infinite",
     xp.logaddexp, [[-inf, inf, inf, 1], [-inf, inf, 0, -inf]], [[0, 0.5, 1, 1], [0, 0.5, 0, 0]]),
    ("sinc(0)", xp.sinc, [[0.0, -0.0]], [[0, 0]]),
    ("pow(0, ·)", xp.pow, [[0, 0, 0, 0], [0, 1, 2, 0.5]], [[0, 1, 0, inf], [0, 0, 0, 0]]),
    ("floor and its kin are flat", lambda x: x + xp.floor(x) + xp.ceil(x) + xp.trunc(x) + xp.round(x) + xp.sign(x)
     + xp.floor_divide(x, 2) + xp.nextafter(x, np.ones(3)), [[-1.5, 0, 2]], [[1, 1, 1]]),
]  # fmt: skip


@quiet
@pytest.mark.parametrize(("f", "xs", "expected"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_convention(f: Any, xs: list[Any], expected: list[Any]) -> None:
    for ours, theirs in zip(slopes(f, *xs), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_complex_kinks() -> None:
    for f in (xp.abs, xp.sign):
        z, pull = vjp(f, np.array([0j, 3 + 4j]))
        (g,) = pull(np.ones(2, z.dtype))
        assert g.numpy()[0] == 0
        assert np.isfinite(g.numpy()).all()


def test_the_sign_of_a_complex_number_turns() -> None:
    x = np.array([3 + 4j])
    z, pull = vjp(xp.sign, x)
    np.testing.assert_allclose(z.numpy(), [0.6 + 0.8j])
    np.testing.assert_allclose(pull(np.array([0.6 + 0.8j]))[0].numpy(), [0], atol=1e-15)  # along: nothing
    np.testing.assert_allclose(
        pull(np.array([-0.8 + 0.6j]))[0].numpy(), [(-0.8 + 0.6j) / 5]
    )  # across: over |x|


# --- second order ------------------------------------------------------------------------------------------------

HESSIANS: list[tuple[str, Any, list[float], Any]] = [
    ("pow(0, 2)", xp.pow, [0, 2], [[2, 0], [0, 0]]),
    ("pow(0, 0)", xp.pow, [0, 0], [[0, 1], [0, 0]]),
    ("pow(2, 0)", xp.pow, [2, 0], [[0, 0.5], [0.5, np.log(2) ** 2]]),
    ("hypot(0, 0)", xp.hypot, [0, 0], [[0, 0], [0, 0]]),
    ("hypot(3, 4)", xp.hypot, [3, 4], [[16 / 125, -12 / 125], [-12 / 125, 9 / 125]]),
    ("atan2(0, 0)", xp.atan2, [0, 0], [[0, 0], [0, 0]]),
    ("logaddexp, tie", xp.logaddexp, [1, 1], [[0.25, -0.25], [-0.25, 0.25]]),
    ("logaddexp(−inf, −inf)", xp.logaddexp, [-inf, -inf], [[0, 0], [0, 0]]),
    ("xlogy(0, 2)", xp.xlogy, [0, 2], [[0, 0.5], [0.5, 0]]),
    ("fmax, tie", xp.fmax, [1, 1], [[0, 0], [0, 0]]),
    ("remainder", xp.remainder, [7.5, 2], [[0, 0], [0, 0]]),
]


@quiet
@pytest.mark.parametrize(("f", "at", "expected"), [h[1:] for h in HESSIANS], ids=[h[0] for h in HESSIANS])
def test_second_derivatives_at_hard_places(f: Any, at: list[float], expected: Any) -> None:
    found = hessian(lambda v: f(v[0], v[1]))(np.array(at, np.float64)).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def derivatives(f: Any, x: np.ndarray, order: int) -> list[np.ndarray]:
    """Return the derivatives of an elementwise function up to an order."""
    out = []
    for _ in range(order):
        f = (lambda inner: grad(lambda x: xp.sum(inner(x))))(f)
        out.append(f(x).numpy())
    return out


@quiet
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, 0.0, 2.0, 3.0])
def test_whole_powers_are_exact_at_zero(exponent: float) -> None:
    x = np.array([0.0, -2.0])
    polynomial = np.polynomial.Polynomial([0] * int(exponent) + [1])
    for order, found in enumerate(derivatives(lambda x: x**exponent, x, 4), 1):
        np.testing.assert_array_equal(found, polynomial.deriv(order)(x))


def test_sinc_is_exact_at_zero_to_every_order() -> None:
    x = np.array([0.0, 1e-9, 0.3, 1.0, 2.5])
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(60):
        for order, found in enumerate(derivatives(xp.sinc, x, 6), 1):
            expected = [float(mpmath.diff(mpmath.sincpi, mpmath.mpf(float(a)), order)) for a in x]
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15 * np.pi**order)


def test_lgamma_has_every_order() -> None:
    mpmath = pytest.importorskip("mpmath")
    x = np.array([0.4, 1.0, 3.7, -0.6, -2.3])
    for order, found in enumerate(derivatives(xp.lgamma, x, 4), 1):
        expected = [float(mpmath.polygamma(order - 1, a)) for a in x]
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        np.testing.assert_allclose(xp.polygamma(order - 1, x).numpy(), expected, rtol=1e-12)


MASKED = {
    "sqrt": xp.sqrt, "log": xp.log, "log2": xp.log2, "log1p(x − 1)": lambda x: xp.log1p(x - 1), "1/x": lambda x: 1 / x,
    "x/x": lambda x: x / x, "x^1.5": lambda x: x**1.5, "x^−½": lambda x: x**-0.5, "x^x": lambda x: xp.pow(x, x),
    "rsqrt": xp.rsqrt, "cbrt": xp.cbrt, "lgamma": xp.lgamma, "digamma": xp.digamma,
    "x ln x": lambda x: xp.xlogy(x, x), "acosh(1 + x)": lambda x: xp.acosh(1 + x),
    "asin(1 − x)": lambda x: xp.asin(1 - x), "atanh(1 − x)": lambda x: xp.atanh(1 - x),
    "hypot": lambda x: xp.hypot(x, x), "atan2": lambda x: xp.atan2(x, x * x),
    "remainder": lambda x: xp.remainder(1.75, x), "fmod": lambda x: xp.fmod(1.75, x),
}  # fmt: skip


@quiet
@pytest.mark.parametrize("f", MASKED.values(), ids=MASKED)
def test_a_branch_not_taken_passes_nothing_back_to_second_order(f: Any) -> None:
    x = np.array([-2.0, -1.0, 0.0, 0.375])
    behind = derivatives(lambda x: xp.where(x > 0, f(x), 0.0), x, 2)
    for masked, plain in zip(behind, derivatives(f, x[3:], 2), strict=True):
        np.testing.assert_array_equal(masked[:3], 0)
        np.testing.assert_allclose(masked[3:], plain, rtol=1e-14)


# --- values ------------------------------------------------------------------------------------------------------


def test_rounding_and_division_follow_python() -> None:
    x, y = np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])
    for a, b in ((x, y), (x.astype(float), y.astype(float))):
        np.testing.assert_array_equal(xp.floor_divide(a, b).numpy(), [3, -4, -4, 3])
        np.testing.assert_array_equal(xp.remainder(a, b).numpy(), [1, 1, -1, -1])
        np.testing.assert_array_equal(xp.fmod(a, b).numpy(), [1, -1, 1, -1])
    np.testing.assert_array_equal(xp.round(np.array([0.5, 1.5, -0.5, 2.5])).numpy(), [0, 2, -0.0, 2])
    np.testing.assert_array_equal(xp.round(np.array([0.6 + 1.5j])).numpy(), [1 + 2j])


@quiet
def test_floor_divide_with_infinities() -> None:
    x, y = np.array([inf, -inf, -1.0, 1.0, inf, 0.0]), np.array([2.0, 2.0, inf, -inf, inf, inf])
    found = xp.floor_divide(x, y).numpy()
    np.testing.assert_array_equal(found, [inf, -inf, -0.0, -0.0, nan, 0.0])
    np.testing.assert_array_equal(np.signbit(found[[2, 3, 5]]), [True, True, False])


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (complex(inf, 0), complex(inf, 0)),
        (complex(-inf, inf), -1 + 0j),
        (complex(-inf, nan), -1 + 0j),
        (complex(nan, 0), complex(nan, 0)),
        (complex(0, 0), 0j),
    ],
)
@quiet
def test_complex_expm1_has_limits(x: complex, expected: complex) -> None:
    np.testing.assert_array_equal(xp.expm1(np.array([x])).numpy(), [expected])
    np.testing.assert_array_equal(xp.expm1(np.array(x)).numpy(), expected)


def test_branch_cuts() -> None:
    above, below = np.array([complex(-4, 0.0)]), np.array([complex(-4, -0.0)])
    np.testing.assert_array_equal(xp.sqrt(above).numpy(), [2j])
    np.testing.assert_array_equal(xp.sqrt(below).numpy(), [-2j])
    np.testing.assert_allclose(xp.log(above).numpy().imag, [np.pi])
    np.testing.assert_allclose(xp.log(below).numpy().imag, [-np.pi])
    np.testing.assert_allclose(xp.acosh(np.array([-2 + 1j])).numpy(), np.arccosh(np.array([-2 + 1j])))


def test_special_functions_at_their_edges() -> None:
    np.testing.assert_allclose(xp.erfc(np.array([30.0])).numpy(), [2.564656203756e-393], atol=1e-300)
    np.testing.assert_allclose(xp.erfc(np.array([10.0])).numpy(), [2.0884875837625446e-45], rtol=1e-13)
    np.testing.assert_array_equal(xp.sinc(np.array([0.0])).numpy(), [1])
    np.testing.assert_array_equal(xp.xlogy(np.array([0.0, 0.0]), np.array([0.0, nan])).numpy(), [0, nan])
    np.testing.assert_array_equal(xp.lgamma(np.array([1.0, 2.0, inf])).numpy(), [0, 0, inf])
    np.testing.assert_allclose(xp.angle(np.array([1j, -1, 1 - 1j])).numpy(), [np.pi / 2, np.pi, -np.pi / 4])
    np.testing.assert_array_equal(xp.signbit(np.array([-0.0, 0.0, -inf])).numpy(), [True, False, True])
    np.testing.assert_array_equal(xp.fmax(np.array([nan, 1]), np.array([2, nan])).numpy(), [2, 1])


@pytest.mark.parametrize("name", ["fmax", "fmin", "logaddexp", "hypot", "xlogy", "fmax_scalar"])
@quiet
def test_the_stable_form_gives_the_kernels_special_values(name: str) -> None:
    from glassgrad.ops import lookup
    from glassgrad.tensors import T

    op = lookup(name)
    special = np.array([0.0, 1.0, -2.0, 1e300, inf, -inf, nan])
    xs, attrs = [special], {"bound": 0.5}
    if len(op.samples[0].inputs) == 2:
        xs, attrs = [a.ravel() for a in np.meshgrid(special, special)], {}
    if name == "xlogy":
        xs[1] = np.abs(xs[1])
    assert op.lowering is not None
    assert op.numpy is not None
    np.testing.assert_allclose(op.lowering(T, *xs, **attrs).numpy(), op.numpy(*xs, **attrs), rtol=1e-14)


# --- dtypes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["abs", "round", "floor", "ceil", "trunc", "sign", "positive", "square"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.uint64, np.float32])
def test_whole_numbers_stay_what_they_are(name: str, dtype: Any) -> None:
    assert getattr(xp, name)(np.array([1, 3], dtype)).dtype == dtype


@pytest.mark.parametrize("name", ["hypot", "atan2", "logaddexp", "copysign", "xlogy"])
def test_functions_of_whole_numbers_are_float64(name: str) -> None:
    x = np.array([1, 3], np.int8)
    assert getattr(xp, name)(x, x).dtype == np.float64


def test_a_number_takes_the_dtype_of_the_array_beside_it() -> None:
    single = np.ones(2, np.float32)
    for name in (
        "atan2",
        "hypot",
        "logaddexp",
        "copysign",
        "remainder",
        "fmax",
        "floor_divide",
        "pow",
        "nextafter",
    ):
        f = getattr(xp, name)
        assert f(single, 2).dtype == f(2.0, single).dtype == np.float32
    assert (np.array([3], np.uint8) @ np.array([1], np.uint8)).dtype == np.uint8
    assert xp.bitwise_and(np.array([7], np.uint8), 5).dtype == np.uint8
    assert xp.multiply(single, 1j).dtype == np.complex64
    assert xp.pow(np.array([3]), 2).dtype == np.int64
    assert xp.pow(np.array([3]), 2.0).dtype == np.float64
    assert xp.where(np.array([True, False]), single, 0).dtype == np.float32


def test_numpys_promotion_is_kept_where_no_digit_is_lost() -> None:
    whole, real = np.array([1, 2]), np.array([0.5, 1.5])
    assert xp.add(whole, real).dtype == np.float64
    assert xp.multiply(np.array([True, False]), real).dtype == np.float64
    assert xp.divide(np.array([1], np.uint64), whole[:1]).dtype == np.float64
    assert xp.less(np.array([2**63], np.uint64), np.array([-1])).tolist() == [False]
    assert xp.add(np.array([1], np.uint32), whole[:1]).dtype == np.int64


@pytest.mark.parametrize(
    "name",
    ["add", "subtract", "multiply", "floor_divide", "remainder", "maximum", "fmin", "pow", "bitwise_or"],
)
def test_uint64_beside_a_signed_dtype_is_refused(name: str) -> None:
    u, i = np.array([2**63 + 1], np.uint64), np.array([1])
    message = r"uint64 and int64 .*x.astype\('int64'\)"
    with pytest.raises(DTypeError, match=message):
        getattr(xp, name)(u, i)
    with pytest.raises(DTypeError, match=message):
        gg.trace(getattr(xp, name), u, i)
    assert getattr(xp, name)(u, 1).dtype == np.uint64
    assert getattr(xp, name)(u, np.array([1], np.uint8)).dtype == np.uint64


def test_arrays_of_uint64_and_a_signed_dtype_are_not_mixed() -> None:
    u, i = np.array([1], np.uint64), np.array([1])
    for f in (lambda: xp.where(np.array([True]), u, i), lambda: xp.concat([u, i]), lambda: xp.matmul(u, i)):
        with pytest.raises(DTypeError, match="uint64 and int64"):
            f()


# --- bad input ---------------------------------------------------------------------------------------------------

ERRORS: list[tuple[Any, type[GlassgradError], str]] = [
    (lambda: xp.floor(np.array([1j])), DTypeError, r"floor does not take complex128.*gg\.real"),
    (lambda: xp.trunc(np.array([True])), DTypeError, r"trunc takes numbers, not bool"),
    (lambda: xp.bitwise_and(np.array([1.5]), 1), DTypeError, "bitwise_and works on whole numbers .*float64"),
    (lambda: xp.bitwise_left_shift(np.array([1.5]), 1), DTypeError, r"bitwise_left_shift .*\.astype\('int64'\)"),
    (lambda: xp.bitwise_invert(np.array([1.5])), DTypeError, "bitwise_invert works on whole numbers"),
    (lambda: xp.remainder(np.array([1j]), 2), DTypeError, "remainder does not take complex128"),
    (lambda: xp.atan2(np.array([1j]), 2.0), DTypeError, "atan2 does not take complex128"),
    (lambda: xp.cbrt(np.array([1j])), DTypeError, "cbrt does not take complex128"),
    (lambda: xp.hypot(np.ones(3), np.ones(2)), ShapeError, "axis -1 has sizes 3 and 2"),
    (lambda: xp.pow(np.array([2]), -1), DTypeError, r"int64 to the power -1 .*x \*\* -1\.0"),
    (lambda: xp.polygamma(-1, np.ones(2)), OptionError, "whole number from 0 up, not -1"),
    (lambda: xp.polygamma(1.5, np.ones(2)), OptionError, r"not 1\.5"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "error", "text"), ERRORS)
def test_errors_say_what_was_given(f: Any, error: type[GlassgradError], text: str) -> None:
    with pytest.raises(error, match=text):
        f()


@pytest.mark.parametrize("name", ["floor", "bitwise_invert", "atan2", "cbrt", "remainder"])
def test_traced_operations_refuse_what_eager_ones_do(name: str) -> None:
    bad = np.array([1j]) if name != "bitwise_invert" else np.array([1.5])
    xs = [bad] * len(gg.ops.lookup(name).samples[0].inputs)
    with pytest.raises(DTypeError):
        gg.trace(getattr(xp, name), *xs)


# --- complex numbers in a loss -----------------------------------------------------------------------------------


def test_gradient_descent_on_complex_parameters() -> None:
    target = np.array([1 + 2j, -0.5j])
    w = np.array([0.1 + 0.1j, 1 + 0j])
    loss = grad(lambda w: xp.sum(xp.square(xp.abs(xp.exp(w) - target))))
    for _ in range(2000):
        w = w - 0.05 * loss(w).numpy()
    np.testing.assert_allclose(np.exp(w), target, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["sigmoid", "silu", "softplus", "relu", "leaky_relu", "elu", "gelu", "softmax", "logsumexp"]
)
def test_activations_are_functions_of_real_numbers(name: str) -> None:
    f = getattr(gg, name)
    with pytest.raises(DTypeError, match=rf"{name}.*complex128"):
        f(gg.tensor([1.0 + 1.0j, 2.0]))
    with pytest.raises(DTypeError, match=rf"{name}.*complex128"):
        gg.trace(f, np.ones(2, np.complex128))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "bool"])
def test_the_gradient_beside_short_whole_numbers_is_as_long_as_the_result(dtype: str) -> None:
    """NumPy's logarithm of a byte has 11 bits."""
    y = np.array([1, 3, 5]).astype(dtype)
    slope = grad(lambda x: xp.sum(xp.xlogy(x, y)))(np.ones(3, np.float32))
    np.testing.assert_allclose(slope.numpy(), np.log(y, dtype=np.float32), rtol=1e-6)


@quiet
@pytest.mark.parametrize("name", ["exp", "exp2", "expm1", "sinh", "cosh"])
def test_an_exponential_that_overflows_where_it_is_not_used_passes_nothing_back(name: str) -> None:
    f = getattr(xp, name)
    x = np.array([2000.0, 1.0])
    (found,) = slopes(lambda x: xp.where(x > 20, x, xp.log1p(xp.abs(f(x)))), x)
    assert found[0] == 1
    assert np.isfinite(found).all()
