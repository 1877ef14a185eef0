"""From a fault to its cause: the likeliest edit that gives the exact value, confirmed by another run."""

from __future__ import annotations

import ast
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from glassgrad.checking.causes.confirming import breaks, is_mended, judged
from glassgrad.checking.causes.edits import Edit, changed_text
from glassgrad.checking.causes.loops import loop_edits
from glassgrad.checking.causes.order import moved_after, updated_before
from glassgrad.checking.causes.search import searched, sites_of
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.causes.titles import title
from glassgrad.checking.causes.updates import remedies
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.judging.replay import At, ancestors, writers
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.report import Cause
from glassgrad.language import Text

__all__ = ["Causes", "find_cause"]

_MOST_CONFIRMED = 8
_MOST_AT_A_PLACE = 3
_SECONDS, _SECONDS_IN_ALL = 6.0, 10.0
"""Of the processor's time, for one fault and for all."""


class Causes:
    """Finds why each fault of a program is one.

    Parameters
    ----------
    program, run, judgement
        The program, its recorded run, and what was found of it.
    faults
        What is wrong in it, and where.
    """

    def __init__(self, program: Program, run: Run, judgement: Judgement, faults: Sequence[Fault]) -> None:
        self._program, self._run, self._judgement, self._faults = program, run, judgement, faults
        self._mended: list[tuple[Cause, Judgement]] = []
        self._known: dict[int, Cause] = {}
        self._seconds = _SECONDS_IN_ALL

    def of(self, fault: Fault) -> Cause:
        """Return why a quantity is wrong, with the corrected line: one cause for all that one correction mends."""
        if id(fault) not in self._known:
            earlier = self._earlier(fault)
            self._known[id(fault)] = _unknown(self._program, self._run, fault)
            for other in earlier:
                self.of(other)
            self._known[id(fault)] = self._found(fault, earlier)
        return self._known[id(fault)]

    def _found(self, fault: Fault, earlier: list[Fault]) -> Cause:
        for cause, after in self._mended:
            if is_mended(after, fault):
                return cause
        if fault.kind == "update":
            deadline = time.thread_time() + self._seconds / 2
            for r in islice(remedies(self._program, self._run, self._judgement, fault), _MOST_CONFIRMED):
                if time.thread_time() > deadline:
                    break
                cause = Cause(r.key, r.title.text, r.source.file, r.line, r.before, r.after, True)
                if self._confirmed(cause, r.text, fault, steps=True):
                    return self._mended[-1][0]
        first: Cause | None = None
        for given in (earlier, ()) if earlier else ((),):
            began = time.thread_time()
            found = self._searched(fault, given) if self._seconds > 0 else None
            self._seconds -= time.thread_time() - began
            if found is not None and found.confirmed:
                return found
            first = first or found
        return first or _unknown(self._program, self._run, fault)

    def _searched(self, fault: Fault, earlier: Sequence[Fault]) -> Cause | None:
        program, run, judgement = self._program, self._run, self._judgement
        first: Cause | None = None
        confirmations = 0
        loops: list[tuple[str, Text]] = []
        deadline = time.thread_time() + min(_SECONDS, self._seconds)
        updating = _updating(run, fault)
        for site in sites_of(program, run, judgement, fault, earlier):
            if time.thread_time() > deadline or confirmations >= _MOST_CONFIRMED:
                break
            early = updated_before(site)
            if early is not None:
                return self._too_early(site, *early)
            for edit in loop_edits(site.source, site.statement):
                if edit.cause() in loops or time.thread_time() > deadline:
                    continue
                loops.append(edit.cause())
                cause, text = _cause(program, edit)
                if self._confirmed(cause, text, fault, steps=False):
                    return self._mended[-1][0]
            for edit in (t.edit for t in searched(site)[:_MOST_AT_A_PLACE]):
                if confirmations and time.thread_time() > deadline:
                    break
                cause, text = _cause(program, edit)
                confirmations += 1
                if self._confirmed(cause, text, fault, steps=edit.statement.index in updating):
                    return self._mended[-1][0]
                first = first or (cause if site.expected is not None else None)
        return first

    def _confirmed(self, cause: Cause, text: str, fault: Fault, *, steps: bool) -> bool:
        """Run the corrected program; remember what is right in it."""
        after = judged(self._program.with_line(cause.file, text), self._judgement, self._run.numbers)
        if after is None or not is_mended(after, fault, steps=steps) or breaks(after, self._judgement):
            return False
        self._mended.append((replace(cause, confirmed=True), after))
        return True

    def _earlier(self, fault: Fault) -> list[Fault]:
        """Return the other faults that a fault's values come from."""
        tape = self._run.tape
        before = ancestors(tape, [w for at in fault.values for w in writers(tape, at)])
        own = {w for at in fault.values for w in writers(tape, at)}
        return [
            other
            for other in self._faults
            if other is not fault
            and other.values
            and all(max(writers(tape, at)) in before - own for at in other.values[:1])
        ]

    def _too_early(self, site: Site, p: ParameterVerdict, update: Statement) -> Cause:
        """Return the cause that an update comes too early."""
        use = site.statement
        source = self._program.sources[use.file]
        before = source.segment(use.node)
        said = title("updated", what=p.parameter.name).text
        if update.file == use.file:
            for line, text in moved_after(source, update, use):
                cause = Cause("updated-weight", said, use.file, use.line, before, f"{before}\n{line}", True)
                if self._confirmed(cause, text, site.fault, steps=False):
                    return self._mended[-1][0]
        return Cause("updated-weight", said, use.file, use.line, before)


def find_cause(program: Program, run: Run, judgement: Judgement, fault: Fault) -> Cause:
    """Return why the only quantity that is wrong is so, with the corrected line."""
    return Causes(program, run, judgement, [fault]).of(fault)


def _updating(run: Run, fault: Fault) -> set[int]:
    """Return the statements that step the parameters of a fault."""
    updates = {u for p in fault.parameters for u in p.parameter.updates}
    return {b.statement for b in run.tape.bindings if updates & set(writers(run.tape, At(b.time, b.cell)))}


def _cause(program: Program, edit: Edit) -> tuple[Cause, str]:
    source = program.sources[edit.statement.file]
    line, text = changed_text(source, edit)
    before = source.segment(edit.statement.node)
    if isinstance(edit.statement.node, ast.For):
        before, line = before.splitlines()[0], line.splitlines()[0]
    key, said = edit.cause()
    return Cause(key, said, source.file, edit.statement.line, before, line), text


def _unknown(program: Program, run: Run, fault: Fault) -> Cause:
    never = fault.kind == "update" and all(not p.parameter.updates for p in fault.parameters)
    key, said = "unknown", title("unknown").text
    if never:
        key, said = "never-updated", title("never", what=fault.name).text
    elif fault.kind == "update":
        key, said = "update", title("update", what=fault.name, new="?").text
    if not 0 <= fault.statement < len(run.statements):
        return Cause(key, said, str(program.path), 0, "")
    statement = run.statements[fault.statement]
    before = program.sources[statement.file].segment(statement.node)
    if isinstance(statement.node, (ast.For, ast.While, ast.FunctionDef)):
        before = before.splitlines()[0]
    return Cause(key, said, statement.file, statement.line, before)
