"""From a fault to its cause: the likeliest edit that gives the exact value, confirmed by another run."""

from __future__ import annotations

import ast
import time
from itertools import islice

from glassgrad.checking.causes.confirming import confirmed
from glassgrad.checking.causes.edits import Edit, changed_text
from glassgrad.checking.causes.order import moved_after, updated_before
from glassgrad.checking.causes.search import searched, sites_of
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.causes.titles import title
from glassgrad.checking.causes.updates import remedies
from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.source import Statement
from glassgrad.checking.report import Cause

__all__ = ["find_cause"]

_MOST_CONFIRMED = 8
_MOST_AT_A_PLACE = 3
_SECONDS = 6.0


def find_cause(program: Program, run: Run, judgement: Judgement, fault: Fault) -> Cause:
    """Return why a quantity is wrong, with the corrected line.

    Parameters
    ----------
    program, run, judgement
        The program, its recorded run, and what was found of it.
    fault
        What is wrong, and where.
    """
    first: Cause | None = None
    began, confirmations = time.thread_time(), 0
    if fault.kind == "update":
        for r in islice(remedies(program, run, judgement, fault), _MOST_CONFIRMED):
            if confirmed(program.with_line(r.source.file, r.text), judgement, fault, run.numbers):
                return Cause(r.key, r.title.text, r.source.file, r.line, r.before, r.after, True)
    for site in sites_of(program, run, judgement, fault):
        if time.thread_time() - began > _SECONDS or confirmations >= _MOST_CONFIRMED:
            break
        early = updated_before(site)
        if early is not None:
            return _too_early(program, run, judgement, site, *early)
        for t in searched(site)[:_MOST_AT_A_PLACE]:
            cause, text = _cause(program, t.edit)
            confirmations += 1
            if confirmed(program.with_line(cause.file, text), judgement, fault, run.numbers):
                return Cause(cause.key, cause.title, cause.file, cause.line, cause.before, cause.after, True)
            first = first or (cause if site.expected is not None else None)
    return first or _unknown(program, run, fault)


def _too_early(
    program: Program, run: Run, judgement: Judgement, site: Site, p: ParameterVerdict, update: Statement
) -> Cause:
    """Return the cause that an update comes too early."""
    use = site.statement
    source = program.sources[use.file]
    before = source.segment(use.node)
    said = title("updated", what=p.parameter.name).text
    if update.file == use.file:
        for line, text in moved_after(source, update, use):
            if confirmed(program.with_line(source.file, text), judgement, site.fault, run.numbers):
                return Cause("updated-weight", said, use.file, use.line, before, f"{before}\n{line}", True)
    return Cause("updated-weight", said, use.file, use.line, before)


def _cause(program: Program, edit: Edit) -> tuple[Cause, str]:
    source = program.sources[edit.statement.file]
    line, text = changed_text(source, edit)
    before = source.segment(edit.statement.node)
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
