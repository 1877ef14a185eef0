"""Where a run stands on a place without a derivative: what is taken there, and what PyTorch and JAX would take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.explaining.document import Cell, Paragraph, Section, Table
from glassgrad.explaining.linearise import NotFollowed, links_of
from glassgrad.explaining.links import Sparse
from glassgrad.ir import Constant, Node, Value
from glassgrad.language import Text, short
from glassgrad.ops.conventions import CONVENTIONS, Convention

if TYPE_CHECKING:
    from glassgrad.explaining.explanation import Explanation

__all__ = ["conventions"]

_LISTED = 12
"""How many places a table has at most."""


def conventions(told: Explanation) -> Iterator[Section]:
    """Yield the places, where there are some, each beside the convention's example in the three libraries."""
    rows: list[list[Cell]] = []
    for node in told.played.graph.nodes:
        for row in CONVENTIONS:
            if row.op == node.op and row.meets is not None and _reached(told, node, row):
                rows += _places(told, node, row)
    if not rows:
        return
    text = Text(
        "At these places the derivative does not exist, or is not what a formula gives. glassgrad takes the "
        "subgradient of least norm; what each library returns is shown for the example named.",
        "이 자리들에서는 미분이 존재하지 않거나 공식대로가 아니다. glassgrad는 크기가 가장 작은 부분기울기를 쓴다. "
        "각 라이브러리가 돌려주는 값은 적힌 예에 대한 것이다.",
    )
    header = [Text("where", "어디"), Text("case", "경우"), Text("glassgrad", "glassgrad")]
    header += [Text("PyTorch", "PyTorch"), Text("JAX", "JAX")]
    more = len(rows) - _LISTED
    blocks: list[Any] = [Paragraph(text), Table(header, rows[:_LISTED])]
    if more > 0:
        blocks.append(Paragraph(Text("{n} more are not listed.", "그 밖에 {n}곳이 더 있다.").fill(n=more)))
    yield Section("conventions", Text("Places without a derivative", "미분이 없는 자리"), blocks)


def _reached(told: Explanation, node: Node, row: Convention) -> bool:
    """Say whether a gradient that is not 0 comes to the result of `node`, and is handed on to an input in question."""
    gradients = told.played.gradients
    meant = [v for i, v in enumerate(node.inputs) if i in row.about or not row.about]
    return any(v in gradients for v in meant) and any(
        v in gradients and np.any(gradients[v]) for v in node.outputs
    )


def _places(told: Explanation, node: Node, row: Convention) -> Iterator[list[Cell]]:
    played = told.played
    xs = [v.array if isinstance(v, Constant) else played.values[v] for v in node.inputs]
    results = [played.values[v] for v in node.outputs]
    assert row.meets is not None
    with np.errstate(all="ignore"):
        met = np.asarray(row.meets(xs, results if len(results) > 1 else results[0], node.attrs))
    out = node.outputs[0]
    if met.shape == results[0].shape:
        met = met & (played.gradient(out) != 0)
        if node.op == "where" and met.any():
            met = met & np.broadcast_to(_steep(told, node)[node.inputs[row.about[0]]], met.shape)
        names = [told.names.element(out, int(i)) for i in np.flatnonzero(met)]
    else:
        names = [told.names[out]] * bool(met.any())
    for name in names:
        yield [name, row.case, *(_gradients(g) for g in (row.gives, row.torch_gives, row.jax_gives))]


def _steep(told: Explanation, until: Node) -> dict[Value, Any]:
    """Return for each value before a node which numbers lie behind a local derivative that is not finite.

    A branch that was not taken is no trouble where it is merely undefined, as log(−1) is: its slope is a number there.
    """
    played = told.played
    steep: dict[Value, Any] = {v: np.zeros(array.shape, bool) for v, array in played.values.items()}
    for node in played.graph.nodes:
        if node is until:
            break
        with suppress(NotFollowed):
            for link in links_of(played, node):
                if isinstance(link, Sparse) and link.source in played.gradients:
                    behind = steep[link.source].reshape(-1)
                    which, ends, slopes = link.onward(np.arange(behind.size))
                    steep[link.target].reshape(-1)[ends[behind[which] | ~np.isfinite(slopes)]] = True
    return steep


def _gradients(given: tuple[Any, ...]) -> str:
    """Return the gradients of an example's inputs, one after the other."""
    return " | ".join(_numbers(np.asarray(g, np.float64)) for g in given)


def _numbers(array: np.ndarray[Any, Any]) -> str:
    if array.ndim == 0:
        return "NaN" if np.isnan(array) else short(float(array)).replace("inf", "∞")
    return "[" + ", ".join(_numbers(item) for item in array) + "]"
