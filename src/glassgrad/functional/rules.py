"""What a call of a custom function does: once on the tape, with the rule as a Python function, and in a graph as the
operation `custom`, which owns the graphs of function and rule.

One rule serves both modes, because it is linear in what it carries and can be transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from glassgrad.errors import DTypeError, ShapeError, TraceError
from glassgrad.functional.derivatives import vjp
from glassgrad.functional.runs import parameter_name
from glassgrad.ir import Graph, Value, inexact
from glassgrad.ops import Op, Text
from glassgrad.recorder import is_recording
from glassgrad.tape import TapeStep
from glassgrad.tensors import T, Tensor, asarray, recording
from glassgrad.tracing import Spec, outside, trace_with
from glassgrad.tree import flatten
from glassgrad.views import owned

if TYPE_CHECKING:
    from glassgrad.functional.custom import CustomFunction

__all__ = ["MODES", "Call", "Role", "Rule"]

Role: TypeAlias = Literal["pull", "push"]
Rule: TypeAlias = Callable[..., Callable[..., Any]]

MODES = {"pull": "vjp", "push": "jvp"}
"""What people call a rule for cotangents, and one for tangents."""


class Call:
    """One call of a custom function: which leaves of its arguments are arrays, and how the others go with them."""

    def __init__(self, function: CustomFunction, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.function, self.args, self.kwargs = function, args, kwargs
        self.leaves, self.rebuild = flatten(list(args))
        self.at = [i for i, x in enumerate(self.leaves) if isinstance(x, (Tensor, np.ndarray, np.generic))]
        self.tensors = [asarray(self.leaves[i]) for i in self.at]
        self.rebuild_result: Callable[[list[Any]], Any] = lambda leaves: leaves

    def given(self, tensors: Sequence[Any]) -> Any:
        """Return the arguments with these Tensors in place of the arrays."""
        leaves = list(self.leaves)
        for i, t in zip(self.at, tensors, strict=True):
            leaves[i] = t
        return self.rebuild(leaves)

    def compute(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Run the function and return its results, flat."""
        result = self.function.f(*self.given(tensors), **self.kwargs)
        leaves, self.rebuild_result = flatten(result)
        return [asarray(o) for o in leaves]

    # --- at once ---

    def eagerly(self) -> Any:
        """Carry the function out, and record it as one step where a gradient is wanted."""
        plain = [Tensor._make(t._payload, None) for t in self.tensors]
        outputs = self.compute(plain)
        if any(o.requires_grad for o in outputs):
            raise self._closes_over("a Tensor that wants a gradient")
        z = tuple(owned(o._payload) for o in outputs)
        keys = [t._key for t in self.tensors]
        if not is_recording() or keys.count(None) == len(keys):
            return self.rebuild_result([Tensor._make(o, None) for o in z])
        step = TapeStep(_EAGER, [owned(t._payload) for t in self.tensors], keys, {"call": self}, None, z)
        results = [
            Tensor._make(o, key if inexact(o.dtype) else None)
            for o, key in zip(z, step.output_keys, strict=True)
        ]
        return self.rebuild_result(results)

    def _closes_over(self, what: str) -> DTypeError:
        return DTypeError(
            f"{self.function.label} closes over {what}, and no gradient would flow to it, for its rule speaks of "
            "arguments only: pass it as an argument, or use its .detach()"
        )

    # --- the rule ---

    def linear(self, xs: Sequence[Tensor], z: Sequence[Tensor]) -> Callable[..., Any]:
        """Return the linear function that the rule gives at this place."""
        rule = self.function.rule
        assert rule is not None
        made = rule(self.rebuild_result(list(z)), *self.given(xs), **self.kwargs)
        if not callable(made):
            raise DTypeError(
                f"the rule of {self.function.label} returned {type(made).__name__}, but it returns a function: of "
                + ("the result's cotangent" if self.function.role == "pull" else "the arguments' tangents")
            )
        return made

    def carry(self, xs: Sequence[Tensor], z: Sequence[Tensor], seeds: Sequence[Tensor]) -> list[Any]:
        """Return what the rule makes of seeds: a cotangent for each array, or a tangent for each result.

        Results that are neither real nor complex, and what the rule leaves out, have None.
        """
        linear = self.linear(xs, z)
        if self.function.role == "pull":
            return self._cotangents(linear(self.rebuild_result(list(seeds))))
        moves: list[Any] = [0.0 if isinstance(x, (float, complex)) else None for x in self.leaves]
        for i, t in zip(self.at, seeds, strict=True):
            moves[i] = t if inexact(t.dtype) else None
        found, _ = flatten(linear(*self.rebuild(moves)))
        if len(found) != len(z):
            raise ShapeError(
                f"the rule of {self.function.label} returned {len(found)} tangent(s) for {len(z)} result(s): "
                "return one for each, in the same structure"
            )
        return [
            self._checked(t, v, "tangent", f"result {i}")
            for i, (t, v) in enumerate(zip(found, z, strict=True))
        ]

    def _cotangents(self, found: Any) -> list[Any]:
        """Return the cotangent of each array among the leaves, from those of the arguments."""
        count, label = len(self.args), self.function.label
        if count == 1 and not (isinstance(found, (tuple, list)) and len(found) == 1):
            found = (found,)
        if not isinstance(found, (tuple, list)) or len(found) != count:
            given = len(found) if isinstance(found, (tuple, list)) else 1
            raise ShapeError(
                f"the rule of {label} returned {given} cotangent(s), but {label} has {count} positional argument(s): "
                "return one for each, None for those that have no gradient"
            )
        flat: list[Any] = []
        names: list[str] = []
        for i, (one, arg) in enumerate(zip(found, self.args, strict=True)):
            name = parameter_name(self.function.f, i)
            size = len(flatten(arg)[0])
            parts = [None] * size if one is None else flatten(one)[0]
            if len(parts) != size:
                raise ShapeError(
                    f"the rule of {label} returned a cotangent with {len(parts)} part(s) for {name}, which has {size}: "
                    "a cotangent has the structure of its argument"
                )
            flat += parts
            names += [name] * size
        return [self._checked(flat[i], self.tensors[k], "cotangent", names[i]) for k, i in enumerate(self.at)]

    def _checked(self, found: Any, value: Tensor, what: str, name: str) -> Any:
        """Return a cotangent or tangent as a Tensor that fits its value, or None."""
        if found is None or not inexact(value.dtype):
            return None
        tensor = asarray(found)
        label = self.function.label
        if tensor.shape != value.shape:
            raise ShapeError(
                f"the rule of {label} returned a {what} of shape {tensor.shape} for {name}, which has shape "
                f"{value.shape}: sum over what was broadcast, or broadcast"
            )
        if isinstance(found, (int, float)) and value.dtype.kind in "fc":
            tensor = tensor.astype(value.dtype)
        if tensor.dtype != value.dtype:
            raise DTypeError(
                f"the rule of {label} returned a {what} of dtype {tensor.dtype} for {name}, which has {value.dtype}; "
                f"write .astype('{value.dtype}')"
            )
        return tensor

    def transposed(self, xs: Sequence[Tensor], z: Sequence[Tensor], seeds: Sequence[Any]) -> list[Any]:
        """Carry seeds through the rule in the direction for which it was not written."""
        ends, starts = (list(xs), list(z)) if self.function.role == "pull" else (list(z), list(xs))
        moving = [i for i, v in enumerate(starts) if inexact(v.dtype)]

        def rule(*given: Tensor) -> list[Tensor]:
            full: list[Any] = [T.zeros_like(v) for v in starts]
            for i, v in zip(moving, given, strict=True):
                full[i] = v
            made = self.carry(xs, z, full)
            return [T.zeros_like(end) if one is None else one for one, end in zip(made, ends, strict=True)]

        try:
            _, back = vjp(rule, *(T.zeros_like(starts[i]) for i in moving))
        except TraceError as error:
            asked, has = ("forward", "vjp") if self.function.role == "pull" else ("reverse", "jvp")
            other = "jvp" if has == "vjp" else "vjp"
            raise TraceError(
                f"{self.function.label} is differentiated in {asked} mode, where its {has} rule is transposed; but the "
                f"rule uses numbers outside of glassgrad. Write it with glassgrad's functions, or use gg.custom_{other}"
                f".\n  {error}"
            ) from error
        found = dict(zip(moving, back(list(seeds)), strict=True))
        return [found.get(i) for i in range(len(starts))]

    def sweep(
        self, F: Any, role: str, xs: Sequence[Any], z: Sequence[Any], seeds: Sequence[Any]
    ) -> list[Any]:
        """Carry a tape's values through the rule, in the mode asked for."""
        recorded = F is T
        with recording(recorded):
            tensors, results = ([_tensor(v) for v in values] for values in (xs, z))
            ends = tensors if role == "push" else results
            full = [T.zeros_like(v) if s is None else _tensor(s) for s, v in zip(seeds, ends, strict=True)]
            if role == self.function.role:
                found = self.carry(tensors, results, full)
            else:
                found = self.transposed(tensors, results, full)
        return [o if o is None or recorded else o._payload for o in found]

    # --- while tracing ---

    def traced(self) -> Any:
        """Add the function to the graph as one operation that owns its graph and that of its rule."""
        role, label = self.function.role, self.function.label
        n, specs = len(self.tensors), [Spec(t.shape, t.dtype) for t in self.tensors]
        try:
            body, captured, _ = trace_with(lambda *xs: self.compute(xs), specs, name=label, wants=outside)
            m = len(body.outputs)
            results = [Spec(v.shape, v.dtype) for v in body.outputs]

            def rule(*values: Tensor) -> list[Any]:
                xs, z, seeds = values[:n], values[n : n + m], list(values[n + m :])
                if role == "push":
                    moved = iter(seeds)
                    seeds = [next(moved) if inexact(x.dtype) else T.zeros_like(x) for x in xs]
                made, ends = self.carry(xs, z, seeds), xs if role == "pull" else z
                return [
                    T.zeros_like(end) if one is None else one
                    for one, end in zip(made, ends, strict=True)
                    if inexact(end.dtype)
                ]

            moving = results if role == "pull" else [s for s in specs if inexact(s.dtype)]
            carried, more, _ = trace_with(
                rule, [*specs, *results, *moving], name=f"{label}.{MODES[role]}", wants=outside
            )
        except TraceError as error:
            raise TraceError(
                f"{label} is traced here, and so are its function and its rule: both have to be written with "
                f"glassgrad's functions (eagerly, NumPy will do).\n  {error}"
            ) from error
        if any(isinstance(t, Tensor) and t.requires_grad for t in (*captured, *more)):
            raise self._closes_over("a Tensor that wants a gradient")
        k = len(captured)
        body = _with_inputs(body, len(body.inputs), more)
        xs, rest = carried.inputs[:n], carried.inputs[n : len(carried.inputs) - len(more)]
        carried = Graph(
            (*xs, *carried.inputs[len(carried.inputs) - len(more) :], *rest),
            carried.nodes,
            carried.outputs,
            carried.name,
        )
        carried = _with_inputs(carried, n, captured)
        assert len(body.inputs) == n + k + len(more)
        out = T.custom(
            [*self.tensors, *captured, *more], {"body": body, role: carried}, name=label, arguments=n
        )
        return self.rebuild_result(list(out))


def _tensor(v: Any) -> Tensor:
    return v if isinstance(v, Tensor) else Tensor._make(v, None)


def _with_inputs(graph: Graph, at: int, values: Sequence[Any]) -> Graph:
    """Give a graph inputs that it does not read."""
    unused = tuple(Value(tuple(v.shape), v.dtype) for v in values)
    return Graph((*graph.inputs[:at], *unused, *graph.inputs[at:]), graph.nodes, graph.outputs, graph.name)


def _unused(*_: Any, **__: Any) -> Any:
    raise AssertionError("a step of the tape is neither inferred nor batched")


_EAGER = Op(
    name="custom",
    call=_unused,
    infer=_unused,
    numpy=None,
    pull=lambda F, wanted, g, z, xs, attrs, _: attrs["call"].sweep(F, "pull", xs, z, g),
    push=lambda F, tangents, z, xs, attrs, _: attrs["call"].sweep(F, "push", xs, z, tangents),
    batch=_unused,
    latex="f({0})",
    derivative="as its author states it",
    why=Text("its author stated it", "작성자가 정했다"),
    several=True,
)
"""A custom function on the tape, whose settings hold the call."""
