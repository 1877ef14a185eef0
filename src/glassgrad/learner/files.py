"""Learners on disk: what is in the file, and why a file that says what cannot be true is refused.

The arrays are the network's parameters under their own names, so that any reader of safetensors finds them,
and the optimizer's state. The metadata has the preprocessing, the recipe and the summary. The network is not
described a second time: it follows from the other two, and every array must have the shape that follows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from glassgrad.data.preprocessing import Preprocessing
from glassgrad.errors import GlassgradError, ModelFileError
from glassgrad.learner.learner import Learner
from glassgrad.learner.network import network_of, output_count
from glassgrad.learner.preparation import class_count
from glassgrad.learner.recipe import Recipe
from glassgrad.learner.summary import Summary
from glassgrad.optim import optimizer
from glassgrad.training.checkpoints import load_checkpoint
from glassgrad.training.files import load_file, save_file

__all__ = ["Unfinished", "load_learner", "read_unfinished", "save_learner"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Unfinished:
    """What a checkpoint says of the training it was made in.

    Parameters
    ----------
    path
        The checkpoint, or the folder of them.
    preprocessing, recipe
        What was fitted and chosen.
    epochs_before, steps_before
        Of the trainings that this one went on from.
    note
        What the caller of `Learner.train_prepared` wanted kept.
    """

    path: str | os.PathLike[str]
    preprocessing: Preprocessing
    recipe: Recipe
    epochs_before: int
    steps_before: int
    note: dict[str, Any]


class _Content(msgspec.Struct, kw_only=True):
    """The metadata of a model file, but for what `glassgrad.training.files` adds."""

    preprocessing: msgspec.Raw
    recipe: Recipe
    summary: Summary


class _Description(msgspec.Struct, kw_only=True):
    """What a learner keeps in its checkpoints."""

    preprocessing: msgspec.Raw
    recipe: Recipe
    epochs_before: Annotated[int, msgspec.Meta(ge=0)]
    steps_before: Annotated[int, msgspec.Meta(ge=0)]
    note: dict[str, Any]


def save_learner(path: str | os.PathLike[str], learner: Learner) -> None:
    """Write a learner; see `Learner.save`."""
    arrays = {**learner.network.state_dict(), **learner.optimizer_state}
    metadata = {
        "preprocessing": msgspec.to_builtins(learner.preprocessing),
        "recipe": msgspec.to_builtins(learner.recipe),
        "summary": learner.summary.to_json(),
    }
    save_file(path, arrays, metadata, kind="model")


def load_learner(path: str | os.PathLike[str]) -> Learner:
    """Read a learner; see `Learner.load`."""
    arrays, metadata = load_file(path, kind="model")
    try:
        content = msgspec.json.decode(msgspec.json.encode(metadata), type=_Content)
        fitted = Preprocessing.from_json(bytes(content.preprocessing))
        recipe = content.recipe
        resolved = recipe.resolve(
            fitted.task,
            rows=1,
            images=False,
            classes=class_count(fitted),
            held_out=recipe.patience is not None,
        )
        if resolved != recipe:
            raise ModelFileError("its recipe leaves choices open")
        _check_arrays(arrays, fitted, recipe)
        network = network_of(fitted, recipe)
        network.load_state_dict({name: arrays[name] for name in network.state_dict()})
    except (GlassgradError, msgspec.ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ModelFileError(f"'{path}' is no model that can be used: {first}") from None
    state = {name: array for name, array in arrays.items() if name == "step" or name.startswith("optimizer.")}
    return Learner(network, fitted, recipe, state, content.summary)


def read_unfinished(path: str | os.PathLike[str]) -> Unfinished:
    """Return what a checkpoint, or the newest in a folder, says of the training it was made in.

    Raises
    ------
    ModelFileError
        Where it cannot be read, or was not made by a learner.
    """
    try:
        metadata = load_checkpoint(path).metadata
    except ModelFileError as error:
        older = _newest_that_loads(Path(path)) if Path(path).is_dir() else None
        if older is None:
            raise
        first = str(error).splitlines()[0]
        raise ModelFileError(
            f"{first}\nGo on from the newest one that can be read: resume={str(older)!r}"
        ) from None
    try:
        found = msgspec.json.decode(msgspec.json.encode(metadata), type=_Description)
    except msgspec.ValidationError as error:
        raise ModelFileError(f"'{path}' was not made by `glassgrad train`: {error}.") from None
    fitted = Preprocessing.from_json(bytes(found.preprocessing))
    return Unfinished(path, fitted, found.recipe, found.epochs_before, found.steps_before, found.note)


def _newest_that_loads(folder: Path) -> Path | None:
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            load_checkpoint(path)
        except ModelFileError:
            continue
        return path
    return None


def _check_arrays(arrays: dict[str, Array], fitted: Preprocessing, recipe: Recipe) -> None:
    """Hold every array against the shape that follows from the recipe, before any memory is taken for it."""
    sizes = [fitted.n_features, *(recipe.hidden or ()), output_count(fitted, recipe)]
    layers = [name for name in arrays if name.endswith(".weight") and not name.startswith("optimizer.")]
    layers.sort(key=lambda name: int(name.split(".")[0]) if name.split(".")[0].isdigit() else -1)
    if len(layers) != len(sizes) - 1:
        raise ModelFileError(f"it has {len(layers)} layers where its recipe has {len(sizes) - 1}")
    expected: dict[str, tuple[int, ...]] = {}
    for layer, before, after in zip(layers, sizes[:-1], sizes[1:], strict=True):
        expected[layer] = (after, before)
        expected[layer.removesuffix("weight") + "bias"] = (after,)
    pieces = optimizer(recipe.optimizer).pieces
    expected |= {f"optimizer.{name}.{piece}": shape for name, shape in expected.items() for piece in pieces}
    expected["step"] = ()
    found = {name: array.shape for name, array in arrays.items()}
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            raise ModelFileError(
                f"its array {name!r} has shape {found.get(name)} where {expected.get(name)} is expected"
            )
    for name, array in arrays.items():
        wanted = "int64" if name == "step" else recipe.dtype
        if array.dtype != np.dtype(wanted):
            raise ModelFileError(f"its array {name!r} is {array.dtype} where {wanted} is expected")
        if not np.isfinite(array).all() or (name == "step" and array < 0):
            raise ModelFileError(f"its array {name!r} holds a number that cannot be")
