"""Einstein summation: any sum of products of array elements, as one line of letters.

The line is taken apart into what the other operations do: diagonals, sums, and products of two arrays at a time, in an
order that keeps what lies between small. Where a product is summed over, it is a matrix product.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from typing import Any

import numpy as np

from glassgrad.errors import OptionError, ShapeError
from glassgrad.ops.namespace import function

_TERM = r"[A-Za-z]*(\.\.\.)?[A-Za-z]*"
_LINE = re.compile(rf"{_TERM}(,{_TERM})*(->{_TERM})?")

_OPEN = 64
"""What the batch size counts for when an order is chosen."""


@function
def einsum(F: Any, subscripts: str, /, *operands: Any) -> Any:
    """Sum products of the elements of arrays, as a line of letters says.

    Each array's axes are named by letters, the same letter for axes that run together. Letters after ``->`` are the
    axes of the result; all others are summed over. Without ``->`` the result has the letters that occur once, in
    alphabetical order. ``...`` stands for axes in front that broadcast.

    Parameters
    ----------
    subscripts
        The letters of each array, parted by commas, and those of the result.
    *operands
        As many arrays.

    Raises
    ------
    OptionError
        Where the line is not well formed.
    ShapeError
        Where the letters do not fit the arrays' axes, or one letter names axes of different sizes.

    Examples
    --------
    >>> from glassgrad import xp
    >>> a = xp.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> xp.einsum("ij,j->i", a, [1.0, 1.0])
    Tensor([3., 7.])
    >>> xp.einsum("ii", a)
    Tensor(5.)
    """
    arrays = [F.value(x) for x in operands]
    terms, result = _letters(subscripts, [tuple(x.shape) for x in arrays])
    sizes = _sizes(subscripts, terms, arrays)
    dtype = np.result_type(*(x.dtype for x in arrays))
    parts = [_distinct(F, x, term, sizes) for x, term in zip(arrays, terms, strict=True)]
    for chosen in _order(parts, result, sizes):
        picked = [parts.pop(i) for i in sorted(chosen, reverse=True)]
        kept = set(result).union(*(term for _, term in parts))
        one = picked.pop()
        while picked:
            wanted = kept.union(*(term for _, term in picked[:-1]))
            one = _product(F, one, picked.pop(), wanted, sizes)
        parts.append(one)
    ((x, term),) = parts
    x, term = _summed(F, x, term, set(result))
    x = F.permute_dims(x, [term.index(letter) for letter in result])
    return x if x.dtype == dtype else F.astype(x, dtype)


# --- the line ------------------------------------------------------------------------------------------------------


def _letters(subscripts: str, shapes: list[tuple[Any, ...]]) -> tuple[list[str], str]:
    """Return the letters of each array and of the result, with letters of their own for the axes of ``...``."""
    if not isinstance(subscripts, str):
        raise OptionError(
            f"einsum begins with a line of letters such as 'ij,jk->ik', not with {subscripts!r}"
        )
    line = subscripts.replace(" ", "")
    left, arrow, right = line.partition("->")
    terms = left.split(",")
    if not _LINE.fullmatch(line):
        raise OptionError(
            f"einsum: {subscripts!r} is no line of letters, ',', '...' (once an array) and one '->'; "
            "such a line is 'ij,jk->ik'"
        )
    if len(terms) != len(shapes):
        raise OptionError(f"einsum: {subscripts!r} names {len(terms)} arrays, but {len(shapes)} were given")
    free = [letter for letter in string.ascii_letters if letter not in line]
    named = [len(term.replace("...", "")) for term in terms]
    dots = 0
    for term, shape, count in zip(terms, shapes, named, strict=True):
        if len(shape) != count and ("..." not in term or len(shape) < count):
            raise ShapeError(
                f"einsum: {term!r} of {subscripts!r} names {count} axes, but the array has shape {shape}"
                + ("" if "..." in term else "; '...' stands for more")
            )
        dots = max(dots, len(shape) - count)
    rest = "".join(free[:dots])
    terms = [
        term.replace("...", rest[dots - (len(shape) - count) :], 1)
        for term, shape, count in zip(terms, shapes, named, strict=True)
    ]
    if arrow:
        result = right.replace("...", rest, 1)
    else:
        counts = Counter(letter for letter in "".join(left.split(",")) if letter != ".")
        result = rest + "".join(sorted(letter for letter, number in counts.items() if number == 1))
    for letter in result:
        if letter not in "".join(terms):
            raise OptionError(
                f"einsum: the result of {subscripts!r} has the letter {letter!r}, which no array has"
            )
        if result.count(letter) > 1:
            raise OptionError(f"einsum: the result of {subscripts!r} has the letter {letter!r} twice")
    return terms, result


def _sizes(subscripts: str, terms: list[str], arrays: list[Any]) -> dict[str, Any]:
    """Return the size of each letter's axes; an axis of size 1 goes with any other."""
    sizes: dict[str, Any] = {}
    for term, x in zip(terms, arrays, strict=True):
        own: dict[str, Any] = {}
        for letter, size in zip(term, x.shape, strict=True):
            here, known = own.setdefault(letter, size), sizes.setdefault(letter, size)
            if size != here or (size != known and 1 not in (size, known)):
                raise ShapeError(
                    f"einsum: {letter!r} in {subscripts!r} names axes of sizes {here if size != here else known} and "
                    f"{size}; the shapes are {', '.join(str(tuple(x.shape)) for x in arrays)}"
                )
            if known == 1:
                sizes[letter] = size
    return sizes


# --- the arrays ----------------------------------------------------------------------------------------------------


def _distinct(F: Any, x: Any, term: str, sizes: dict[str, Any]) -> tuple[Any, str]:
    """Return the array with one axis a letter: axes of size 1 that broadcast dropped, repeated letters' diagonals."""
    stretched = [i for i, letter in enumerate(term) if x.shape[i] == 1 and sizes[letter] != 1]
    if stretched:
        x, term = F.squeeze(x, stretched), "".join(c for i, c in enumerate(term) if i not in stretched)
    for letter in dict.fromkeys(term):
        while term.count(letter) > 1:
            i, j = term.index(letter), term.rindex(letter)
            x = F.diagonal(F.moveaxis(F.moveaxis(x, i, -1), j - 1, -1))
            term = term[:i] + term[i + 1 : j] + term[j + 1 :] + letter
    return x, term


def _order(parts: list[tuple[Any, str]], result: str, sizes: dict[str, Any]) -> list[tuple[int, ...]]:
    """Return which arrays to multiply, step by step, as places in a list to whose end each product is put."""
    if len(parts) < 3:
        return [(0, 1)] if len(parts) == 2 else []
    counted = {letter: size if isinstance(size, int) else _OPEN for letter, size in sizes.items()}
    stand_ins = [np.broadcast_to(0.0, [counted[letter] for letter in term]) for _, term in parts]
    line = ",".join(term for _, term in parts) + "->" + result
    return list(np.einsum_path(line, *stand_ins, optimize="greedy")[0][1:])


def _summed(F: Any, x: Any, term: str, wanted: set[str]) -> tuple[Any, str]:
    """Sum over the axes whose letters nobody wants."""
    over = tuple(i for i, letter in enumerate(term) if letter not in wanted)
    return (F.sum(x, axis=over), "".join(c for c in term if c in wanted)) if over else (x, term)


def _product(
    F: Any, one: tuple[Any, str], other: tuple[Any, str], wanted: set[str], sizes: dict[str, Any]
) -> tuple[Any, str]:
    """Return the product of two arrays, summed over the letters that nobody wants."""
    x, first = _summed(F, *one, wanted | set(other[1]))
    y, second = _summed(F, *other, wanted | set(first))
    both = [letter for letter in first if letter in second and letter in wanted]
    over = [letter for letter in first if letter in second and letter not in wanted]
    left = [letter for letter in first if letter not in second]
    right = [letter for letter in second if letter not in first]
    term = "".join([*both, *left, *right])
    x = F.permute_dims(x, [first.index(letter) for letter in (*both, *left, *over)])
    y = F.permute_dims(y, [second.index(letter) for letter in (*both, *over, *right)])
    stack, rows, columns = ([sizes[letter] for letter in side] for side in (both, left, right))
    if not over:
        return F.multiply(
            F.reshape(x, (*stack, *rows, *(1,) * len(right))),
            F.reshape(y, (*stack, *(1,) * len(left), *columns)),
        ), term
    inner = math.prod(sizes[letter] for letter in over)
    matrices = F.matmul(
        F.reshape(x, (*stack, math.prod(rows), inner)), F.reshape(y, (*stack, inner, math.prod(columns)))
    )
    return F.reshape(matrices, (*stack, *rows, *columns)), term
