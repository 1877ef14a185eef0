"""The sentences of a check of gradients, in English and Korean."""

from __future__ import annotations

from glassgrad.language import Text

__all__ = [
    "ALONE",
    "ALSO_FACTOR",
    "BLOCKED",
    "BROADCAST",
    "CLOSE",
    "COINCIDENCE",
    "COUNTED",
    "FACTOR_NOTICE",
    "FACTOR_ROWS",
    "FACTOR_RULE",
    "FLAT",
    "HEADER",
    "INPUTS_ONLY",
    "JUMP",
    "KINK",
    "NAN",
    "NONE_GIVEN",
    "NO_EXACT",
    "OTHER",
    "OTHER_SHAPE",
    "PRECISION",
    "RANDOM",
    "RESHAPED",
    "SAMPLED",
    "SAMPLED_ALONE",
    "SHAPE",
    "SIGN",
    "STILL",
    "SUMMED",
    "TRANSPOSED",
    "VERDICTS",
    "WRONG",
    "ZERO",
    "at_place",
]

VERDICTS = {
    "right": Text("right", "옳음"),
    "notice": Text("right, with a notice", "옳음, 알릴 것 있음"),
    "wrong": Text("wrong", "틀림"),
}

HEADER = (
    Text("gradient of", "기울기"),
    Text("verdict", "판정"),
    Text("largest relative error", "최대 상대 오차"),
    Text("at", "자리"),
    Text("numerically", "수치 미분"),
)
OTHER_SHAPE = Text("another shape", "다른 형상")
COUNTED = Text("{n} of {size} elements", "원소 {size}개 중 {n}개")

WRONG = Text(
    "It is off by up to {error} (relative), at {place}, where it is {given} and should be {right}; {wrong} of {size} "
    "elements are wrong.",
    "상대 오차가 최대 {error}이다. {place}에서 값이 {given}인데 {right}이어야 한다. 원소 {size}개 가운데 "
    "{wrong}개가 틀렸다.",
)
NAN = Text(
    "It is {given} at {place}, where it should be {right}.",
    "{place}에서 값이 {given}인데 {right}이어야 한다.",
)
SHAPE = Text(
    "It has shape {given}, but {name} has shape {right}: a gradient has the shape of what it belongs to.",
    "형상이 {given}인데 {name}의 형상은 {right}이다. 기울기의 형상은 그 대상의 형상과 같아야 한다.",
)
ZERO = Text(
    "It is 0 throughout, although the result moves with {name}: nothing flows back to it.",
    "{name:이/가} 변하면 결과도 변하는데 기울기는 모두 0이다. 거기까지 되돌아가는 것이 없다.",
)
NONE_GIVEN = Text(
    "None was returned for {name}, although the result moves with it: nothing flows back there.",
    "{name:이/가} 변하면 결과도 변하는데 None을 돌려주었다. 그쪽으로는 기울기가 흐르지 않는다.",
)
SIGN = Text(
    "It is minus the right one: with this sign the loss is climbed, not descended.",
    "옳은 기울기에 −1을 곱한 것이다. 이 부호로는 손실을 내려가지 않고 올라간다.",
)
FACTOR_NOTICE = Text(
    "It is {factor} times the exact gradient, in all elements and at all points. The learning rate absorbs that: "
    "{name} learns as with {factor} times the rate.",
    "모든 원소와 모든 점에서 정확한 기울기의 {factor}배이다. 학습률이 이를 흡수한다. {name:은/는} 학습률이 "
    "{factor}배인 것처럼 학습한다.",
)
FACTOR_RULE = Text(
    "It is {factor} times the right one, in all elements and at all points. Inside a larger network no learning rate "
    "absorbs that.",
    "모든 원소와 모든 점에서 옳은 기울기의 {factor}배이다. 더 큰 신경망 안에서는 학습률이 이를 흡수하지 못한다.",
)
FACTOR_ROWS = Text(
    "{factor} fits the {rows} rows of the inputs: a sum stands where a mean should, or the reverse.",
    "{factor:은/는} 입력의 행 {rows}개와 맞는다. 평균이어야 할 곳이 합이거나 그 반대이다.",
)
ALSO_FACTOR = Text("Then it is still {factor} times the right one.", "그래도 옳은 것의 {factor}배이다.")
TRANSPOSED = Text(
    "It is the transpose of the right one: take .T of it, or swap the factors of the product it comes from.",
    "옳은 기울기의 전치이다. .T를 취하거나 이것을 만든 곱의 두 인수를 바꾼다.",
)
SUMMED = Text(
    "Summed over {axes} it is right: {name} was broadcast there, so its gradient is the sum, .sum(axis={axis}).",
    "{axes:으로/로} 합하면 옳다. {name:은/는} 그 축으로 브로드캐스트되었으므로 기울기는 합 .sum(axis={axis})이다.",
)
BROADCAST = Text(
    "In the forward pass ({n}, 1) and ({n},) have become ({n}, {n}): give both the same shape, as with "
    "y.reshape(-1, 1). The loss that is computed now is another one.",
    "순전파에서 ({n}, 1)과 ({n},)이 브로드캐스트되어 ({n}, {n})이 되었다. y.reshape(-1, 1)처럼 형상을 맞춘다. "
    "지금 계산하는 손실은 다른 손실이다.",
)
RESHAPED = Text(
    "Its numbers are right in another shape, {given} for {right}: an update makes {name} change its shape, or fails.",
    "수는 옳고 형상이 다르다({right} 대신 {given}). 갱신하면 {name}의 형상이 바뀌거나 오류가 난다.",
)
OTHER = Text(
    "It is the right gradient of {other}: the gradients are returned in another order.",
    "{other}의 옳은 기울기이다. 기울기를 돌려주는 순서가 바뀌었다.",
)
FLAT = Text(
    "The result does not move with {name} at all, so the right gradient is 0: {name} is not used (is it read from "
    "elsewhere than the arguments?), or what is computed from it is a step.",
    "{name:이/가} 변해도 결과는 변하지 않으므로 옳은 기울기는 0이다. {name:이/가} 쓰이지 않거나(인수가 아닌 다른 "
    "곳에서 읽는가?), 거기서 계산한 것이 계단 함수이다.",
)
STILL = Text(
    "The result does not move with {name} at any point that was tried: its gradient is 0, as yours is.",
    "시험한 어느 점에서도 {name:이/가} 변해도 결과는 변하지 않는다. 기울기는 0이며 계산한 것도 0이다.",
)
COINCIDENCE = Text(
    "At the parameters given it is right; at others it is wrong: it is right by coincidence, or the backward pass "
    "reads parameters from elsewhere than its arguments.",
    "주어진 매개변수에서는 옳지만 다른 값에서는 틀렸다. 우연히 맞았거나, 역전파가 매개변수를 인수가 아닌 "
    "다른 곳에서 읽는다.",
)
INPUTS_ONLY = Text(
    "At the inputs given it is right; at others nearby it is off by {error} (relative), at {place}: the backward pass "
    "reads inputs from elsewhere than its arguments, relies on something that these are, or is right by coincidence.",
    "주어진 입력에서는 옳지만 가까운 다른 입력에서는 {place}에서 상대 오차가 {error}이다. 역전파가 입력을 인수가 아닌 "
    "다른 곳에서 읽거나, 이 입력의 어떤 성질에 기대고 있거나, 우연히 맞은 것이다.",
)
KINK = Text(
    "At {place} the result has a kink in {name}, {n} in all: the slope is {left} to the left and {right} to the right. "
    "Any number between is a subgradient; {given} was returned.",
    "{place}에서 결과가 {name}에 대해 꺾인다(모두 {n}곳). 왼쪽 기울기는 {left}, 오른쪽 기울기는 {right}이다. "
    "그 사이의 수는 모두 부분기울기이며 계산한 값은 {given}이다.",
)
JUMP = Text(
    "At {place} the result jumps in {name}: there is no gradient to compare with.",
    "{place}에서 결과가 {name}에 대해 끊어진다. 견줄 기울기가 없다.",
)
BLOCKED = Text(
    "Differentiating the forward code gives {exact} at {place}, but the result moves at the rate {numeric}: the code "
    "blocks a gradient (detach, .item(), a rule of its own), stands on a kink of one of its operations, or computes in "
    "few digits. Yours agrees with the {which}.",
    "순전파 코드를 미분하면 {place}에서 {exact}이지만 결과는 {numeric}의 비율로 변한다. 코드가 기울기를 막거나(detach, "
    ".item(), 따로 정한 규칙), 어떤 연산이 꺾이는 점에 있거나, 적은 자릿수로 계산한다. 계산한 것은 {which:과/와} 같다.",
)
CLOSE = Text(
    "It is off by {error} (relative): more than rounding and too little to matter, as where an epsilon of the forward "
    "pass is left out.",
    "상대 오차가 {error}이다. 반올림보다 크지만 문제가 될 만큼은 아니다. 순전파의 엡실론을 빠뜨리면 이렇게 된다.",
)
PRECISION = Text(
    "The result is computed in {dtype}, so gradients are compared to its digits only.",
    "결과를 {dtype:으로/로} 계산하므로 기울기는 그 자릿수까지만 견준다.",
)
RANDOM = Text(
    "The forward pass draws random numbers: every run started from the same state, so that it is one function.",
    "순전파가 난수를 뽑는다. 한 함수가 되도록 매번 같은 상태에서 시작했다.",
)
NO_EXACT = Text(
    "The forward code could not be differentiated exactly ({reason}), so the gradients were compared with numeric "
    "differentiation of the whole alone.",
    "순전파 코드를 정확히 미분할 수 없어({reason}) 기울기를 전체의 수치 미분하고만 견주었다.",
)
SAMPLED = Text(
    "Numeric differentiation looked at a sample of the larger arrays: {n} of {size} elements in all; exact "
    "differentiation at every element.",
    "큰 배열은 일부만 수치 미분했다(모두 {size}개 원소 가운데 {n}개). 정확한 미분은 모든 원소를 보았다.",
)
SAMPLED_ALONE = Text(
    "The gradients were looked at in a sample of elements only: {n} of {size} in all.",
    "기울기는 일부 원소에서만 보았다(모두 {size}개 가운데 {n}개).",
)
ALONE = Text(
    "Everywhere else that was tried the code fails or is not finite, so a gradient may be right by coincidence.",
    "시험한 다른 모든 점에서는 코드가 실패하거나 유한하지 않으므로 기울기가 우연히 맞았을 수도 있다.",
)


def at_place(name: str, at: tuple[int, ...] | None) -> str:
    """Return an element of an array as it is written in code.

    Examples
    --------
    >>> at_place("W1", (0, 2)), at_place("b", ())
    ('W1[0, 2]', 'b')
    """
    return f"{name}[{', '.join(map(str, at))}]" if at else name
