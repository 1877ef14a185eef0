"""Looks: operations that move no number, as other shapes, strides and offsets of what they look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassgrad.engines.native.lowering.items import Sizes, View

__all__ = ["broadcast", "diagonal", "flipped", "permuted", "same", "split"]


def same(view: View, _: Mapping[str, Any]) -> View:
    """Look at the same."""
    return view


def permuted(view: View, attrs: Mapping[str, Any]) -> View:
    """Look at other axes first."""
    axes = attrs["axes"]
    return View(
        view.root, view.offset, tuple(view.shape[a] for a in axes), tuple(view.strides[a] for a in axes)
    )


def broadcast(view: View, attrs: Mapping[str, Any]) -> View:
    """Look at one element many times."""
    shape = attrs["shape"]
    extra = len(shape) - len(view.shape)
    strides = (0,) * extra + tuple(
        s if have == want else 0
        for s, have, want in zip(view.strides, view.shape, shape[extra:], strict=True)
    )
    return View(view.root, view.offset, shape, strides)


def flipped(view: View, attrs: Mapping[str, Any]) -> View:
    """Look from the other end of some axes."""
    offset = view.offset + sum((view.shape[a] - 1) * view.strides[a] for a in attrs["axis"])
    strides = tuple(-s if a in attrs["axis"] else s for a, s in enumerate(view.strides))
    return View(view.root, offset, view.shape, strides)


def diagonal(view: View, attrs: Mapping[str, Any]) -> View:
    """Look at the diagonals of matrices."""
    (*stack, rows, columns), (*outer, down, across) = view.shape, view.strides
    below, above = max(-attrs["offset"], 0), max(attrs["offset"], 0)
    size = max(0, min(rows - below, columns - above))
    offset = view.offset + below * down + above * across
    return View(view.root, offset, (*stack, size), (*outer, down + across))


def split(view: View, shape: Sizes) -> Sizes | None:
    """Return the strides with which another shape looks at the same numbers, None where no strides do."""
    blocks: list[tuple[int, int]] = []
    for size, stride in zip(view.shape, view.strides, strict=True):
        if size == 1:
            continue
        if blocks and blocks[-1][1] == size * stride:
            blocks[-1] = (blocks[-1][0] * size, stride)
        else:
            blocks.append((size, stride))
    strides = [0] * len(shape)
    axis = len(shape) - 1
    for size, stride in reversed(blocks):
        while size > 1 and axis >= 0:
            if shape[axis] > 1:
                if size % shape[axis]:
                    return None
                strides[axis] = stride
                stride *= shape[axis]
                size //= shape[axis]
            axis -= 1
        if size > 1:
            return None
    return tuple(strides)
