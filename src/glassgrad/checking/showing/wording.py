"""What every showing of a report says, in English and Korean: the verdict, a finding, what a line's arrays are."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.checking.report import Finding, Gradient, ProgramReport, Quantity, State
from glassgrad.checking.sentences import at_place
from glassgrad.checking.showing.arrays import numbers
from glassgrad.language import Text, short

__all__ = [
    "GRAVEST",
    "MARKS",
    "STATES",
    "WORDS",
    "columns",
    "described",
    "how",
    "mended",
    "off",
    "shape",
    "verdict",
]

MARKS: dict[State, str] = {"right": "✓", "notice": "!", "wrong": "✗", "follows": "↳", "plain": " "}
"""A sign for each state, so that it can be told without colours."""

GRAVEST: tuple[State, ...] = ("wrong", "follows", "notice", "right", "plain")

STATES: dict[State, Text] = {
    "right": Text("right", "옳음"),
    "notice": Text("right, with a notice", "옳음, 알릴 것 있음"),
    "wrong": Text("wrong", "틀림"),
    "follows": Text("wrong only because of ✗", "✗ 때문에만 틀림"),
    "plain": Text("nothing to compare", "견줄 것 없음"),
}

WORDS = {
    "title": Text("Is the backward pass right? {file}", "역전파가 옳은가? {file}"),
    "first": Text("The first thing wrong", "처음으로 틀린 것"),
    "also": Text("Also wrong", "또 틀린 것"),
    "cause": Text("Cause", "원인"),
    "follows": Text("Wrong only because of it", "이 때문에만 틀린 것"),
    "mended": Text("The line, corrected", "고친 줄"),
    "line": Text("The line", "해당 줄"),
    "parameters": Text("The parameters", "매개변수"),
    "parameter": Text("parameter", "매개변수"),
    "shape": Text("shape", "형상"),
    "gradient": Text("gradient", "기울기"),
    "update": Text("update", "갱신"),
    "error": Text("relative error", "상대 오차"),
    "at": Text("at", "자리"),
    "rate": Text("learning rate", "학습률"),
    "loss": Text("The loss", "손실"),
    "prediction": Text("prediction", "예측값"),
    "target": Text("target", "정답"),
    "notices": Text("Worth knowing", "알아 둘 것"),
    "listing": Text("Line by line", "한 줄씩"),
    "code": Text("code", "코드"),
    "what": Text("what it is", "무엇인가"),
    "numbers": Text("The gradients in numbers", "기울기의 수"),
    "element": Text("element", "원소"),
    "found": Text("yours", "계산한 값"),
    "exact": Text("exact", "정확한 값"),
    "other_shape": Text(
        "It has shape {found}; the exact gradient has shape {exact}.",
        "형상이 {found}인데 정확한 기울기의 형상은 {exact}이다.",
    ),
    "part": Text("{shown} of {size} elements", "원소 {size}개 가운데 {shown}개"),
    "copy": Text("All numbers, to copy", "모든 수 (복사용)"),
    "more": Text("… {n} more", "… {n}개 더"),
}

_RIGHT = Text(
    "Right: every gradient is that of E = {loss}, and every update follows it.",
    "옳다: 모든 기울기가 E = {loss}의 기울기이며 갱신도 모두 이를 따른다.",
)
_NOTICE = Text(
    "Right, with something to know: the gradients are those of E = {loss}.",
    "옳다. 다만 알아 둘 것이 있다: 기울기는 E = {loss}의 기울기이다.",
)
_WRONG = Text(
    "Wrong: the first thing that is not right is {name}, {file}:{line}.",
    "틀렸다: 처음으로 옳지 않은 것은 {file}:{line}의 {name:이다/다}.",
)
_WRONG_ALSO = Text(
    "Wrong in {n} places: the first thing that is not right is {name}, {file}:{line}.",
    "{n}곳이 틀렸다: 처음으로 옳지 않은 것은 {file}:{line}의 {name:이다/다}.",
)
_EXACT = Text(
    "Compared with exact differentiation of the forward pass, on {draws} different parameters and inputs, "
    "in {seconds} s.",
    "순전파를 정확히 미분한 것과 서로 다른 매개변수와 입력 {draws}벌에서 견주었다({seconds}초).",
)
_NUMERIC = Text(
    "Compared with numeric differentiation of the loss, since a call in it cannot be differentiated, on {draws} "
    "different parameters and inputs, in {seconds} s.",
    "미분할 수 없는 호출이 있어 손실의 수치 미분과 서로 다른 매개변수와 입력 {draws}벌에서 견주었다({seconds}초).",
)
_OFF = Text(
    "At {place} it is {found} and should be {exact}: off by {error}, relative to the largest entry.",
    "{place}에서 값이 {found}인데 {exact:이어야/여야} 한다. 가장 큰 원소에 대한 상대 오차는 {error:이다/다}.",
)
_ERROR = Text(
    "Off by {error}, relative to the largest entry.", "가장 큰 원소에 대한 상대 오차는 {error:이다/다}."
)
_CONFIRMED = Text(
    "Run again with this line, the program has this gradient right.",
    "이 줄로 바꾸어 다시 실행하면 이 기울기가 옳다.",
)
_EDITED = Text(
    "This line gives the exact value wherever it was tried.", "이 줄은 시험한 곳마다 정확한 값을 준다."
)
_UNMENDED = Text(
    "No edit of this line that was tried gives the exact value.",
    "이 줄을 여러 가지로 고쳐 보았지만 정확한 값이 나오지 않았다.",
)
_SHOULD = Text("should be {meaning}", "{meaning:이어야/여야} 한다")
_SHOULD_OFF = Text(
    "should be {meaning}; off by {error} at {place}",
    "{meaning:이어야/여야} 한다. {place}에서 상대 오차 {error}",
)
_NAMED = Text("{name}: {what}", "{name}: {what}")


def verdict(report: ProgramReport) -> Text:
    """Return the verdict in one sentence."""
    if report.verdict != "wrong":
        return (_RIGHT if report.verdict == "right" else _NOTICE).fill(loss=report.loss.formula)
    first, n = report.findings[0].quantity, len(report.findings)
    sentence = _WRONG if n == 1 else _WRONG_ALSO
    return sentence.fill(n=n, name=first.name, file=first.file, line=first.line)


def how(report: ProgramReport) -> Text:
    """Return what everything was compared with."""
    sentence = _EXACT if report.method == "exact" else _NUMERIC
    return sentence.fill(draws=report.draws, seconds=f"{report.seconds:.1f}")


def off(q: Quantity) -> Text | None:
    """Return how far a quantity is from the exact one, where they can be compared, and where it is furthest."""
    found, exact = numbers(q.found), numbers(q.exact)
    if found is not None and exact is not None and found.size != exact.size:
        return WORDS["other_shape"].fill(found=str(found.shape), exact=str(exact.shape))
    if q.error is None:
        return None
    if found is None or exact is None or len(q.place) != exact.ndim:
        return _ERROR.fill(error=short(q.error))
    values = {"found": found.reshape(exact.shape)[q.place], "exact": exact[q.place]}
    place = at_place(q.name, q.place)
    return _OFF.fill(place=place, error=short(q.error), **{key: short(n) for key, n in values.items()})


def mended(finding: Finding) -> Text | None:
    """Return how sure the corrected line is; None where the cause is known and no line alone would mend it."""
    cause = finding.cause
    if cause.after:
        return _CONFIRMED if cause.confirmed else _EDITED
    return _UNMENDED if cause.key == "unknown" else None


def columns(parameters: Sequence[Gradient]) -> list[str]:
    """Return the columns of the table of parameters, without those in which nothing stands."""
    optional = {
        "error": any(g.error is not None for g in parameters),
        "at": any(g.place for g in parameters),
        "rate": any(g.rate is not None for g in parameters),
    }
    keys = ("parameter", "shape", "gradient", "update", "error", "at", "rate")
    return [key for key in keys if optional.get(key, True)]


def shape(sizes: tuple[int, ...]) -> str:
    """Return a shape as people write it.

    Examples
    --------
    >>> shape((784, 128)), shape((10,)), shape(())
    ('784×128', '10', '1')
    """
    return "×".join(map(str, sizes)) or "1"


def described(q: Quantity, *, named: bool) -> Text:
    """Return what a quantity is or should be, with its name where the line has several.

    Examples
    --------
    >>> meaning = Text("∂E/∂z1", "∂E/∂z1")
    >>> described(Quantity("d1", "net.py", 7, meaning, "right"), named=True).en
    'd1: ∂E/∂z1'
    >>> described(Quantity("d1", "net.py", 7, meaning, "wrong", 0.25, (0, 2)), named=False).en
    'should be ∂E/∂z1; off by 0.25 at [0, 2]'
    """
    what = q.meaning
    if q.state in ("wrong", "follows"):
        what = _SHOULD.fill(meaning=q.meaning)
        if q.error is not None and q.place:
            what = _SHOULD_OFF.fill(meaning=q.meaning, error=short(q.error), place=at_place("", q.place))
    return _NAMED.fill(name=q.name, what=what) if named else what
