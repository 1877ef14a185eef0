"""``--show-plan``: what becomes of a training step, told before any is taken."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad.engines import StepGraph
from glassgrad.engines.native.assemble import prepare
from glassgrad.engines.native.codegen.target import named
from glassgrad.engines.native.show import _Plan, explain_graph, explain_step
from glassgrad.errors import OptionError
from glassgrad.graph.passes import specialise
from glassgrad.graph.structure import structure
from glassgrad.nn.losses import loss as find_loss
from glassgrad.training.step import build_step

from .conftest import QUICK, Run, contents

Fails = Callable[..., str]


def digits_like(optimizer: str = "adam", **options: Any) -> StepGraph:
    """The step of a 784-128-10 network for classes."""
    model = gg.nn.mlp(784, [128], 10, seed=0, **options)
    X, y = np.zeros((4, 784), np.float32), np.zeros(4, np.int64)
    return build_step(model, find_loss("cross_entropy"), gg.optim.optimizer(optimizer), X, y).step


def xor_like() -> StepGraph:
    """The step of a 3-4-1 network."""
    model = gg.nn.mlp(3, [4], 1, activation="sigmoid", dtype="float64", seed=0)
    X, y = np.zeros((4, 3)), np.zeros((4, 1))
    return build_step(model, find_loss("half_sum_squares"), gg.optim.optimizer("sgd"), X, y).step


def section(text: str, title: str) -> str:
    """Return what stands below a line that begins with `title`, up to the next such line."""
    found = re.search(rf"^{title}.*?\n\n(.*?)(?=\n\n\S|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


# --- on the command line ---


@pytest.mark.parametrize("source", ["digits", "xor"])
def test_a_plan_is_printed_and_nothing_is_trained_or_written(run: Run, tmp_path: Path, source: str) -> None:
    result = run("train", source, "--show-plan")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("train_step on mini-batches of")
    for title in ("From graph to machine code", "Kernels of a step", "State: ", "Working memory: "):
        assert f"\n{title}" in result.out
    assert contents(tmp_path) == {}


def test_the_plan_is_that_of_the_options(run: Run, houses: Path) -> None:
    text = run("train", houses, "--target", "price", "--show-plan", *QUICK, "--batch-size", 16).out
    assert text.startswith("train_step on mini-batches of 16 rows")
    assert re.search(r"^  0\.weight +float32\[8, \d+\]", text, re.MULTILINE)
    assert "0.weight.exp_avg_sq" in text
    text = run("train", houses, "--target", "price", "--show-plan", *QUICK, "--optimizer", "sgd").out
    assert "exp_avg" not in text


def test_the_program_is_printed_in_the_language_of_llvm(run: Run) -> None:
    text = run("train", "xor", "--show-llvm").out
    assert "define i64 @run(" in text
    assert "From graph" not in text


def test_what_has_no_plan_is_answered_in_a_line(fails: Fails, houses: Path) -> None:
    for source in (("xor",), ("digits",), (houses, "--target", "price", *QUICK)):
        message = fails("train", *source, "--show-plan", "--engine", "numpy")
        assert message == "there is no plan to show of what runs with NumPy: take --engine native\n"
    assert "trains no network" in fails("train", "perceptrons", "--show-plan")
    assert "leave out --json" in fails("train", "digits", "--show-plan", "--json")
    assert "give one" in fails("train", "digits", "--show-plan", "--show-llvm")


def test_what_cannot_be_compiled_has_no_plan() -> None:
    graph = gg.trace(lambda x: gg.sum(x[:0]), gg.Spec((3,)), name="empty")
    with pytest.raises(
        OptionError, match=r"no plan to show: the native engine does not compile .* empty runs with"
    ):
        explain_graph(graph)


# --- what the text says ---


@pytest.mark.parametrize("target", ["avx2", "sse2", "host"])
@pytest.mark.parametrize("make", [digits_like, xor_like])
def test_every_number_is_that_of_the_program(make: Callable[[], StepGraph], target: str) -> None:
    step = make()
    plan = _Plan(step.graph, 8, named(target), step)
    assert structure(plan.graph) == structure(prepare(specialise(step.graph, 8)))
    text = plan.text()
    assert "…" not in text.partition("\nThe graph")[0]
    parts = plan.parts
    assert f"State: {parts.places.state:,} bytes" in text
    assert f"Working memory: {parts.places.work:,} bytes" in text
    listed = re.findall(r"^ *(\d+)\. ", text, re.MULTILINE)
    assert [int(n) for n in listed] == list(range(1, len(parts.once) + len(parts.every) + 1))
    state = section(text, "State: ").splitlines()[1:]
    assert [line.split()[0] for line in state] == [v.name for v in step.graph.inputs[: step.state]]


def test_the_kernels_of_a_network_are_told() -> None:
    text = explain_step(digits_like(), 32, named("avx2"))
    once, kernels = section(text, "Kernels that run once"), section(text, "Kernels of a step")
    assert re.search(r"%\d+\* = astype\(beta1\)", once)
    product = re.search(
        r"product 32×128, each number a sum of 784 \(forward\); .*?reads [^\n]*", kernels, re.DOTALL
    )
    assert product
    for part in (
        r"= product\(X, 0\.weight\) +# 0/linear",
        r"= add\(%\d+, 0\.bias\) +# 0/linear",
        r"\* = relu\(%\d+\) +# 1",
        r"tiles of \d+ rows × \d+ vectors of 8 numbers; vectors lie along the axis of 128",
        r"reads .*0\.weight by columns",
    ):
        assert re.search(part, product[0]), part
    update = re.search(r"product 128×784, each number a sum of 32 \(backward, update\); \d+ units", kernels)
    assert update
    assert "0.weight.exp_avg′*, 0.weight.exp_avg_sq′*, 0.weight′* = multiply ×5, add ×3" in kernels
    assert re.search(
        r"0\.weight +float32\[128, 784\] +by columns of 128 .* updated in place by kernel \d+", text
    )


def test_the_passes_are_told_with_the_graph_after_each() -> None:
    text = explain_step(digits_like(), 32)
    stages = section(text, "From graph to machine code").splitlines()
    names = [line[2:24].strip() for line in stages]
    assert names == [
        *("trace", "specialise", "simplify", "lower", "simplify again", "signs"),
        *("views removed", "fuse", "layouts", "write", "LLVM", "load"),
    ]
    assert "opens linear ×2, cross_entropy, mean, softmax_error" in stages[3]
    assert all(re.search(r"\d\.\d ms", line) for line in stages)
    for line, title in zip(stages, ("trace", "specialise", "simplify", "lower"), strict=False):
        graph = section(text, f"The graph after: {title}$").splitlines()
        assert len([g for g in graph if " = " in g and "constant" not in g]) == int(line[24:].split()[0])
    assert "X: float32[N, 784]" in section(text, "The graph after: trace")
    assert "X: float32[32, 784]" in section(text, "The graph after: specialise")


def test_the_memory_plan_never_gives_one_place_to_two() -> None:
    step = digits_like(dropout=0.5)
    plan = _Plan(step.graph, 16, named("host"), step)
    units = [*plan.parts.once, *plan.parts.every]
    rows = [
        (int(m[1].replace(",", "")), int(m[2].replace(",", "")), m[3])
        for m in re.finditer(r"([\d,]+) +([\d,]+)  ([·█]+)$", "\n".join(plan._memory(units)), re.MULTILINE)
    ]
    assert len(rows) > 5
    for i, (start, size, bar) in enumerate(rows):
        for other, length, when in rows[i + 1 :]:
            together = any(a == b == "█" for a, b in zip(bar, when, strict=True))
            assert not together or start + size <= other or other + length <= start


def test_the_lines_of_the_user_are_told_where_they_differ() -> None:
    @gg.compile
    def error(w: Any, x: Any) -> Any:
        h = gg.tanh(x @ w)
        with gg.scope("square"):
            return gg.mean(h * h)

    text = error.plan(np.ones((3, 2)), np.ones((5, 3)))
    line = error.__wrapped__.__code__.co_firstlineno
    assert re.search(rf"= product\(x, w\) +# test_show_plan\.py:{line + 2}\n", text)
    assert re.search(rf"= multiply\(%1, %1\) +# square  test_show_plan\.py:{line + 4}\n", text)
    assert "Read and written where the caller has them: w, x," in text


def test_loops_and_choices_have_a_plan() -> None:
    def f(x: Any) -> Any:
        last, seen = gg.scan(lambda c, r: (gg.tanh(c + r), c * r), gg.tensor(np.zeros(3)), x)
        return gg.cond(gg.sum(last) > 0.0, lambda: gg.sum(seen), lambda: gg.sum(last))

    text = explain_graph(gg.trace(f, np.ones((4, 3))))
    assert re.search(r"= scan\(", text)
    assert re.search(r"= cond\(", text)
