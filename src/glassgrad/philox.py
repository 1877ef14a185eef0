"""Random numbers that are a pure function of where they are used, so that every engine draws the same ones.

A generator with a state gives numbers that depend on how many were drawn before: on the batch size, on the
engine, on how the work was split. Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as
easy as 1, 2, 3", 2011) has no state. It encrypts a 128-bit counter under a 64-bit key, and the counter says
which number is wanted::

    key     = seed                                (64 bits)
    counter = (element // 4, row, step, node)     (four words of 32 bits)

One counter gives four words, for elements ``4k … 4k + 3`` of one row. ``node`` keeps the purposes apart: the
ranges below are the only place where node numbers are given out, and they do not overlap, so neither do the
streams of dropout, initial weights and shuffles under one seed. Every word is used whole, so a row, step or
node that needs more than 32 bits is refused rather than folded onto a number that is already in use.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from glassgrad.errors import DTypeError, OptionError, ShapeError

__all__ = [
    "EPOCH_STREAMS",
    "GRAPH_NODES",
    "KEY_STEPS",
    "MULTIPLIERS",
    "ROUNDS",
    "SHUFFLE_NODES",
    "SPLIT_STREAMS",
    "WEIGHT_NODES",
    "bits",
    "normal",
    "permutation",
    "philox4x32",
    "uniform",
]

GRAPH_NODES: Final = range(1 << 30)
"""Random operations inside a graph, dropout among them: one number a node."""

WEIGHT_NODES: Final = range(1 << 30, 2 << 30)
"""Initial weights: one number a parameter."""

SHUFFLE_NODES: Final = range(2 << 30, 3 << 30)
"""Permutations: the upper 32 bits of a stream choose the node, the lower 32 the step."""

EPOCH_STREAMS: Final = range(1 << 32)
"""Streams of :func:`permutation` for the order of the rows in an epoch: one an epoch."""

SPLIT_STREAMS: Final = range(1 << 32, 2 << 32)
"""Streams of :func:`permutation` for splits into training, validation and test rows: one a split."""

_WORD: Final = 1 << 32
MULTIPLIERS: Final = (0xD2511F53, 0xCD9E8D57)
"""What the words 0 and 2 are multiplied by in each round."""

KEY_STEPS: Final = (0x9E3779B9, 0xBB67AE85)
"""What is added to the two words of the key after each round."""

ROUNDS: Final = 10
"""How often a counter is encrypted."""

_LOW: Final = np.uint64(_WORD - 1)
_HALF: Final = np.uint64(32)
_CHUNK: Final = 8192  # counters at a time: the scratch (six rows of 64 KiB) stays in the second-level cache


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Encrypt counters with Philox4x32-10.

    Parameters
    ----------
    counter
        uint32 of shape (..., 4).
    key
        Two uint32 words.

    Returns
    -------
    ndarray
        uint32 of shape (..., 4): four random words for each counter.

    Raises
    ------
    ShapeError
        If the last axis of ``counter`` is not 4 long, or ``key`` is not a pair.

    Examples
    --------
    >>> [hex(word) for word in philox4x32([0, 0, 0, 0], [0, 0])]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    words = np.array(counter, dtype=np.uint32, order="C")
    pair = np.asarray(key, dtype=np.uint32)
    if words.ndim == 0 or words.shape[-1] != 4:
        raise ShapeError(f"philox4x32 takes counters of shape (..., 4); got shape {words.shape}.")
    if pair.shape != (2,):
        raise ShapeError(f"philox4x32 takes a key of two words, shape (2,); got shape {pair.shape}.")
    _encrypt(words.reshape(-1, 4), int(pair[0]), int(pair[1]))
    return words


def bits(
    seed: int, *, node: int, step: int, rows: NDArray[np.integer[Any]], elements: int
) -> NDArray[np.uint32]:
    """Return random words, each a function of seed, node, step, row and element alone.

    Parameters
    ----------
    seed
        The key, 0 ≤ seed < 2**64.
    node
        What the numbers are for, from :data:`GRAPH_NODES`, :data:`WEIGHT_NODES` or :data:`SHUFFLE_NODES`.
    step
        The training step (or epoch, or 0), 0 ≤ step < 2**32.
    rows
        Integers of shape (n,), 0 ≤ row < 2**32: the number of each row in the data, not in the batch.
    elements
        How many words each row gets; a longer row begins with the words of a shorter one.

    Returns
    -------
    ndarray
        uint32 of shape (n, elements).

    Raises
    ------
    OptionError
        If a number is outside its range.
    ShapeError, DTypeError
        If ``rows`` is not one-dimensional or not of an integer type.

    Examples
    --------
    >>> whole = bits(7, node=0, step=3, rows=np.arange(5), elements=2)
    >>> part = bits(7, node=0, step=3, rows=np.array([4]), elements=2)
    >>> bool((whole[4] == part[0]).all())
    True
    """
    _check("seed", seed, _WORD * _WORD)
    _check("node", node, _WORD)
    _check("step", step, _WORD)
    _check("elements", elements, 4 * _WORD)
    rows = np.asarray(rows)
    if rows.ndim != 1:
        raise ShapeError(f"rows must have shape (n,); got shape {rows.shape}.")
    if not np.issubdtype(rows.dtype, np.integer):
        raise DTypeError(f"rows must be integers; got {rows.dtype}.")
    if rows.size:
        _check("row", int(rows.min()), _WORD)
        _check("row", int(rows.max()), _WORD)
    blocks = -(-elements // 4)
    words = np.empty((rows.size, blocks, 4), dtype=np.uint32)
    words[..., 0] = np.arange(blocks, dtype=np.uint32)
    words[..., 1] = rows.astype(np.uint32)[:, None]
    words[..., 2] = step
    words[..., 3] = node
    _encrypt(words.reshape(-1, 4), seed % _WORD, seed // _WORD)
    return words.reshape(rows.size, 4 * blocks)[:, :elements]


def uniform(
    seed: int,
    *,
    node: int,
    step: int,
    rows: NDArray[np.integer[Any]],
    elements: int,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Return numbers uniform in [0, 1), keyed as in :func:`bits`.

    float32 takes the upper 24 bits of one word for each element, float64 the upper 53 bits of two words (the
    first the lower half), so that 1 is never reached and every value is exact.

    Parameters
    ----------
    seed, node, step, rows, elements
        As in :func:`bits`.
    dtype
        float32 or float64.

    Returns
    -------
    ndarray
        ``dtype`` of shape (n, elements).

    Raises
    ------
    DTypeError
        If ``dtype`` is neither float32 nor float64.
    OptionError, ShapeError
        As in :func:`bits`.

    Examples
    --------
    >>> x = uniform(0, node=0, step=0, rows=np.arange(1000), elements=4)
    >>> x.dtype, x.shape, abs(float(x.mean()) - 0.5) < 0.02
    (dtype('float32'), (1000, 4), True)
    """
    if np.dtype(dtype) == np.float32:
        words = bits(seed, node=node, step=step, rows=rows, elements=elements)
        single = (words >> np.uint32(8)).astype(np.float32)
        single *= np.float32(2.0**-24)
        return single
    if np.dtype(dtype) == np.float64:
        double = (_words64(seed, node, step, rows, elements) >> np.uint64(11)).astype(np.float64)
        double *= 2.0**-53
        return double
    raise DTypeError(f"random numbers are float32 or float64; got dtype {np.dtype(dtype)}.")


def normal(
    seed: int,
    *,
    node: int,
    step: int,
    rows: NDArray[np.integer[Any]],
    elements: int,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Return numbers of the standard normal distribution, keyed as in :func:`bits`.

    Box–Muller on the pairs of uniforms ``(2k, 2k + 1)``. The arithmetic is float64 for either dtype, so that
    float32 numbers do not depend on how a machine rounds its float32 logarithm and cosine.

    Parameters
    ----------
    seed, node, step, rows, elements
        As in :func:`bits`.
    dtype
        float32 or float64.

    Returns
    -------
    ndarray
        ``dtype`` of shape (n, elements).

    Raises
    ------
    DTypeError, OptionError, ShapeError
        As in :func:`uniform`.

    Examples
    --------
    >>> z = normal(0, node=0, step=0, rows=np.arange(1000), elements=4)
    >>> abs(float(z.mean())) < 0.05, abs(float(z.std()) - 1.0) < 0.05
    (True, True)
    """
    even = elements + elements % 2
    pairs = uniform(seed, node=node, step=step, rows=rows, elements=even, dtype=dtype)
    radius = np.sqrt(-2.0 * np.log1p(-pairs[:, 0::2].astype(np.float64)))
    angle = 2.0 * np.pi * pairs[:, 1::2].astype(np.float64)
    pairs[:, 0::2] = radius * np.cos(angle)
    pairs[:, 1::2] = radius * np.sin(angle)
    return pairs[:, :elements]


def permutation(n: int, *, seed: int, stream: int = 0) -> NDArray[np.int64]:
    """Return the numbers 0 … n − 1 in random order: the stable order of 64-bit random keys.

    Parameters
    ----------
    n
        How many numbers, 0 ≤ n < 2**32.
    seed
        0 ≤ seed < 2**64.
    stream
        Which permutation, from :data:`EPOCH_STREAMS` or :data:`SPLIT_STREAMS`.

    Returns
    -------
    ndarray
        int64 of shape (n,).

    Raises
    ------
    OptionError
        If a number is outside its range.

    Examples
    --------
    >>> order = permutation(5, seed=0, stream=EPOCH_STREAMS[2])
    >>> sorted(order.tolist())
    [0, 1, 2, 3, 4]
    """
    _check("n", n, _WORD)
    _check("stream", stream, len(SHUFFLE_NODES) * _WORD)
    keys = _words64(seed, SHUFFLE_NODES[stream // _WORD], stream % _WORD, np.zeros(1, np.int64), n)
    return np.argsort(keys[0], kind="stable").astype(np.int64, copy=False)


def _words64(
    seed: int, node: int, step: int, rows: NDArray[np.integer[Any]], elements: int
) -> NDArray[np.uint64]:
    """Return (n, elements) words of 64 bits; the first of two 32-bit words is the lower half."""
    words = bits(seed, node=node, step=step, rows=rows, elements=2 * elements)
    return words.astype("<u4", copy=False).view("<u8")


def _check(name: str, value: int, limit: int) -> None:
    """Refuse what is not an integer in 0 … limit − 1."""
    if not isinstance(value, int | np.integer):
        raise OptionError(f"{name} must be an integer; got {value!r}.")
    if not 0 <= value < limit:
        raise OptionError(f"{name} must be at least 0 and below 2**{limit.bit_length() - 1}; got {value}.")


def _encrypt(counters: NDArray[np.uint32], key0: int, key1: int) -> None:
    """Replace the counters, shape (m, 4), by their random words, a chunk at a time."""
    scratch = np.empty((3, 2, min(_CHUNK, len(counters))), dtype=np.uint64)
    rounds = np.arange(ROUNDS, dtype=np.uint64).reshape(ROUNDS, 1, 1)
    key_steps, multipliers = (np.array([[a], [b]], dtype=np.uint64) for a, b in (KEY_STEPS, MULTIPLIERS))
    round_keys = (np.array([[key0], [key1]], dtype=np.uint64) + rounds * key_steps) & _LOW
    for start in range(0, len(counters), _CHUNK):
        chunk = counters[start : start + _CHUNK]
        even, odd, product = scratch[..., : len(chunk)]  # even holds the words 0 and 2, odd the words 1 and 3
        even[:] = chunk[:, 0::2].T
        odd[:] = chunk[:, 1::2].T
        for round_key in round_keys:
            np.multiply(even, multipliers, out=product)
            np.right_shift(product[::-1], _HALF, out=even)
            even ^= odd
            even ^= round_key
            np.bitwise_and(product[::-1], _LOW, out=odd)
        chunk[:, 0::2] = even.T
        chunk[:, 1::2] = odd.T
