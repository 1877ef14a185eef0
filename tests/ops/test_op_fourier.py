"""Fourier transforms: NumPy's values and dtypes, transposes, gradients against PyTorch, errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import DTypeError, GlassgradError, OptionError, ShapeError
from glassgrad.functional import jvp, vjp
from glassgrad.graph import batch_graph

REAL = ("rfft", "rfftn", "ihfft")
"""Transforms of real signals."""

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fftn", "ifftn", "rfftn", "irfftn")
NORMS = ("backward", "ortho", "forward")


@dataclass(frozen=True)
class Transform:
    name: str
    x: np.ndarray
    settings: dict[str, Any]

    def ours(self, x: Any) -> Any:
        return getattr(xp.fft, self.name)(x, **self.settings)

    def theirs(self, library: Any, x: Any) -> Any:
        return getattr(library, self.name)(x, **self.settings)


@st.composite
def transforms(draw: Any, dtypes: Any = (np.float64, np.complex128)) -> Transform:
    """Draw a transform: odd and even sizes, cut and filled up, every norm, real and complex."""
    name = draw(st.sampled_from(ONE + SEVERAL))
    shape = tuple(draw(st.lists(st.integers(2, 6), min_size=1, max_size=3)))
    rank = len(shape)
    settings: dict[str, Any] = {"norm": draw(st.sampled_from(NORMS))}
    sizes = st.integers(1, 7)
    if name in ONE:
        settings["axis"] = draw(st.integers(-rank, rank - 1))
        settings |= draw(st.just({}) | sizes.map(lambda n: {"n": n}))
    else:
        axes = draw(st.lists(st.integers(0, rank - 1), unique=True, min_size=1))
        settings["axes"] = tuple(draw(st.sampled_from([a, a - rank])) for a in axes)
        if draw(st.booleans()):
            settings["s"] = tuple(draw(sizes) for _ in axes)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.normal(size=shape)
    kind = draw(st.sampled_from(dtypes))
    if name not in REAL and np.dtype(kind).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    return Transform(name, x.astype(np.empty(0, kind).real.dtype if x.dtype.kind == "f" else kind), settings)


@given(transforms((np.float32, np.float64, np.complex64, np.complex128)))
def test_values_and_dtypes_are_numpys(t: Transform) -> None:
    found, expected = t.ours(t.x).numpy(), t.theirs(np.fft, t.x)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-4 if found.dtype.name in ("float32", "complex64") else 1e-12,
                               atol=1e-5 if found.dtype.name in ("float32", "complex64") else 1e-13)  # fmt: skip


def _drawn(rng: np.random.Generator, like: Any) -> np.ndarray:
    z = rng.normal(size=like.shape)
    return z + 1j * rng.normal(size=like.shape) if like.dtype.kind == "c" else z


@given(transforms())
def test_the_transpose_is_the_adjoint(t: Transform) -> None:
    rng = np.random.default_rng(0)
    z, pull = vjp(t.ours, t.x)
    v, g = _drawn(rng, t.x), _drawn(rng, z)
    _, along = jvp(t.ours, [t.x], [v])
    (back,) = pull(g)
    assert back.dtype == t.x.dtype
    forward = np.sum(np.real(np.conj(g) * along.numpy()))
    reverse = np.sum(np.real(np.conj(back.numpy()) * v))
    np.testing.assert_allclose(forward, reverse, rtol=1e-11, atol=1e-12)


@given(transforms())
def test_gradients_are_pytorchs(t: Transform) -> None:
    torch = pytest.importorskip("torch")
    rename = {"axis": "dim", "axes": "dim"}
    leaf = torch.tensor(t.x, requires_grad=True)
    settings = {rename.get(k, k): v for k, v in t.settings.items()}
    theirs = getattr(torch.fft, t.name)(leaf, **settings)
    g = _drawn(np.random.default_rng(1), t.ours(t.x))
    theirs.backward(torch.tensor(g))
    np.testing.assert_allclose(
        vjp(t.ours, t.x)[1](g)[0].numpy(), leaf.grad.resolve_conj().numpy(), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("n", [1, 4, 5])
@pytest.mark.parametrize("norm", NORMS)
def test_the_inverse_gives_the_signal_back(n: int, norm: str) -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(size=(2, n)) + 1j * rng.normal(size=(2, n))
    np.testing.assert_allclose(xp.fft.ifft(xp.fft.fft(z, norm=norm), norm=norm).numpy(), z, rtol=1e-13)
    np.testing.assert_allclose(xp.fft.irfft(xp.fft.rfft(z.real, norm=norm), n=n, norm=norm).numpy(), z.real)
    np.testing.assert_allclose(xp.fft.hfft(xp.fft.ihfft(z.real, norm=norm), n=n, norm=norm).numpy(), z.real)
    np.testing.assert_allclose(xp.fft.ifftn(xp.fft.fftn(z, norm=norm), norm=norm).numpy(), z, rtol=1e-13)
    np.testing.assert_allclose(
        xp.fft.irfftn(xp.fft.rfftn(z.real, norm=norm), s=(2, n), axes=(0, 1), norm=norm).numpy(), z.real
    )


def test_energy_is_kept_so_the_gradient_of_it_is_twice_the_signal() -> None:
    x = np.random.default_rng(4).normal(size=7)
    _, pull = vjp(lambda x: xp.sum(xp.square(xp.abs(xp.fft.fft(x, norm="ortho")))), x)
    np.testing.assert_allclose(pull(1.0)[0].numpy(), 2 * x, rtol=1e-12)


def test_a_convolution_by_transforms_has_the_gradient_of_the_convolution() -> None:
    rng = np.random.default_rng(5)
    x, k, g = rng.normal(size=6), rng.normal(size=3), rng.normal(size=8)

    def convolved(x: Any, k: Any) -> Any:
        return xp.fft.irfft(xp.fft.rfft(x, n=8) * xp.fft.rfft(k, n=8), n=8)

    z, pull = vjp(convolved, x, k)
    np.testing.assert_allclose(z.numpy(), np.convolve(x, k), rtol=1e-12, atol=1e-14)
    dx, dk = pull(g)
    np.testing.assert_allclose(dx.numpy(), np.correlate(g, k, "valid"), rtol=1e-12)
    np.testing.assert_allclose(dk.numpy(), np.correlate(g, x, "valid"), rtol=1e-12)


def test_whole_numbers_are_transformed_in_double_precision() -> None:
    assert xp.fft.fft(np.arange(4)).dtype == np.complex128
    assert xp.fft.rfft(np.arange(4, dtype=np.int8)).dtype == np.complex128
    assert xp.fft.irfft(np.arange(4)).dtype == np.float64


def test_an_open_batch_and_many_rows() -> None:
    x = np.random.default_rng(6).normal(size=(3, 5))
    graph = gg.trace(lambda x: xp.abs(xp.fft.rfft(x, n=6)), gg.Spec(("N", 5)))
    np.testing.assert_allclose(gg.run(graph, x)[0], np.abs(np.fft.rfft(x, 6)), rtol=1e-12)
    one = gg.trace(lambda x: xp.abs(xp.fft.rfft(x)), x[0])
    np.testing.assert_allclose(gg.run(batch_graph(one, (True,), 3), x)[0], np.abs(np.fft.rfft(x)), rtol=1e-12)


# --- frequencies, shifts -------------------------------------------------------------------------------------------


@given(st.integers(1, 20), st.floats(0.1, 5))
def test_frequencies_are_numpys(n: int, d: float) -> None:
    np.testing.assert_array_equal(xp.fft.fftfreq(n, d=d).numpy(), np.fft.fftfreq(n, d=d))
    np.testing.assert_array_equal(xp.fft.rfftfreq(n, d=d).numpy(), np.fft.rfftfreq(n, d=d))
    assert xp.fft.fftfreq(n, dtype=np.float32, device="cpu").dtype == np.float32


@pytest.mark.parametrize("shape", [(4,), (5,), (2, 3)])
@pytest.mark.parametrize("axes", [None, 0, (-1,)])
def test_shifts_are_numpys_and_shift_the_gradient_back(shape: tuple[int, ...], axes: Any) -> None:
    x = np.arange(float(np.prod(shape))).reshape(shape)
    for ours, theirs, inverse in (
        (xp.fft.fftshift, np.fft.fftshift, np.fft.ifftshift),
        (xp.fft.ifftshift, np.fft.ifftshift, np.fft.fftshift),
    ):
        z, pull = vjp(lambda x, f=ours: f(x, axes=axes), x)
        np.testing.assert_array_equal(z.numpy(), theirs(x, axes=axes))
        np.testing.assert_array_equal(pull(x)[0].numpy(), inverse(x, axes=axes))


# --- errors --------------------------------------------------------------------------------------------------------

X = np.ones((2, 3))
ERRORS = [
    (lambda: xp.fft.fft(X, norm="orto"), OptionError, "'ortho'"),
    (lambda: xp.fft.fft(X, n=0), ShapeError, "axis 1, not 0"),
    (lambda: xp.fft.fft(X, axis=2), ShapeError, "axis 2"),
    (lambda: xp.fft.fft(np.array(1.0)), ShapeError, "axis -1"),
    (lambda: xp.fft.fftn(np.array(1.0)), ShapeError, "needs an axis"),
    (lambda: xp.fft.fftn(X, axes=(0, -2)), ShapeError, "twice"),
    (lambda: xp.fft.fftn(X, s=(2,), axes=(0, 1)), ShapeError, r"\(2,\).*\(0, 1\)"),
    (lambda: xp.fft.rfft(X * 1j), DTypeError, "real signal.*complex128"),
    (lambda: xp.fft.ihfft(X * 1j), DTypeError, "real signal"),
    (lambda: xp.fft.irfft(np.ones((2, 1))), ShapeError, "say how many"),
    (lambda: xp.fft.fft(np.zeros((2, 0))), ShapeError, "no values"),
    (lambda: xp.fft.fftfreq(0), ShapeError, "not 0"),
    (lambda: xp.fft.rfftfreq(4, dtype=np.int64), DTypeError, "int64"),
    (lambda: xp.fft.fftfreq(4, device="gpu"), OptionError, "gpu"),
    (lambda: gg.trace(lambda x: xp.fft.rfft(x, axis=0), gg.Spec(("N", 3))), ShapeError, "the batch"),
    (lambda: gg.trace(lambda x: xp.fft.fft(x, n=4, axis=0), gg.Spec(("N", 3))), ShapeError, "the batch"),
]


@pytest.mark.parametrize(("f", "error", "text"), ERRORS)
def test_errors_say_what_was_given(f: Any, error: type[GlassgradError], text: str) -> None:
    with pytest.raises(error, match=text):
        f()
