"""What a person calls: every operation has a name, a signature and a docstring, and a wrong call is answered."""

from __future__ import annotations

import inspect
import pickle

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.errors import DTypeError
from glassgrad.ops import FUNCTIONS, HOMES, REGISTRY

PUBLIC = [op.name for op in REGISTRY.values() if op.home != "inside"] + list(FUNCTIONS)


VARIADIC = {"broadcast_arrays", "einsum", "meshgrid"}
"""Functions of any number of arrays, which the Array API takes one by one."""


@pytest.mark.parametrize("name", PUBLIC)
def test_every_function_says_what_it_is(name: str) -> None:
    home = REGISTRY[name].home if name in REGISTRY else HOMES[name]
    f = getattr(gg.xp if home == "xp" else getattr(gg.xp, home), name)
    signature = inspect.signature(f)
    assert f.__name__ == name
    assert f.__doc__
    assert "F" not in signature.parameters
    assert name in VARIADIC or all(p.kind is not p.VAR_POSITIONAL for p in signature.parameters.values())
    if name in REGISTRY:
        assert REGISTRY[name].why.en in f.__doc__
        assert all(kink.at in f.__doc__ for kink in REGISTRY[name].kinks)


def test_the_docstring_names_the_inputs() -> None:
    assert str(inspect.signature(gg.cross_entropy)) == "(logits, target, label_smoothing=0.0)"
    assert r"\operatorname{softmax}(logits)" in (gg.cross_entropy.__doc__ or "")
    assert str(inspect.signature(gg.tensor([1.0]).sum)).startswith("(axis=None, dtype=None, out=None")
    assert str(inspect.signature(gg.multiply)) == "(x, y, /)"


def test_a_call_that_does_not_fit_is_shown_the_signature() -> None:
    with pytest.raises(
        TypeError, match=r"sum\(\) got an unexpected keyword argument 'dim'.*t\.sum\(axis=None"
    ):
        gg.tensor([1.0]).sum(dim=1)
    with pytest.raises(
        TypeError, match=r"add\(\) missing a required argument: 'y'; it is called add\(x, y, /\)"
    ):
        gg.add(1.0)


def test_functions_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(gg.sin)) is gg.sin


def test_methods_complete_and_a_misspelt_one_is_answered() -> None:
    assert "sum" in dir(gg.tensor([1.0]))
    with pytest.raises(AttributeError, match=r"has no 'maen'\. Did you mean 'mean'"):
        gg.tensor([1.0]).maen()
    with pytest.raises(AttributeError, match=r"a Tensor has no 'zzzzzz'$"):
        gg.tensor([1.0]).zzzzzz()


def test_nested_lists_are_arrays() -> None:
    assert gg.matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist() == [[11.0]]
    assert gg.maximum([1.0, 5.0], [2.0, 3.0]).tolist() == [2.0, 5.0]
    assert gg.concat([[1.0], [2.0]]).tolist() == [1.0, 2.0]
    assert gg.stack([[1.0], [2.0]]).tolist() == [[1.0], [2.0]]
    assert gg.sum(3.0).item() == 3.0
    assert gg.add(gg.tensor([1.0], dtype="float32"), 2.0).dtype == np.float32
    assert gg.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64", "float16", "float32"])
@pytest.mark.parametrize(
    "name", [name for name, op in REGISTRY.items() if op.elementwise and op.home == "xp"]
)
def test_eager_and_traced_agree_on_the_dtype(name: str, dtype: str) -> None:
    op = REGISTRY[name]
    sample = op.samples[0]
    arrays = [np.ones(np.shape(a) if isinstance(a, np.ndarray) else a, dtype) for a in sample.inputs]
    f = getattr(gg, name)
    try:
        eager = f(*map(gg.tensor, arrays), **sample.kwargs)
    except DTypeError:
        with pytest.raises(DTypeError):
            gg.trace(lambda *xs: f(*xs, **sample.kwargs), *arrays)
        return
    graph = gg.trace(lambda *xs: f(*xs, **sample.kwargs), *arrays)
    (ran,) = gg.run(graph, *arrays)
    assert graph.outputs[0].dtype == eager.dtype == ran.dtype
    np.testing.assert_allclose(eager.numpy(), ran, rtol=1e-3)


def test_losses_take_numbers_for_targets() -> None:
    assert gg.cross_entropy([0.0, 0.0], 0).item() == pytest.approx(np.log(2))
    assert gg.binary_cross_entropy(0.5, 1).item() == pytest.approx(np.log(2))
