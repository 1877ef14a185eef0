"""What can be checked: something with results, gradients as its author computes them, and perhaps exact ones.

A pair of functions, a rule in glassgrad, in PyTorch or in JAX differ in how they are run. To the check they are all the
same: results and gradients at a point, as NumPy arrays in float64.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from glassgrad.errors import CheckError, DTypeError
from glassgrad.functional.runs import is_array
from glassgrad.language import Text
from glassgrad.tensors import Tensor
from glassgrad.tree import flatten, map_tree

__all__ = [
    "Leaves",
    "NotDifferentiated",
    "Point",
    "Subject",
    "arrays_in",
    "failed",
    "numbers",
    "parameters_of",
    "perturbed",
    "place_of",
]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """Where a subject is looked at.

    Attributes
    ----------
    arrays
        The arrays whose gradients are checked: float64.
    inputs
        All else.
    """

    arrays: tuple[Array, ...]
    inputs: tuple[Any, ...]


class NotDifferentiated(Exception):
    """The forward code cannot be differentiated exactly; the message says why, and in which line."""


class Subject(Protocol):
    """Something whose gradients are checked.

    Attributes
    ----------
    label
        Its name.
    names
        The name of each array whose gradient is checked.
    start
        The point that was given.
    rule
        Whether it is a derivative rule, a part of something larger, whatever its results are.
    complex_step
        Whether it may be run on complex numbers.
    """

    label: str
    names: tuple[str, ...]
    start: Point
    rule: bool
    complex_step: bool

    def run(self, point: Point) -> list[Array]:
        """Return the results."""

    def given(self, point: Point, cotangents: Sequence[Array]) -> list[Array | None]:
        """Return the gradients as the author computes them; None for one that there is not."""

    def exact(self, point: Point, cotangents: Sequence[Array]) -> list[Array]:
        """Return the gradients by exact differentiation of the forward code.

        Raises
        ------
        NotDifferentiated
            Where it cannot be differentiated.
        """

    def faults(self, point: Point) -> list[Text]:
        """Return what else is wrong, in sentences."""


class Leaves:
    """A nesting whose floating-point leaves are checked, and taken out and put back in one flat order.

    Python lists of numbers count as arrays, as they do for `gg.grad`. Where `settings` may stand among them, as in
    the arguments of a rule, whole numbers are settings, and so are Python's own numbers beside arrays.
    """

    def __init__(self, tree: Any, names: Sequence[str], *, settings: bool = False) -> None:
        self.tree = arrays_in(tree)
        leaves, self.rebuild = flatten(self.tree)
        paths = list(_paths(self.tree, names))
        for name, leaf in zip(paths, leaves, strict=True):
            if not settings and _is_array(leaf) and leaf.dtype.kind in "iubc" and leaf.ndim > 0:
                wanted = "real numbers" if leaf.dtype.kind == "c" else "floating-point numbers"
                raise DTypeError(
                    f"{name} is {leaf.dtype}, but gradients are checked with respect to {wanted}: write 1.0 instead of "
                    f"1, or {name}.astype('float64'); what is not to be checked goes into inputs"
                )
        found = [i for i, leaf in enumerate(leaves) if _floating(leaf)]
        arrays = [i for i in found if not isinstance(leaves[i], float)]
        self.at = arrays if settings and arrays else found
        self.names = tuple(paths[i] for i in self.at)
        self.leaves = leaves
        self.arrays = tuple(numbers(leaves[i]) for i in self.at)

    def put(self, arrays: Sequence[Any]) -> Any:
        """Return the nesting with these in place of the checked leaves; a Tensor where there was one."""
        checked = dict(zip(self.at, arrays, strict=True))
        leaves = []
        for i, leaf in enumerate(self.leaves):
            if i not in checked:
                leaves.append(leaf.copy() if isinstance(leaf, np.ndarray) else leaf)
            elif isinstance(checked[i], np.ndarray):
                array = checked[i]
                leaves.append(Tensor._make(array, None) if isinstance(leaf, Tensor) else array[()])
            else:
                leaves.append(checked[i])
        return self.rebuild(leaves)


def parameters_of(f: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a function that are given by position; None where they are not known.

    They are not known of what is built in, nor where the function takes any number (``*args``).
    """
    try:
        found = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in found):
        return None
    return [p for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def arrays_in(tree: Any) -> Any:
    """Return a nesting with an array for each list of numbers, and float64 for shorter floating-point formats."""
    if isinstance(tree, list) and tree and is_array(tree):
        try:
            found = np.array(tree)
        except ValueError:
            found = None
        if found is not None and found.dtype.kind in "iufc":
            return arrays_in(found)
    if isinstance(tree, (list, tuple)):
        children = [arrays_in(child) for child in tree]
        return type(tree)(*children) if hasattr(tree, "_fields") else type(tree)(children)
    if isinstance(tree, Mapping):
        return {key: arrays_in(child) for key, child in tree.items()}
    if isinstance(tree, Tensor):
        return Tensor._make(numbers(tree), None) if tree.dtype.kind == "f" else tree
    if isinstance(tree, np.ndarray) and tree.dtype.kind == "f":
        return np.array(tree, np.float64)
    return tree


def numbers(x: Any) -> Array:
    """Return the numbers of a NumPy array, of a Tensor or of anything else as a new array, floating ones in float64."""
    array = np.array(x.detach().numpy() if isinstance(x, Tensor) else x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _is_array(x: Any) -> bool:
    return isinstance(x, (np.ndarray, Tensor))


def _floating(x: Any) -> bool:
    return isinstance(x, float) or (isinstance(x, (np.ndarray, np.floating, Tensor)) and x.dtype.kind == "f")


def _paths(tree: Any, names: Sequence[str]) -> Iterator[str]:
    """Yield a name for each leaf: those of a dict are named by their keys, those of a list by their numbers.

    The top of the nesting is a tuple, whose parts are named by `names`.
    """
    for name, child in zip(names, tree, strict=True):
        yield from _below(child, name, named=isinstance(child, Mapping))


def _below(tree: Any, name: str, *, named: bool = False) -> Iterator[str]:
    if isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from _below(child, str(key) if named else f"{name}.{key}")
    elif isinstance(tree, (list, tuple)):
        for i, child in enumerate(tree):
            yield from _below(child, f"{name}[{i}]")
    else:
        yield name


def perturbed(point: Point, rng: np.random.Generator, *, inputs: bool = False, turned: bool = False) -> Point:
    """Return a point nearby: each number is moved by up to a fifth of its size, a zero by as much as its neighbours.

    Parameters
    ----------
    point
        Where to start from.
    rng
        Whom to ask.
    inputs
        Whether inputs are moved as well, if they are arrays of numbers as measured. Whole numbers (labels, one-hot
        rows, masks), rows that sum to 1 and symmetric matrices stay: a backward pass may rely on what they are.
    turned
        Whether half of the numbers change their sign, too: units that were on are off then.
    """
    arrays = tuple(_moved(a, rng) * (_signs(a, rng) if turned else 1.0) for a in point.arrays)
    if not inputs:
        return Point(tuple(map(np.asarray, arrays)), point.inputs)

    def change(leaf: Any) -> Any:
        array = numbers(leaf) if _is_array(leaf) else None
        if array is None or not _measured(array):
            return leaf
        moved = array + _moves(array, rng) * (array != 0)
        return Tensor._make(moved, None) if isinstance(leaf, Tensor) else moved

    return Point(tuple(map(np.asarray, arrays)), tuple(map_tree(change, one) for one in point.inputs))


def _measured(array: Array) -> bool:
    if array.dtype.kind != "f" or array.ndim == 0 or not np.isfinite(array).all():
        return False
    whole = bool(np.all(array == np.round(array)))
    sums = any(np.allclose(array.sum(axis=axis), 1.0) for axis in range(array.ndim))
    square = array.ndim == 2 and array.shape[0] == array.shape[1]
    return not (whole or sums or (square and np.allclose(array, array.T)))


def _moved(array: Array, rng: np.random.Generator) -> Array:
    moved: Array = array + _moves(array, rng)
    return moved


def _signs(array: Array, rng: np.random.Generator) -> Array:
    """Return −1 for half of the elements, rounded up."""
    signs = np.ones(array.size)
    signs[rng.permutation(array.size)[: (array.size + 1) // 2]] = -1.0
    return signs.reshape(array.shape)


def _moves(array: Array, rng: np.random.Generator) -> Array:
    sizes = np.abs(array)
    usual = float(sizes.mean()) if sizes.any() else 1.0
    return 0.2 * np.where(sizes == 0, usual, sizes) * rng.uniform(-1, 1, array.shape)


def place_of(error: BaseException) -> str:
    """Return the last line of the user's own code that an error went through, as ``file.py:12``, and what it says."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    trace, place = error.__traceback__, ""
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        if module not in ("glassgrad", "numpy", "torch", "jax"):
            place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}: "
        trace = trace.tb_next
    return f"{place}{said}"


def failed(error: Exception, what: str) -> CheckError:
    """Return the error for user's code that failed where it was run as it is."""
    return CheckError(f"{what} failed with an error of its own: {type(error).__name__}: {place_of(error)}")
