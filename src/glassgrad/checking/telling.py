"""What is said of programs, in English and Korean: sentences, notices, and what to do where nothing can be judged."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.replay import Unplayable
from glassgrad.checking.judging.step import Step
from glassgrad.checking.recording.run import Failure, Program, Run
from glassgrad.language import Text, short

__all__ = ["SAYS", "failed", "nothing_found", "notices_of", "unplayable"]

SAYS: dict[str, Text] = {
    "wrong gradient": Text(
        "{name} (line {line}) is the first quantity of the backward pass that is wrong.",
        "역전파에서 처음으로 틀린 것은 {line}번째 줄의 {name:이다/다}.",
    ),
    "wrong update": Text(
        "The gradient of {name} is right, but what line {line} does with it is not.",
        "{name}의 기울기는 옳지만, {line}번째 줄이 그것으로 하는 일이 틀렸다.",
    ),
    "needed": Text("what {name} needs", "{name}에 필요한 값"),
    "in float64": Text("what float64 gives", "float64로 셈한 값"),
    "whole numbers": Text(
        "{name} is an array of whole numbers ({dtype}): it cuts off what is written into it. Make it of floats.",
        "{name:은/는} 정수({dtype}) 배열이라 적어 넣은 값의 소수 부분을 잘라 버린다. 실수 배열로 만든다.",
    ),
    "few digits": Text(
        "The formula of {name} is right, but it is computed in {dtype}, which keeps too few digits.",
        "{name}의 식은 옳지만 {dtype:으로/로} 셈해서 자릿수가 모자란다.",
    ),
    "part": Text("{name} is never updated", "{name:이/가} 갱신되지 않는다"),
    "rounded": Text(
        "The formula of {name} is right, but this line rounds it to whole numbers.",
        "{name}의 식은 옳지만 이 줄에서 정수로 반올림된다.",
    ),
    "carried": Text(
        "{name} still holds the gradients of the steps before: set it to zero before each step.",
        "{name}에 앞선 스텝의 기울기가 남아 있다. 스텝마다 0으로 되돌려야 한다.",
    ),
    "right": Text("exact", "정확하다"),
    "not the gradient": Text("not its gradient", "이 매개변수의 기울기가 아니다"),
    "zero": Text("zero, and rightly so", "0이며, 그것이 옳다"),
    "descends": Text("goes down the gradient", "기울기를 따라 내려간다"),
    "follows": Text("wrong with its gradient", "기울기와 함께 틀렸다"),
    "wrong step": Text("does not go down the gradient", "기울기를 따라 내려가지 않는다"),
    "decay": Text("goes down the gradient, with weight decay", "가중치 감쇠와 함께 기울기를 따라 내려간다"),
    "optimizer": Text(
        "an optimizer's step: every element goes against its gradient",
        "옵티마이저의 갱신: 모든 원소가 기울기의 반대쪽으로 간다",
    ),
    "parameter": Text("a parameter", "매개변수"),
    "prediction": Text("the prediction ŷ", "예측값 ŷ"),
    "forward": Text("part of the forward pass", "순전파의 한 부분"),
    "between": Text("on the way to a gradient", "기울기로 가는 중간값"),
    "loss given": Text("{name}, as you said.", "말한 대로 {name:이다/다}."),
    "loss computed": Text(
        "{name}, which the program computes; its gradients are what was compared with.",
        "프로그램이 계산하는 {name:이다/다}. 이것의 기울기와 견주었다.",
    ),
    "loss standard": Text(
        "E = {formula}, {name}: the standard loss whose gradient the backward pass starts from.",
        "E = {formula}, {name}: 역전파가 이것의 기울기에서 시작한다.",
    ),
}

_NOTICES = {
    "rates": Text(
        "The parameters go down at different rates: {rates}. Each goes down its own gradient; a factor such as 1/N "
        "is missing in one of them, or meant.",
        "매개변수마다 내려가는 빠르기가 다르다: {rates}. 저마다 제 기울기를 따라가지만, 어느 하나에 1/N 같은 인수가 "
        "빠졌거나 일부러 둔 것이다.",
    ),
    "zero": Text(
        "The loss does not move with {name}: its gradient is 0 everywhere, and so is its step.",
        "{name:이/가} 변해도 손실은 변하지 않는다. 기울기가 모든 곳에서 0이고, 갱신도 0이다.",
    ),
    "decay": Text(
        "{name} also decays towards 0: its step has a part of {decay} times itself.",
        "{name:은/는} 0 쪽으로 줄기도 한다. 갱신에 자기 자신의 {decay}배가 들어 있다.",
    ),
}


def notices_of(judgement: Judgement, names: Any, run: Run) -> tuple[list[Text], bool]:
    """Return what is worth knowing about a program, and whether some of it makes the verdict a notice."""
    notices: list[Text] = []
    rates = [
        (p.parameter.name, -p.step.factor)
        for p in judgement.parameters
        if p.step is not None and p.step.factor < 0 and any(np.any(e) for e in p.exact)
    ]
    if rates and max(r for _, r in rates) > min(r for _, r in rates) * (1 + 1e-6):
        listed = ", ".join(f"{name} {short(rate)}" for name, rate in rates)
        notices.append(_NOTICES["rates"].fill(rates=listed))
    for p in judgement.parameters:
        if p.right and not any(np.any(e) for e in p.exact):
            notices.append(_NOTICES["zero"].fill(name=p.parameter.name))
        if p.right and p.step is not None and p.step.decay:
            notices.append(_NOTICES["decay"].fill(name=p.parameter.name, decay=short(p.step.decay)))
    return notices, bool(notices)


def failed(failure: Failure | None) -> str:
    """Return the message for a program that ends with an error of its own."""
    assert failure is not None
    what = f"stops with an error of its own at line {failure.line}: {failure.kind}: {failure.message}"
    if failure.kind == "Stopped":
        what = f"was stopped at line {failure.line}: {failure.message}"
    lines = [f"{failure.file} {what.splitlines()[0]}", f"    {failure.text}" if failure.text else ""]
    lines.append(failure.advice.en if failure.advice else "")
    return "\n".join(filter(None, lines))


def nothing_found(
    program: Program, run: Run, started: str | None, *, loss: str | None = None, step: Step | None = None
) -> str:
    """Return the message for a program in which nothing could be judged."""
    if loss is not None:
        return f"{program.path} computes no number named {loss!r} that depends on its parameters."
    if step is not None:
        return (
            f"{program.path} trains, but no loss was found that it could be descending.\n"
            "Give the name of the number it descends: --loss NAME."
        )
    hint = "Give the expression that starts the training: --run 'train(X, y)'." if started is None else ""
    return (
        f"{program.path} ran, but nothing in it was updated by a step that depends on it, so there are no parameters "
        f"to check.\n{hint or 'The expression of --run updated nothing either.'}"
    )


def unplayable(problem: Unplayable, program: Program) -> str:
    """Return the message for a program with a call that has no derivative."""
    place = problem.event.place
    where = f" at line {place.line} of {place.file}" if place else ""
    return f"{program.path}: {problem.event.name}{where} cannot be differentiated: {problem}"
