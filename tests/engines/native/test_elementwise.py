"""Every rule against NumPy: the same bits where arithmetic is exact or rounded once, a few ulp where it is not."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from harness import TARGETS, Compiled
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from glassgrad.engines.coverage import lacking
from glassgrad.engines.native.codegen.elementwise import SUPPORTED, Unsupported, apply
from glassgrad.engines.native.codegen.target import named
from glassgrad.ops import REGISTRY

SIZE = 13  # one vector of eight and a rest
LANES = 8
NAMES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float32 float64"
DTYPES = [np.dtype(name) for name in NAMES.split()]
FLOATS = [d for d in DTYPES if d.kind == "f"]

SMOOTH = {
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "cos", "cosh", "elu", "erf", "erfc",
    "exp", "expm1", "log", "log10", "log1p", "log2", "pow", "sigmoid", "sin", "sinh", "tan", "tanh",
}  # fmt: skip
ZEROS_OF_EITHER_SIGN = {"maximum", "minimum", "maximum_scalar", "minimum_scalar", "relu", "clip"}
"""Which of two equal zeros NumPy picks depends on the machine it runs on."""

INSTEAD = {"erfc": np.vectorize(math.erfc, otypes=[float])}
"""Functions that NumPy has not, and SciPy not to the last digits."""

NUMBERS = st.one_of(st.integers(-3, 9), st.floats(-3, 9, width=32))
SETTINGS = {
    "clip": st.fixed_dictionaries({"min": st.none() | NUMBERS, "max": st.none() | NUMBERS}),
    "maximum_scalar": st.fixed_dictionaries({"bound": NUMBERS}),
    "minimum_scalar": st.fixed_dictionaries({"bound": NUMBERS}),
    "leaky_relu": st.fixed_dictionaries({"slope": st.sampled_from([0.01, 0.3])}),
    "elu": st.fixed_dictionaries({"alpha": st.sampled_from([1.0, 0.7])}),
    "astype": st.fixed_dictionaries({"dtype": st.sampled_from(DTYPES)}),
}


def elements(dtype, smooth):
    edges = st.sampled_from([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0])
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind == "f":
        return (st.floats(-80, 80, width=32) if smooth else hnp.from_dtype(dtype)) | edges
    least = np.iinfo(dtype).min
    return (
        st.integers(max(least, -80), 80) if smooth else hnp.from_dtype(dtype) | st.integers(max(least, -5), 9)
    )


@st.composite
def cases(draw, name):
    """Draw settings and operands that NumPy takes."""
    inputs = len(REGISTRY[name].samples[0].inputs)
    dtypes = FLOATS if name == "reciprocal" else DTYPES  # its function turns whole numbers into floats first
    chosen = [draw(st.sampled_from(dtypes)) for _ in range(inputs)]
    attrs = draw(SETTINGS.get(name, st.just({})))
    arrays = [
        draw(hnp.arrays(d, SIZE, elements=elements(d, name in SMOOTH), fill=st.nothing())) for d in chosen
    ]
    if name == "astype":
        assume(attrs["dtype"].kind in "fb" or within(arrays[0], attrs["dtype"]))
    return arrays, attrs


def within(x, dtype):
    """Say whether a whole dtype can hold the numbers; what becomes of others is anybody's guess."""
    if x.dtype.kind != "f":
        return True
    about = np.iinfo(dtype)
    return bool(np.isfinite(x).all() and (x > about.min - 1.0).all() and (x < about.max + 1.0).all())


def expected(name, arrays, attrs):
    """Return what NumPy says, or nothing where it refuses or where no rule is due."""
    op = REGISTRY[name]
    try:
        dtype = op.infer(*arrays, **attrs)[1]
        with np.errstate(all="ignore"):
            result = np.asarray(INSTEAD.get(name, op.numpy)(*arrays, **attrs))
    except (TypeError, OverflowError, ValueError):
        return None
    return None if dtype == np.float16 or (name == "pow" and dtype.kind != "f") else result.astype(dtype)


@cache
def compiled(name, dtypes, out, attrs, lanes=LANES, target="host"):
    def emit(f, args):
        return apply(f, name, args, dtypes, out, dict(attrs))

    return Compiled(emit, dtypes, out, SIZE, lanes, named(target))


def run(name, arrays, out, attrs, **where):
    return compiled(name, tuple(a.dtype for a in arrays), out, tuple(attrs.items()), **where)(*arrays)


def assert_same(name, found, true):
    if true.dtype.kind != "f":
        np.testing.assert_array_equal(found, true)
        return
    nan = np.isnan(true)
    np.testing.assert_array_equal(np.isnan(found), nan)
    found, true = found[~nan], true[~nan]
    if name in SMOOTH:
        # NumPy's own are up to 4 ulp from the truth
        np.testing.assert_array_max_ulp(found, true, 8)
    else:
        np.testing.assert_array_equal(found, true)
    if name not in ZEROS_OF_EITHER_SIGN:
        np.testing.assert_array_equal(np.signbit(found), np.signbit(true))


@pytest.mark.parametrize("name", sorted(SUPPORTED))
@given(data=st.data())
def test_as_numpy(name, data):
    arrays, attrs = data.draw(cases(name))
    true = expected(name, arrays, attrs)
    assume(true is not None)
    assert_same(name, run(name, arrays, true.dtype, attrs), true)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("lanes", [0, 4, 16])
@pytest.mark.parametrize("name", sorted(SUPPORTED - SMOOTH))
def test_as_numpy_on_other_machines(name, lanes, target):
    rng = np.random.default_rng(3)
    dtypes = FLOATS if name == "reciprocal" else DTYPES[:1] + DTYPES[6:7] + FLOATS
    inputs = len(REGISTRY[name].samples[0].inputs)
    attrs = {
        "clip": {"min": -1, "max": 1.5},
        "leaky_relu": {"slope": 0.1},
        "astype": {"dtype": np.dtype("f4")},
    }
    settings = attrs.get(name, {"bound": 1} if name.endswith("_scalar") else {})
    for dtype in dtypes:
        arrays = [np.round(rng.normal(size=SIZE) * 2, 1).astype(dtype) for _ in range(inputs)]
        if dtype.kind == "f":
            for a in arrays:
                a[rng.choice(SIZE, 4, replace=False)] = [np.nan, np.inf, -np.inf, -0.0]
        true = expected(name, arrays, settings)
        if true is not None:
            assert_same(name, run(name, arrays, true.dtype, settings, lanes=lanes, target=target), true)


LEFT_TO_NUMPY = {"digamma", "digamma_slope", "lgamma", "nextafter"}


def test_elementwise_records_without_a_rule_are_opened_or_known():
    without = [op for name, op in REGISTRY.items() if op.elementwise and name not in SUPPORTED]
    assert {op.name for op in without if lacking(op, "native")} == LEFT_TO_NUMPY


def test_products_and_sums_are_rounded_each_on_its_own():
    x = np.array([1 + 2.0**-30] * SIZE)
    double = np.dtype("float64")

    def emit(f, args):
        product = apply(f, "multiply", [args[0], args[0]], [double] * 2, double, {})
        return apply(f, "subtract", [product, args[1]], [double] * 2, double, {})

    found = Compiled(emit, [double] * 2, double, SIZE, LANES)(x, x * x)
    np.testing.assert_array_equal(found, 0)


@pytest.mark.parametrize(
    ("name", "dtypes", "out", "attrs", "message"),
    [
        ("exp", ["float16"], "float16", {}, "exp.*float16"),
        ("multiply", ["complex64", "complex64"], "complex64", {}, "multiply.*complex64"),
        ("sqrt", ["int8"], "float16", {}, "sqrt.*float16"),
        ("pow", ["int64", "int64"], "int64", {}, "pow of int64"),
        ("maximum_scalar", ["uint8"], "uint8", {"bound": 300}, "maximum_scalar.*uint8"),
        ("matmul", ["float32", "float32"], "float32", {}, "matmul"),
    ],
)
def test_what_has_no_rule_is_named(name, dtypes, out, attrs, message):
    with pytest.raises(Unsupported, match=message):
        compiled(name, tuple(map(np.dtype, dtypes)), np.dtype(out), tuple(attrs.items()))
