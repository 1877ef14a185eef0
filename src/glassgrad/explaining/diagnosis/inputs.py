"""Unscaled inputs: features so large, or so small, that no first weights and no rate suit them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.explaining.diagnosis.examination import Examination
from glassgrad.explaining.diagnosis.verdict import Place, Verdict
from glassgrad.explaining.diagnosis.words import listed
from glassgrad.language import Text, short

__all__ = ["check"]

LARGE = 30.0
"""The root mean square of a feature above which it is unscaled. First weights are drawn for features of
about 1; the gradient of a weight grows with its feature, and the rate that is stable falls with its square,
here below a thousandth. Pixels from 0 to 16 stay below it, pixels from 0 to 255, years and prices do not."""

SMALL = 0.01
"""The same below which the largest feature is lost beside the biases: the first layer hardly sees the
rows."""


NEAR = 0.8
"""A feature is at its limit beyond this share of it: preprocessing bends what is larger towards the limit."""

MOST_ROWS = 0.5
"""The share of rows on which a feature must be at its limit. Training rows lie around 0, half of them within
one interquartile range, so that new rows of the same kind can never be there so often."""


def check(exam: Examination) -> Iterator[Verdict]:
    """Measure each feature."""
    yield from _foreign(exam)
    X = exam.X.reshape(len(exam.X), -1).astype(np.float64)
    sizes = np.sqrt(np.mean(X * X, axis=0))
    largest = int(sizes.argmax())
    size = float(sizes[largest])
    if SMALL <= size <= LARGE or size == 0:
        return
    column, names = exam.subject.column(largest), [exam.subject.column(i) for i in np.argsort(-sizes)]
    if size > LARGE:
        count = int((sizes > LARGE).sum())
        finding = _LARGE.fill(
            column=column, size=short(size), count=count, of=len(sizes), names=listed(names[:count])
        )
    else:
        finding = _SMALL.fill(column=column, size=short(size), of=len(sizes))
    yield Verdict("unscaled-inputs", _TITLE, "warning", Place("column", column), size, finding, _CAUSE, _FIX)


def _foreign(exam: Examination) -> Iterator[Verdict]:
    """Find features of which most are at the limit of a learner's preprocessing."""
    limits = exam.subject.limits
    if limits is None:
        return
    shares = (np.abs(exam.X) >= NEAR * limits).mean(axis=0)
    columns = np.flatnonzero(shares >= MOST_ROWS)
    if not len(columns):
        return
    first = int(shares.argmax())
    yield Verdict(
        "foreign-inputs",
        _FOREIGN,
        "fault",
        Place("column", exam.subject.column(first)),
        float(shares[first]),
        _FOREIGN_FINDING.fill(
            column=exam.subject.column(first),
            share=f"{shares[first]:.0%}",
            limit=short(limits[first]),
            count=len(columns),
            names=listed([exam.subject.column(int(i)) for i in columns]),
        ),
        _FOREIGN_CAUSE,
        _FOREIGN_FIX,
    )


_FOREIGN = Text("inputs in other units than in training", "학습 때와 단위가 다른 입력")
_FOREIGN_FINDING = Text(
    "On {share} of the rows column {column} is at ±{limit}, the limit of what training knew; {count} "
    "columns are ({names}).",
    "행의 {share}에서 열 {column:이/가} 학습 때 알던 범위의 끝인 ±{limit}에 있다. 그런 열이 "
    "{count}개({names})이다.",
)
_FOREIGN_CAUSE = Text(
    "The model scales each column by the median and the quartiles of its training rows; these rows lie far "
    "outside of them.",
    "모델은 훈련 행의 중앙값과 사분위수로 열마다 표준화하는데, 이 행들은 그 범위에서 멀리 벗어나 있다.",
)
_FOREIGN_FIX = Text(
    "Give the columns in the units that training had, or train anew on rows like these.",
    "학습 때와 같은 단위로 열을 주거나, 이런 행으로 다시 학습한다.",
)
_TITLE = Text("unscaled inputs", "표준화되지 않은 입력")
_LARGE = Text(
    "Column {column} has a root mean square of {size}; {count} of {of} columns are far above 1 ({names}).",
    "열 {column}의 제곱 평균 제곱근이 {size}이다. 열 {of}개 중 {count}개({names})가 1보다 훨씬 크다.",
)
_SMALL = Text(
    "Column {column} is the largest of {of}, and its root mean square is only {size}.",
    "열 {of}개 중 가장 큰 열 {column}도 제곱 평균 제곱근이 {size}뿐이다.",
)
_CAUSE = Text(
    "First weights and learning rates are meant for inputs of about 1. Larger ones saturate units and make "
    "the gradient of their weights as much larger, smaller ones are lost.",
    "가중치의 초깃값과 학습률은 크기가 1쯤인 입력에 맞추어져 있다. 더 큰 입력은 유닛을 포화시키고 그 "
    "가중치의 기울기를 그만큼 키우며, 더 작은 입력은 묻힌다.",
)
_FIX = Text(
    "Standardize each column: (X − mean) / standard deviation, taken from the training rows; divide pixels "
    "by their largest value. gg.Learner does it by itself.",
    "열마다 표준화한다: 훈련 행의 평균과 표준편차로 (X − 평균) / 표준편차. 픽셀은 최댓값으로 나눈다. "
    "gg.Learner는 이를 스스로 한다.",
)
