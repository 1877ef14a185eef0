"""The namespace and the array object as the Array API wants them: dtypes, exchange, numbers, operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import xp
from glassgrad.errors import ConversionError, DTypeError, OptionError, ShapeError, TraceError


def wanting(data: Any, dtype: Any = None) -> gg.Tensor:
    return gg.tensor(data, dtype=dtype, requires_grad=True)


# --- the namespace -----------------------------------------------------------------------------------------------


def test_a_tensor_names_its_namespace() -> None:
    t = gg.tensor([1.0])
    assert t.__array_namespace__() is xp
    assert t.__array_namespace__(api_version="2022.12") is xp
    assert t.__array_namespace__(api_version=xp.__array_api_version__) is xp
    with pytest.raises(OptionError, match=r"2024\.12, not '1999\.01'"):
        t.__array_namespace__(api_version="1999.01")


def test_code_for_any_library_runs_and_is_differentiated() -> None:
    def standardised(x: Any) -> Any:
        np_ = x.__array_namespace__()
        return (x - np_.mean(x, axis=0)) / np_.std(x, axis=0)

    data = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(standardised(xp.asarray(data)).numpy(), standardised(data), rtol=1e-14)
    gradient = gg.grad(lambda x: xp.sum(standardised(x)[0] ** 2))(data)
    step, bump = 1e-6, np.zeros_like(data)
    bump[1, 2] = step
    slope = [float((standardised(data + s * bump)[0] ** 2).sum()) for s in (1, -1)]
    assert gradient[1, 2].item() == pytest.approx((slope[0] - slope[1]) / (2 * step), rel=1e-6)


def test_constants_and_extensions() -> None:
    assert (xp.pi, xp.e, xp.inf, xp.newaxis) == (math.pi, math.e, math.inf, None)
    assert math.isnan(xp.nan)
    assert xp.linalg.matmul(xp.asarray([[2.0]]), xp.asarray([[3.0]])).tolist() == [[6.0]]
    assert {"linalg", "fft", "float32", "asarray"} <= set(dir(xp))
    assert xp.astype is gg.astype
    with pytest.raises(AttributeError, match=r"glassgrad\.xp has no 'flaot32'. Did you mean 'float32'"):
        _ = xp.flaot32
    with pytest.raises(AttributeError, match=r"glassgrad\.xp\.fft has no 'nonsense'"):
        _ = xp.fft.nonsense


def test_information() -> None:
    info = xp.__array_namespace_info__()
    assert info.devices() == ["cpu"] == [info.default_device()]
    assert info.capabilities()["data-dependent shapes"] is True
    assert xp.zeros((1,) * info.capabilities()["max dimensions"]).ndim == 64
    for kind, data in (("real floating", 1.0), ("complex floating", 1j), ("integral", 1)):
        assert info.default_dtypes()[kind] == xp.asarray(data).dtype
    assert info.default_dtypes()["indexing"] == xp.argmax(xp.asarray([1.0, 2.0])).dtype
    assert len(info.dtypes()) == 13
    assert set(info.dtypes(kind="signed integer")) == {"int8", "int16", "int32", "int64"}
    assert set(info.dtypes(kind=("bool", "complex floating"), device="cpu")) == {
        "bool",
        "complex64",
        "complex128",
    }
    with pytest.raises(OptionError, match="no device 'cuda'"):
        info.dtypes(device="cuda")


# --- dtypes ------------------------------------------------------------------------------------------------------


def test_dtypes_are_those_of_tensors() -> None:
    for name, dtype in xp.__array_namespace_info__().dtypes().items():
        assert getattr(xp, name) is dtype
        assert np.dtype(name) == dtype
        t = xp.asarray([1], dtype=dtype)
        assert t.dtype == dtype
        assert {dtype: 1}[t.dtype] == 1


def test_what_dtypes_hold() -> None:
    single = xp.finfo(xp.float32)
    assert (single.bits, single.eps, single.dtype) == (32, 2.0**-23, xp.float32)
    assert (single.max, single.min) == (float(np.finfo(np.float32).max), -float(np.finfo(np.float32).max))
    assert single.smallest_normal == 2.0**-126
    assert all(type(v) is float for v in (single.eps, single.max, single.min, single.smallest_normal))
    assert xp.finfo(xp.asarray(1j)) == xp.finfo("float64") == xp.finfo(xp.complex128)
    byte = xp.iinfo(xp.asarray([1], dtype=xp.uint8))
    assert (byte.bits, byte.min, byte.max, byte.dtype) == (8, 0, 255, xp.uint8)
    with pytest.raises(DTypeError, match="int64 is neither: use iinfo"):
        xp.finfo(xp.int64)
    with pytest.raises(DTypeError, match="float64 is none: use finfo"):
        xp.iinfo(float)


def test_kinds() -> None:
    assert xp.isdtype(xp.uint8, "integral")
    assert not xp.isdtype(xp.uint8, "signed integer")
    assert xp.isdtype(xp.complex64, ("real floating", xp.complex64))
    assert not xp.isdtype(xp.bool, "numeric")
    assert xp.isdtype(xp.bool, "bool")
    with pytest.raises(OptionError, match="Did you mean 'integral'"):
        xp.isdtype(xp.int8, "integrl")


def test_which_dtype_becomes_which() -> None:
    assert xp.can_cast(xp.int32, xp.float64)
    assert not xp.can_cast(xp.asarray([1.0]), xp.float32)
    assert xp.result_type(xp.int8, xp.uint8) == xp.int16
    assert xp.result_type(xp.asarray([1], dtype=xp.float32), 2, 1.0) == xp.float32
    assert xp.result_type(xp.int8, 1.0) == xp.float64
    with pytest.raises(DTypeError, match="needs an array or a dtype"):
        xp.result_type(1, 2.0)


def test_shapes_that_broadcast() -> None:
    assert xp.broadcast_shapes() == ()
    assert xp.broadcast_shapes([2, 1], (1, 3)) == (2, 3)
    with pytest.raises(ShapeError):
        xp.broadcast_shapes((2,), (3,))


def test_astype_carries_the_gradient_into_complex_numbers() -> None:
    x = wanting([1.0, -2.0], "float32")
    z = xp.astype(x, xp.complex128) * (2.0 + 1j)
    xp.sum(xp.real(z * xp.conj(z))).backward()
    assert x.grad is not None
    assert x.grad.dtype == xp.float32
    assert x.grad.tolist() == [10.0, -20.0]


def test_astype_copies_unless_told_not_to() -> None:
    x = gg.tensor([1.0])
    assert xp.astype(x, xp.float64, copy=False) is x
    assert x.astype("float64", copy=False) is x
    copied = xp.astype(x, xp.float64, device="cpu")
    assert not np.shares_memory(copied.numpy(), x.numpy())
    with pytest.raises(OptionError, match="no device 'gpu'"):
        xp.astype(x, xp.float32, device="gpu")
    with pytest.raises(DTypeError, match=r"does not become float64: take gg\.real"):
        xp.astype(xp.asarray([1j]), xp.float64)
    assert xp.astype(xp.asarray([1j, 0]), xp.bool).tolist() == [True, False]


# --- making and giving -------------------------------------------------------------------------------------------


def test_asarray_shares_or_copies_as_it_is_told() -> None:
    array = np.array([1.0, 2.0])
    tensor = xp.asarray(array)
    assert np.shares_memory(tensor.numpy(), array)
    assert not np.shares_memory(xp.asarray(array, copy=True).numpy(), array)
    assert np.shares_memory(xp.asarray(array, copy=False, dtype="float64", device="cpu").numpy(), array)
    assert xp.asarray(tensor) is tensor
    assert not np.shares_memory(xp.asarray(tensor, copy=True).numpy(), array)
    assert np.shares_memory(xp.asarray(memoryview(array), copy=False).numpy(), array)
    for refused in (array, tensor):
        with pytest.raises(ValueError, match="float64 becomes float32 by a copy"):
            xp.asarray(refused, dtype=xp.float32, copy=False)
    with pytest.raises(ValueError, match="made of a list by a copy"):
        xp.asarray([1.0], copy=False)
    with pytest.raises(OptionError, match="no device 'tpu'"):
        xp.asarray([1.0], device="tpu")


def test_asarray_gives_numbers_their_dtype_at_once() -> None:
    assert xp.asarray([2**64 - 1], dtype=xp.uint64).tolist() == [2**64 - 1]
    assert xp.asarray([True, 2], dtype=xp.float32).dtype == xp.float32
    assert xp.asarray([1, 2j]).dtype == xp.complex128
    assert xp.asarray([1.0, 2j], dtype=xp.complex64).tolist() == [1, 2j]
    with pytest.raises(OverflowError):
        xp.asarray([300], dtype=xp.uint8)
    with pytest.raises(DTypeError, match=r"take gg\.real"):
        xp.asarray([1j], dtype=xp.float64)


def test_a_copy_keeps_the_gradient() -> None:
    x = wanting([3.0])
    y = xp.asarray(x, copy=True)
    assert y is not x
    (y * y).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0]


def test_tensors_in_lists_keep_their_gradients() -> None:
    a, b = wanting(2.0), wanting(3.0)
    m = xp.asarray([[a, 1.0], [a * b, b]])
    assert m.tolist() == [[2.0, 1.0], [6.0, 3.0]]
    (m * xp.asarray([[1.0, 5.0], [1.0, 2.0]])).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.item(), b.grad.item()) == (1.0 + 3.0, 2.0 + 2.0)
    (xp.asarray((a, b), dtype="float32") ** 2).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (4.0 + 4.0, 4.0 + 6.0)
    assert gg.run(gg.trace(lambda x: xp.asarray([x, 1.0]), 3.0), 3.0)[0].tolist() == [3.0, 1.0]
    (xp.max([a, b]) + xp.matmul([[a, 1.0]], [b, 2.0])).sum().backward()
    assert (a.grad.item(), b.grad.item()) == (8.0 + 3.0, 10.0 + 1.0 + 2.0)
    with pytest.raises(ShapeError):
        xp.asarray([a, [b]])
    with pytest.raises(TraceError, match=r"gg\.stack"):
        gg.tensor([a, b])


@pytest.mark.parametrize("library", ["numpy", "torch", "jax.numpy"])
def test_other_libraries_share_the_memory(library: str) -> None:
    other: Any = pytest.importorskip(library)
    tensor = gg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype="float32")
    theirs = other.from_dlpack(tensor)
    assert theirs.tolist() == tensor.tolist()
    back = xp.from_dlpack(theirs)
    assert isinstance(back, gg.Tensor)
    assert back.dtype == xp.float32
    assert np.shares_memory(back.numpy(), np.asarray(theirs))
    if library != "jax.numpy":  # which copies what is not aligned as it likes
        assert np.shares_memory(back.numpy(), tensor.numpy())
    assert not np.shares_memory(xp.from_dlpack(theirs, copy=True).numpy(), np.asarray(theirs))


def test_exchange_says_what_it_cannot_do() -> None:
    tensor = gg.tensor([1.0, 2.0])
    assert tensor.__dlpack_device__() == (1, 0)
    assert xp.from_dlpack(tensor, device="cpu") is tensor
    with pytest.raises(TraceError, match=r"cut this Tensor from its gradient.*\n.*test_xp_namespace\.py"):
        np.from_dlpack(wanting([1.0]))
    with pytest.raises(DTypeError, match="a list has none: use asarray"):
        xp.from_dlpack([1.0])
    with pytest.raises(OptionError, match="no device 'cuda'"):
        xp.from_dlpack(tensor, device="cuda")
    with pytest.raises(OptionError, match="no streams"):
        tensor.__dlpack__(stream=3)
    with pytest.raises(BufferError, match=r"not on \(2, 0\)"):
        tensor.__dlpack__(dl_device=(2, 0))
    fixed = np.array([1.0, 2.0])
    fixed.flags.writeable = False
    with pytest.raises(BufferError, match="ask for a copy"):
        xp.asarray(fixed).__dlpack__(copy=False, max_version=(0, 8))
    assert np.from_dlpack(xp.asarray(fixed)).tolist() == [1.0, 2.0]
    assert xp.asarray(fixed).__dlpack__() is not None


def test_a_broadcast_array_is_spread_out_before_it_is_given_away() -> None:
    spread = xp.broadcast_to(gg.tensor(1.0), (3,))
    theirs = np.from_dlpack(spread)
    assert theirs.strides == (8,)
    assert np.shares_memory(theirs, spread.numpy())
    assert xp.ones((2, 2)).__dlpack__(copy=False) is not None


# --- the array object --------------------------------------------------------------------------------------------


def test_attributes() -> None:
    t = gg.tensor(np.zeros((2, 3)), dtype="float32")
    assert (t.device, t.size, t.itemsize, t.nbytes) == ("cpu", 6, 4, 24)
    assert t.to_device("cpu") is t
    assert t.to_device("cpu", stream=None) is t
    with pytest.raises(OptionError, match="no device 'cuda:0'"):
        t.to_device("cuda:0")
    with pytest.raises(OptionError, match="no streams"):
        t.to_device("cpu", stream=1)  # type: ignore[arg-type]
    assert t.T.shape == t.mT.shape == (3, 2)
    with pytest.raises(ShapeError, match="at least two axes"):
        _ = gg.tensor([1.0]).mT


def test_numbers_of_one_element() -> None:
    assert complex(gg.tensor(2 + 1j)) == 2 + 1j
    assert complex(gg.tensor(2.0)) == 2.0
    assert int(gg.tensor(2.7)) == 2
    assert range(5)[gg.tensor(3)] == 3
    assert not gg.tensor(0.0)
    assert float(gg.tensor([[2.5]])) == 2.5
    with pytest.raises(TypeError):
        range(5)[gg.tensor(3.0)]
    for read in (float, int):
        with pytest.raises(DTypeError, match=r"no answer for a complex number: take gg\.real"):
            read(gg.tensor(1j))
        with pytest.raises(ConversionError, match=r"needs one number, but this Tensor has shape \(2,\)"):
            read(gg.tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match="NaN"):
        int(gg.tensor(math.nan))


def test_one_number_is_no_sequence() -> None:
    t = gg.tensor(1.0)
    assert not np.iterable(t)
    assert np.iterable(gg.tensor([1.0]))
    for read in (len, iter, list):
        with pytest.raises(TypeError, match="is one number: it has no length"):
            read(t)


@pytest.mark.parametrize("read", [float, int, complex, bool, "index"])
def test_no_number_is_read_where_a_gradient_is_wanted(read: Any) -> None:
    t = wanting(2.0)
    f = (lambda x: range(5)[x]) if read == "index" else read
    with pytest.raises(
        TraceError, match=r"(?s)cut this Tensor from its gradient.*\(at .*test_xp_namespace\.py:"
    ):
        f(t)
    with pytest.raises(TraceError, match="is being traced and has no number yet"):
        gg.trace(lambda x: x * f(x), 1.0)


def test_bits_and_truths_have_the_same_operators() -> None:
    a, b = xp.asarray([6, 5]), xp.asarray([3, 1])
    assert (a & b).tolist() == [2, 1]
    assert (a | 1).tolist() == (1 | a).tolist() == [7, 5]
    assert (a ^ b).tolist() == [5, 4]
    assert (3 & a).tolist() == [2, 1]
    assert (3 ^ a).tolist() == [5, 6]
    assert (~a).tolist() == [-7, -6]
    assert (a << 1).tolist() == [12, 10]
    assert (a >> b).tolist() == [0, 2]
    assert (1 << b).tolist() == [8, 2]
    assert (64 >> b).tolist() == [8, 32]
    p, q = xp.asarray([True, False]), xp.asarray([True, True])
    for result, expected in (
        (p & q, [True, False]),
        (p | q, [True, True]),
        (p ^ q, [False, True]),
        (~p, [False, True]),
        (True ^ p, [False, True]),
        (False | p, [True, False]),
        (True & p, [True, False]),
    ):
        assert result.dtype == xp.bool
        assert result.tolist() == expected


def test_floors_and_remainders() -> None:
    x = wanting([7.5, -7.5])
    assert (x // 2.0).tolist() == [3.0, -4.0]
    assert (x % 2.0).tolist() == [1.5, 0.5]
    assert (20.0 // x).tolist() == [2.0, -3.0]
    (x % 2.0 + 20.0 % x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-1.0, 4.0]


@pytest.mark.parametrize(
    "made",
    [
        lambda a: xp.full((2,), a[0]),
        lambda a: xp.full_like(a, a[1]),
        lambda a: xp.zeros_like(a),
        lambda a: xp.meshgrid(a, a)[1],
        lambda a: xp.repeat(a, 1),
        lambda a: xp.tile(a, 1),
        lambda a: xp.asarray(a, copy=True),
        lambda a: xp.astype(a, a.dtype),
        lambda a: xp.where(a > 0, a, a),
        lambda a: xp.clip(a),
        lambda a: xp.take(a, xp.asarray([0, 1])),
        lambda a: xp.concat([a]),
    ],
)
def test_new_arrays_are_written_to_without_a_trace_in_the_old(made: Any) -> None:
    a = gg.tensor([1.0, 2.0])
    b = made(a)
    b[...] = 7.0
    assert np.unique(b.numpy()).tolist() == [7.0]
    assert a.tolist() == [1.0, 2.0]
