"""Write docs/operations.md from the records: ``python docs/make_operations.py``. A test holds the page to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glassgrad.engines.coverage import lacking
from glassgrad.ops import FUNCTIONS, HOMES, REGISTRY, Op
from glassgrad.ops.conventions import CONVENTIONS

PAGE = Path(__file__).parent / "operations.md"

_HEAD = """# Operations

Every operation glassgrad has a record of: its formula, its derivative (for a vector or matrix the rule by which the
upstream gradient $`G`$ goes back), why it is that, where there is none and what is taken there, and which engines
run it.
Made from the records by `python docs/make_operations.py`; the tests run every record, in value, first and second
derivative, against differences, PyTorch and JAX. The last section sets the places without a derivative side by side
with PyTorch and JAX.

Gradients of complex numbers are ∂L/∂Re + i·∂L/∂Im, the direction in which a real loss grows fastest (as PyTorch has
it; JAX returns the conjugate).

NumPy runs every operation. Where the column *native* is empty, compiled code runs it, too, by a rule of its own or by
the operations it consists of; else it says what is missing, and a graph with it runs with NumPy after a warning.
Complex numbers are NumPy's alone.
"""

_HOMES = {
    "xp": "`glassgrad.xp`, and `glassgrad` itself",
    "linalg": "`glassgrad.xp.linalg`",
    "fft": "`glassgrad.xp.fft`",
    "inside": "Inside: what derivative rules are written with",
}


def page() -> str:
    """Return the text of the page."""
    lines = [_HEAD]
    for home, title in _HOMES.items():
        records = sorted((op for op in REGISTRY.values() if op.home == home), key=lambda op: op.name)
        if home == "xp":
            lines += [
                f"## {title}: element by element\n",
                *_table([op for op in records if op.elementwise]),
                "",
            ]
            records, title = [op for op in records if not op.elementwise], f"{title}: whole arrays"
        lines += [f"## {title}\n", *_table(records), ""]
    lines += ["## Functions written in these operations\n", "| function | what it does |", "|---|---|"]
    lines += _functions()
    lines += ["", "## Places without a derivative\n", *_conventions(), ""]
    return "\n".join(lines)


def _table(records: list[Op]) -> Iterator[str]:
    yield "| operation | formula | derivative | why | where there is none | native |"
    yield "|---|---|---|---|---|---|"
    for op in records:
        kinks = "; ".join(f"{kink.at}: {kink.takes}" for kink in op.kinks)
        derivative = "" if op.pull is None else op.derivative
        cells = [op.why.en, kinks, lacking(op, "native")]
        start = f"| `{op.name}` | {_math(_formula(op))} | {_either(derivative)} | "
        yield start + " | ".join(_cell(c) for c in cells) + " |"


_LETTERS = {
    "binary_cross_entropy": "pt",
    "binary_cross_entropy_with_logits": "xt",
    "cofactor": "A",
    "cofactor_slope": "AB",
    "cross": "ab",
    "cross_entropy": "xt",
    "linear": "XWb",
    "linear_recurrence": "ab",
    "matmul": "AB",
    "over_gaps": ("x", r"\lambda"),
    "solve_triangular": "AB",
    "vector_norm": "x",
}
"""What the derivatives of some records call the inputs; those of matrices call them A and B, the others x, y, z."""


def _formula(op: Op) -> str:
    letters = _LETTERS.get(op.name, "AB" if op.home == "linalg" else "xyz")
    return op.latex.format(*letters, *"uvw")


def _either(derivative: str) -> str:
    """Return a derivative as mathematics, or as it stands where it is told in words."""
    rest = re.sub(r"\\[a-zA-Z]+(\{[^{}]*\})?", "", derivative)
    return _cell(derivative) if re.search("[a-z]{3}", rest) else _math(derivative)


def _math(latex: str) -> str:
    """Return a formula as GitHub takes it in a table: as code, so that no backslash is lost, and without bars.

    GitHub refuses ``\\operatorname``.
    """
    latex = latex.replace("\\|", r"\Vert ").replace("|", r"\vert ").strip()
    latex = re.sub(
        r"\\operatorname\{(\w+)\}( ?)", lambda m: rf"\mathrm{{{m[1]}}}" + (r"\, " if m[2] else ""), latex
    )
    return f"$`{latex}`$" if latex else ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")


def _functions() -> Iterator[str]:
    prefix = {"xp": "", "linalg": "linalg.", "fft": "fft.", "inside": ""}
    for name in sorted(FUNCTIONS, key=lambda name: (HOMES[name], name)):
        doc = (FUNCTIONS[name].__doc__ or "").strip().split("\n\n")[0]
        yield f"| `{prefix[HOMES[name]]}{name}` | {_cell(' '.join(doc.split()))} |"


def _conventions() -> Iterator[str]:
    yield "Of all subgradients the one of least norm; ties share evenly; where a limit exists, the limit. Each row is"
    yield "run in every library by the tests. The gradients are those of the sum of the results, one for each input.\n"
    yield "| case | at | glassgrad | PyTorch | JAX |"
    yield "|---|---|---|---|---|"
    for row in CONVENTIONS:
        results = (
            f"`{code}` → {_numbers(gives)}"
            for code, gives in ((row.code, row.gives), (row.torch, row.torch_gives), (row.jax, row.jax_gives))
        )
        cells = (row.case.en, _numbers(row.at), *results)
        yield "| " + " | ".join(_cell(c) for c in cells) + " |"


def _numbers(given: tuple[object, ...]) -> str:
    return " , ".join(_short(np.asarray(g, np.float64).tolist()) for g in given)


def _short(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return f"{value:g}".replace("inf", "∞").replace("nan", "NaN")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
