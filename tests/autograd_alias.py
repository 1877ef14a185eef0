"""The names of the package autograd on top of glassgrad, so that autograd's own tests can be run beside ours.

It is a plugin for pytest, given a clone of autograd (``docs/numpy.md`` has the command and what came out)::

    PYTHONPATH=tests python -m pytest -p autograd_alias -p no:cacheprovider path/to/autograd/tests

``autograd.numpy`` is NumPy itself: its functions find our Tensors by NumPy's own protocols. What is added here is what
autograd has and NumPy has not: arrays made of lists of values that are differentiated, and the names of the transforms.
Cotangents of complex numbers are conjugated on the way in and out, since autograd takes dL/dRe - i dL/dIm.
"""

from __future__ import annotations

import builtins
import itertools
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import glassgrad as gg
from glassgrad.tree import flatten, map_tree

TOL = RTOL = EPS = 1e-6

_SEQUENCES = frozenset(
    {"broadcast_arrays", "column_stack", "concatenate", "dstack", "einsum", "hstack", "meshgrid"}
    | {"multi_dot", "row_stack", "select", "stack", "vstack"}
)
"""Functions of NumPy's whose lists are lists of arrays, not arrays."""


# --- values --------------------------------------------------------------------------------------------------------


def _given(tree: Any) -> Any:
    return map_tree(gg.asarray, tree)


def _plain(tree: Any) -> Any:
    """Return results as arrays and numbers where nothing follows them any more."""

    def read(x: Any) -> Any:
        if not isinstance(x, gg.Tensor) or x._followed():
            return x
        return np.array(x.numpy())[()]

    return map_tree(read, tree)


def _conj(tree: Any) -> Any:
    return map_tree(lambda x: np.conj(x) if np.iscomplexobj(x) else x, tree)


def _array(x: Any, *args: Any, **kwargs: Any) -> Any:
    """Make an array of nested lists, of which some elements may be Tensors."""
    if isinstance(x, gg.Tensor):
        dtype = kwargs.get("dtype", args[0] if args else None)
        x = x.copy() if dtype is None else x.astype(dtype)
        return np.reshape(x, (1,) * max(0, kwargs.get("ndmin", 0) - x.ndim) + x.shape)
    if isinstance(x, (list, tuple)) and any(isinstance(leaf, gg.Tensor) for leaf in flatten(list(x))[0]):
        return _array(np.stack([gg.asarray(_array(item)) for item in x]), *args, **kwargs)
    return np.array(x, *args, **kwargs)


class _NumPy(types.ModuleType):
    """A module of NumPy's whose functions take lists of Tensors for arrays."""

    def __init__(self, name: str, module: Any) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, (types.ModuleType, type)) or not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            return found(*(self._read(name, a) for a in args), **kwargs)

        call.__name__ = name
        self.__dict__[name] = call
        return call

    def _read(self, name: str, x: Any) -> Any:
        if not isinstance(x, (list, tuple)) or not any(isinstance(v, gg.Tensor) for v in flatten(x)[0]):
            return x
        return [self._read("", item) for item in x] if name in _SEQUENCES else _array(x)


# --- transforms ----------------------------------------------------------------------------------------------------


def get_name(f: Any) -> str:
    return getattr(f, "__name__", "[unknown name]")


def unary_to_nary(operator: Callable[..., Any]) -> Callable[..., Any]:
    """Make an operator on functions of one argument one on functions of several, of which it takes one or a tuple."""

    def on_several(fun: Callable[..., Any], argnum: Any = 0, *settings: Any, **named: Any) -> Any:
        numbers = [argnum] if isinstance(argnum, int) else list(argnum)

        def applied(*args: Any, **kwargs: Any) -> Any:
            def of_one(x: Any) -> Any:
                filled = list(args)
                for i, value in zip(numbers, [x] if isinstance(argnum, int) else x, strict=True):
                    filled[i] = value
                return fun(*filled, **kwargs)

            of_one.__name__ = get_name(fun)
            x = args[argnum] if isinstance(argnum, int) else tuple(args[i] for i in numbers)
            return operator(of_one, x, *settings, **named)

        applied.__name__ = f"{operator.__name__}_of_{get_name(fun)}_wrt_argnum_{argnum}"
        applied.__doc__ = (
            f"    {operator.__name__} of function {get_name(fun)} with respect to argument number {argnum}."
        )
        return applied

    on_several.__name__ = operator.__name__
    on_several.__doc__ = operator.__doc__
    return on_several


def _vjp(f: Callable[..., Any], x: Any) -> tuple[Callable[[Any], Any], Any]:
    result, pull = gg.vjp(f, _given(x))

    def back(g: Any) -> Any:
        return _plain(_conj(pull(map_tree(gg.asarray, _conj(g)))[0]))

    return back, _plain(result)


def _push(f: Callable[..., Any], x: Any) -> Callable[[Any], Any]:
    return lambda v: _plain(gg.jvp(f, (_given(x),), (_given(v),)))


@unary_to_nary
def make_vjp(f: Callable[..., Any], x: Any) -> Any:
    return _vjp(f, x)


@unary_to_nary
def make_jvp(f: Callable[..., Any], x: Any) -> Any:
    return _push(f, x)


def _ones(tree: Any) -> Any:
    return map_tree(lambda v: np.ones(np.shape(v), v.dtype if hasattr(v, "dtype") else float), tree)


def _scalar(result: Any) -> None:
    whole = isinstance(result, (list, tuple, Mapping)) or np.size(result) != 1
    if whole or not (isinstance(result, float) or result.dtype.kind == "f"):
        raise TypeError(
            "Grad only applies to real scalar-output functions. Try jacobian, elementwise_grad or holomorphic_grad."
        )


@unary_to_nary
def value_and_grad(f: Callable[..., Any], x: Any) -> Any:
    back, result = _vjp(f, x)
    _scalar(result)
    return result, back(_ones(result))


@unary_to_nary
def grad(f: Callable[..., Any], x: Any) -> Any:
    """
    Returns a function which computes the gradient of `f`."""
    back, result = _vjp(f, x)
    _scalar(result)
    return back(_ones(result))


@unary_to_nary
def elementwise_grad(f: Callable[..., Any], x: Any) -> Any:
    back, result = _vjp(f, x)
    if np.iscomplexobj(result):
        raise TypeError("Elementwise_grad only applies to real-output functions.")
    return back(_ones(result))


@unary_to_nary
def holomorphic_grad(f: Callable[..., Any], x: Any) -> Any:
    back, result = _vjp(f, x)
    return back(_ones(result))


@unary_to_nary
def deriv(f: Callable[..., Any], x: Any) -> Any:
    return _push(f, x)(_ones(x))[1]


@unary_to_nary
def grad_and_aux(f: Callable[..., Any], x: Any) -> Any:
    back, (result, aux) = _vjp(f, x)
    return back((_ones(result), map_tree(lambda v: 0.0 * v, _ones(aux)))), aux


@unary_to_nary
def jacobian(f: Callable[..., Any], x: Any) -> Any:
    back, result = _vjp(f, x)
    rows = [back(e) for e in vspace(result).standard_basis()]
    return _plain(np.reshape(_array(rows), (*np.shape(result), *np.shape(x))))


@unary_to_nary
def hessian(f: Callable[..., Any], x: Any) -> Any:
    return jacobian(jacobian(f))(x)


@unary_to_nary
def make_hvp(f: Callable[..., Any], x: Any) -> Any:
    return _vjp(grad(f), x)


def tensor_jacobian_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    def projected(*args: Any, **kwargs: Any) -> Any:
        *given, vector = args
        return np.tensordot(vector, fun(*given, **kwargs), axes=np.ndim(vector))

    return jacobian(projected, argnum)


def hessian_tensor_product(fun: Callable[..., Any], argnum: int = 0) -> Callable[..., Any]:
    inner = grad(fun, argnum)

    def projected(*args: Any, **kwargs: Any) -> Any:
        *given, vector = args
        return np.tensordot(inner(*given, **kwargs), vector, np.ndim(vector))

    return grad(projected, argnum)


def make_ggnvp(
    f: Callable[..., Any], g: Callable[..., Any] = lambda x: 0.5 * np.sum(x**2, axis=-1), argnum: int = 0
) -> Callable[..., Any]:
    def maker(f: Callable[..., Any], x: Any) -> Any:
        back, y = _vjp(f, x)
        curve, _ = _vjp(grad(g), y)
        along = _push(f, x)
        return lambda v: back(curve(along(v)[1]))

    return unary_to_nary(maker)(f, argnum)


def grad_named(fun: Callable[..., Any], argname: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: grad(lambda x: fun(*args, **{**kwargs, argname: x}))(kwargs[argname])


def multigrad_dict(fun: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **kwargs: grad(lambda named: fun(**named))(kwargs)


# --- primitives ----------------------------------------------------------------------------------------------------


class _Primitive:
    """A function whose inside is not followed, with rules given later."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f, self.__name__ = f, get_name(f)
        self.custom: Any = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(leaf, gg.Tensor) and leaf._followed() for leaf in flatten(list(args))[0]):
            return self.f(*args, **kwargs)
        if self.custom is None:
            raise NotImplementedError(f"{self.__name__} has no derivative rule")
        return self.custom(*args, **kwargs)


def defvjp(primitive: _Primitive, *makers: Callable[..., Any] | None, argnums: Any = None) -> None:
    at = list(range(len(makers))) if argnums is None else list(argnums)
    primitive.custom = gg.custom_vjp(primitive.f)

    def rule(result: Any, *args: Any, **kwargs: Any) -> Callable[[Any], Any]:
        backs = dict(zip(at, makers, strict=True))
        return lambda g: tuple(
            None if backs.get(i) is None else _conj(backs[i](result, *args, **kwargs)(_conj(g)))  # type: ignore[misc]
            for i in range(len(args))
        )

    primitive.custom.defvjp(rule)


# --- vector spaces and checks --------------------------------------------------------------------------------------


class vspace:
    """The nestings of arrays that are of one structure, of the same shapes, and real or complex alike."""

    def __init__(self, value: Any) -> None:
        leaves, self._rebuild = flatten(value)
        self._types = [(np.shape(x), "c" if np.iscomplexobj(x) else "f") for x in leaves]
        self._whole = repr(self._rebuild(self._types))
        self.size = sum(int(np.prod(shape)) * (1 + (kind == "c")) for shape, kind in self._types)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, vspace) and self._whole == other._whole

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return self._whole

    def _made(self, make: Callable[[tuple[int, ...]], Any], imaginary: bool = True) -> Any:
        parts = [
            make(shape) + (1j * make(shape) * imaginary if kind == "c" else 0.0)
            for shape, kind in self._types
        ]
        return self._rebuild(parts)

    def zeros(self) -> Any:
        return self._made(np.zeros)

    def ones(self) -> Any:
        return self._made(np.ones)

    def randn(self) -> Any:
        return self._made(lambda shape: np.array(np.random.randn(*shape)))

    def covector(self, x: Any) -> Any:
        return _conj(x)

    def standard_basis(self) -> Any:
        for k, (shape, kind) in enumerate(self._types):
            for place, unit in itertools.product(np.ndindex(*shape), (1.0, 1j) if kind == "c" else (1.0,)):
                leaves = flatten(self.zeros())[0]
                leaves[k] = np.array(leaves[k])
                leaves[k][place] = unit
                yield self._rebuild(leaves)

    def _together(self, f: Callable[..., Any], *trees: Any) -> Any:
        return self._rebuild([f(*leaves) for leaves in zip(*(flatten(t)[0] for t in trees), strict=True)])

    def add(self, x: Any, y: Any) -> Any:
        return self._together(lambda a, b: a + b, x, y)

    def scalar_mul(self, x: Any, a: Any) -> Any:
        return self._together(lambda b: b * a, x)

    def inner_prod(self, x: Any, y: Any) -> Any:
        pairs = zip(flatten(x)[0], flatten(y)[0], strict=True)
        return sum((np.sum(np.real(np.conj(a) * b)) for a, b in pairs), 0.0)


def scalar_close(a: Any, b: Any) -> bool:
    return bool(abs(a - b) < TOL or abs(a - b) / abs(a + b) < RTOL)


def check_equivalent(x: Any, y: Any) -> None:
    x, y = _plain(x), _plain(y)
    space = vspace(x)
    assert space == vspace(y), f"VSpace mismatch:\nx: {space}\ny: {vspace(y)}"
    v = space.randn()
    assert scalar_close(space.inner_prod(x, v), space.inner_prod(y, v)), f"Value mismatch:\nx: {x}\ny: {y}"


def _difference(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """Return the derivative of `f` along `v` by central differences."""
    space = vspace(x)
    ahead, behind = (_plain(f(space.add(x, space.scalar_mul(v, h)))) for h in (EPS / 2, -EPS / 2))
    of_result = vspace(ahead)
    return of_result.scalar_mul(of_result.add(ahead, of_result.scalar_mul(behind, -1.0)), 1.0 / EPS)


def _check_vjp(f: Callable[..., Any], x: Any) -> None:
    back, y = _vjp(f, x)
    space, of_result = vspace(x), vspace(y)
    v, w = space.randn(), of_result.randn()
    found = space.covector(back(of_result.covector(w)))
    assert vspace(found) == space, f"{vspace(found)} is not {space}"
    exact, numeric = space.inner_prod(v, found), of_result.inner_prod(w, _difference(f, x, v))
    assert scalar_close(numeric, exact), (
        f"Derivative (VJP) check of {get_name(f)} failed with arg {x}:\nanalytic: {exact}\nnumeric:  {numeric}"
    )


def _check_jvp(f: Callable[..., Any], x: Any) -> None:
    v = vspace(x).randn()
    check_equivalent(_push(f, x)(v)[1], _difference(f, x, v))


@unary_to_nary
def check_grads(f: Callable[..., Any], x: Any, modes: Any = None, order: int = 2) -> None:
    modes = modes or ["fwd", "rev"]
    checks = {"fwd": (_check_jvp, x), "rev": (_check_vjp, None)}
    for mode in modes:
        checks[mode][0](f, x)
        if order == 1:
            continue

        def derivative(x: Any, v: Any, mode: str = mode) -> Any:
            return _push(f, x)(v)[1] if mode == "fwd" else _vjp(f, x)[0](v)

        derivative.__name__ = f"{'jvp' if mode == 'fwd' else 'vjp'}_{get_name(f)}"
        v = vspace(x if mode == "fwd" else _plain(f(x))).randn()
        check_grads(derivative, (0, 1), modes, order=order - 1)(x, v)


def combo_check(fun: Callable[..., Any], *settings: Any, **named: Any) -> Callable[..., None]:
    """Check the gradients of `fun` for every combination of the arguments listed."""

    def check(*args: Any, **kwargs: Any) -> None:
        choices = [[(name, value) for value in values] for name, values in kwargs.items()]
        for given in itertools.product(*args):
            for keywords in itertools.product(*choices):
                check_grads(fun, *settings, **named)(*given, **dict(keywords))

    return check


def flatten_value(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return all numbers of a nesting as one vector, and the function that puts them back."""
    leaves, rebuild = flatten(value)
    shapes = [np.shape(x) for x in leaves]
    ends = [int(e) for e in np.cumsum([int(np.prod(s)) for s in shapes])]
    vector = np.concatenate([np.reshape(_array(x), (-1,)) for x in leaves]) if leaves else np.zeros(0)

    def unflatten(v: Any) -> Any:
        starts = [0, *ends]
        return rebuild([np.reshape(v[a:b], s)[()] for a, b, s in zip(starts, ends, shapes, strict=False)])

    return vector, unflatten


def _isinstance(x: Any, kind: Any) -> bool:
    return builtins.isinstance(x, kind) or (
        builtins.isinstance(x, gg.Tensor) and builtins.isinstance(np.zeros(()), kind)
    )


def _module(name: str, package: bool = False, **members: Any) -> None:
    module = types.ModuleType(name)
    if package:
        module.__path__ = []
    module.__dict__.update(members)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], last, module)


_BUILTINS = {"isinstance": _isinstance, "dict": dict, "list": list, "tuple": tuple, "type": type}
_TRANSFORMS = {
    f.__name__: f
    for f in (
        deriv,
        elementwise_grad,
        grad,
        grad_and_aux,
        grad_named,
        hessian,
        hessian_tensor_product,
        holomorphic_grad,
        jacobian,
        make_ggnvp,
        make_hvp,
        make_jvp,
        make_vjp,
        multigrad_dict,
        tensor_jacobian_product,
        value_and_grad,
    )
}
_module(
    "autograd",
    package=True,
    **_BUILTINS,
    **_TRANSFORMS,
    checkpoint=gg.checkpoint,
    hessian_vector_product=hessian_tensor_product,
    vector_jacobian_product=tensor_jacobian_product,
)
_module("autograd.builtins", **_BUILTINS)
_module(
    "autograd.core", make_vjp=_vjp, make_jvp=_push, vspace=vspace, primitive=_Primitive, primitive_vjps={}
)
_module("autograd.extend", primitive=_Primitive, defvjp=defvjp, vspace=vspace)
_module(
    "autograd.tracer",
    primitive=_Primitive,
    isbox=lambda x: isinstance(x, gg.Tensor) and x._followed(),
    getval=lambda x: x,
)
_module("autograd.wrap_util", unary_to_nary=unary_to_nary, get_name=get_name)
_module("autograd.misc", package=True, const_graph=None)
_module("autograd.misc.flatten", flatten=flatten_value)
sys.modules["autograd.misc"].flatten = flatten_value  # type: ignore[attr-defined]
_module(
    "autograd.test_util",
    check_equivalent=check_equivalent,
    check_grads=check_grads,
    check_jvp=_check_jvp,
    check_vjp=_check_vjp,
    combo_check=combo_check,
    scalar_close=scalar_close,
)
for _name, _source in (("", np), (".linalg", np.linalg), (".fft", np.fft), (".random", np.random)):
    _found: Any = _NumPy(f"autograd.numpy{_name}", _source) if _name != ".random" else np.random
    sys.modules[f"autograd.numpy{_name}"] = _found
    if _name:
        setattr(sys.modules["autograd.numpy"], _name[1:], _found)
sys.modules["autograd.numpy"].__dict__["array"] = _array
sys.modules["autograd"].numpy = sys.modules["autograd.numpy"]  # type: ignore[attr-defined]
