"""Functions as one operation of a graph: `custom`, with a derivative rule of its own, and `checkpoint`, computed again
for its gradient.

`custom` owns two graphs: what the function computes, and its rule. A rule is linear in what it carries, so the rule for
one mode is the rule for the other, transposed: a cotangent goes through a tangent's rule backwards, and the other way
round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ShapeError
from glassgrad.ir import Graph, Shape, inexact
from glassgrad.ops.control import call
from glassgrad.ops.record import Op, Text, register

Types = list[tuple[Shape, np.dtype[Any]]]


def _types(values: Sequence[Any]) -> Types:
    return [(tuple(v.shape), v.dtype) for v in values]


def _infer(*inputs: Any, name: str, arguments: int, subgraphs: Mapping[str, Graph]) -> Types:
    body = subgraphs["body"]
    given, taken = _types(inputs), _types(body.inputs)
    if given != taken:
        raise ShapeError(f"{name} takes {taken}, but is given {given}")
    return _types(body.outputs)


def _run(*inputs: Any, name: str, arguments: int, run: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(np.array(out, order="C") for out in run["body"](*inputs))


def _movable(inputs: Sequence[Any], attrs: Mapping[str, Any]) -> list[bool]:
    """Say which inputs have derivatives: what the function closes over comes after the arguments and has none."""
    return [inexact(x.dtype) and i < attrs["arguments"] for i, x in enumerate(inputs)]


def _through(
    F: Any, own: Mapping[str, Graph], role: str, known: Sequence[Any], zeros: Any, seeds: Any
) -> Any:
    """Carry seeds through the rule for `role`, or backwards through the other one, from its point 0."""
    if role in own:
        return F.inline(own[role], [*known, *seeds])
    (rule,) = (graph for other, graph in own.items() if other != "body")
    still = [F.zeros_like(v) for v in zeros]
    transposed = F.pullback_graph(rule, [False] * len(known) + [inexact(v.dtype) for v in zeros])
    return F.inline(transposed, [*known, *still, *seeds])


def _pull(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> list[Any]:
    movable = _movable(inputs, attrs)
    moving = [x for x, moves in zip(inputs, movable, strict=True) if moves]
    seeds = list(g) if "pull" in own else [one for one, v in zip(g, z, strict=True) if inexact(v.dtype)]
    found = iter(_through(F, own, "pull", [*inputs, *z], moving, seeds))
    cotangents = [next(found) if moves else None for moves in movable]
    return [c if want else None for c, want in zip(cotangents, wanted, strict=True)]


def _push(
    F: Any, tangents: Sequence[Any], z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> tuple[Any, ...]:
    seeds = [
        F.zeros_like(x) if t is None else t
        for x, t, moves in zip(inputs, tangents, _movable(inputs, attrs), strict=True)
        if moves
    ]
    found = iter(_through(F, own, "push", [*inputs, *z], z, seeds))
    return tuple(next(found) if inexact(v.dtype) else None for v in z)


def _batch(
    F: Any, inputs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], own: Any
) -> tuple[Any, ...]:
    size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    body: Graph = own["body"]
    graphs = {"body": F.batched_graph(body, batched, size)}
    movable = _movable(inputs, attrs)
    moving = [b for b, moves in zip(batched, movable, strict=True) if moves]
    if "push" in own:
        graphs["push"] = F.batched_graph(own["push"], [*batched, *[True] * len(body.outputs), *moving], size)
    else:
        rule = F.batched_graph(own["pull"], [*batched, *[True] * (2 * len(body.outputs))], size)

        def pull(B: Any, *values: Any) -> list[Any]:
            found = B.inline(rule, values)
            return [one if b else B.sum(one, axis=0) for one, b in zip(found, moving, strict=True)]

        graphs["pull"] = F.build(rule.name, _types(rule.inputs), pull)
    return F.bind(custom, inputs, attrs, graphs)  # type: ignore[no-any-return]


custom: Op = register(
    Op(
        name="custom",
        call=lambda F, inputs, graphs, *, name, arguments: F.bind(
            custom, inputs, {"name": name, "arguments": arguments}, graphs
        ),
        infer=_infer,
        numpy=_run,
        pull=_pull,
        push=_push,
        batch=_batch,
        latex=r"f({0})",
        derivative="as its author states it",
        why=Text(
            "whoever wrote the function stated its derivative, and the gradient goes through that statement",
            "함수를 쓴 사람이 미분 규칙을 직접 정했으므로 기울기는 그 규칙을 지나간다",
        ),
        several=True,
        control=True,
        home="inside",
    )
)


# --- checkpoint ----------------------------------------------------------------------------------------------------


def _infer_checkpoint(*inputs: Any, subgraphs: Mapping[str, Graph]) -> Types:
    return _infer(*inputs, name="checkpoint", arguments=0, subgraphs=subgraphs)


def _run_checkpoint(*inputs: Any, run: Mapping[str, Any]) -> tuple[Any, ...]:
    return _run(*inputs, name="checkpoint", arguments=0, run=run)


def _recomputing(F: Any, inputs: Sequence[Any], graph: Graph, more: Sequence[Any]) -> Any:
    """Carry a graph out from the inputs anew, sharing nothing with what was computed from them before."""
    return F.bind(call, [*map(F.again, inputs), *more], {"engine": "native"}, {"body": graph})


def _pull_checkpoint(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> list[Any]:
    found = iter(_recomputing(F, inputs, F.pullback_graph(own["body"], wanted), g))
    return [next(found) if want else None for want in wanted]


def _push_checkpoint(
    F: Any, tangents: Sequence[Any], z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> tuple[Any, ...]:
    assert call.push is not None
    return call.push(F, tangents, z, inputs, {"engine": "native"}, own)  # type: ignore[no-any-return]


def _batch_checkpoint(
    F: Any, inputs: Sequence[Any], batched: Sequence[bool], attrs: Any, own: Any
) -> tuple[Any, ...]:
    size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    body = F.batched_graph(own["body"], batched, size)
    return F.bind(checkpoint, inputs, {}, {"body": body})  # type: ignore[no-any-return]


checkpoint: Op = register(
    Op(
        name="checkpoint",
        call=lambda F, body, inputs: F.bind(checkpoint, inputs, {}, {"body": body}),
        infer=_infer_checkpoint,
        numpy=_run_checkpoint,
        pull=_pull_checkpoint,
        push=_push_checkpoint,
        batch=_batch_checkpoint,
        latex=r"f({0})",
        derivative=r"J_f^\top g",
        why=Text(
            "nothing inside was kept, so the gradient computes it once more and goes back through that",
            "안에서 계산한 값을 남겨 두지 않았으므로 한 번 더 계산한 뒤 그 위로 기울기가 되돌아간다",
        ),
        several=True,
        control=True,
        home="inside",
    )
)
