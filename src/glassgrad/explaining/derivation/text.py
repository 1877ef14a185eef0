"""A derivation as lines in any script, and as a document."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.explaining.derivation.derivation import MOST_PATHS, Check, Derivation, Factor, Path, Step
from glassgrad.explaining.derivation.notation import LATEX, UNICODE, Script
from glassgrad.explaining.document import Answer, Block, Document, Drawing, Formula, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Curve, Curves
from glassgrad.language import Text, short

__all__ = ["Line", "document", "lines"]

_MOST_TERMS = 12
_DOTS = {"latex": r"\cdots", "unicode": "…", "plain": "..."}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a derivation: things that are equal.

    Attributes
    ----------
    parts
        What stands between the signs of equality.
    given
        How many of the parts a worksheet without answers prints.
    """

    parts: tuple[str, ...]
    given: int


def lines(derivation: Derivation, script: Script) -> list[Line]:
    """Return the derivation, line by line: definitions, factors, paths, and their sum."""
    found = [_definition(derivation, step, script) for step in derivation.steps]
    found += [_factor(derivation, factor, script) for factor in derivation.factors]
    found += _paths(derivation, script)
    if derivation.closed is not None and not derivation.numbers:
        left = script.partial(derivation.names[derivation.result], derivation.names[derivation.wrt])
        closed = Line((left, script.expression(derivation.closed, derivation.names)), 1)
        if closed.parts[-1] != found[-1].parts[-1]:
            found.append(closed)
    return found


def _definition(derivation: Derivation, step: Step, script: Script) -> Line:
    names = derivation.names
    parts = [script.name(names[step.symbol]), script.expression(step.definition, names)]
    if step.number is not None:
        parts += [_substituted(derivation, step.definition, script), script.number(step.number)]
    return Line(_distinct(parts), 2)


def _factor(derivation: Derivation, factor: Factor, script: Script) -> Line:
    names = derivation.names
    inside = script.expression(factor.of.definition, names)
    by = names[factor.by]
    parts = [script.partial(names[factor.of.symbol], by), script.derivative(by, inside)]
    parts.append(script.expression(factor.slope, names))
    parts.append(script.expression(factor.simple, names))
    if factor.number is not None:
        parts += [_substituted(derivation, factor.simple, script), script.number(factor.number)]
    return Line(_distinct(parts), 2)


def _paths(derivation: Derivation, script: Script) -> list[Line]:
    names = derivation.names
    whole = script.partial(names[derivation.result], names[derivation.wrt])
    zero = script.number(0.0)
    if derivation.path_count == 0:
        return [Line((whole, zero), 1)]
    if derivation.paths is None:
        return [_collected(derivation, script, whole)]
    if not derivation.paths[0].factors:  # the result is the number itself
        return [Line((whole, script.number(1.0)), 1)]
    if len(derivation.paths) == 1:
        (path,) = derivation.paths
        if len(path.factors) == 1:  # the factor is the answer
            return []
        return [Line(_distinct([whole, *_product(derivation, path, script)]), 2)]
    found = []
    terms = []
    for place, path in enumerate(derivation.paths, 1):
        label = _term(place, script)
        terms.append(label)
        found.append(Line(_distinct([label, *_product(derivation, path, script)]), 2))
    parts = [whole, script.sum(terms)]
    if derivation.numbers:
        numbers = [p.number for p in derivation.paths]
        parts.append(script.sum([script.number(x, bracket=i > 0) for i, x in enumerate(numbers)]))
        parts.append(script.number(derivation.value or 0.0))
    else:
        parts.append(script.sum([_symbols(derivation, p, script) for p in derivation.paths]))
    found.append(Line(tuple(parts), 2))
    return found


def _term(place: int, script: Script) -> str:
    if script is LATEX:
        return f"P_{{{place}}}"
    return (
        f"P{str(place).translate(str.maketrans('0123456789', '₀₁₂₃₄₅₆₇₈₉'))}"
        if script is UNICODE
        else f"P{place}"
    )


def _product(derivation: Derivation, path: Path, script: Script) -> list[str]:
    names = derivation.names
    parts = [script.product([script.partial(names[f.of.symbol], names[f.by]) for f in path.factors])]
    if derivation.numbers:
        numbers = [f.number or 0.0 for f in path.factors]
        parts.append(script.product([script.number(x, bracket=i > 0) for i, x in enumerate(numbers)]))
        parts.append(script.number(path.number))
    else:
        parts.append(_symbols(derivation, path, script))
    return parts


def _symbols(derivation: Derivation, path: Path, script: Script) -> str:
    shown = [f.simple for f in path.factors if f.simple != 1] or [path.factors[0].simple]
    if len(shown) == 1:
        return script.expression(shown[0], derivation.names)
    return script.product([script.factor(e, derivation.names) for e in shown])


def _collected(derivation: Derivation, script: Script, whole: str) -> Line:
    """Return the sum over the steps that use the number directly, each with everything upstream of it together."""
    names, last = derivation.names, _last(derivation)
    result = names[derivation.result]
    pairs = [((result, names[f.of.symbol]), (names[f.of.symbol], names[f.by])) for f in last]
    symbols = [script.product([script.partial(*above), script.partial(*local)]) for above, local in pairs]
    if len(symbols) > _MOST_TERMS:
        symbols = [*symbols[:2], _DOTS[script.key], symbols[-1]]
    parts = [whole, script.sum(symbols)]
    if derivation.numbers:
        parts.append(script.number(derivation.value or 0.0))
    return Line(tuple(parts), 2)


def _last(derivation: Derivation) -> list[Factor]:
    return [f for f in derivation.factors if f.by == derivation.wrt]


def _substituted(derivation: Derivation, expression: object, script: Script) -> str:
    """Return an expression with its numbers; nothing where it chooses among cases, of which one is its number."""
    return (
        ""
        if getattr(expression, "is_Piecewise", False)
        else script.substituted(expression, derivation.numbers)
    )


def _distinct(parts: Sequence[str]) -> tuple[str, ...]:
    """Leave out parts that are empty or say again what the one before says."""
    kept = [parts[0]]
    for part in parts[1:]:
        if part and part != kept[-1]:
            kept.append(part)
    return tuple(kept)


# --- the document ----------------------------------------------------------------------------------------------------


def document(derivation: Derivation) -> Document:
    """Return the document of a derivation."""
    names = derivation.names
    of, by = UNICODE.name(names[derivation.result]), UNICODE.name(names[derivation.wrt])
    title = Text("The derivative of {of} with respect to {by}", "{of:을/를} {by:으로/로} 미분하기").fill(
        of=of, by=by
    )
    sections = [
        Section("question", Text("The question", "물음"), list(_question(derivation, of, by))),
        Section(
            "forward",
            Text("Forward: what is computed", "순전파: 무엇을 계산하는가"),
            list(_forward(derivation)),
        ),
        Section(
            "factors", Text("The factors: local derivatives", "인수: 국소적 미분"), list(_factors(derivation))
        ),
        Section("paths", Text("The paths and their sum", "경로와 그 합"), list(_sum(derivation, of, by))),
    ]
    if derivation.check is not None:
        sections.append(
            Section("check", Text("The check", "기울기 확인"), list(_check(derivation, derivation.check)))
        )
    return Document(title, [section for section in sections if section.blocks])


def _question(derivation: Derivation, of: str, by: str) -> Iterator[Block]:
    if "[" not in derivation.label:
        asked = Text(
            "How does {of} answer when {by} changes a little?",
            "{by:이/가} 조금 변하면 {of:은/는} 얼마나 변하는가?",
        )
    else:
        asked = Text(
            "How does {of} answer when {by} changes a little? In the program {by} is {label}; here indices "
            "count from 1.",
            "{by:이/가} 조금 변하면 {of:은/는} 얼마나 변하는가? {by:은/는} 프로그램의 {label}이며, 여기서 첨자는 "
            "1부터 센다.",
        )
    yield Paragraph(asked.fill(of=of, by=by, label=derivation.label))
    yield Paragraph(
        Text(
            "The chain rule: along a path the local derivatives multiply; the paths add up.",
            "연쇄 법칙: 한 경로를 따라 국소적 미분을 곱하고, 경로끼리는 더한다.",
        ),
        "rule",
    )
    if derivation.whole is not None:
        names = derivation.names
        name, whole = names[derivation.result], derivation.whole
        latex, plain = (f"{s.name(name)} = {s.expression(whole, names)}" for s in (LATEX, UNICODE))
        yield Formula(latex, plain)
    if derivation.numbers:
        given = sorted(
            {s for step in derivation.steps for s in step.definition.free_symbols}
            - {step.symbol for step in derivation.steps},
            key=lambda s: str(s.name),
        )
        rows = [(UNICODE.name(derivation.names[s]), derivation.numbers[s]) for s in given]
        yield Table(
            (Text("given", "주어진 것"), Text("number", "값")),
            rows,
            Text("The numbers that go in", "들어가는 수"),
        )
    for note in derivation.notes:
        yield Paragraph(note, "warning")


def _formulas(pairs: Sequence[tuple[Line, Line]]) -> Iterator[Block]:
    """Yield a formula for each line, given in LaTeX and in Unicode."""
    for latex, plain in pairs:
        asked = " = ".join(latex.parts[: latex.given])
        answer = len(latex.parts) > latex.given
        yield Formula(" = ".join(latex.parts), " = ".join(plain.parts), None, answer, asked if answer else "")


def _forward(derivation: Derivation) -> Iterator[Block]:
    pairs = [
        (_definition(derivation, step, LATEX), _definition(derivation, step, UNICODE))
        for step in derivation.steps
    ]
    yield from _formulas(pairs)


def _factors(derivation: Derivation) -> Iterator[Block]:
    pairs = [(_factor(derivation, f, LATEX), _factor(derivation, f, UNICODE)) for f in derivation.factors]
    yield from _formulas(pairs)


def _sum(derivation: Derivation, of: str, by: str) -> Iterator[Block]:
    if derivation.path_count == 0:
        yield Paragraph(
            Text(
                "No path leads from {by} to {of}: the derivative is 0.",
                "{by}에서 {of:으로/로} 가는 경로가 없다: 미분은 0이다.",
            ).fill(of=of, by=by),
            "rule",
        )
    if derivation.paths is None:
        yield Paragraph(
            Text(
                "There are {count:,} paths, too many to write out one by one (up to {most} are). Instead: each "
                "operation that uses {by}, with the gradient that reaches it over all paths together.",
                "경로가 {count:,}개여서 하나씩 적기에는 너무 많다({most}개까지 적는다). 대신 {by:을/를} 쓰는 "
                "연산마다, 모든 경로를 거쳐 거기에 이르는 기울기를 함께 보인다.",
            ).fill(count=derivation.path_count, most=MOST_PATHS, by=by),
            "warning",
        )
        if derivation.numbers:
            yield _collected_table(derivation)
    pairs = list(zip(_paths(derivation, LATEX), _paths(derivation, UNICODE), strict=True))
    yield from _formulas(pairs)
    if derivation.paths is not None and len(derivation.paths) > 1 and derivation.numbers:
        rows: list[tuple[str | float | Text, ...]] = []
        for place, path in enumerate(derivation.paths, 1):
            chain = [derivation.wrt, *(f.of.symbol for f in reversed(path.factors))]
            route = " → ".join(UNICODE.name(derivation.names[s]) for s in chain)
            rows.append((_term(place, UNICODE), route, path.number))
        left = UNICODE.partial(derivation.names[derivation.result], derivation.names[derivation.wrt])
        rows.append((Text("sum", "합"), left, derivation.value or 0.0))
        way = Text("from {by} to {of}", "{by}에서 {of}까지").fill(by=by, of=of)
        header = (Text("path", "경로"), way, Text("term", "항"))
        yield Table(header, rows, Text("The paths", "경로별 합"), total=True, hidden=frozenset({2}))
    if derivation.closed is not None:
        names = derivation.names
        pair = names[derivation.result], names[derivation.wrt]
        latex, plain = (
            f"{s.partial(*pair)} = {s.expression(derivation.closed, names)}" for s in (LATEX, UNICODE)
        )
        note = Text("As one formula, simplified", "하나의 식으로 간단히 하면")
        yield Formula(latex, plain, note, True, LATEX.partial(*pair))
    if derivation.value is not None:
        yield Answer(Text("What is ∂{of}/∂{by}?", "∂{of}/∂{by}의 값은?").fill(of=of, by=by), derivation.value)


def _collected_table(derivation: Derivation) -> Table:
    names = derivation.names
    rows: list[tuple[str | float | Text, ...]] = []
    for factor in _last(derivation):
        above = derivation.upstream[factor.of.symbol]
        local = factor.number or 0.0
        rows.append((UNICODE.name(names[factor.of.symbol]), above, local, above * local))
    rows.append((Text("sum", "합"), "", "", derivation.value or 0.0))
    header = (
        Text("operation", "연산"),
        Text("upstream gradient", "상류 기울기"),
        Text("local derivative", "국소적 미분"),
        Text("product", "곱"),
    )
    return Table(header, rows, Text("Where it is used", "쓰이는 곳"), total=True, hidden=frozenset({3}))


def _check(derivation: Derivation, check: Check) -> Iterator[Block]:
    yield Paragraph(
        Text(
            "Three answers that do not know of each other: SymPy derives the whole expression and evaluates it with 40 "
            "digits, backpropagation is what glassgrad computed, and the central difference asks the function alone.",
            "서로를 모르는 세 답: SymPy는 식 전체를 미분해 40자리로 계산하고, 역전파는 glassgrad가 실제로 계산한 "
            "것이며, 중앙 차분은 함수의 값만 본다.",
        )
    )
    h = math.nan if check.sweep.best is None else float(check.sweep.h[check.sweep.best])
    rows: list[tuple[Text | float | str | None, ...]] = [
        (Text("sum over paths", "경로별 합"), derivation.value, (derivation.value or 0.0) - check.symbolic),
        (Text("symbolic (SymPy)", "기호 미분(SymPy)"), check.symbolic, None),
        (Text("backpropagation", "역전파"), check.backpropagation, check.backpropagation - check.symbolic),
        (
            Text("central difference, h = {h}", "중앙 차분, h = {h}").fill(h=short(h)),
            check.difference,
            check.difference - check.symbolic,
        ),
    ]
    header = (Text("answer", "답"), Text("derivative", "미분"), Text("minus symbolic", "기호 미분과의 차"))
    yield Table(header, rows, Text("The answers side by side", "나란히 놓은 답"), hidden=frozenset({1, 2}))
    error = np.abs(check.sweep.estimates - check.symbolic)
    seen = np.isfinite(error) & (error > 0)
    if seen.any():
        label = UNICODE.partial(derivation.names[derivation.result], derivation.names[derivation.wrt])
        yield Drawing(
            Curves(
                [Curve(label, check.sweep.h[seen], error[seen], dots=True)],
                Text("h", "h"),
                Text("error of the central difference", "중앙 차분의 오차"),
                log_x=True,
                log_y=True,
            ),
            Text(
                "A wide h bends, a narrow one cancels digits: the error is smallest in between.",
                "h가 크면 곡선이 휘어 틀리고 작으면 자릿수 누락으로 틀린다: 오차는 그 사이에서 가장 작다.",
            ),
        )
