"""Calls of every operation, drawn: shapes, settings, numbers, and the views through which the inputs are seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import glassgrad as gg
from glassgrad.engines.coverage import lacking
from glassgrad.ir import Graph
from glassgrad.ops import REGISTRY, Op
from glassgrad.tensors import T

Array = np.ndarray[Any, Any]
Draw = Callable[..., Any]
Shape = tuple[int, ...]

SIZES = st.sampled_from((1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 70))
"""Sizes of axes: whole vectors of any width, one more, one less, and rests of every length."""

_MOST = 4000
"""Elements an array has at most."""


@st.composite
def shapes(draw: Draw, least: int = 0, most: int = 4) -> Shape:
    """Draw a shape of `least` to `most` axes."""
    sizes = draw(st.lists(SIZES, min_size=least, max_size=most))
    while math.prod(sizes) > _MOST:
        sizes[sizes.index(max(sizes))] = 3
    return tuple(sizes)


@dataclass
class Drawn:
    """A call of an operation.

    Attributes
    ----------
    name
        Of the operation.
    f
        The call, as a function of the arrays.
    arrays
        What it is called with.
    terms
        How many numbers are added up (multiplied) for one of its results, where it does that.
    operands
        How many of the arrays are operands; what follows are the arrays of an index.
    """

    name: str
    f: Callable[..., Any]
    arrays: list[Array]
    terms: int = 1
    operands: int = 99
    graph: Graph = field(init=False)

    def __post_init__(self) -> None:
        self.graph = gg.trace(self.f, *(gg.Spec(a.shape, a.dtype) for a in self.arrays), name=self.name)

    def complex(self) -> bool:
        """Say whether complex numbers come up."""
        values = [v for node in self.graph.nodes for v in (*node.inputs, *node.outputs)]
        return any(v.dtype.kind == "c" for v in (*self.graph.inputs, *values))

    def floats(self) -> list[int]:
        """Return the positions of the floating-point inputs."""
        return [i for i, a in enumerate(self.arrays) if a.dtype.kind == "f"]


# --- numbers and views ---------------------------------------------------------------------------------------------


def numbers(draw: Draw, shape: Shape, dtype: Any, low: float, high: float, edges: bool) -> Array:
    """Draw an array; with a few zeros of both signs, infinities and NaN where `edges`."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return rng.integers(0 if dtype.kind == "u" else -9, 9, shape, endpoint=True).astype(dtype)
    array = rng.uniform(low, high, shape)
    if edges:
        array = np.where(
            rng.random(shape) < 0.2, rng.choice([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan], shape), array
        )
    return np.asarray(array, dtype)


def _plain(draw: Draw, shape: Shape) -> tuple[Shape, Callable[[Any], Any]]:
    return shape, lambda x: x


def _turned(draw: Draw, shape: Shape) -> tuple[Shape, Callable[[Any], Any]]:
    axes = draw(st.permutations(range(len(shape))))
    back = tuple(int(a) for a in np.argsort(axes))
    return tuple(shape[a] for a in axes), lambda x: gg.permute_dims(x, back)


def _flipped(draw: Draw, shape: Shape) -> tuple[Shape, Callable[[Any], Any]]:
    axes = tuple(a for a in range(len(shape)) if draw(st.booleans()))
    return shape, lambda x: gg.flip(x, axis=axes) if axes else x


def _stepped(draw: Draw, shape: Shape) -> tuple[Shape, Callable[[Any], Any]]:
    """See every so manieth element, forwards or backwards, from some place on."""
    index, wide = [], []
    for size in shape:
        step, start, more = (
            draw(st.sampled_from((1, 1, 2, 3))),
            draw(st.integers(0, 2)),
            draw(st.integers(0, 1)),
        )
        last = start + (size - 1) * step
        forwards = slice(start, last + 1, step)
        index.append(forwards if draw(st.booleans()) else slice(last, start - 1 if start else None, -step))
        wide.append(last + 1 + more)
    picked = draw(st.integers(0, 2)) if len(shape) < 4 and math.prod(wide) <= _MOST else None
    if picked is None:
        return tuple(wide), lambda x: x[tuple(index)]
    return (3, *wide), lambda x: x[(picked, *index)]


def _spread(draw: Draw, shape: Shape) -> tuple[Shape, Callable[[Any], Any]]:
    """See one element along some axes, or no axis at all, many times."""
    cut = draw(st.integers(0, len(shape)))
    own = tuple(1 if draw(st.booleans()) else d for d in shape[cut:])
    return own, lambda x: gg.broadcast_to(x, shape)


def _reshaped(draw: Draw, shape: Shape) -> tuple[Shape, Callable[[Any], Any]]:
    """See other axes: all in one, pairs joined, one cut in two."""
    if draw(st.booleans()):
        return (math.prod(shape),), lambda x: gg.reshape(x, shape)
    own = list(shape)
    if len(own) > 1 and draw(st.booleans()):
        at = draw(st.integers(0, len(own) - 2))
        own[at : at + 2] = [own[at] * own[at + 1]]
    else:
        at = draw(st.integers(0, len(own)))
        even = at < len(own) and own[at] % 2 == 0
        own[at : at + even] = [own[at] // 2, 2] if even else [1]
    return tuple(own), lambda x: gg.reshape(x, shape)


def view(draw: Draw, shape: Shape, depth: int = 2) -> tuple[Shape, Callable[[Any], Any]]:
    """Draw a shape, and how an array of it is looked at so as to have another shape."""
    kind = draw(st.sampled_from((_plain, _plain, _turned, _flipped, _stepped, _spread, _reshaped)))
    own, look = kind(draw, shape)
    if depth == 1 or kind is _plain:
        return own, look
    base, first = view(draw, own, depth - 1)
    return base, lambda x: look(first(x))


# --- calls ---------------------------------------------------------------------------------------------------------


Operand = tuple[Shape, Any] | Array
"""A shape and a dtype, of which numbers are drawn, seen through a view; or an array as it is."""


@dataclass
class Call:
    operands: Sequence[Operand]
    settings: dict[str, Any] = field(default_factory=dict)
    terms: int = 1


def broadcastable(draw: Draw, shape: Shape, whole: bool = False) -> Shape:
    """Draw a shape that broadcasts to another."""
    if whole or draw(st.booleans()):
        return shape
    cut = draw(st.integers(0, len(shape)))
    return tuple(1 if draw(st.booleans()) else d for d in shape[cut:])


def _elementwise(op: Op) -> Callable[[Draw, Any], Call]:
    def call(draw: Draw, dtype: Any) -> Call:
        sample = draw(st.sampled_from(op.samples))
        shape = draw(shapes())
        settings = dict(sample.kwargs)
        if op.name == "astype":
            settings["dtype"] = np.dtype(
                draw(st.sampled_from(("bool", "int8", "int64", "float32", "float64")))
            )
        given = []
        for i, one in enumerate(sample.inputs):
            truth = isinstance(one, np.ndarray) and one.dtype == bool
            given.append((broadcastable(draw, shape, i == 0), bool if truth else dtype))
        return Call(given, settings)

    return call


def _axes(draw: Draw, rank: int) -> Any:
    """Draw the axes of a reduction as people write them."""
    if draw(st.booleans()):
        return draw(st.none() | st.integers(-rank, rank - 1)) if rank else None
    return tuple(a for a in range(rank) if draw(st.booleans()))


def _reduction(truth: bool = False, correction: bool = False) -> Callable[[Draw, Any], Call]:
    def call(draw: Draw, dtype: Any) -> Call:
        shape = draw(shapes(0, 4))
        axis = _axes(draw, len(shape))
        settings = {"axis": axis, "keepdims": draw(st.booleans())}
        out = np.empty(shape, bool).sum(axis=axis)
        if correction and math.prod(shape) // out.size > 1:
            settings["correction"] = draw(st.integers(0, 1))
        return Call([(shape, bool if truth else dtype)], settings, math.prod(shape) // out.size)

    return call


def _position(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1, 3))
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    return Call([(shape, dtype)], {"axis": axis, "keepdims": draw(st.booleans())})


def _along(inputs: int, reverse: bool) -> Callable[[Draw, Any], Call]:
    def call(draw: Draw, dtype: Any) -> Call:
        shape = draw(shapes(1, 3))
        axis = draw(st.integers(-len(shape), len(shape) - 1))
        settings: dict[str, Any] = {"axis": axis}
        if reverse:
            settings["reverse"] = draw(st.booleans())
        return Call([(shape, dtype)] * inputs, settings, shape[axis])

    return call


def labels(draw: Draw, shape: Shape, classes: int) -> Array:
    return (
        numbers(draw, shape, np.uint64, 0, 0, False).astype(draw(st.sampled_from(("int64", "uint8"))))
        % classes
    )


def _one_hot(draw: Draw, dtype: Any) -> Call:
    classes = draw(st.integers(1, 9))
    return Call([labels(draw, draw(shapes(0, 2)), classes)], {"classes": classes, "dtype": dtype})


def _scores(draw: Draw, dtype: Any, smoothing: bool) -> Call:
    rows, classes = draw(shapes(0, 2)), draw(st.integers(1, 40))
    scores = ((*rows, classes), dtype)
    if not smoothing:
        return Call([scores, labels(draw, rows, classes)])
    target = labels(draw, rows, classes)
    if draw(st.booleans()):
        kept = dtype if np.dtype(dtype).kind == "f" else "float64"
        shares = numbers(draw, (*rows, classes), kept, 0.0, 1.0, False)
        target = shares / shares.sum(-1, keepdims=True)
    return Call([scores, target], {"label_smoothing": draw(st.sampled_from((0.0, 0.1)))})


def index(draw: Draw, shape: Shape) -> tuple[Any, ...]:
    """Draw an index: numbers, slices, new axes, an ellipsis and arrays that broadcast."""
    together = draw(shapes(0, 2))
    together = together if math.prod(together) <= 100 else (3,)
    entries: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        kind = draw(st.sampled_from(("slice", "slice", "number", "array", "array", "new")))
        if kind == "new":
            entries.append(None)
        if kind == "number":
            entries.append(draw(st.integers(-size, size - 1)))
        elif kind == "array":
            rng = np.random.default_rng(draw(st.integers(0, 99)))
            entries.append(rng.integers(-size, size, broadcastable(draw, together)))
        else:
            start, stop = draw(st.integers(0, size - 1)), draw(st.integers(1, size))
            step = draw(st.sampled_from((1, 2, 3)))
            some = slice(start, max(stop, start + 1), step)
            entries.append(draw(st.sampled_from((slice(None), slice(None, None, -step), some))))
    if draw(st.booleans()):
        entries.append(Ellipsis)
    return tuple(entries)


def _getitem(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1, 3))
    return Call([(shape, dtype)], {"index": index(draw, shape)})


def _index_add(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1, 3))
    at = index(draw, shape)
    picked = np.empty(shape, bool)[at].shape
    return Call([(picked, dtype)], {"index": at, "shape": shape}, math.prod(picked))


def _index_extreme(draw: Draw, dtype: Any) -> Call:
    call = _index_add(draw, dtype)
    return Call(call.operands, call.settings)


def _index_put(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1, 3))
    at = index(draw, shape)
    picked = np.empty(shape, bool)[at].shape
    return Call([(shape, dtype), (broadcastable(draw, picked), dtype)], {"index": at})


def _roll(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1, 3))
    axis = draw(st.none() | st.integers(-len(shape), len(shape) - 1) | st.just(tuple(range(len(shape)))))
    by = st.integers(-99, 99)
    return Call([(shape, dtype)], {"axis": axis, "shift": draw(st.tuples(*[by] * np.size(axis)) | by)})


def _diagonal(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(2, 4))
    return Call([(shape, dtype)], {"offset": draw(st.integers(1 - shape[-2], shape[-1] - 1))})


def _embed_diagonal(draw: Draw, dtype: Any) -> Call:
    rows, columns = draw(SIZES), draw(SIZES)
    offset = draw(st.integers(1 - rows, columns - 1))
    size = len(np.diagonal(np.empty((rows, columns), bool), offset))
    settings = {"rows": rows, "columns": columns, "offset": offset}
    return Call([((*draw(st.just(()) | st.tuples(ROWS)), size), dtype)], settings)


def _cross(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(0, 2))
    at = draw(st.integers(-len(shape) - 1, -1))
    cut = len(shape) + 1 + at
    first, second = ((*shape[:cut], 3, *shape[cut:]), (3, *shape[cut:]))
    return Call([(s, dtype) for s in draw(st.permutations((first, second)))], {"axis": at})


def _vector_norm(draw: Draw, dtype: Any) -> Call:
    order = draw(st.sampled_from((2, 2, 1, 0, 3, 0.5, -2, math.inf, -math.inf)))
    call = _reduction()(draw, dtype)
    return Call(call.operands, {**call.settings, "ord": order}, call.terms)


ROWS = st.sampled_from((1, 2, 3, 5, 6, 8, 12, 13, 16, 17, 31, 33, 64, 70))
DEPTHS = st.sampled_from((1, 2, 3, 4, 7, 8, 15, 16, 33, 64, 100, 257, 300))


def _matmul(draw: Draw, dtype: Any) -> Call:
    m, n, k = draw(ROWS), draw(ROWS), draw(DEPTHS)
    batch = draw(st.sampled_from(((), (), (), (1,), (2,), (3,), (2, 3)))) if k <= 100 else ()
    first = () if draw(st.integers(0, 4)) == 0 else (*broadcastable(draw, batch), m)
    second = () if draw(st.integers(0, 4)) == 0 else (*broadcastable(draw, batch), k, n)
    return Call([((*first, k), dtype), (second or (k,), dtype)], terms=k)


def _linear(draw: Draw, dtype: Any) -> Call:
    rows, k, n = draw(st.just(()) | st.tuples(ROWS) | st.tuples(st.just(3), ROWS)), draw(DEPTHS), draw(ROWS)
    bias = [((n,), dtype)] if draw(st.booleans()) else []
    return Call([((*rows, k), dtype), ((n, k), dtype), *bias], terms=k + 1)


def _concat(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1, 3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    sizes = draw(st.lists(st.integers(1, 9), min_size=1, max_size=3))
    parts = [(*shape[:axis], size, *shape[axis % len(shape) + 1 :]) for size in sizes]
    return Call([(part, dtype) for part in parts], {"axis": axis})


def _reshape(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes())
    own, _ = _reshaped(draw, shape)
    return Call([(own, dtype)], {"shape": shape})


def _permute_dims(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes())
    return Call([(shape, dtype)], {"axes": tuple(draw(st.permutations(range(len(shape)))))})


def _broadcast_to(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes())
    return Call([(broadcastable(draw, shape), dtype)], {"shape": shape})


def _flip(draw: Draw, dtype: Any) -> Call:
    shape = draw(shapes(1))
    return Call([(shape, dtype)], {"axis": _axes(draw, len(shape))})


def _random_uniform(draw: Draw, dtype: Any) -> Call:
    whole = st.sampled_from(("int64", "int32", "uint8"))
    seed, step = draw(st.integers(0, (1 << 63) - 1)), draw(st.integers(0, (1 << 31) - 1))
    rows = np.asarray(draw(st.lists(st.integers(0, 255), min_size=1, max_size=5)), draw(whole))
    kept = dtype if np.dtype(dtype).kind == "f" else "float32"
    settings = {"node": draw(st.integers(0, 1 << 29)), "shape": draw(shapes(0, 2)), "dtype": kept}
    return Call([np.asarray(seed), np.asarray(step), rows], settings)


def _arange(draw: Draw, dtype: Any) -> Call:
    start, size, step = draw(st.integers(-9, 9)), draw(st.integers(1, 40)), draw(st.sampled_from((1, 2, -3)))
    return Call([], {"start": start, "stop": start + size * step, "step": step})


FORMS: dict[str, Callable[[Draw, Any], Call]] = {
    op.name: _elementwise(op) for op in REGISTRY.values() if op.elementwise and not lacking(op, "native")
}
FORMS |= dict.fromkeys(("sum", "prod", "max", "min", "mean", "logsumexp"), _reduction())
FORMS |= dict.fromkeys(("any", "all"), _reduction(truth=True))
FORMS |= dict.fromkeys(("var", "std"), _reduction(correction=True))
FORMS |= dict.fromkeys(("argmax", "argmin"), _position)
FORMS |= dict.fromkeys(("softmax", "log_softmax"), _along(1, reverse=False))
FORMS |= dict.fromkeys(("cumulative_sum", "cumulative_prod"), _along(1, reverse=True))
FORMS |= dict.fromkeys(("cummax", "cummin"), _along(1, reverse=False))
FORMS |= dict.fromkeys(("index_max", "index_min"), _index_extreme)
FORMS |= {
    "linear_recurrence": _along(2, reverse=True),
    "one_hot": _one_hot,
    "cross_entropy": lambda draw, dtype: _scores(draw, dtype, True),
    "softmax_error": lambda draw, dtype: _scores(draw, dtype, False),
    "getitem": _getitem,
    "index_add": _index_add,
    "index_put": _index_put,
    "roll": _roll,
    "diagonal": _diagonal,
    "embed_diagonal": _embed_diagonal,
    "cross": _cross,
    "vector_norm": _vector_norm,
    "matmul": _matmul,
    "linear": _linear,
    "concat": _concat,
    "reshape": _reshape,
    "permute_dims": _permute_dims,
    "broadcast_to": _broadcast_to,
    "flip": _flip,
    "random_uniform": _random_uniform,
    "arange": _arange,
}


def drawn(draw: Draw, name: str, dtype: Any, edges: bool = False) -> Drawn:
    """Draw a call of an operation.

    Parameters
    ----------
    draw
        Of Hypothesis.
    name
        Of the operation.
    dtype
        Of the operands that are not labels, truth values or row numbers.
    edges
        Whether infinities, NaN and zeros of both signs are among the numbers.
    """
    call = FORMS[name](draw, dtype)
    sample = REGISTRY[name].samples[0]
    arrays: list[Array] = []
    looks: list[Callable[[Any], Any]] = []
    for operand in call.operands:
        if isinstance(operand, tuple):
            shape, look = view(draw, operand[0])
            arrays.append(numbers(draw, shape, operand[1], sample.low, sample.high, edges))
        else:
            look = _plain(draw, operand.shape)[1]
            arrays.append(operand)
        looks.append(look)
    pointers = [e for e in call.settings.get("index", ()) if isinstance(e, np.ndarray)]
    traced = bool(pointers) and draw(st.booleans())

    def f(*inputs: Any) -> Any:
        seen = [look(x) for look, x in zip(looks, inputs, strict=False)]
        own, given = getattr(T, name), dict(call.settings)
        if traced:
            rest = iter(inputs[len(looks) :])
            given["index"] = tuple(next(rest) if isinstance(e, np.ndarray) else e for e in given["index"])
        return own(seen, **given) if name == "concat" else own(*seen, **given)

    return Drawn(name, f, [*arrays, *pointers] if traced else arrays, call.terms, len(arrays))
