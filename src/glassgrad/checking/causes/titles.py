"""What is said of each cause, in one sentence that names the program's own quantities."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from glassgrad.language import Text

__all__ = ["Title", "title"]


@dataclass(frozen=True, eq=False, slots=True)
class Title:
    """A sentence to be made of a form and of pieces of the program."""

    form: str
    words: dict[str, Any]

    @property
    def text(self) -> Text:
        """The sentence."""
        words = {k: ast.unparse(v) if isinstance(v, ast.AST) else v for k, v in self.words.items()}
        return _TITLES[self.form].fill(**words)


def title(form: str, **words: Any) -> Title:
    """Return the sentence of a form of a cause, to be filled with pieces of the program."""
    return Title(form, words)


_TITLES = {
    "missing": Text(
        "the derivative {new} of the activation is missing", "활성화 함수의 미분 {new:이/가} 빠졌다"
    ),
    "lacking": Text(
        "the formula of the derivative is wrong: the factor {new} is missing from it",
        "미분의 식이 틀렸다: 인수 {new:이/가} 빠졌다",
    ),
    "doubled": Text("the derivative {old} is multiplied once too often", "미분 {old:을/를} 한 번 더 곱했다"),
    "twice": Text(
        "{old} does not belong here: the gradient of the cross-entropy has the derivative of the output already",
        "여기에 {old:은/는} 필요 없다: 교차 엔트로피의 기울기에 출력의 미분이 이미 들어 있다",
    ),
    "unwanted": Text("the factor {old} does not belong here", "인수 {old:은/는} 여기에 들어가지 않는다"),
    "place": Text("the derivative is taken at {old} instead of {new}", "미분을 {new} 대신 {old}에서 구했다"),
    "wrong": Text(
        "{old} is not the derivative of the activation that the forward pass uses; {new} is",
        "{old:은/는} 순전파가 쓰는 활성화 함수의 미분이 아니다. 올바른 것은 {new:이다/다}",
    ),
    "transposed": Text(
        "the matrix is the wrong way round: {new} belongs where {old} stands",
        "행렬의 방향이 뒤바뀌었다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "index": Text(
        "the sum runs over the wrong index: {new} belongs where {old} stands",
        "잘못된 첨자에 대해 더했다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "rows": Text(
        "the error is summed over the wrong index of {what}: {new}",
        "오차를 {what}의 잘못된 첨자에 대해 더했다: {new}",
    ),
    "operand": Text("{old} stands where {new} belongs", "{new} 자리에 {old:이/가} 쓰였다"),
    "axis": Text(
        "summed over the wrong axis: {new} belongs where {old} stands",
        "잘못된 축을 따라 더했다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "unsummed": Text(
        "the bias gradient is not summed over the examples: {new}",
        "편향의 기울기를 데이터에 대해 더하지 않았다: {new}",
    ),
    "sign": Text(
        "the sign is wrong: {new} belongs where {old} stands",
        "부호가 틀렸다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "overwritten": Text(
        "each turn overwrites {what} instead of adding to it", "{what:을/를} 더하지 않고 매번 덮어쓴다"
    ),
    "factor": Text(
        "a constant factor is wrong: {new} belongs where {old} stands",
        "상수 배수가 틀렸다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "broadcast": Text(
        "shapes that do not fit are broadcast: {new} belongs where {old} stands",
        "맞지 않는 형상이 브로드캐스트된다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "precision": Text(
        "digits are lost: {new} belongs where {old} stands",
        "자릿수가 버려진다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "term": Text("the term {new} of the sum is missing", "합에서 항 {new:이/가} 빠졌다"),
    "range": Text(
        "part of the sum is left out: {new} belongs where {old} stands",
        "합의 일부가 빠졌다: {old} 자리에 {new:이/가} 와야 한다",
    ),
    "extra": Text("the term {old} does not belong to the sum", "항 {old:은/는} 합에 들어가지 않는다"),
    "updated": Text(
        "{what} was already updated when its gradient was passed on; update it after this line",
        "{what:이/가} 이미 갱신된 뒤에 역전파에 쓰였다. 이 줄 뒤에서 갱신해야 한다",
    ),
    "never": Text("{what} is never updated", "{what:이/가} 갱신되지 않는다"),
    "update": Text(
        "the gradient is right, but the update of {what} is wrong: {new}",
        "기울기는 맞지만 {what}의 갱신이 틀렸다: {new}",
    ),
    "unknown": Text(
        "no single change of this line gives the exact gradient",
        "이 줄을 한 군데 고쳐서는 정확한 기울기가 나오지 않는다",
    ),
}
