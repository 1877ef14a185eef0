"""Importing glassgrad costs little more than importing NumPy: heavy libraries wait until they are used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

HEAVY = {
    "PIL",
    "cyclopts",
    "jax",
    "llvmlite",
    "matplotlib",
    "narwhals",
    "pandas",
    "polars",
    "pyarrow",
    "rich",
    "safetensors",
    "scipy",
    "sklearn",
    "sympy",
    "torch",
}


def loaded(code: str) -> set[str]:
    """Return the top-level modules that a fresh process has after running `code`."""
    script = f"{code}\nimport sys\nprint(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()} | {
        name for name in run.stdout.split() if name.startswith("glassgrad.")
    }


@pytest.mark.parametrize(
    "code",
    [
        "import glassgrad",
        "import glassgrad as gg; gg.tensor([1.0, 2.0], requires_grad=True).sum().backward()",
        "import glassgrad as gg; f = lambda x: gg.sum(gg.tanh(x)); gg.run(gg.differentiate(gg.trace(f, 1.0)), 2.0)",
        "import glassgrad as gg; gg.compile(lambda x: gg.tanh(x * 2.0), engine='numpy')(0.5)",
        "import glassgrad as gg; gg.derive",
        "import glassgrad as gg; gg.nn; gg.optim; gg.data; gg.training; gg.errors; gg.xp",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert loaded(code) & HEAVY == set()


def test_the_package_itself_loads_almost_nothing() -> None:
    assert {name for name in loaded("import glassgrad") if name.startswith("glassgrad.")} == {
        "glassgrad._version"
    }


def test_every_name_is_there() -> None:
    import glassgrad as gg

    assert {"sin", "cross_entropy", "hardtanh", "pi", "nn", "Tensor"} <= set(dir(gg))
    for name in dir(gg):
        assert hasattr(gg, name), name


@pytest.mark.parametrize(
    ("room", "name", "meant"),
    [
        ("", "tensro", "tensor"),
        ("", "sigmiod", "sigmoid"),
        (".nn", "Liner", "Linear"),
        (".optim", "Adma", "Adam"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest(room: str, name: str, meant: str) -> None:
    module = importlib.import_module(f"glassgrad{room}")
    with pytest.raises(AttributeError, match=f"glassgrad{room} has no '{name}'. Did you mean '{meant}'"):
        getattr(module, name)
