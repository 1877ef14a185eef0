"""Every rule of a diagnosis, in the order in which their verdicts make sense, and the diagnosis itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from glassgrad.explaining.diagnosis import (
    bias,
    classes,
    finite,
    fit_of_loss,
    flow,
    inputs,
    linearity,
    overfitting,
    plateau,
    rate,
    relu,
    saturation,
    symmetry,
    useless,
)
from glassgrad.explaining.diagnosis.examination import Examination
from glassgrad.explaining.diagnosis.subject import subject_of
from glassgrad.explaining.diagnosis.verdict import SEVERITIES, Diagnosis, Verdict
from glassgrad.ir.origin import caller
from glassgrad.language import Text, short

__all__ = ["RULES", "Rule", "diagnose"]


@dataclass(frozen=True)
class Rule:
    """One thing that can be wrong.

    Attributes
    ----------
    check
        Yields the verdicts on a network.
    rows, optimizer
        Whether it needs rows, and an optimizer.
    last
        Whether it is looked at only where no fault was found that would explain what it sees.
    """

    check: Callable[[Examination], Iterator[Verdict]]
    rows: bool = True
    optimizer: bool = False
    last: bool = False


RULES = (
    Rule(finite.check, rows=False),
    Rule(inputs.check),
    Rule(symmetry.check),
    Rule(fit_of_loss.check, rows=False),
    Rule(rate.check, optimizer=True),
    Rule(relu.check),
    Rule(saturation.check),
    Rule(flow.check),
    Rule(linearity.check, rows=False),
    Rule(bias.check),
    Rule(classes.check),
    Rule(overfitting.check),
    Rule(overfitting.check_history, rows=False),
    Rule(plateau.check, last=True),
    Rule(rate.check_history, rows=False, last=True),
    Rule(useless.check, last=True),
)
"""Causes before their effects: unscaled inputs saturate units, which makes the gradient vanish."""


def diagnose(
    model: Any,
    X: Any = None,
    y: Any = None,
    *,
    loss: Any = None,
    optimizer: Any = None,
    history: Any = None,
    validation: Any = None,
) -> Diagnosis:
    """Find what is wrong with a network, its data or its training.

    The network itself is not changed. Up to 1000 rows, drawn by a fixed seed, are examined, and every row is
    searched for NaN and infinity. Some rules train copies for a few hundred steps where they suspect something.

    Parameters
    ----------
    model
        A network; or a `glassgrad.Learner`, or the path of a model file or of a folder of checkpoints that
        ``glassgrad train`` wrote.
    X, y
        (n, …) features and targets, as for `glassgrad.fit`; NaN and infinity are found, and no error. For a learner or
        a path, raw rows alone (a table, arrays, a data frame or a path), or nothing.
    loss
        A loss or its name; by default cross-entropy for whole numbers and mean squared error for others.
    optimizer
        The optimizer or its name; without it the learning rate is not judged.
    history
        What `glassgrad.fit` returned.
    validation
        ``(X, y)``, rows that were held back; without them, or a history of them, overfitting is not looked for.

    Returns
    -------
    Diagnosis
        The verdicts, faults first; empty where nothing was found.

    Raises
    ------
    OptionError, DataError, ShapeError, DTypeError, ModelFileError
        Where something cannot be used, or does not go together.

    Examples
    --------
    >>> from glassgrad import examples
    >>> example = examples.get("xor-no-bias")
    >>> model, history = example.train()
    >>> for verdict in diagnose(model, example.X, example.y, loss=example.loss):
    ...     print(verdict.title.en, verdict.place)
    slow for want of a bias layer 0
    """
    asked = str(caller())
    subject = subject_of(model, X, y, loss, optimizer, history, validation)
    exam = Examination(subject, asked)
    found: list[Verdict] = []
    for rule in RULES:
        possible = (exam.usable or not rule.rows) and (subject.optimizer is not None or not rule.optimizer)
        if possible and not (rule.last and any(v.severity == "fault" for v in found)):
            found += rule.check(exam)
    order = list(SEVERITIES)
    return Diagnosis(
        tuple(sorted(found, key=lambda verdict: order.index(verdict.severity))),
        _examined(exam),
        tuple(_skipped(exam)),
    )


def _examined(exam: Examination) -> Text:
    parameters = sum(p.size for p in exam.subject.model.parameters())
    if not exam.usable:
        return _STRUCTURE.fill(parameters=f"{parameters:,}")
    return _EXAMINED.fill(
        parameters=f"{parameters:,}",
        rows=len(exam.rows),
        of=len(exam.subject.X if exam.subject.X is not None else ()),
        loss=short(exam.loss),
        trivial=short(exam.trivial),
    )


def _skipped(exam: Examination) -> Iterator[Text]:
    if not exam.usable:
        yield _NO_ROWS
    if exam.subject.optimizer is None:
        yield _NO_OPTIMIZER
    history = exam.subject.history
    if exam.subject.validation is None and (history is None or "val_loss" not in history):
        yield _NO_VALIDATION


_EXAMINED = Text(
    "{parameters} parameters, run on {rows} of {of} rows: the loss is {loss}; a constant answer would have "
    "{trivial}.",
    "매개변수 {parameters}개를 {of}개 행 중 {rows}개로 살폈다. 손실은 {loss}이고, 상수로 답하면 "
    "{trivial}이다.",
)
_STRUCTURE = Text("{parameters} parameters, without rows.", "매개변수 {parameters}개를 행 없이 살폈다.")
_NO_ROWS = Text(
    "There are no rows it can be run on, so only its structure, its weights and its history were examined.",
    "돌려 볼 수 있는 행이 없어 구조와 가중치와 기록만 살폈다.",
)
_NO_OPTIMIZER = Text(
    "Without an optimizer the learning rate was not judged.", "옵티마이저가 없어 학습률은 판단하지 않았다."
)
_NO_VALIDATION = Text(
    "Without validation rows overfitting was not looked for.", "검증 데이터가 없어 과대적합은 살피지 않았다."
)
