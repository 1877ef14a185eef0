"""NaN and infinity: which row or operation they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from glassgrad.engines import engine
from glassgrad.explaining.diagnosis.examination import Array, Examination, place_of
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.explaining.diagnosis.words import MOST_LISTED, listed, operation
from glassgrad.explaining.replay import Replay, upto
from glassgrad.ir import Node
from glassgrad.language import LANGUAGES, Text, short

__all__ = ["check"]

WORK = 1e11
"""Multiplications up to which all rows run backward, too; beyond, a large network on much data, only
forward."""

BLOCK = 1000
"""Rows that are run together. Every row is looked at, not a sample: one bad row is enough to spoil all
weights."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Look for NaN and infinity in the parameters, in all rows, and in what becomes of them."""
    parameters = list(_parameters(exam))
    yield from parameters
    subject = exam.subject
    if subject.X is None or subject.y is None:
        return
    whole = np.ones(len(subject.X), bool)
    for name, array in (("X", subject.X), ("y", subject.y)):
        yield from _rows(exam, name, array, whole)
    if not parameters:
        yield from _computed(exam, np.flatnonzero(whole))


def _parameters(exam: Examination) -> Iterator[Verdict]:
    names = exam.step.slots.keys()
    for name, array in zip(names, exam.step.state, strict=True):
        bad = 0 if array.dtype.kind != "f" else int((~np.isfinite(array)).sum())
        if bad:
            own = name.removeprefix("model.")
            finding = _PARAMETER.fill(name=own, count=bad, of=array.size)
            yield Verdict(
                "not-finite", _TITLE, "fault", Place("parameter", own), bad, finding, _CAUSE, _PARAMETER_FIX
            )


def _rows(exam: Examination, name: str, array: Array, whole: Array) -> Iterator[Verdict]:
    """Find rows that hold what is no number, and take note of them."""
    if array.dtype.kind != "f":
        return
    flat = array.reshape(len(array), -1)
    bad = np.flatnonzero(~np.isfinite(flat).all(axis=1))
    if not len(bad):
        return
    whole[bad] = False
    place = exam.subject.row(int(bad[0]))
    column = int(np.flatnonzero(~np.isfinite(flat[bad[0]]))[0])
    where = exam.subject.column(column) if name == "X" else str(column)
    first = next((node for node in exam.graph.nodes if _reads(exam, node, name)), None)
    finding = _ROWS.fill(
        name=name,
        value=_number(flat[bad[0], column]),
        row=place.text,
        column=where,
        count=len(bad),
        of=len(flat),
        rows=_places(exam, bad),
        first=operation(first, exam.asked) if first is not None else Text("–", "–"),
    )
    yield Verdict("not-finite", _TITLE, "fault", place, len(bad), finding, _CAUSE, _ROWS_FIX)


def _reads(exam: Examination, node: Node, name: str) -> bool:
    return any(value.name == name and value not in exam.name_of for value in node.inputs)


# --- what is computed from good numbers ---


def _computed(exam: Examination, rows: Array) -> Iterator[Verdict]:
    """Run every row, and find the operation that made the first number that is none."""
    graph, loss = exam.step.step.graph, exam.step.step.state
    parameters = sum(p.size for p in exam.subject.model.parameters())
    program = engine("numpy").compile(graph if 6 * parameters * len(rows) < WORK else upto(graph, loss))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        with np.errstate(all="ignore"):
            results = program(*exam.inputs(block))
        if not any(_spoilt(np.asarray(result)) for result in results):
            continue
        played = exam.play(block)
        found = _first_forward(played) or _first_backward(played)
        if found is not None:
            yield _operation_verdict(exam, played, block, *found)
            return


def _spoilt(array: Array) -> bool:
    return array.dtype.kind == "f" and not np.isfinite(array).all()


def _first_forward(played: Replay) -> tuple[Node, Array, bool] | None:
    """Follow what is no number from the loss back to the operation all of whose inputs are."""
    producers, value = played.graph.producers(), played.result
    while _spoilt(played.values[value]) and (node := producers.get(value)) is not None:
        worse = [v for v in node.inputs if _spoilt(played.values[v])]
        if not worse:
            return node, played.values[value], False
        value = worse[0]
    return None


def _first_backward(played: Replay) -> tuple[Node, Array, bool] | None:
    """Return the operation whose derivative made the first gradient that is no number, from the loss backwards."""
    for node in reversed(played.graph.nodes):
        if any(_spoilt(played.gradient(v)) for v in node.outputs if v.dtype.kind == "f"):
            continue
        for value in node.inputs:
            if value in played.gradients and _spoilt(played.gradients[value]):
                return node, played.gradients[value], True
    return None


def _operation_verdict(
    exam: Examination, played: Replay, block: Array, node: Node, array: Array, backward: bool
) -> Verdict:
    value = node.inputs[0] if backward else node.outputs[0]
    by_row = value in played.rows and array.ndim > 0
    bad = ~np.isfinite(array)
    rows = block[np.flatnonzero(bad.reshape(len(array), -1).any(axis=1))] if by_row else block[:0]
    at = tuple(int(i) for i in np.argwhere(bad)[0])
    where = _IN_ROWS.fill(rows=_places(exam, rows)) if len(rows) else _IN_BATCH
    finding = (_BACKWARD if backward else _FORWARD).fill(
        op=operation(node, exam.asked),
        inputs=", ".join(_input(played.values[v], array.shape, at) for v in node.inputs),
        value=_number(array[at]),
        where=where,
    )
    place = exam.subject.row(int(rows[0])) if len(rows) and not node.scope else place_of(node)
    return Verdict("not-finite", _TITLE, "fault", place, max(len(rows), 1), finding, _CAUSE, _COMPUTED_FIX)


def _places(exam: Examination, rows: Array) -> Text:
    """Return the first few of some rows."""
    places = [exam.subject.row(int(row)).text for row in rows[: MOST_LISTED + 1]]
    return Text(*(listed([place.to(lang) for place in places]) for lang in LANGUAGES))


def _input(array: Array, shape: Sequence[int], at: tuple[int, ...]) -> str:
    """Return the number of an input that belongs to a place in the result, or between what its numbers lie."""
    try:
        return _number(np.broadcast_to(array, shape)[at])
    except ValueError:
        part = array[at[0]] if array.ndim and at and array.shape[0] == shape[0] else array
        return f"{_number(part.min())} … {_number(part.max())}" if part.size else "–"


def _number(value: object) -> str:
    number = float(value)  # type: ignore[arg-type]
    return "NaN" if np.isnan(number) else ("∞" if number > 0 else "−∞") if np.isinf(number) else short(number)


_TITLE = Text("NaN or infinity", "NaN 또는 무한대")
_PARAMETER = Text(
    "{name} holds {count} of {of} numbers that are NaN or infinite.",
    "{name}의 수 {of}개 중 {count}개가 NaN이거나 무한대이다.",
)
_ROWS = Text(
    "{name} holds {value} in {row}, column {column}; in all {count} of {of} rows do ({rows}). The first "
    "operation to take it is {first}.",
    "{name}의 {row}, 열 {column}에 {value:이/가} 있다. 모두 {of}개 행 중 {count}개({rows})가 그렇다. 그것을 "
    "받는 첫 연산은 {first}이다.",
)
_FORWARD = Text(
    "The first operation to make it is {op}: from {inputs} it makes {value}, {where}.",
    "그것을 처음 만드는 연산은 {op}이다. {inputs:으로/로}부터 {value:을/를} 만든다({where}).",
)
_BACKWARD = Text(
    "The loss is a number, but the derivative of {op} at {inputs} is not: the gradient becomes {value}, "
    "{where}.",
    "손실은 수이지만 {inputs}에서 {op}의 미분은 수가 아니다. 기울기가 {value:이/가} 된다({where}).",
)
_IN_ROWS = Text("in {rows}", "{rows}")
_IN_BATCH = Text("from all rows together", "모든 행을 합쳐서")
_CAUSE = Text(
    "Whatever is computed from NaN is NaN: one such number spoils the loss, every gradient, and with the "
    "next update every weight.",
    "NaN으로 계산한 것은 모두 NaN이다. 하나만 있어도 손실과 모든 기울기, 그리고 다음 갱신에서 모든 가중치를 "
    "망친다.",
)
_PARAMETER_FIX = Text(
    "These weights are lost: start anew, with a smaller rate or clip_norm=1.0, from rows without NaN.",
    "이 가중치는 되살릴 수 없다. NaN이 없는 행으로, 더 작은 학습률이나 clip_norm=1.0으로 다시 시작한다.",
)
_ROWS_FIX = Text(
    "Drop these rows, or put a number there, such as the column's median.",
    "이 행들을 빼거나 그 자리에 열의 중앙값 같은 수를 넣는다.",
)
_COMPUTED_FIX = Text(
    "Keep the operation's inputs where it is defined: add a small number below a logarithm, a root or a "
    "fraction, use the losses that take logits, scale the inputs.",
    "연산의 입력을 정의되는 범위 안에 둔다: 로그, 제곱근, 분모에 작은 수를 더하고, 로짓을 받는 손실 함수를 "
    "쓰고, 입력을 표준화한다.",
)
