"""Operations that own graphs: `scan`, a loop with a carry, `cond`, a choice between two graphs, and `call`, a graph
as one operation.

Their derivatives are graphs again: the gradient of a loop is a loop backwards over the gradient of its body. The
body's inputs are recomputed rather than kept, so memory grows with the carry alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import GraphError, ShapeError
from glassgrad.ir import Graph, Shape, inexact
from glassgrad.ops.record import Op, Text, register

Types = list[tuple[Shape, np.dtype[Any]]]


def _floats(values: Sequence[Any]) -> list[bool]:
    return [inexact(v.dtype) for v in values]


def _copied(value: Any) -> np.ndarray[Any, Any]:
    """Return a result in memory of its own, for a graph may return what it was given."""
    return np.array(value, order="C")


def _types(values: Sequence[Any]) -> Types:
    return [(tuple(v.shape), v.dtype) for v in values]


# --- scan ----------------------------------------------------------------------------------------------------------


def _infer_scan(*inputs: Any, carry: int, xs: int, reverse: bool, subgraphs: Mapping[str, Graph]) -> Types:
    body = subgraphs["body"]
    given = [tuple(v.shape) for v in inputs[:carry]] + [
        tuple(v.shape[1:]) for v in inputs[carry : carry + xs]
    ]
    taken = [tuple(v.shape) for v in body.inputs[: carry + xs]]
    if given != taken:
        raise ShapeError(f"scan: its body takes {taken}, but is given {given}")
    if _types(body.outputs[:carry]) != _types(inputs[:carry]):
        raise GraphError(
            f"scan: the carry goes in as {_types(inputs[:carry])} and comes out as {_types(body.outputs[:carry])}; "
            "the body must keep its shapes and dtypes"
        )
    length = _length(inputs, carry, xs)
    return _types(inputs[:carry]) + [((length, *v.shape), v.dtype) for v in body.outputs[carry:]]


def _length(inputs: Sequence[Any], carry: int, xs: int) -> Any:
    rows = inputs[carry : carry + xs]
    lengths = {v.shape[0] if v.shape else None for v in rows}
    if len(lengths) != 1 or None in lengths:
        raise ShapeError(
            f"scan: what it goes through must have one length, but has {sorted(map(str, lengths))}"
        )
    return lengths.pop()


def _run_scan(*inputs: Any, carry: int, xs: int, reverse: bool, run: Mapping[str, Any]) -> tuple[Any, ...]:
    state, rows, constants = _parts(inputs, carry, xs)
    length = _length(inputs, carry, xs)
    kept: list[list[Any]] = []
    for i in range(length - 1, -1, -1) if reverse else range(length):
        results = run["body"](*state, *(row[i] for row in rows), *constants)
        state = results[:carry]
        kept.append(results[carry:])
    if reverse:
        kept.reverse()
    if not kept:
        raise ShapeError("scan: there is nothing to go through (length 0)")
    return (*map(_copied, state), *(np.stack(column) for column in zip(*kept, strict=True)))


def _pull_scan(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, inputs: Sequence[Any], attrs: Mapping[str, Any], own: Any
) -> list[Any]:
    carry, xs, reverse = attrs["carry"], attrs["xs"], attrs["reverse"]
    body: Graph = own["body"]
    floats = _floats(inputs)
    _, rows, constants = _parts(inputs, carry, xs)
    moving_rows = [r for r, f in zip(rows, floats[carry : carry + xs], strict=True) if f]
    moving_constants = [c for c, f in zip(constants, floats[carry + xs :], strict=True) if f]
    replay = Graph(
        body.inputs, body.nodes, (*body.outputs[:carry], *body.inputs[:carry]), f"{body.name}.replay"
    )
    before = F.bind(scan, inputs, attrs, {"body": replay})[carry:]
    pullback = F.pullback_graph(body, floats)
    n_carry = sum(floats[:carry])

    def backward(B: Any, *values: Any) -> list[Any]:
        cursor = iter(values)

        def take(n: int) -> list[Any]:
            return [next(cursor) for _ in range(n)]

        g_state, g_constants = take(n_carry), take(len(moving_constants))
        state_now, rows_now, g_out = take(carry), take(xs), take(len(body.outputs) - carry)
        constants_now = take(len(constants))
        moved = iter(g_state)
        seeds = [
            next(moved) if f else B.zeros_like(s) for s, f in zip(state_now, floats[:carry], strict=True)
        ]
        found = B.inline(pullback, [*state_now, *rows_now, *constants_now, *seeds, *g_out])
        new_state = found[:n_carry]
        new_rows = found[n_carry : n_carry + len(moving_rows)]
        added = [B.add(a, b) for a, b in zip(g_constants, found[n_carry + len(moving_rows) :], strict=True)]
        return [*new_state, *added, *new_rows]

    g_state = [one for one, f in zip(g[:carry], floats[:carry], strict=True) if f]
    g_constants = [F.zeros_like(c) for c in moving_constants]
    start = [*g_state, *g_constants]
    through = [*before, *rows, *g[carry:]]
    specs = [(tuple(v.shape), v.dtype) for v in start]
    specs += [(tuple(v.shape[1:]), v.dtype) for v in through]
    specs += _types(constants)
    graph = F.build(f"{body.name}.backward", specs, backward)
    settings = {"carry": len(start), "xs": len(through), "reverse": not reverse}
    out = F.bind(scan, [*start, *through, *constants], settings, {"body": graph})
    found = iter([*out[:n_carry], *out[len(start) :], *out[n_carry : len(start)]])
    cotangents = [next(found) if f else None for f in floats]
    return [c if want else None for c, want in zip(cotangents, wanted, strict=True)]


def _push_scan(
    F: Any, tangents: Sequence[Any], z: Any, inputs: Sequence[Any], attrs: Mapping[str, Any], own: Any
) -> tuple[Any, ...]:
    carry, xs = attrs["carry"], attrs["xs"]
    body: Graph = own["body"]
    floats = _floats(inputs)
    moves = [F.zeros_like(x) if t is None else t for t, x in zip(tangents, inputs, strict=True)]
    state, rows, constants = _parts(inputs, carry, xs)
    d_state, d_rows, d_constants = (
        [m for m, f in zip(part, flags, strict=True) if f]
        for part, flags in zip(_parts(moves, carry, xs), _parts(floats, carry, xs), strict=True)
    )
    pushforward = F.pushforward_graph(body, floats)
    out_floats = _floats(body.outputs)

    def forward(B: Any, *values: Any) -> list[Any]:
        cursor = iter(values)
        sizes = (carry, len(d_state), xs, len(d_rows), len(constants), len(d_constants))
        s, ds, r, dr, c, dc = ([next(cursor) for _ in range(n)] for n in sizes)
        results = B.inline(body, [*s, *r, *c])
        moved = B.inline(pushforward, [*s, *r, *c, *ds, *dr, *dc])
        d_new = [m for m, f in zip(moved[:carry], out_floats[:carry], strict=True) if f]
        return [*results[:carry], *d_new, *moved[carry:]]

    start, through, fixed = [*state, *d_state], [*rows, *d_rows], [*constants, *d_constants]
    specs = _types(start) + [(tuple(v.shape[1:]), v.dtype) for v in through] + _types(fixed)
    graph = F.build(f"{body.name}.forward", specs, forward)
    settings = {"carry": len(start), "xs": len(through), "reverse": attrs["reverse"]}
    out = F.bind(scan, [*start, *through, *fixed], settings, {"body": graph})
    moved = iter(out[carry : len(start)])
    d_carry = [next(moved) if f else None for f in out_floats[:carry]]
    return (*d_carry, *(d if f else None for d, f in zip(out[len(start) :], out_floats[carry:], strict=True)))


def _parts(values: Sequence[Any], carry: int, xs: int) -> tuple[list[Any], list[Any], list[Any]]:
    return list(values[:carry]), list(values[carry : carry + xs]), list(values[carry + xs :])


def _batch_scan(
    F: Any, inputs: Sequence[Any], batched: Sequence[bool], attrs: Mapping[str, Any], own: Any
) -> tuple[Any, ...]:
    carry, xs = attrs["carry"], attrs["xs"]
    size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    state, rows, constants = _parts(inputs, carry, xs)
    own_state, own_rows, own_constants = _parts(batched, carry, xs)
    state = [s if b else F.broadcast_to(s, (size, *s.shape)) for s, b in zip(state, own_state, strict=True)]
    rows = [F.moveaxis(r, 0, 1) if b else r for r, b in zip(rows, own_rows, strict=True)]
    body = F.batched_graph(own["body"], [*[True] * carry, *own_rows, *own_constants], size)
    out = F.bind(scan, [*state, *rows, *constants], attrs, {"body": body})
    return (*out[:carry], *(F.moveaxis(y, 0, 1) for y in out[carry:]))


scan: Op = register(
    Op(
        name="scan",
        home="inside",
        call=lambda F, body, inputs, *, carry, xs, reverse=False: F.bind(
            scan, inputs, {"carry": carry, "xs": xs, "reverse": reverse}, {"body": body}
        ),
        infer=_infer_scan,
        numpy=_run_scan,
        pull=_pull_scan,
        push=_push_scan,
        batch=_batch_scan,
        latex=r"\operatorname{{scan}}({0})",
        derivative=r"g_{t-1} = J_t^\top g_t",
        why=Text(
            "the loop is a chain of equal steps, so the gradient goes back through them one by one, the last first",
            "반복은 같은 단계의 사슬이므로 기울기는 마지막 단계부터 하나씩 거꾸로 지나간다",
        ),
        several=True,
        control=True,
    )
)


# --- cond ----------------------------------------------------------------------------------------------------------


def _infer_cond(which: Any, *inputs: Any, subgraphs: Mapping[str, Graph]) -> Types:
    if which.shape != () or which.dtype != bool:
        raise ShapeError(
            f"cond: the condition must be one truth value, but it is {which.dtype} of shape {tuple(which.shape)}; "
            "use where to choose element by element"
        )
    true, false = _types(subgraphs["true"].outputs), _types(subgraphs["false"].outputs)
    if true != false:
        raise GraphError(f"cond: the branches must return the same types, but return {true} and {false}")
    return true


def _run_cond(which: Any, *inputs: Any, run: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(map(_copied, run["true" if which else "false"](*inputs)))


def _both(own: Mapping[str, Graph], change: Any) -> dict[str, Graph]:
    return {role: change(graph) for role, graph in own.items()}


def _pull_cond(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> list[Any]:
    which, *operands = inputs
    flags = wanted[1:]
    if not any(flags):
        return [None] * len(inputs)
    branches = _both(own, lambda graph: F.pullback_graph(graph, flags))
    found = iter(F.bind(cond, [which, *operands, *g], {}, branches))
    return [None, *(next(found) if want else None for want in flags)]


def _push_cond(
    F: Any, tangents: Sequence[Any], z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> tuple[Any, ...]:
    which, *operands = inputs
    moving = [t is not None for t in tangents[1:]]
    branches = _both(own, lambda graph: F.pushforward_graph(graph, moving))
    out = F.bind(cond, [which, *operands, *(t for t in tangents[1:] if t is not None)], {}, branches)
    return tuple(d if inexact(v.dtype) else None for d, v in zip(out, z, strict=True))


def _batch_cond(
    F: Any, inputs: Sequence[Any], batched: Sequence[bool], attrs: Any, own: Any
) -> tuple[Any, ...]:
    which, *operands = inputs
    size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    branches = _both(own, lambda graph: F.batched_graph(graph, batched[1:], size))
    if not batched[0]:
        return F.bind(cond, inputs, {}, branches)  # type: ignore[no-any-return]
    true, false = (F.inline(branches[role], operands) for role in ("true", "false"))
    return tuple(
        F.where(F.reshape(which, (size, *(1,) * (len(a.shape) - 1))), a, b)
        for a, b in zip(true, false, strict=True)
    )


cond: Op = register(
    Op(
        name="cond",
        home="inside",
        call=lambda F, which, true, false, inputs: F.bind(
            cond, [which, *inputs], {}, {"true": true, "false": false}
        ),
        infer=_infer_cond,
        numpy=_run_cond,
        pull=_pull_cond,
        push=_push_cond,
        batch=_batch_cond,
        latex=r"\text{{if }} {0}",
        derivative="that of the branch taken",
        why=Text(
            "only the branch that was taken computed anything, so the gradient goes back through it alone",
            "지나간 가지만 계산에 쓰였으므로 기울기는 그 가지로만 되돌아간다",
        ),
        several=True,
        control=True,
    )
)


# --- call ----------------------------------------------------------------------------------------------------------


def _infer_call(*inputs: Any, engine: str, subgraphs: Mapping[str, Graph]) -> Types:
    body = subgraphs["body"]
    given, taken = _types(inputs), _types(body.inputs)
    if given != taken:
        raise ShapeError(f"call: {body.name} takes {taken}, but is given {given}")
    return _types(body.outputs)


def _run_call(*inputs: Any, engine: str, run: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(np.asarray(out, order="C") for out in run["body"](*inputs))


def _pull_call(
    F: Any, wanted: Sequence[bool], g: Any, z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> list[Any]:
    found = iter(F.bind(call, [*inputs, *g], attrs, {"body": F.pullback_graph(own["body"], wanted)}))
    return [next(found) if want else None for want in wanted]


def _push_call(
    F: Any, tangents: Sequence[Any], z: Any, inputs: Sequence[Any], attrs: Any, own: Any
) -> tuple[Any, ...]:
    moving = [t is not None for t in tangents]
    given = [*inputs, *(t for t in tangents if t is not None)]
    out = F.bind(call, given, attrs, {"body": F.pushforward_graph(own["body"], moving)})
    return tuple(d if inexact(v.dtype) else None for d, v in zip(out, z, strict=True))


def _batch_call(
    F: Any, inputs: Sequence[Any], batched: Sequence[bool], attrs: Any, own: Any
) -> tuple[Any, ...]:
    size = next(x.shape[0] for x, b in zip(inputs, batched, strict=True) if b)
    body = F.batched_graph(own["body"], batched, size)
    return F.bind(call, inputs, attrs, {"body": body})  # type: ignore[no-any-return]


call: Op = register(
    Op(
        name="call",
        home="inside",
        call=lambda F, body, inputs, *, engine="native": F.bind(
            call, inputs, {"engine": engine}, {"body": body}
        ),
        infer=_infer_call,
        numpy=_run_call,
        pull=_pull_call,
        push=_push_call,
        batch=_batch_call,
        latex=r"f({0})",
        derivative=r"J_f^\top g",
        why=Text(
            "a call is what it calls, so its gradient is a call of the gradient of what it calls",
            "호출은 불린 그래프 그 자체이므로, 호출의 기울기는 불린 그래프의 기울기를 부르는 호출이다",
        ),
        several=True,
        control=True,
    )
)
