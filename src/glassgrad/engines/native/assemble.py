"""Assembling: from a graph with static shapes to the text of a program, stage by stage.

The graph becomes items, items become kernels, kernels get layouts and places, and each is written as a
function. What is left is the function that calls them: once for a single call, or step after step with the
rows of each mini-batch gathered in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from glassgrad.engines.native.codegen import elementwise
from glassgrad.engines.native.codegen.ir import I64, Function, Module, V
from glassgrad.engines.native.codegen.target import Target
from glassgrad.engines.native.kernels.body import Context
from glassgrad.engines.native.kernels.contractions import contraction_units, emit_contraction
from glassgrad.engines.native.kernels.maps import emit_map, map_units
from glassgrad.engines.native.kernels.others import emit_other
from glassgrad.engines.native.kernels.packing import emit_packing, packing_units
from glassgrad.engines.native.kernels.reductions import emit_reduction, reduction_units
from glassgrad.engines.native.lowering.fuse import Kernel, fuse
from glassgrad.engines.native.lowering.itemize import make_items
from glassgrad.engines.native.lowering.items import Access, Item, Items, row_major, shape_of, squeezed
from glassgrad.engines.native.lowering.layout import Layouts, choose_layouts
from glassgrad.engines.native.lowering.opening import opened
from glassgrad.engines.native.lowering.places import (
    ARGUMENTS,
    STATE,
    WORK,
    Place,
    Places,
    address,
    plan_places,
)
from glassgrad.engines.native.lowering.products import Plan, plan_contraction
from glassgrad.engines.native.lowering.signs import signs_from_results
from glassgrad.graph.passes import simplify
from glassgrad.ir import Constant, Graph, Value

__all__ = ["Parts", "Unit", "assemble", "call_unit", "check", "prepare"]

_SPLIT = 1 << 15
"""Operations from which a kernel's work is worth splitting among threads."""

_CLAIM = 1 << 22
"""Operations from which threads claim one unit of a kernel after the other rather than equal shares."""


@dataclass(eq=False, slots=True)
class Unit:
    """A function that was written: a kernel, or the packing before a product.

    Attributes
    ----------
    name
        What it does, in short.
    kernel
        The kernel.
    units
        In how many units the work can be split; 1 where it cannot or is too small.
    claimed
        Whether the units are large enough for threads to claim them one by one.
    plan
        Of a contraction.
    packs
        Whether this is the packing.
    function
        What was written, or its twin.
    """

    name: str
    kernel: Kernel
    units: int
    claimed: bool = False
    plan: Plan | None = None
    packs: bool = False
    function: Function | None = None


@dataclass(slots=True)
class Parts:
    """A program's parts, in order, and what they work on."""

    module: Module
    items: Items
    layouts: Layouts
    places: Places
    once: list[Unit] = field(default_factory=list)
    every: list[Unit] = field(default_factory=list)
    in_place: set[int] = field(default_factory=set)

    def call(self, f: Function) -> None:
        """Run every kernel once, in order, inside the function `f`."""
        for unit in (*self.once, *self.every):
            call_unit(f, unit)


def prepare(graph: Graph) -> Graph:
    """Return a graph with static shapes whose composites are opened but for those with a native rule."""
    return signs_from_results(simplify(opened(simplify(graph))))


def check(graph: Graph) -> None:
    """Refuse a graph with static shapes that cannot be compiled, as compiling it would, without writing its code.

    Raises
    ------
    Unsupported
        Where it holds an operation or a dtype that has no native rule; the message names it.
    """
    for item in make_items(prepare(graph)).items:
        if item.op in elementwise.SUPPORTED:
            elementwise.check(item.op, [a.root.dtype for a in item.reads], item.out[0].dtype, item.attrs)
        if item.op in ("scan", "cond") and item.node is not None:
            for own in item.node.subgraphs.values():
                check(own)


def assemble(
    graph: Graph,
    target: Target,
    *,
    state: int = 0,
    constant: int = 0,
    single: bool = False,
    within: Parts | None = None,
    settled: frozenset[int] | None = None,
) -> Parts:
    """Write the kernels of a graph with static shapes.

    Parameters
    ----------
    graph
        As `prepare` returns it.
    target
        The machine.
    state
        How many of the inputs are state, which the outputs of the same positions replace.
    constant
        How many of the last inputs are the same in every step: what follows from them alone is computed once.
    single
        Whether inputs and outputs stay where the caller has them.
    within
        The program that this graph is a part of.
    settled
        Which pieces of state lie column by column, where that has been decided already.
    """
    items = make_items(graph, kept=state)
    kernels = fuse(items)
    fixed = (*graph.inputs[state:], *items.outputs[state:])
    layouts = choose_layouts(items, kernels, target, state, fixed, settled)
    places = Places(layouts) if within is None else within.places.inside(layouts)
    once = _invariant(kernels, graph.inputs[len(graph.inputs) - constant :], items.outputs[:state])
    rest, in_place, moves = _state_in_place([k for k in kernels if k not in once], items, state)
    moved = [i for i in range(state) if i not in in_place]
    layouts.columns |= {
        v for i, k in zip(moved, moves, strict=True) if items.inputs[i] in layouts.columns for v in k.stored
    }
    kernels = [*(k for k in kernels if k in once), *rest, *moves]
    if single:
        for i, value in enumerate((*graph.inputs, *items.outputs)):
            places.of[value] = Place(ARGUMENTS, i)
    else:
        _place_state(places, items, in_place, moves, state)
        for value in graph.inputs[state:]:
            places.of[value] = Place(WORK, places.work)
            places.work += places.bytes_of(value)
    plans = {
        k: plan_contraction(layouts.product(k), k.main.out[0].dtype) for k in kernels if k.kind == "contract"
    }
    kept = [*items.outputs, *(v for k in once for v in k.stored)]
    plan_places(kernels, places, kept, plans=plans)
    module = Module() if within is None else within.module
    parts = Parts(module, items, layouts, places, in_place=in_place)

    def inside(own: Graph) -> Parts:
        made = assemble(prepare(own), target, within=parts)
        places.work, places.scratch = made.places.work, max(places.scratch, made.places.scratch)
        return made

    context = Context(layouts, places, inside)
    for kernel in kernels:
        written = parts.once if kernel in once else parts.every
        plan = plans.get(kernel)
        if plan is not None and plan.packed is not None:
            pack = Unit("pack", kernel, packing_units(plan.product), plan=plan, packs=True)
            written.append(_write(parts.module, pack, context))
        written.append(_write(parts.module, _unit(kernel, context, plan), context))
    return parts


# --- the order of things ---------------------------------------------------------------------------------------------


def _invariant(kernels: Sequence[Kernel], constant: Sequence[Value], state: Sequence[Value]) -> set[Kernel]:
    """Return the kernels that compute the same in every step, but for those that make the new state."""
    known, found = set(constant), set()
    for kernel in kernels:
        same = kernel.reads() and all(v in known or isinstance(v, Constant) for v in kernel.reads())
        if same and kernel.makes().isdisjoint(state):
            known |= kernel.makes()
            found.add(kernel)
    return found


def _state_in_place(
    kernels: list[Kernel], items: Items, state: int
) -> tuple[list[Kernel], set[int], list[Kernel]]:
    """Order the kernels so that state is written after it was last read.

    Returns
    -------
    list, set, list
        The kernels; which pieces of the state are written where they lie; and kernels which move the others
        there at the end.
    """
    maker = {v: k for k in kernels for v in k.makes()}
    reads = {k: k.reads() for k in kernels}
    reading: dict[Value, set[Kernel]] = {}
    for kernel, values in reads.items():
        for value in values:
            reading.setdefault(value, set()).add(kernel)
    after = {k: {maker[v] for v in values if v in maker} for k, values in reads.items()}
    in_place: set[int] = set()
    moves: list[Kernel] = []
    for i, (old, new) in enumerate(zip(items.inputs[:state], items.outputs[:state], strict=False)):
        if old is new:
            in_place.add(i)
            continue
        writer = maker[new]
        readers = reading.get(old, set()) - {writer}
        if _own_indices(writer, old, new) and not any(_needs(after, r, writer) for r in readers):
            in_place.add(i)
            after[writer] |= readers
        else:
            moved = Value(new.shape, new.dtype)
            domain = squeezed(shape_of(new))
            copy = Item("copy", "map", (moved,), domain, (Access(new, 0, row_major(domain)),))
            moves.append(Kernel(copy, after=[copy], stored=[moved]))
    order: list[Kernel] = []
    waiting = list(kernels)
    done: set[Kernel] = set()
    while waiting:
        ready = next(k for k in waiting if after[k] <= done)
        waiting.remove(ready)
        done.add(ready)
        order.append(ready)
    return order, in_place, moves


def _own_indices(writer: Kernel, old: Value, new: Value) -> bool:
    """Say whether a kernel reads a piece of state only where it writes its successor."""
    if writer.kind == "other":
        return False
    late = {v for item in writer.after for v in item.out}
    if new not in late and old in writer.reads():
        return False
    reads = [(item, a) for item in writer.items for a in item.reads if a.root is old]
    bases = any(item.base is not None and item.base.root is old for item in writer.items)
    return not bases and all(item in writer.after and a.whole(writer.domain) for item, a in reads)


def _needs(after: dict[Kernel, set[Kernel]], kernel: Kernel, other: Kernel) -> bool:
    """Say whether a kernel can only run after another."""
    open_, seen = [kernel], {kernel}
    while open_:
        for need in after[open_.pop()]:
            if need is other:
                return True
            if need not in seen:
                seen.add(need)
                open_.append(need)
    return False


def _place_state(
    places: Places, items: Items, in_place: set[int], moves: Sequence[Kernel], state: int
) -> None:
    moved = iter(moves)
    for i, (old, new) in enumerate(zip(items.inputs[:state], items.outputs[:state], strict=False)):
        place = Place(STATE, places.state)
        places.state += places.bytes_of(old)
        places.of[old] = place
        places.of[new if i in in_place else next(moved).stored[0]] = place


# --- writing ---------------------------------------------------------------------------------------------------------


def _unit(kernel: Kernel, context: Context, plan: Plan | None) -> Unit:
    name = kernel.after[-1].op if kernel.kind == "map" else kernel.main.op
    if plan is not None:
        units = contraction_units(plan.product)
        work = plan.product.cost * plan.product.lanes
    else:
        work = float(math.prod(kernel.main.domain) * len(kernel.items))
        count = {"map": map_units, "reduce": reduction_units}.get(kernel.kind)
        units = count(kernel, context) if count else 1
    return Unit(name, kernel, units if work >= _SPLIT else 1, work >= _CLAIM, plan)


def _write(module: Module, unit: Unit, context: Context) -> Unit:
    ends = [V("%from", I64), V("%to", I64)] if unit.units > 1 else []
    f, kernel = module.kernel(unit.name, ends), unit.kernel
    span = (ends[0], ends[1]) if ends else None
    if unit.plan is not None:
        (emit_packing if unit.packs else emit_contraction)(f, kernel, context, unit.plan, span)
    elif kernel.kind == "map":
        emit_map(f, kernel, context, span)
    elif kernel.kind == "reduce":
        emit_reduction(f, kernel, context, span)
    else:
        emit_other(f, kernel, context)
    f.do("ret void")
    unit.function = module.settle(f)
    return unit


def call_unit(f: Function, unit: Unit, start: V | int = 0, stop: V | int | None = None) -> None:
    """Call a unit's function in the function `f`, for all of its units or for some."""
    assert unit.function is not None
    arguments = [address(f, place) for place in unit.function.bases]
    if unit.units > 1:
        ends = (start, unit.units if stop is None else stop)
        arguments += [V(str(e), I64) if isinstance(e, int) else e for e in ends]
    f.do(f"call void @{unit.function.name}({', '.join(map(str, arguments))})")
