"""Moving arrays: from any strides to any others, without computing anything."""

from __future__ import annotations

import math
from collections.abc import Sequence

from glassgrad.engines.native.codegen.ir import I1, I64, Function, V, kind_of
from glassgrad.engines.native.kernels.body import At
from glassgrad.engines.native.kernels.nests import nested, outer_loops
from glassgrad.engines.native.lowering.items import Sizes, shape_of
from glassgrad.ir import Value

__all__ = ["move", "zero"]


def move(
    f: Function, source: V, strides: Sizes, target: V, target_strides: Sizes, shape: Sizes, root: Value
) -> None:
    """Copy an array of `shape` from one address to another, with strides in elements for each; `root` has the dtype."""
    size = root.dtype.itemsize
    walks = [target_strides, strides]
    loops = nested(shape, walks, [a for a, d in enumerate(shape) if d != 1])
    sizes = [math.prod(shape[a] for a in axes) for axes in loops]
    to, frm = ([w[axes[-1]] for axes in loops] for w in walks)
    block = 1
    if sizes and to[-1] == frm[-1] == 1:
        block = sizes.pop()
    for index in outer_loops(f, sizes):
        there, here = (f.at(base, _along(f, index, s), size) for base, s in ((target, to), (source, frm)))
        if block > 1:
            f.module.declare("llvm.memmove.p0.p0.i64", "void", ["ptr", "ptr", I64, I1])
            f.do(f"call void @llvm.memmove.p0.p0.i64({there}, {here}, i64 {block * size}, i1 false)")
        else:
            kind = kind_of(root.dtype)
            f.store(f.load(here, kind), there)


def _along(f: Function, index: Sequence[At], strides: Sequence[int]) -> V | int:
    moved: V | int = 0
    for at, stride in zip(index, strides, strict=False):
        moved = f.add(moved, f.mul(at.base, stride))
    return moved


def zero(f: Function, target: V, root: Value) -> None:
    """Fill a root with zeros."""
    f.module.declare("llvm.memset.p0.i64", "void", ["ptr", "i8", I64, I1])
    size = math.prod(shape_of(root))
    f.do(f"call void @llvm.memset.p0.i64({target}, i8 0, i64 {size * root.dtype.itemsize}, i1 false)")
