"""How many threads the matrix products get.

OpenBLAS splits a product over every core as soon as it has some 260 000 multiplications. For products of a few
milliseconds or less that gains little where the cores are free, and where a neighbour keeps one of them busy every
product waits for it: steps of 1 ms have been seen to take 70 ms. So a program whose products are all small runs them on
one thread. The choice is a pure function of the shapes; it makes the bits independent of the number of cores as well.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from glassgrad.ir import Graph

__all__ = ["blas_threads", "largest_product"]

_ALONE = 1 << 18
"""Multiplications up to which OpenBLAS does not split a product anyway."""

_TOGETHER = 1 << 27
"""Multiplications from which a product is left to all threads: some 2 ms on one."""


def largest_product(graph: Graph) -> int:
    """Return the multiplications in the largest matrix product of a static graph."""
    largest = 0
    for node in graph.nodes:
        if node.op in ("matmul", "linear"):
            size = math.prod(node.outputs[0].shape) * node.inputs[0].shape[-1]
            assert isinstance(size, int), "a static graph has sizes that are numbers"
            largest = max(largest, size)
    return largest


def blas_threads(multiplications: int, most: int | None = None) -> AbstractContextManager[Any]:
    """Return a context in which products of up to this size get the threads that suit them, and no more than `most`."""
    if multiplications <= _ALONE:
        return nullcontext()
    limit = 1 if multiplications < _TOGETHER else most
    if limit is None:
        return nullcontext()
    return _controller().limit(limits=limit, user_api="blas")  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
