"""glassgrad: neural networks you can see through.

Train real networks by backpropagation, and ask any number in the training where it came from. The names below load
the part they live in when they are first used, so that importing the package costs little more than NumPy.
"""

from __future__ import annotations

import importlib
from typing import Any

from glassgrad._version import __version__

_HOMES = {
    "tensors": ("Tensor", "asarray", "no_grad", "tensor"),
    "functional": (
        "custom_jvp",
        "custom_vjp",
        "grad",
        "hessian",
        "hvp",
        "jacobian",
        "jvp",
        "per_sample_grad",
        "value_and_grad",
        "vjp",
        "vmap",
    ),
    "control": ("cond", "scan"),
    "checking.functions": ("check",),
    "checkpointing": ("checkpoint",),
    "compilation": ("compile",),
    "debugging": ("MaskedBranchWarning", "debug_nans"),
    "tracing": ("Spec", "trace"),
    "engines": ("run",),
    "nn.random": ("manual_seed",),
    "training": ("Callback", "History", "fit", "predict", "train_step"),
    "learner.learner": ("Learner",),
    "explaining.derivation.expressions": ("derive",),
    "explaining.diagnosis": ("diagnose",),
    "explaining.recording.recorder": ("Recorder", "load_recording"),
    "explaining.subjects": ("explain",),
    "graph": ("check_graph", "differentiate"),
    "ir": ("Graph", "format_graph", "scope"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_ROOMS = (
    "data",
    "engines",
    "errors",
    "examples",
    "graph",
    "ir",
    "learner",
    "nn",
    "ops",
    "optim",
    "training",
    "xp",
)

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f"glassgrad.{_HOME_OF[name]}"), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"glassgrad.{name}")
    elif name.startswith("_"):
        raise AttributeError(f"glassgrad has no {name!r}")
    else:
        xp = importlib.import_module("glassgrad.xp")
        try:
            value = getattr(xp, name) if name in xp.__all__ else xp.__getattr__(name)
        except AttributeError:
            from glassgrad.errors import no_attribute

            raise no_attribute("glassgrad", name, __dir__()) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_ROOMS, *importlib.import_module("glassgrad.xp").__dir__()})
