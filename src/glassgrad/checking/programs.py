"""``glassgrad check FILE.py``: run a program as it is, judge its backward pass, and say what was found.

The program runs with NumPy's own numbers on arrays that record (`recording`); the recorded step is played again on
several parameters and inputs, and differentiated (`judging`); what is wrong is explained by editing its line until it
gives the exact value (`causes`).
"""

from __future__ import annotations

import ast
import dataclasses
import textwrap
import time
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from glassgrad.checking.judging.carried import carried
from glassgrad.checking.judging.choosing import choose
from glassgrad.checking.judging.faults import Fault, writer
from glassgrad.checking.judging.judge import Judgement, ParameterVerdict, judgements
from glassgrad.checking.judging.locate import locate
from glassgrad.checking.judging.matching import relative_error
from glassgrad.checking.judging.replay import At, Unplayable
from glassgrad.checking.judging.step import Step, find_step
from glassgrad.checking.judging.unused import with_unused
from glassgrad.checking.judging.updates import together
from glassgrad.checking.listing import listing
from glassgrad.checking.naming import Names, nodes_of
from glassgrad.checking.recording.run import Program, Run
from glassgrad.checking.report import Cause, Finding, Gradient, LossFound, ProgramReport, Quantity, State
from glassgrad.checking.telling import SAYS, failed, nothing_found, notices_of, unplayable
from glassgrad.errors import CheckError
from glassgrad.language import Text

__all__ = ["check_program"]

_ROUNDING = 1e-6

Array = np.ndarray[Any, Any]


def check_program(path: str | Path, *, run: str | None = None, loss: str | None = None) -> ProgramReport:
    """Run a training program, and say whether its backward pass is right.

    The program is executed, in this process, until it has made a few steps: check only programs you would run.

    Parameters
    ----------
    path
        A Python file or a notebook that trains with NumPy.
    run
        An expression that starts the training, where running the file does not: ``"train(X, y)"``.
    loss
        The name of the loss in the program, where it is not found.

    Returns
    -------
    ProgramReport
        What was found; it prints itself.

    Raises
    ------
    CheckError
        Where the program does not run, or trains nothing that could be judged.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "line.py")
    >>> _ = file.write_text('''
    ... import numpy as np
    ... x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.1, 5.9])
    ... w = np.array(0.5)
    ... for step in range(100):
    ...     error = w * x - y
    ...     w = w - 0.01 * np.sum(error * x)
    ... ''')
    >>> check_program(file).verdict
    'right'
    """
    began = time.perf_counter()
    program = Program(Path(path), run)
    recorded, step = _recorded(program)
    if step is None:
        raise CheckError(
            failed(recorded.failure) if recorded.failure else nothing_found(program, recorded, run)
        )
    judgement, faults = _believed(program, recorded, _judged(program, recorded, step, loss))
    if not faults:
        program, recorded, judgement, faults = _later(program, recorded, judgement, loss)
    if not faults:
        again = carried(judgement)
        faults = [again] if again is not None else []
    faults = together(faults)
    names = Names(program, recorded, judgement)
    findings, shown = _findings(program, recorded, judgement, names, faults)
    notices, serious = notices_of(judgement, names, recorded)
    parameters = [_gradient(judgement, names, p, faults) for p in judgement.parameters]
    verdict: Any = "wrong" if findings else "notice" if serious else "right"
    return ProgramReport(
        str(path),
        verdict,
        _loss(judgement, names, loss),
        parameters,
        findings,
        notices,
        listing(program, recorded, judgement, names, shown, findings),
        len(judgement.values),
        "exact",
        time.perf_counter() - began,
    )


def _believed(program: Program, run: Run, found: list[Judgement]) -> tuple[Judgement, list[Fault]]:
    """Return the judgement that is to be believed, and what is wrong by it."""
    Names(program, run, found[0])  # gives the parameters their names
    judgement, faults = choose(found)
    if not faults:
        judgement = with_unused(judgement)
        Names(program, run, judgement)
        faults = locate(judgement)
    return judgement, faults


def _later(
    program: Program, run: Run, judgement: Judgement, loss: str | None
) -> tuple[Program, Run, Judgement, list[Fault]]:
    """Return a later step with what is wrong in it, where the first tells nothing of a parameter: its input was zero.

    By then a velocity is no gradient any more; so the step counts only where those that were right still are.
    """
    moved = [p for p in judgement.parameters if any(map(np.any, p.exact))]
    still = len(judgement.parameters) - len(moved)
    for after in (1, 3) if still else ():
        later = program.later(after)
        again = later.execute(numbers=run.numbers)
        step = find_step(again.tape, nodes_of(later)) if again.failure is None else None
        if step is None:
            break
        try:
            found, faults = _believed(later, again, _judged(later, again, step, loss))
        except CheckError:
            break
        right = [p for p in found.parameters if p.right and any(map(np.any, p.exact))]
        if faults and _updated_at(judgement, moved) <= _updated_at(found, right):
            return later, again, found, faults
    return program, run, judgement, []


def _updated_at(judgement: Judgement, parameters: list[ParameterVerdict]) -> Counter[Any]:
    """Return where how many parameters are updated, by which they are the same in another step."""
    events = judgement.step.tape.events
    return Counter(events[u].place for p in parameters for u in p.parameter.updates)


def _recorded(program: Program) -> tuple[Run, Step | None]:
    """Run the program, with single numbers recording where it keeps its weights in lists."""
    run = program.execute()
    step = find_step(run.tape, nodes_of(program))
    if step is None or not step.meetings:
        again = program.execute(numbers=True)
        better = find_step(again.tape, nodes_of(program))
        if better is not None and (step is None or better.meetings):
            return again, better
    return run, step


def _judged(program: Program, run: Run, step: Step, loss: str | None) -> list[Judgement]:
    try:
        return judgements(step, nodes_of(program), run.tape.bindings, loss)
    except Unplayable as problem:
        raise CheckError(unplayable(problem, program)) from None
    except CheckError:
        raise CheckError(nothing_found(program, run, program.run, loss=loss, step=step)) from None


def _findings(
    program: Program, run: Run, judgement: Judgement, names: Names, faults: list[Fault]
) -> tuple[list[Finding], list[Fault]]:
    """Return what is wrong, and the faults it is: those that one correction mends are told once."""
    from glassgrad.checking.causes import Causes

    causes = Causes(program, run, judgement, faults)
    findings: list[Finding] = []
    shown = []
    for fault in faults:
        if fault.kind == "carried":
            cause = _carried(run, fault)
        else:
            cause = _digits(run, fault) if fault.kind == "precision" else causes.of(fault)
        if any(cause is finding.cause for finding in findings):
            continue
        if fault.part and not cause.confirmed:
            what = fault.parameters[0].parameter.name + fault.part
            cause = dataclasses.replace(
                cause, key="never-updated", title=SAYS["part"].fill(name=what), after=""
            )
        quantity = _wrong(run, judgement, names, fault, cause)
        says = SAYS["wrong update" if fault.kind == "update" else "wrong gradient"]
        says = says.fill(name=quantity.name, line=quantity.line)
        follows = (
            [fault.name, *fault.follows] if fault.values and quantity.name != fault.name else fault.follows
        )
        findings.append(Finding(quantity, says, cause, follows))
        shown.append(fault)
    return findings, shown


def _carried(run: Run, fault: Fault) -> Cause:
    """Return the cause of a gradient that is added to that of the step before."""
    statement = run.statements[fault.statement]
    title = SAYS["carried"].fill(name=fault.name)
    return Cause("overwritten", title, statement.file, statement.line, ast.unparse(statement.node))


def _digits(run: Run, fault: Fault) -> Cause:
    """Return the cause of a right formula that keeps too few digits."""
    statement = run.statements[fault.statement]
    kind = next(
        b.value.dtype for b in run.tape.bindings if b.statement == fault.statement and b.value is not None
    )
    says = "whole numbers" if kind.kind in "iu" else "rounded" if kind.itemsize >= 8 else "few digits"
    title = SAYS[says].fill(name=fault.name, dtype=str(kind))
    return Cause("precision", title, statement.file, statement.line, ast.unparse(statement.node))


def _wrong(run: Run, judgement: Judgement, names: Names, fault: Fault, cause: Cause) -> Quantity:
    """Return the first wrong quantity with what it should be."""
    name, file, line = _named(run, judgement, fault, cause)
    if not fault.values:
        symbol = f"∂E/∂{fault.parameters[0].parameter.name}"
        return Quantity(
            name, file, line, Text(symbol, symbol), "wrong", *_of_parameter(judgement, fault.parameters[0])
        )
    if name != fault.name:
        return Quantity(name, file, line, SAYS["needed"].fill(name=fault.name), "wrong")
    at = fault.values[0]
    found, exact = judgement.values[0][at], fault.expected[0][0]
    meaning = SAYS["in float64"]
    if fault.kind == "precision":
        found = next(
            b.value
            for b in run.tape.bindings
            if (b.time, b.cell) == (at.time, at.cell) and b.value is not None
        )
    else:
        symbol = ("−" if fault.factor < 0 else "") + names.gradient(*fault.should_be(judgement))
        meaning = Text(symbol, symbol)
    error, place = relative_error(found, exact)
    for draw in range(1, len(judgement.values) if fault.kind != "precision" else 1):
        if error > _ROUNDING:
            break
        error, place = relative_error(judgement.values[draw][at], fault.expected[0][draw])
    return Quantity(name, file, line, meaning, "wrong", error, place, found, exact)


def _named(run: Run, judgement: Judgement, fault: Fault, cause: Cause) -> tuple[str, str, int]:
    """Return the name of the first wrong quantity, and its place.

    It is that of the cause where no name was found for it, and where the corrected line makes something else of which
    the wrong gradient is made: a derivative, say.
    """
    name = fault.name or (fault.parameters[0].parameter.name if fault.parameters else "?")
    stepped = _stepped(cause) if not fault.values and cause.confirmed else ""
    if stepped:
        return stepped, cause.file, cause.line
    if fault.statement < 0:
        first = fault.parameters[0].parameter
        made = run.tape.events[min(first.updates, default=first.start)].place
        return (
            (name, made.file, made.line)
            if made is not None and not cause.line
            else (name, cause.file, cause.line)
        )
    place = fault.place or run.statements[fault.statement]
    elsewhere = (cause.file, cause.line) != (place.file, place.line)
    if fault.values and cause.confirmed and elsewhere and not _is_gradient(run, judgement, cause):
        earlier = _stepped(cause) or _function(run, cause)
        if earlier and earlier != name:
            return earlier, cause.file, cause.line
    return name, place.file, place.line


def _is_gradient(run: Run, judgement: Judgement, cause: Cause) -> bool:
    """Say whether what a corrected line makes is an exact gradient without the correction."""
    backward = set(judgement.backward)
    for b in judgement.bindings:
        statement, at = run.statements[b.statement], At(b.time, b.cell)
        here = (statement.file, statement.line) == (cause.file, cause.line) and b.kind == "assign"
        if here and at in judgement.values[0] and writer(judgement, at) in backward:
            return judgement.meaning(at) is not None
    return False


def _function(run: Run, cause: Cause) -> str:
    """Return the function in which a corrected line returns something."""
    places = (s.function for s in run.statements if (s.file, s.line) == (cause.file, cause.line))
    return next(places, "").rpartition(".")[2]


def _stepped(cause: Cause) -> str:
    """Return what the corrected line gives a value."""
    try:
        [node] = ast.parse(textwrap.dedent(cause.after)).body
    except (SyntaxError, ValueError):
        return ""
    target = getattr(node, "targets", [getattr(node, "target", None)])[0]
    return ast.unparse(target) if isinstance(target, ast.expr) else ""


def _of_parameter(
    judgement: Judgement, p: ParameterVerdict
) -> tuple[float | None, tuple[int, ...], Array | None, Array | None]:
    """Return what a parameter is stepped by, divided by the learning rate, beside its exact gradient."""
    if p.change is None:
        return None, (), None, p.exact[0]
    found = -p.change[0] / _rate(judgement, p)
    return (*relative_error(found, p.exact[0]), found, p.exact[0])


def _rate(judgement: Judgement, p: ParameterVerdict) -> float:
    """Return the rate of the parameters that are right, else that with which a step comes nearest to its gradient."""
    rates = [
        -q.step.factor
        for q in judgement.parameters
        if q.right and q.step is not None and any(map(np.any, q.exact))
    ]
    if rates and max(rates) <= min(rates) * (1 + _ROUNDING):
        return rates[0]
    change, exact = p.change[0] if p.change is not None else p.exact[0], p.exact[0]
    size = float(np.sum(exact * exact))
    return (abs(float(np.sum(change * exact))) / size if size else 0.0) or 1.0


def _gradient(judgement: Judgement, names: Names, p: ParameterVerdict, faults: list[Fault]) -> Gradient:
    """Return what is said of one parameter."""
    fault = next((f for f in faults if p in f.parameters), None)
    gradient: State = "right"
    update: State = "right"
    gradient_says, update_says = SAYS["right"], SAYS["descends"]
    if fault is not None and fault.kind == "gradient":
        gradient, gradient_says = "wrong", SAYS["not the gradient"]
        update, update_says = "follows", SAYS["follows"]
    elif fault is not None:
        update, update_says = "wrong", SAYS["wrong step"]
    elif not any(np.any(e) for e in p.exact):
        gradient, gradient_says = "notice", SAYS["zero"]
    elif p.step is not None and p.step.decay:
        update_says = SAYS["decay"]
    elif p.step is None:
        update_says = SAYS["optimizer"]
    found: Array | None = None
    if p.gradient is not None:
        at = judgement.result(p.gradient[0])
        found = judgement.values[0][at] if at is not None else None
        found = found / p.gradient[1].factor if found is not None else None
    elif p.step is not None and p.change is not None:
        found = p.change[0] / p.step.factor
    else:
        found = _of_parameter(judgement, p)[2]
    error, place = (None, ()) if found is None else relative_error(found, p.exact[0])
    rate = -p.step.factor if p.step is not None and p.step.factor < 0 else None
    return Gradient(
        p.parameter.name,
        p.exact[0].shape,
        gradient,
        gradient_says,
        update,
        update_says,
        error,
        place,
        p.exact[0],
        found,
        rate,
    )


def _loss(judgement: Judgement, names: Names, given: str | None) -> LossFound:
    d = judgement.descended
    meeting = d.meeting or (judgement.step.meetings[0] if judgement.step.meetings else None)
    prediction = target = ""
    if meeting is not None:
        p, y = meeting.pairs[0]
        tape = judgement.step.tape
        prediction = names.event(max(_sources(tape, p)))
        target = names.event(max(_sources(tape, y))) if isinstance(y, At) else ""
    if d.loss is None:
        key: Literal["given", "computed"] = "given" if given is not None else "computed"
        return LossFound(d.name, key, SAYS[f"loss {key}"].fill(name=d.name), prediction, target)
    says = SAYS["loss standard"].fill(name=d.loss.name, formula=d.loss.formula)
    return LossFound(d.loss.formula, "standard", says, prediction, target)


def _sources(tape: Any, at: At) -> list[int]:
    from glassgrad.checking.judging.replay import writers

    return list(writers(tape, at))
