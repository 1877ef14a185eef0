"""Dimensions that may stay open: one symbolic batch size, N, and the polynomials in it.

A graph is traced once with the batch dimension left symbolic and serves every batch size: prediction of one
row, the last smaller batch, ONNX export. Shape rules compute with dimensions as if they were numbers; only one
symbol exists, so a dimension is a polynomial in N with whole coefficients and two dimensions are equal exactly
when their coefficients are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from glassgrad.errors import ShapeError

__all__ = ["BATCH", "Dim", "Shape", "broadcast_shapes", "is_static", "solve_batch"]


class Dim:
    """A polynomial in the batch size N, for example ``N``, ``2*N`` or ``N**2 + 1``.

    Parameters
    ----------
    coefficients
        Coefficient of N⁰, N¹, N², …

    Examples
    --------
    >>> BATCH * 2 + 1
    2*N + 1
    >>> (BATCH * 2 + 1).at(10)
    21
    """

    __slots__ = ("coefficients",)

    def __init__(self, coefficients: Sequence[int]) -> None:
        self.coefficients = tuple(coefficients)

    def at(self, n: int) -> int:
        """Return the dimension's size when the batch has `n` rows."""
        return sum(c * n**power for power, c in enumerate(self.coefficients))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.coefficients == other.coefficients

    def __hash__(self) -> int:
        return hash(self.coefficients)

    def __add__(self, other: int | Dim) -> int | Dim:
        left, right = self.coefficients, _coefficients(other)
        size = max(len(left), len(right))
        left, right = left + (0,) * (size - len(left)), right + (0,) * (size - len(right))
        return _reduce([a + b for a, b in zip(left, right, strict=True)])

    __radd__ = __add__

    def __sub__(self, other: int | Dim) -> int | Dim:
        return self + (other * -1)

    def __rsub__(self, other: int) -> int | Dim:
        return self * -1 + other

    def __mul__(self, other: int | Dim) -> int | Dim:
        right = _coefficients(other)
        out = [0] * (len(self.coefficients) + len(right) - 1)
        for i, a in enumerate(self.coefficients):
            for j, b in enumerate(right):
                out[i + j] += a * b
        return _reduce(out)

    __rmul__ = __mul__

    def __floordiv__(self, other: int | Dim) -> int | Dim:
        """Divide exactly; a remainder is an error, because a size must be a whole number for every N."""
        rest, divisor = list(self.coefficients), _coefficients(other)
        out = [0] * max(len(rest) - len(divisor) + 1, 1)
        for power in range(len(rest) - len(divisor), -1, -1):
            factor, remainder = divmod(rest[power + len(divisor) - 1], divisor[-1])
            if remainder:
                break
            out[power] = factor
            for j, b in enumerate(divisor):
                rest[power + j] -= factor * b
        if any(rest):
            raise ShapeError(f"the dimension {self} is not a multiple of {other} for every batch size N")
        return _reduce(out)

    def __rfloordiv__(self, other: int) -> int | Dim:
        return Dim((other,)) // self

    def __repr__(self) -> str:
        terms = []
        for power in range(len(self.coefficients) - 1, -1, -1):
            c = self.coefficients[power]
            if c:
                symbol = "" if power == 0 else "N" if power == 1 else f"N**{power}"
                terms.append(str(c) if not symbol else symbol if c == 1 else f"{c}*{symbol}")
        return " + ".join(terms).replace("+ -", "- ")


Shape: TypeAlias = tuple[int | Dim, ...]

BATCH = Dim((0, 1))
"""The batch size N itself."""


def _coefficients(dim: int | Dim) -> tuple[int, ...]:
    return dim.coefficients if isinstance(dim, Dim) else (dim,)


def _reduce(coefficients: list[int]) -> int | Dim:
    while len(coefficients) > 1 and coefficients[-1] == 0:
        coefficients.pop()
    return coefficients[0] if len(coefficients) == 1 else Dim(coefficients)


def is_static(shape: Shape) -> bool:
    """Return whether every dimension of `shape` is a number."""
    return not any(isinstance(d, Dim) for d in shape)


def solve_batch(declared: Iterable[Shape], given: Iterable[Sequence[int]]) -> int | None:
    """Find the batch size N for which the declared shapes are the given ones.

    Parameters
    ----------
    declared
        Shapes that may contain N.
    given
        Shapes of the arrays at hand, in the same order.

    Returns
    -------
    int or None
        N, or None where no declared shape contains it.

    Raises
    ------
    ShapeError
        Where no N fits.

    Examples
    --------
    >>> solve_batch([(BATCH, 3), (3,)], [(7, 3), (3,)])
    7
    """
    declared, given = list(declared), list(given)
    n: int | None = None
    for want, have in zip(declared, given, strict=True):
        for d, size in zip(want, have, strict=False):
            if isinstance(d, Dim) and n is None and len(d.coefficients) == 2:
                n = (size - d.coefficients[0]) // d.coefficients[1]
    for want, have in zip(declared, given, strict=True):
        sizes = tuple(d.at(n or 0) if isinstance(d, Dim) else d for d in want)
        if sizes != tuple(have) or (n is not None and n < 0):
            names = ", ".join(str(d) for d in want)
            raise ShapeError(
                f"an array has shape {tuple(have)}, but the graph takes ({names})"
                + ("" if n is None else f" and the other inputs have N = {n}")
            )
    return n


def broadcast_shapes(*shapes: Shape) -> Shape:
    """Return the shape that `shapes` broadcast to, as NumPy does.

    Raises
    ------
    ShapeError
        Where they do not fit; the message lays the shapes one above the other.

    Examples
    --------
    >>> broadcast_shapes((BATCH, 3), (3,))
    (N, 3)
    """
    if not shapes:
        return ()
    first = shapes[0]
    if all(s == first for s in shapes):
        return first
    rank = max(map(len, shapes))
    out: list[int | Dim] = []
    for axis in range(-rank, 0):
        sizes = [s[axis] for s in shapes if len(s) >= -axis]
        wide: list[Any] = [d for d in sizes if d != 1]
        if any(d != wide[0] for d in wide):
            differing = " and ".join(map(str, dict.fromkeys(sizes)))
            raise ShapeError(
                f"shapes do not broadcast: axis {axis} has sizes {differing}, which must be equal or 1 "
                f"(gg.expand_dims adds an axis of size 1)\n{_side_by_side(shapes, axis)}"
            )
        out.append(wide[0] if wide else 1)
    return tuple(out)


def _side_by_side(shapes: Sequence[Shape], axis: int) -> str:
    """Return the shapes one above the other, each axis in a column, and a mark under one of them."""
    rank = max(map(len, shapes))
    widths = [max(len(str(s[i])) for s in shapes if len(s) >= -i) for i in range(-rank, 0)]
    lines = []
    for s in shapes:
        missing = rank - len(s)
        cells = [str(d).rjust(w) for d, w in zip(s, widths[missing:], strict=True)]
        lines.append("  " + " " * sum(w + 2 for w in widths[:missing]) + f"({', '.join(cells)})")
    before = sum(w + 2 for w in widths[: rank + axis])
    return "\n".join([*lines, " " * (2 + before + widths[axis]) + "^"])
