"""The network that follows from a recipe and the data; a model file need not describe it a second time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from glassgrad.data.preprocessing import Preprocessing
from glassgrad.errors import OptionError
from glassgrad.learner.preparation import class_count
from glassgrad.learner.recipe import Recipe
from glassgrad.nn import Module, mlp

__all__ = ["network_of", "output_count"]


def output_count(preprocessing: Preprocessing, recipe: Recipe) -> int:
    """Return how many outputs the network has: one a class, or a single one."""
    if preprocessing.task == "classification" and not (recipe.loss or "").startswith("binary"):
        return class_count(preprocessing)
    return 1


def network_of(preprocessing: Preprocessing, recipe: Recipe) -> Module:
    """Return the network of a recipe, with fresh weights.

    Raises
    ------
    OptionError
        Where the memory is too small for it.
    """
    inputs, hidden, outputs = (
        preprocessing.n_features,
        recipe.hidden or (),
        output_count(preprocessing, recipe),
    )
    try:
        return mlp(
            inputs,
            hidden,
            outputs,
            activation=recipe.activation,
            dropout=recipe.dropout or 0.0,
            dtype=recipe.dtype,
            seed=recipe.seed,
        )
    except MemoryError:
        sizes = (inputs, *hidden, outputs)
        numbers = sum((before + 1) * after for before, after in pairwise(sizes))
        raise OptionError(
            f"There is not enough memory for the network {'-'.join(map(str, sizes))}, which has {numbers:,} weights "
            f"({numbers * np.dtype(recipe.dtype).itemsize / 1e9:,.1f} GB).\nTake fewer or smaller hidden layers."
        ) from None
