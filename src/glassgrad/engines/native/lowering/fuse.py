"""Fusing: which items are computed in one pass over the memory.

A kernel is one loop nest. It begins as one item and takes in elementwise neighbours whose domain is its own:
what is computed only for it (the operand of a reduction), and what is done with its result (an activation
after a product, the whole update of a parameter after the product that gave its gradient). Numbers that only
pass between items of one kernel never reach memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from glassgrad.engines.native.lowering.items import Access, Item, Items, Sizes
from glassgrad.ir import Value

__all__ = ["Kernel", "fuse"]


@dataclass(eq=False, slots=True)
class Kernel:
    """Items that share one loop nest.

    Attributes
    ----------
    main
        The item that gives the kernel its kind: the reduction, the contraction, the operation of its own
        kind, or, for an elementwise kernel, any of its items.
    before, after
        Elementwise items on the whole domain of `main` before its result is known (a reduction's operand),
        and on the result's domain.
    stored
        Roots made here that are read elsewhere, in order.
    """

    main: Item
    before: list[Item] = field(default_factory=list)
    after: list[Item] = field(default_factory=list)
    stored: list[Value] = field(default_factory=list)

    @property
    def kind(self) -> str:
        """``"map"``, ``"reduce"``, ``"contract"`` or ``"other"``."""
        return self.main.kind

    @property
    def items(self) -> list[Item]:
        """All items, in order."""
        middle = [] if self.kind == "map" else [self.main]
        return [*self.before, *middle, *self.after]

    @property
    def domain(self) -> Sizes:
        """The domain of the results."""
        if self.kind in ("reduce", "contract"):
            return tuple(d for a, d in enumerate(self.main.domain) if a not in self.main.axes)
        return self.main.domain

    def makes(self) -> set[Value]:
        """Return the roots made here."""
        return {v for item in self.items for v in item.out}

    def reads(self) -> set[Value]:
        """Return the roots read here that are made elsewhere."""
        found: set[Value] = set()
        for item in self.items:
            found |= item.roots()
        return found - self.makes()


def fuse(items: Items) -> list[Kernel]:
    """Return kernels that compute what the items do, in an order in which they can run."""
    kernels = _Kernels(items)
    for kernel in reversed(list(kernels.all)):
        kernels.into_its_reader(kernel)
    for kernel in list(kernels.all):
        kernels.into_its_source(kernel)
    return kernels.finish(items)


class _Kernels:
    def __init__(self, items: Items) -> None:
        self.all: list[Kernel] = []
        self.maker: dict[Value, Kernel] = {}
        self.readers: dict[Value, set[Kernel]] = {}
        for item in items.items:
            kernel = Kernel(item, after=[item] if item.kind == "map" else [])
            self.all.append(kernel)
            self._note(kernel)

    def _note(self, kernel: Kernel) -> None:
        for value in kernel.makes():
            self.maker[value] = kernel
        for value in kernel.reads():
            self.readers.setdefault(value, set()).add(kernel)

    # --- the two ways to merge ---

    def into_its_reader(self, kernel: Kernel) -> None:
        """Move an elementwise kernel into the one kernel that reads it."""
        if kernel.kind != "map":
            return
        readers = {r for v in kernel.makes() for r in self.readers.get(v, ())}
        if len(readers) != 1:
            return
        (reader,) = readers
        made = kernel.makes()
        if reader.kind == "reduce" and kernel.domain == reader.main.domain:
            early = [*reader.before, reader.main]
            if _whole(made, early, kernel.domain) and not _touches(made, reader.after):
                self._merge(kernel, reader, before=True)
        elif reader.kind != "other" and kernel.domain == reader.domain:
            early = reader.before if reader.kind == "map" else [*reader.before, reader.main]
            if _whole(made, reader.after, kernel.domain) and not _touches(made, early):
                self._merge(kernel, reader)

    def into_its_source(self, kernel: Kernel) -> None:
        """Let an elementwise kernel follow the last of the kernels that make what it reads, where domains agree."""
        if kernel.kind != "map":
            return
        sources = {self.maker[v] for v in kernel.reads() if v in self.maker}
        fitting = [
            s
            for s in sources
            if s.kind != "other"
            and s.domain == kernel.domain
            and _whole(s.makes(), kernel.after, kernel.domain)
            and (s.kind != "reduce" or not _touches({v for i in s.before for v in i.out}, kernel.after))
            and not self._between(s, kernel)
        ]
        if fitting:
            self._merge(kernel, max(fitting, key=self.all.index))

    def _between(self, first: Kernel, last: Kernel) -> bool:
        """Say whether `last` needs a third kernel that needs `first`."""
        open_, seen = [last], {last}
        while open_:
            for value in open_.pop().reads():
                maker = self.maker.get(value)
                if maker is None or maker in seen or (maker is first):
                    continue
                if any(self.maker.get(v) is first for v in maker.reads()):
                    return True
                seen.add(maker)
                open_.append(maker)
        return False

    def _merge(self, kernel: Kernel, into: Kernel, before: bool = False) -> None:
        for value in kernel.reads():
            self.readers[value].discard(kernel)
        for value in into.reads():
            self.readers[value].discard(into)
        part = into.before if before else into.after
        part[:] = _ordered([*kernel.after, *part])
        self.all.remove(kernel)
        self._note(into)

    # --- the result ---

    def finish(self, items: Items) -> list[Kernel]:
        wanted = set(items.outputs)
        for kernel in self.all:
            for item in kernel.items:
                kernel.stored += [v for v in item.out if v in wanted or self.readers.get(v)]
        done: set[Kernel] = set()
        order: list[Kernel] = []

        def visit(kernel: Kernel) -> None:
            stack = [(kernel, iter(self._needs(kernel)))]
            done.add(kernel)
            while stack:
                at, needs = stack[-1]
                need = next((n for n in needs if n not in done), None)
                if need is None:
                    order.append(at)
                    stack.pop()
                else:
                    done.add(need)
                    stack.append((need, iter(self._needs(need))))

        for kernel in self.all:
            if kernel not in done:
                visit(kernel)
        return order

    def _needs(self, kernel: Kernel) -> list[Kernel]:
        found = {self.maker[v] for v in kernel.reads() if v in self.maker}
        return sorted(found, key=self.all.index)


def _accesses(items: Iterable[Item], roots: set[Value]) -> list[tuple[Item, Access]]:
    return [(item, a) for item in items for a in item.reads if a.root in roots]


def _touches(roots: set[Value], items: Iterable[Item]) -> bool:
    return any(roots & item.roots() for item in items)


def _whole(roots: set[Value], items: Sequence[Item], domain: Sizes) -> bool:
    """Say whether the items read the roots only at their own indices."""
    bases = {item.base.root for item in items if item.base is not None}
    return not bases & roots and all(
        item.domain == domain and access.whole(domain) for item, access in _accesses(items, roots)
    )


def _ordered(items: Sequence[Item]) -> list[Item]:
    """Return the items so that each follows those it reads."""
    makers = {v: item for item in items for v in item.out}
    order: list[Item] = []
    done: set[Item] = set()

    def visit(item: Item) -> None:
        done.add(item)
        for access in item.reads:
            maker = makers.get(access.root)
            if maker is not None and maker not in done:
                visit(maker)
        order.append(item)

    for item in items:
        if item not in done:
            visit(item)
    return order
