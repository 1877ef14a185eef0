"""The listing: every line that had a part in the step, with what each of its arrays is."""

from __future__ import annotations

import numpy as np

from glassgrad.checking.judging.faults import Fault
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.matching import relative_error
from glassgrad.checking.judging.replay import At, writers
from glassgrad.checking.naming import Names
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.recording.tape import Binding
from glassgrad.checking.report import Finding, Line, Quantity, State
from glassgrad.checking.telling import SAYS
from glassgrad.language import Text

__all__ = ["listing"]

_MOST = 400


def listing(
    program: Program,
    run: Run,
    judgement: Judgement,
    names: Names,
    faults: list[Fault],
    findings: list[Finding],
) -> list[Line]:
    """Return the lines of the user's files that take part in the step, with their quantities."""
    found: dict[tuple[str, int], dict[str, Quantity]] = {}
    wrong, follows = {}, {}
    for f, finding in zip(faults, findings, strict=True):
        if f.statement >= 0 and (finding.quantity.name == f.name or not f.of):
            wrong[f.statement] = finding.quantity
        elif f.of:
            follows[f.name] = ("−" if f.factor < 0 else "") + names.gradient(*f.should_be(judgement))
        follows |= {name: names.meaning(*f.meant[name]) for name in f.follows if name in f.meant}
    for b in judgement.bindings:
        if b.kind != "assign" or b.time > judgement.step.end or len(found) > _MOST:
            continue
        statement = run.statements[b.statement]
        place = (statement.file, statement.line)
        quantity = _quantity(run, judgement, names, b, wrong, follows)
        if quantity is not None:
            kept = found.setdefault(place, {})
            if b.name not in kept or kept[b.name].state == "plain":
                kept[b.name] = quantity
    for finding in findings:
        if finding.quantity.line:
            place = (finding.quantity.file, finding.quantity.line)
            found.setdefault(place, {})[finding.quantity.name] = finding.quantity
    lines = []
    for (file, number), quantities in sorted(found.items()):
        source = program.sources[file].lines if file in program.sources else []
        text = source[number - 1] if 0 < number <= len(source) else ""
        lines.append(Line(file, number, text, list(quantities.values())))
    return lines


def _quantity(
    run: Run,
    judgement: Judgement,
    names: Names,
    b: Binding,
    wrong: dict[int, Quantity],
    follows: dict[str, str],
) -> Quantity | None:
    at = At(b.time, b.cell)
    statement = run.statements[b.statement]
    tape = judgement.step.tape
    event = max(writers(tape, at))
    parameter = next((p for p in judgement.parameters if p.parameter.start == event), None)
    if parameter is not None and event not in judgement.backward:
        value = parameter.before[0]
        return Quantity(b.name, statement.file, statement.line, SAYS["parameter"], "plain", found=value)
    updated = next((p for p in judgement.parameters if event in p.parameter.updates), None)
    if updated is not None:
        state: State = "right" if updated.right else "wrong" if b.statement in wrong else "follows"
        stepped = f"{b.name} − η·∂E/∂{b.name}"
        meaning = Text(stepped, stepped)
        return Quantity(b.name, statement.file, statement.line, meaning, state)
    if at not in judgement.values[0]:
        return None
    value = judgement.values[0][at]
    if b.statement in wrong:
        return wrong[b.statement] if wrong[b.statement].name == b.name else None
    meaning_of = judgement.meaning(at)
    if event in judgement.backward and meaning_of is not None:
        key, how = meaning_of
        exact = np.asarray(judgement.gradients[0][key] * how.factor)
        exact = exact if how.element is None else np.asarray(exact.flat[how.element])
        exact = exact.T if how.transposed else exact
        error, place = relative_error(value, exact.reshape(value.shape))
        text = names.meaning(key, how)
        state = "follows" if b.name in follows else "right"
        return Quantity(
            b.name, statement.file, statement.line, Text(text, text), state, error, place, value, exact
        )
    says = names.activation(at) or names.slope(at) or _role(judgement, names, at, event)
    if b.name in follows:
        text = follows[b.name]
        return Quantity(b.name, statement.file, statement.line, Text(text, text), "follows", found=value)
    return Quantity(b.name, statement.file, statement.line, says, "plain", found=value)


def _role(judgement: Judgement, names: Names, at: At, event: int) -> Text:
    """Return what a value is where no gradient and no activation says it."""
    meetings = judgement.step.meetings
    predictions = {max(writers(judgement.step.tape, p)) for p, _ in meetings[0].pairs} if meetings else set()
    if event in predictions:
        return SAYS["prediction"]
    return SAYS["forward"] if event not in judgement.backward else SAYS["between"]
