"""Every function within its bound over the whole range of its format, whatever machine it is compiled for."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache

import numpy as np
import pytest
from harness import TARGETS, Compiled

from glassgrad.engines.native.codegen import circular, functions, powers
from glassgrad.engines.native.codegen.target import named

# Units in the last place: float, double.
BOUNDS = {
    "exp": (1.0, 1.0),
    "expm1": (1.5, 1.5),
    "log": (1.25, 1.25),
    "log1p": (2.0, 2.0),
    "log2": (2.0, 2.0),
    "log10": (2.0, 2.0),
    "tanh": (1.5, 1.5),
    "sigmoid": (2.0, 2.0),
    "erf": (1.75, 1.75),
    "cbrt": (1.25, 1.25),
    "sin": (0.51, 1.0),
    "cos": (0.51, 1.0),
    "tan": (0.51, 1.5),
}
# Where a function is hard: near its zeros, its bends, and where it leaves the range of numbers.
HARD = {
    "exp": [(-746, 710), (-105, 89), (-1, 1), (-745.5, -708), (-104, -87), (709, 709.9), (88, 89)],
    "expm1": [(-40, 710), (-20, 89), (-1, 1), (709, 709.9), (88, 89)],
    "log": [(0.5, 2), (0.99, 1.01), (0, 100)],
    "log1p": [(-0.9999, 2), (-0.01, 0.01), (0, 100)],
    "log2": [(0.5, 2), (0.99, 1.01), (0, 100)],
    "log10": [(0.5, 2), (0.99, 1.01), (0, 1100)],
    "tanh": [(-20, 20), (-1, 1), (0.54, 0.56), (8, 10)],
    "sigmoid": [(-746, 40), (-105, 20), (-4, 4)],
    "erf": [(-6, 6), (-1, 1), (0.99, 1.01), (3.8, 4.1), (5.8, 6.1)],
    "cbrt": [(-10, 10), (-1e30, 1e30), (-1e-30, 1e-30)],
    "sin": [(-7, 7), (-1e3, 1e3), (-2e5, 2e5), (131071, 131073)],
    "cos": [(-7, 7), (-1e3, 1e3), (-2e5, 2e5), (131071, 131073)],
    "tan": [(-7, 7), (-1e3, 1e3), (-2e5, 2e5), (131071, 131073)],
}
DTYPES = [np.dtype("float32"), np.dtype("float64")]
POINTS = 1_000_000


def function(name):
    return getattr(functions, name, None) or getattr(circular, name)


def compiled(name, dtype, size, lanes, target):
    return Compiled(lambda f, args: function(name)(f, *args), [dtype], dtype, size, lanes, named(target))


def specials(dtype):
    about = np.finfo(dtype)
    sizes = [
        0,
        1,
        np.inf,
        np.nan,
        about.tiny,
        about.max,
        about.smallest_subnormal,
        about.eps,
        0.5,
        2,
        10,
        1000,
    ]
    return np.array([s * v for v in sizes for s in (1, -1)], dtype)


@lru_cache(maxsize=2)
def points(name, dtype):
    rng = np.random.default_rng(0)
    whole = np.dtype(f"u{dtype.itemsize}")
    count = POINTS // 10 if name == "erf" and dtype.itemsize == 8 else POINTS  # its truth takes long
    anywhere = rng.integers(0, np.iinfo(whole).max, count // 2, whole, endpoint=True).view(dtype)
    dense = [rng.uniform(*ends, count // 2 // len(HARD[name])) for ends in HARD[name]]
    quarters = rng.integers(-83000, 83000, count // 50) * (np.pi / 2)
    return np.concatenate([anywhere, *dense, quarters, specials(dtype)], dtype=dtype, casting="same_kind")


@lru_cache(maxsize=2)
def truth(name, dtype):
    """Return the function's values with more digits than `dtype` has."""
    with np.errstate(all="ignore"):
        x = points(name, dtype).astype(np.float64 if dtype.itemsize == 4 else np.longdouble)
        if name == "sigmoid":
            return 1 / (1 + np.exp(-x))
        if name == "erf":
            return erf(x)
        return getattr(np, name)(x)


def erf(x):
    from scipy.special import erf as scipy_erf

    if x.dtype == np.float64:
        return scipy_erf(x)
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workprec(80):
        y = scipy_erf(x.astype(float)).astype(np.longdouble)
        for i in np.nonzero((np.abs(x) < 6) & (x != 0))[0]:
            value = mpmath.erf(mpmath.mpf(float(x[i])))
            head = float(value)
            y[i] = np.longdouble(head) + np.longdouble(float(value - head))
        return y


def ulps(found, true):
    """Return how far numbers are from the truth, in units of the last place that the truth has in their format."""
    about = np.finfo(found.dtype)
    with np.errstate(all="ignore"):
        rounded = true.astype(found.dtype)
        exponent = np.clip(np.frexp(np.abs(true))[1] - 1, about.minexp, about.maxexp - 1)
        away = np.abs(found - true) / np.ldexp(np.ones_like(true), exponent - about.nmant)
    same = (rounded == found) | (np.isnan(rounded) & np.isnan(found))
    return np.where(np.isfinite(away), away, np.where(same, 0, np.inf))


def assert_within(bound, found, true, x):
    away = ulps(found, true)
    worst = int(np.argmax(away))
    assert away[worst] <= bound, (
        f"{away[worst]:.3f} ulp at {x[worst]!r}: {found[worst]!r}, not {true[worst]!r}"
    )


def needs_longer_numbers(dtype):
    if dtype.itemsize == 8 and np.finfo(np.longdouble).nmant < 63:
        pytest.skip("no numbers here that are longer than double")


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_within_its_bound_everywhere(name, dtype, target):
    needs_longer_numbers(dtype)
    x, true = points(name, dtype), truth(name, dtype)
    found = compiled(name, dtype, len(x), named(target).lanes(dtype.itemsize), target)(x)
    assert_within(BOUNDS[name][dtype.itemsize == 8], found, true, x)


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_lanes_change_no_bit(name, dtype, target):
    natural = named(target).lanes(dtype.itemsize)
    x = points(name, dtype)[-(16 * natural + 3) :]  # an odd rest, specials among it
    expected = compiled(name, dtype, len(x), natural, target)(x)
    for lanes in (0, 2 * natural, 3):
        found = compiled(name, dtype, len(x), lanes, target)(x)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(np.signbit(found[x == 0]), np.signbit(expected[x == 0]))


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_zeros_infinities_and_nan_as_in_numpy(name, dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    found = compiled(name, dtype, len(x), 4, "host")(x)
    with np.errstate(all="ignore"):
        if name == "sigmoid":
            expected = 1 / (1 + np.exp(-x))
        elif name == "erf":
            expected = erf(x.astype(np.float64)).astype(dtype)
        else:
            expected = getattr(np, name)(x)
    np.testing.assert_array_equal(found, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


def test_results_below_the_normal_numbers_are_right():
    x = np.linspace(-745.2, -708.3, 5000)
    found = compiled("exp", np.dtype("float64"), len(x), 8, "host")(x)
    assert 0 < np.count_nonzero(found < np.finfo(float).tiny) < len(x)
    assert found[-1] > 0
    needs_longer_numbers(np.dtype("float64"))
    assert_within(1.0, found, np.exp(x.astype(np.longdouble)), x)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_logarithms_of_powers_are_whole(dtype):
    powers = np.arange(-100, 101)
    found = compiled("log2", dtype, len(powers), 4, "host")(2.0**powers)
    np.testing.assert_array_equal(found, powers)
    powers = np.arange(11 if dtype.itemsize == 4 else 23)
    found = compiled("log10", dtype, len(powers), 4, "host")(10.0**powers)
    np.testing.assert_array_equal(found, powers)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_no_tanh_or_sigmoid_or_erf_beyond_one(dtype):
    x = np.linspace(-50, 50, 400_001)
    for name, low in (("tanh", -1), ("erf", -1), ("sigmoid", 0)):
        y = compiled(name, dtype, len(x), 16, "host")(x.astype(dtype))
        assert y.min() >= low
        assert y.max() == 1


# --- powers ----------------------------------------------------------------------------------------------------------


def power(dtype, size, lanes=4, target="host"):
    return Compiled(lambda f, args: powers.power(f, *args), [dtype, dtype], dtype, size, lanes, named(target))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("target", TARGETS)
def test_powers_within_their_bound_everywhere(dtype, target):
    needs_longer_numbers(dtype)
    rng = np.random.default_rng(2)
    count, most = POINTS // 4, np.finfo(dtype).maxexp
    anywhere = np.exp2(rng.uniform(-most, most, count))
    near_one = np.maximum(1 + rng.normal(size=count) * 2.0 ** -rng.integers(1, 24, count), 0.1)
    large = [rng.uniform(-1.1, 1.1, count) * most / np.log2(x) for x in (anywhere, near_one)]
    x = np.concatenate(
        [anywhere, near_one, rng.uniform(0, 10, count), -rng.integers(1, 40, count)], dtype=dtype
    )
    y = np.concatenate([*large, rng.uniform(-5, 5, count), rng.integers(-30, 30, count)], dtype=dtype)
    found = power(dtype, len(x), named(target).lanes(dtype.itemsize), target)(x, y)
    longer = np.float64 if dtype.itemsize == 4 else np.longdouble
    with np.errstate(all="ignore"):
        true = np.power(x.astype(longer), y.astype(longer))
    assert_within(0.51 if dtype.itemsize == 4 else 1.25, found, true, x)
    whole = (
        (np.abs(true) < 2.0 ** np.finfo(dtype).nmant) & (true == np.rint(true)) & (x == np.rint(x)) & (y >= 0)
    )
    assert whole.sum() > 1000
    np.testing.assert_array_equal(found[whole], true[whole].astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("lanes", [0, 3, 8])
def test_powers_at_the_edges_as_in_numpy(dtype, lanes):
    about = np.finfo(dtype)
    sizes = [
        0,
        1,
        0.5,
        2,
        3,
        2.5,
        1e9,
        2.0**53,
        1e300,
        np.inf,
        np.nan,
        about.smallest_subnormal,
        about.max,
        1 + about.eps,
    ]
    with np.errstate(over="ignore"):
        edges = np.array([s * v for v in sizes for s in (1, -1)], dtype)
    x, y = np.repeat(edges, len(edges)), np.tile(edges, len(edges))
    with np.errstate(all="ignore"):
        expected = np.power(x, y)
    found = power(dtype, len(x), lanes)(x, y)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(found), ~numbers)
    np.testing.assert_array_max_ulp(found[numbers], expected[numbers], 2)
    np.testing.assert_array_equal(np.signbit(found[numbers]), np.signbit(expected[numbers]))


# --- the C library ---------------------------------------------------------------------------------------------------

OF_ONE = [name for name in functions.BY_LIBRARY if name not in ("erfc", "atan2")]


def by_library(name, dtype, *arrays):
    emit = functions.by_library(name)
    return Compiled(lambda f, args: emit(f, *args), [dtype] * len(arrays), dtype, len(arrays[0]), 4)(*arrays)


@pytest.mark.parametrize("name", OF_ONE)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_functions_of_the_c_library(name, dtype):
    needs_longer_numbers(dtype)
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-1, 1, 5000), rng.uniform(-30, 30, 5000), specials(dtype)]).astype(dtype)
    numpy = getattr(np, f"arc{name[1:]}" if name.startswith("a") else name)
    with np.errstate(all="ignore"):
        true = numpy(x.astype(np.float64 if dtype.itemsize == 4 else np.longdouble))
    assert_within(0.51 if dtype.itemsize == 4 else 2, by_library(name, dtype, x), true, x)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_angles_of_the_c_library(dtype):
    needs_longer_numbers(dtype)
    rng = np.random.default_rng(1)
    edges = specials(dtype)
    y = np.concatenate([rng.uniform(-9, 9, 5000), np.repeat(edges, len(edges))]).astype(dtype)
    x = np.concatenate([rng.uniform(-9, 9, 5000), np.tile(edges, len(edges))]).astype(dtype)
    longer = np.float64 if dtype.itemsize == 4 else np.longdouble
    with np.errstate(all="ignore"):
        true = np.arctan2(y.astype(longer), x.astype(longer))
    assert_within(0.51 if dtype.itemsize == 4 else 2, by_library("atan2", dtype, y, x), true, x)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_the_c_library_leaves_of_the_bell_curve(dtype):
    """Held to long arithmetic: SciPy's own is hundreds of units off where little is left."""
    needs_longer_numbers(dtype)
    mpmath = pytest.importorskip("mpmath")
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-7, 28, 2000), rng.uniform(-2, 2, 2000)]).astype(dtype)
    with mpmath.workprec(80):
        parts = [(float(y), float(y - float(y))) for y in (mpmath.erfc(mpmath.mpf(float(v))) for v in x)]
    true = np.array(parts, np.longdouble).sum(axis=1)
    assert_within(0.51 if dtype.itemsize == 4 else 3.5, by_library("erfc", dtype, x), true, x)
    edges = np.array([np.inf, -np.inf, np.nan, 0.0], dtype)
    np.testing.assert_array_equal(by_library("erfc", dtype, edges), [0, 2, np.nan, 1])


FRESH = """
import sys
import numpy as np
from harness import Compiled
from glassgrad.engines.native.codegen import circular
from glassgrad.engines.native.codegen import functions
x = np.array([0.25, 0.5, 1e6])
of_one = [name for name in functions.BY_LIBRARY if name != "atan2"]
for emit in [*map(functions.by_library, of_one), circular.sin, circular.cos, circular.tan]:
    found = Compiled(lambda f, args: emit(f, *args), ["f8"], "f8", 3, 2)(x)
np.testing.assert_allclose(found, np.tan(x))
assert "scipy" not in sys.modules
"""


def test_the_c_library_is_found_in_a_new_process():
    done = subprocess.run(
        [sys.executable, "-c", FRESH],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
