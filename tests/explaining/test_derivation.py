"""Derivations: every weight of the worked examples, random expressions, and what is said where nothing can be."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("sympy")

import glassgrad as gg
from glassgrad import examples
from glassgrad.errors import GlassgradError, GraphError, OptionError, ShapeError
from glassgrad.examples import FunctionExample, NetworkExample
from glassgrad.examples.perceptrons import CORNERS, GATES, TRUTH, PerceptronsExample
from glassgrad.explaining.derivation.derivation import MOST_PATHS, Derivation, derive
from glassgrad.explaining.derivation.differences import WIDTHS, central_differences
from glassgrad.explaining.document import Document, Drawing, Formula, Paragraph, Table
from glassgrad.explaining.replay import Replay, replay
from glassgrad.explaining.subjects import explain
from glassgrad.nn import ACTIVATIONS, Linear, ReLU, Sequential
from glassgrad.nn.losses import loss
from glassgrad.optim import SGD
from glassgrad.training.step import build_step

CLOSE = 1e-9


def loss_of(model: Any, X: Any, y: Any, name: str) -> Replay:
    """Replay the loss of one step of training."""
    built = build_step(model, loss(name), SGD(lr=0.5), X, y)
    inputs = [*built.state, X, y, np.arange(len(X)), 0.5, 1, *built.fixed]
    return replay(built.step.graph, inputs, output=len(built.state))


def network(name: str) -> Replay:
    example = examples.get(name)
    assert isinstance(example, NetworkExample)
    return loss_of(example.build(), example.X, example.y, example.loss)


def agree(found: Derivation, expected: float | None = None) -> None:
    """Assert that the sum over paths and the three answers are the same number."""
    assert found.check is not None
    assert found.value is not None
    assert found.check.largest <= CLOSE
    assert found.value == pytest.approx(found.check.symbolic, rel=1e-12, abs=1e-15)
    assert found.check.backpropagation == pytest.approx(found.check.symbolic, rel=1e-12, abs=1e-15)
    if expected is not None:
        assert found.value == pytest.approx(expected, abs=6e-9)


# --- the worked examples ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_two_two() -> Replay:
    return network("two-two-two")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (0, [[0.00080888, 0.00161775], [0.00071009, 0.00142017]]),
        (1, [[0.02592286, 0.02629590], [0.00740844, 0.00751506]]),
    ],
)
def test_every_weight_of_two_two_two(two_two_two: Replay, layer: int, expected: list[list[float]]) -> None:
    for index in np.ndindex(2, 2):
        found = derive(two_two_two, two_two_two.graph.inputs[layer], index)
        agree(found, expected[index[0]][index[1]])
        assert found.path_count == (2 if layer == 0 else 1)
        assert found.label == f"{2 * layer}.weight[{index[0]},{index[1]}]"


def test_the_figures_of_two_two_two_are_its_steps(two_two_two: Replay) -> None:
    found = derive(two_two_two, two_two_two.graph.inputs[0], (1, 0))
    numbers = {found.names[s].unicode: x for s, x in found.numbers.items()}
    table = {"a⁽¹⁾₁": 0.51998934, "a⁽¹⁾₂": 0.52747230, "a⁽²⁾₁": 0.60944600, "a⁽²⁾₂": 0.66384491}
    for name, value in table.items():
        assert numbers[name] == pytest.approx(value, abs=6e-9)
    assert numbers["E"] == pytest.approx(0.023971900751730026, rel=1e-14)
    assert numbers["w⁽¹⁾₂₁"] == 0.4
    upstream = {found.names[s].unicode: x for s, x in found.upstream.items()}
    assert upstream["w⁽¹⁾₂₁"] == pytest.approx(found.value, rel=1e-14)
    assert upstream["a⁽²⁾₁"] == pytest.approx(0.60944600 - 0.4, abs=6e-9)


def test_the_lines_of_a_derivation(two_two_two: Replay) -> None:
    found = derive(two_two_two, two_two_two.graph.inputs[0], (1, 0))
    assert str(found) == found.unicode()
    lines = found.unicode().splitlines()
    assert "z⁽¹⁾₂ = w⁽¹⁾₂₁·x₁ + w⁽¹⁾₂₂·x₂ = 0.4·0.1 + 0.35·0.2 = 0.11" in lines
    assert any(line.endswith("= a⁽¹⁾₂·(1 − a⁽¹⁾₂) = 0.5275·(1 − 0.5275) = 0.2492") for line in lines)
    assert lines[-1] == "∂E/∂w⁽¹⁾₂₁ = P₁ + P₂ = 0.000497 + 0.0002131 = 0.0007101"
    assert found.plain().isascii()
    assert "z1_2 = w1_21*x_1 + w1_22*x_2 = 0.4*0.1 + 0.35*0.2 = 0.11" in found.plain()
    latex = found.latex()
    assert latex.startswith("\\begin{aligned}\nz^{(1)}_{1} &= w^{(1)}_{11} x_{1} + w^{(1)}_{12} x_{2}")
    assert latex.count("{") == latex.count("}")
    assert (
        r"\frac{\partial E}{\partial w^{(1)}_{21}} &= P_{1} + P_{2} = 0.000497 + 0.0002131 = 0.0007101"
        in latex
    )


@pytest.mark.parametrize("name", ["xor", "xor-no-bias"])
def test_several_rows_make_several_paths(name: str) -> None:
    played = network(name)
    value = played.graph.inputs[0]
    for index in ((0, 0), (1, 1)):
        found = derive(played, value, index)
        agree(found)
        assert found.path_count == 4
        assert found.names[found.steps[0].symbol].unicode == "z⁽¹⁾₁₁"


CIRCUITS = {
    "circuit-product": {"x": -4.0, "y": -4.0, "z": 3.0},
    "circuit-sigmoid": {
        "w0": -0.19661193,
        "x0": 0.39322387,
        "w1": -0.39322387,
        "x1": -0.58983580,
        "w2": 0.19661193,
    },
    "circuit-max": {"x": -8.0, "y": 6.0, "z": 2.0, "w": 0.0},
    "circuit-matrix": {"W": [[0.088, 0.176], [0.104, 0.208]], "x": [-0.112, 0.636]},
}


@pytest.mark.parametrize("name", CIRCUITS)
def test_every_input_of_the_circuits(name: str) -> None:
    example = examples.get(name)
    assert isinstance(example, FunctionExample)
    names = list(example.inputs)

    def f(*tensors: Any) -> Any:
        return list(example.function(**dict(zip(names, tensors, strict=True))).values())[-1]

    arrays = [np.asarray(v, np.float64) for v in example.inputs.values()]
    for place, (key, expected) in enumerate(CIRCUITS[name].items()):
        for index in np.ndindex(np.shape(expected)):
            found = gg.derive(f, *arrays, wrt=place, index=index)
            agree(found, float(np.asarray(expected)[index]))
        assert names[place] == key


EXPRESSIONS = {
    "(x + y)*z": ({"x": -2, "y": 5, "z": -4}, CIRCUITS["circuit-product"], {"f": -12.0, "u₁": 3.0}),
    "2*(x*y + max(z, w))": ({"x": 3, "y": -4, "z": 2, "w": -1}, CIRCUITS["circuit-max"], {"f": -20.0}),
    "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))": (
        {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "w2": -3},
        CIRCUITS["circuit-sigmoid"],
        {"f": 0.7310585786},
    ),
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_circuits_as_they_are_typed(text: str) -> None:
    at, gradients, figures = EXPRESSIONS[text]
    for name, expected in gradients.items():
        found = gg.derive(text, wrt=name, at=at)
        agree(found, float(np.asarray(expected)))
        numbers = {found.names[s].unicode: x for s, x in found.numbers.items()}
        for key, value in figures.items():
            assert numbers[key] == pytest.approx(value, abs=6e-11)


def test_the_four_gates_of_the_sigmoid_backwards() -> None:
    text = "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))"
    found = gg.derive(text, wrt="w2", at=EXPRESSIONS[text][0])
    assert found.paths is not None
    (path,) = found.paths
    running, upstream = 1.0, []
    for factor in path.factors[:4]:
        running *= factor.number or 0.0
        upstream.append(running)
    assert upstream == pytest.approx([-0.53444665, -0.53444665, -0.19661193, 0.19661193], abs=6e-9)
    assert [f.of.op for f in path.factors[:4]] == ["divide", "add", "exp", "negative"]


# --- perceptrons -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", GATES)
def test_a_step_has_no_derivative_to_learn_from(gate: str) -> None:
    (w1, w2), b = GATES[gate]
    for (x1, x2), truth in zip(CORNERS, TRUTH[gate], strict=True):
        at = {"w1": w1, "w2": w2, "b": b, "x1": x1, "x2": x2}
        for name in ("w1", "w2", "b"):
            found = gg.derive("step(w1*x1 + w2*x2 + b)", wrt=name, at=at)
            assert found.numbers[found.result] == truth
            agree(found, 0.0)
            (note,) = found.notes
            assert "no gradient flows" in note.en
            assert "기울기가 흐르지 않는다" in note.ko


def test_xor_takes_two_layers_of_steps() -> None:
    nand, either, both = (
        f"step({w[0]}*{{}} + {w[1]}*{{}} + {b})" for w, b in (GATES[g] for g in ("NAND", "OR", "AND"))
    )
    text = both.format(nand.format("x1", "x2"), either.format("x1", "x2"))
    example = examples.get("perceptrons")
    assert isinstance(example, PerceptronsExample)
    said = [gg.derive(text, wrt="x1", at={"x1": x1, "x2": x2}) for x1, x2 in CORNERS]
    assert (
        [found.numbers[found.result] for found in said]
        == example.xor(CORNERS).tolist()
        == TRUTH["XOR"].tolist()
    )
    assert all(found.value == 0.0 and found.path_count == 2 for found in said)


# --- other networks --------------------------------------------------------------------------------------------------


def test_layers_with_biases_and_a_loss_of_classes() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(Linear(3, 4, dtype="float64"), ReLU(), Linear(4, 3, dtype="float64"))
    for parameter in model.parameters():
        parameter.assign(rng.normal(size=parameter.shape))
    played = loss_of(model, rng.normal(size=(2, 3)), np.array([2, 0]), "cross_entropy")
    for place, index in ((0, (1, 2)), (1, (2,)), (2, (0, 3)), (3, (1,))):
        agree(derive(played, played.graph.inputs[place], index))


LOSSES = ("half_mse", "mae", "huber", "cross_entropy", "binary_cross_entropy_with_logits")


@pytest.mark.parametrize(
    ("activation", "name"), [*((a, "mse") for a in ACTIVATIONS), *(("elu", n) for n in LOSSES)]
)
def test_every_activation_and_loss(activation: str, name: str) -> None:
    rng = np.random.default_rng(3)
    outputs = 3 if name == "cross_entropy" else 1
    model = gg.nn.mlp(2, [3], outputs, activation=activation, seed=1, dtype="float64")
    labels = {"cross_entropy": np.array([0, 2]), "binary_cross_entropy_with_logits": np.array([[0.0], [1.0]])}
    told = explain(model, rng.normal(size=(2, 2)), labels.get(name, rng.normal(size=(2, 1))), loss=name)
    for weight in told.weights:
        agree(derive(told.played, weight, tuple(int(rng.integers(d)) for d in weight.shape)))


def test_a_layer_that_was_opened_is_named_like_a_whole_one() -> None:
    told = explain(
        Sequential(Linear(2, 2, dtype="float64"), gg.nn.Sigmoid()), [[1.0, 2.0]], [[0.5, 0.2]], loss="mse"
    )
    found = derive(told.played, told.weights[0], (1, 0))
    agree(found)
    names = [found.names[step.symbol].unicode for step in found.steps]
    assert names[:6] == ["s⁽¹⁾₁", "s⁽¹⁾₂", "z⁽¹⁾₁", "z⁽¹⁾₂", "a⁽¹⁾₁", "a⁽¹⁾₂"]


def test_single_precision_keeps_its_own_numbers() -> None:
    model = gg.nn.mlp(2, [3], 1, seed=0)
    X, y = np.array([[0.3, -0.7]], np.float32), np.array([[0.2]], np.float32)
    found = derive(played := loss_of(model, X, y, "mse"), played.graph.inputs[0], (0, 1))
    assert found.check is not None
    assert found.value == pytest.approx(found.check.symbolic, rel=1e-5)
    assert found.check.backpropagation == pytest.approx(found.check.symbolic, rel=1e-5)
    assert found.check.difference == pytest.approx(found.check.symbolic, abs=CLOSE)


def test_what_was_stopped_passes_nothing_back() -> None:
    found = gg.derive(lambda x: gg.sin(x) * x.detach(), 0.7)
    agree_without_difference = (
        math.cos(0.7) * 0.7,
        found.value,
        found.check.symbolic,
        found.check.backpropagation,
    )
    assert agree_without_difference == pytest.approx((math.cos(0.7) * 0.7,) * 4, rel=1e-12)
    assert any("stopped on purpose" in note.en for note in found.notes)


def test_the_lines_of_a_function_give_its_steps_their_names() -> None:
    def f(W: Any, x: Any) -> Any:
        q = W @ x
        energy = gg.sum(q * q)
        return energy  # noqa: RET504

    found = gg.derive(f, [[0.1, 0.5], [-0.3, 0.8]], [0.2, 0.4], wrt="W[0,1]")
    agree(found, 0.176)
    names = [found.names[step.symbol].unicode for step in found.steps]
    assert names[:2] == ["q₁", "q₂"]
    assert names[-1] == "energy"


# --- kinks, paths, size ----------------------------------------------------------------------------------------------


def test_a_kink_is_pointed_out() -> None:
    tie = gg.derive("max(x, y)", wrt="x", at={"x": 2, "y": 2})
    agree(tie, 0.5)
    assert "kink" in tie.notes[0].en
    assert "꺾인" in tie.notes[0].ko
    corner = gg.derive("relu(x)", at={"x": 0})
    assert (corner.value, corner.check.symbolic, corner.check.backpropagation) == (0.0, 0.0, 0.0)
    assert corner.check.difference == pytest.approx(0.5)
    assert corner.notes
    assert not gg.derive("relu(x)", at={"x": 1}).notes


def test_too_many_paths_are_summed_where_the_number_is_used() -> None:
    def f(x: Any) -> Any:
        y = x
        for _ in range(9):
            y = gg.sin(y) + y
        return y

    found = gg.derive(f, 0.3)
    assert (found.path_count, found.paths) == (512, None)
    assert found.path_count > MOST_PATHS
    agree(found)
    tables = [b for s in found.document().sections for b in s.blocks if isinstance(b, Table)]
    used = next(t for t in tables if t.total)
    assert used.rows[-1][-1] == pytest.approx(found.value)
    assert sum(row[-1] for row in used.rows[:-1]) == pytest.approx(found.value)
    said = " ".join(
        b.text.en for s in found.document().sections for b in s.blocks if isinstance(b, Paragraph)
    )
    assert "There are 512 paths" in said


def test_a_graph_too_large_says_what_helps() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GraphError, match=r"scalar operations.*\n.*gg\.explain"):
        gg.derive(lambda W, x: gg.sum(W @ x), rng.normal(size=(80, 80)), rng.normal(size=80), wrt="W[0,0]")


def test_a_result_that_does_not_depend_on_the_number() -> None:
    found = gg.derive("x + 0*y + 3", wrt="y", at={"x": 1, "y": 2})
    assert (found.path_count, found.value) == (0, 0.0)
    agree(found, 0.0)
    same = gg.derive("x", at={"x": 3})
    assert (same.value, same.path_count) == (1.0, 1)


def test_names_that_somebody_took_are_not_given_again() -> None:
    found = gg.derive("(u + f)*E", wrt="u", at={"u": 1, "f": 2, "E": 3})
    names = [name.unicode for name in found.names.values()]
    assert len(set(names)) == len(names)
    assert found.names[found.result].unicode == "F"
    named = gg.derive(
        "learning_rate*가격1*alpha", wrt="가격1", at={"learning_rate": 1, "가격1": 2, "alpha": 3}
    )
    assert r"\mathrm{learning\_rate}" in named.latex()
    assert r"\text{가격}_{1}" in named.latex()
    assert r"\alpha" in named.latex()


def test_a_notebook_shows_the_document() -> None:
    shown = gg.derive("x*y", wrt="x", at={"x": 1, "y": 2})._repr_mimebundle_()
    assert {"text/plain", "text/html", "text/latex"} <= set(shown)


# --- symbols alone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wrt", "derivative"),
    [
        ("(x + y)*z", "x", "z"),
        ("x^4 - 4*x^2 + x", "x", "4·x³ + 1 − 8·x"),
        ("sigmoid(w*x)", "w", "x·(1 − σ(w·x))·σ(w·x)"),
        ("ln(x)", "x", "1/x"),
        ("x²", "x", "2·x"),
        ("sin(θ)·r", "θ", "r·cos(θ)"),
        ("tanh(x)", "x", "1 − tanh(x)²"),
    ],
)
def test_an_expression_without_numbers(text: str, wrt: str, derivative: str) -> None:
    found = gg.derive(text, wrt=wrt)
    assert found.value is None
    assert found.check is None
    assert found.unicode().splitlines()[-1].endswith(f"= {derivative}")
    assert [s.key for s in found.document().sections][:3] == ["question", "forward", "factors"]


# --- the document ----------------------------------------------------------------------------------------------------


def texts(document: Document) -> Iterator[Any]:
    yield document.title
    for section in document.sections:
        yield section.title
        for block in section.blocks:
            yield from (
                getattr(block, name) for name in ("text", "question", "caption") if getattr(block, name, None)
            )
            if isinstance(block, Table):
                yield from block.header
                yield from (cell for row in block.rows for cell in row if hasattr(cell, "ko"))
            if isinstance(block, Drawing):
                yield from (block.figure.x_title, block.figure.y_title)  # type: ignore[union-attr]


@pytest.mark.parametrize("found", [lambda: derive(n := network("two-two-two"), n.graph.inputs[0], (0, 1)),
                                   lambda: gg.derive("x*max(x, y)", wrt="x", at={"x": 1, "y": 1})])  # fmt: skip
def test_the_document_says_everything_in_both_languages(found: Any) -> None:
    derivation = found()
    document = derivation.document()
    assert [s.key for s in document.sections] == ["question", "forward", "factors", "paths", "check"]
    for text in texts(document):
        assert text.en
        assert text.ko
        assert not re.search(r"[{}]", text.en + text.ko)
    formulas = [b for s in document.sections for b in s.blocks if isinstance(b, Formula)]
    assert all(f.latex.count("{") == f.latex.count("}") for f in formulas)
    assert all(f.asked for f in formulas if f.answer)
    (drawing,) = (b for s in document.sections for b in s.blocks if isinstance(b, Drawing))
    (curve,) = drawing.figure.curves  # type: ignore[union-attr]
    assert len(curve.x) <= len(WIDTHS)
    check = document.sections[-1].blocks[1]
    assert isinstance(check, Table)
    assert [row[1] for row in check.rows][:3] == pytest.approx([derivation.value] * 3, rel=1e-12)


def test_the_error_of_a_difference_falls_and_rises_again() -> None:
    sweep = central_differences(math.exp, 1.0)
    errors = np.abs(sweep.estimates - math.e)
    assert errors[0] > 1e-3
    assert errors[-1] > 1e-6
    assert sweep.best is not None
    assert errors[sweep.best] < 1e-9
    assert 2 <= sweep.best <= 8


def test_a_difference_where_the_function_ends() -> None:
    def f(x: float) -> float:
        return math.sqrt(x) if x >= 0 else math.nan

    assert central_differences(f, 0.01).estimate == pytest.approx(5.0, abs=1e-6)
    assert central_differences(lambda x: math.nan, 1.0).best is None


# --- random expressions ----------------------------------------------------------------------------------------------


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    unary = st.sampled_from(
        ["sin", "cos", "tanh", "sigmoid", "softplus", "exp", "relu", "abs", "silu", "atan"]
    )
    return st.one_of(
        st.tuples(parts, st.sampled_from("+-*"), parts).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(unary, parts).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(parts, parts).map(lambda t: f"{t[0]}/(2 + ({t[1]})^2)"),
        st.tuples(st.sampled_from(["max", "min"]), parts, parts).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        parts.map(lambda t: f"-{t}"),
    )


LEAVES = st.sampled_from(["x", "y", "x", "0.7", "2", "1.25"])
NUMBERS = st.floats(-2, 2).map(lambda v: round(v, 3))


@given(st.recursive(LEAVES, joined, max_leaves=7), NUMBERS, NUMBERS)
def test_random_expressions(text: str, x: float, y: float) -> None:
    assume("x" in re.findall(r"\b[xy]\b", text))
    at = {"x": x, "y": y} if re.search(r"\by\b", text) else {"x": x}
    try:
        found = gg.derive(text, wrt="x", at=at)
    except OptionError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert re.search("is (inf|nan|-inf)|no finite derivative", refused)
        return
    check = found.check
    assert check is not None
    scale = max(1.0, abs(check.symbolic))
    if not found.notes:  # at a kink each may be right in its own way
        assert abs(check.backpropagation - check.symbolic) <= 1e-10 * scale
        assert abs((found.value or 0.0) - check.symbolic) <= 1e-10 * scale
        size = max(1.0, abs(found.numbers[found.result]))
        assert abs(check.difference - check.symbolic) <= 1e-5 * scale * size
    assert found.latex().count("{") == found.latex().count("}")


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "There is no expression"),
        ("x + * y", r"cannot be read here\.\n  x \+ \* y\n      \^"),
        ("2x", r"a product needs its sign: 2\*x"),
        ("(x + 1)(x + 2)", r"a product needs its sign: \(x \+ 1\)\*\(x \+ 2\)"),
        ("(x", "'\\(' was never closed"),
        ("sigmod(x)", "Did you mean 'sigmoid'"),
        ("w(x)", r"For a product write w\*"),
        ("max(x)", "takes two numbers or more"),
        ("sin(x, x)", "takes one number, not 2"),
        ("tanh", "tanh is a function"),
        ("x if x else x", "no part of an expression"),
        ("__import__('os').system('true')", "What is called here is no function"),
        ("[x for x in x]", "no part of an expression"),
        ("x.real", "no part of an expression"),
        ("'x'", "no part of an expression"),
        ("True*x", "no part of an expression"),
        ("1j*x", "no part of an expression"),
        ("9**9**9*x", "too large"),
        ("1e999*x", "too large"),
        ("1/0*x", "division by zero"),
        ("(-8)^0.5*x", "no real number"),
        ("3 + 4", "no variable"),
        ("x" * 2001, "2,001 characters"),
        ("(" * 250 + "x" + ")" * 250, "cannot be read here|nested too deeply"),
        ("-" * 1900 + "x", "nested too deeply"),
        ("ζ + * 가격", r"\n  ζ \+ \* 가격\n      \^"),
    ],
)
def test_an_expression_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(OptionError, match=says) as caught:
        gg.derive(text)
    assert len(str(caught.value).splitlines()) <= 3


@given(st.text(max_size=40))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    said = "read"
    try:
        gg.derive(text)
    except GlassgradError as error:
        said = str(error)
    assert 1 <= len(said.splitlines()) <= 3


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "Say which variable.*x, y"),
        ({"wrt": "z"}, "There is no variable 'z'.*'x', 'y'"),
        ({"wrt": "x", "at": {"x": 1}}, "no number for y"),
        ({"wrt": "x", "at": {"x": 1, "y": 2, "yy": 3}}, "Did you mean 'y'|no such variable"),
        ({"wrt": "x", "at": {"x": "a", "y": 2}}, "x must be a number"),
        ({"wrt": "x", "at": {"x": math.nan, "y": 2}}, "x must be a finite number"),
        ({"wrt": "x", "at": {"x": -1, "y": 2}}, "is nan"),
        ({"wrt": "x", "at": {"x": 0, "y": 2}}, "is -inf"),
        ({"wrt": "x", "index": (0,)}, "by name"),
    ],
)
def test_settings_that_do_not_fit_an_expression(settings: Any, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        gg.derive("ln(x)*y", **settings)


def test_a_place_without_a_finite_derivative() -> None:
    with pytest.raises(OptionError, match=r"√\(x\) has no finite derivative at x = 0"):
        gg.derive("sqrt(x)", at={"x": 0})


def test_settings_that_do_not_fit_a_function() -> None:
    W, x = np.ones((2, 3)), np.ones(3)

    def f(W: Any, x: Any) -> Any:
        return gg.sum(W @ x)

    for arguments, settings, kind, says in (
        ((), {}, OptionError, "arguments after it"),
        ((W, x), {}, OptionError, "Say which argument.*W, x"),
        ((W, x), {"wrt": "V"}, OptionError, "There is no argument 'V'"),
        ((W, x), {"wrt": 2}, OptionError, "count from 0 to 1"),
        ((W, x), {"wrt": "W[2,0]"}, ShapeError, r"no element \[2,0\].*\[0…1,0…2\]"),
        ((W, x), {"wrt": "W"}, ShapeError, "no element"),
        ((W, x), {"wrt": "x", "at": {"x": 1}}, OptionError, "for expressions"),
    ):
        with pytest.raises(kind, match=says):
            gg.derive(f, *arguments, **settings)
    with pytest.raises(OptionError, match="holds int64 numbers"):
        gg.derive(lambda x, k: gg.sum(x * k), x, np.arange(3), wrt="k[0]")
    with pytest.raises(ShapeError, match="only a scalar"):
        gg.derive(lambda W, x: W @ x, W, x, wrt="x[0]")
    with pytest.raises(OptionError, match="an expression or a function"):
        gg.derive(3)  # type: ignore[arg-type]


def test_without_sympy_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(OptionError, match=r"pip install 'glassgrad\[explain\]'"):
        gg.derive("x*y", wrt="x")
