"""The whole state of a training run in one file, so that a resumed run equals the uninterrupted one bit for bit.

The order of the rows, dropout and initial weights are functions of the seed and of where the run stands (epoch, step,
row), so there is no random state to save beyond the seed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from glassgrad.errors import ModelFileError, OptionError
from glassgrad.training.files import TEMPORARY, load_file, save_file

__all__ = ["Checkpoint", "Position", "load_checkpoint", "newest_checkpoint", "save_checkpoint"]

Array = np.ndarray[Any, Any]


class Position(msgspec.Struct, forbid_unknown_fields=True):
    """Where a run stands.

    Attributes
    ----------
    epoch
        Completed epochs.
    step_in_epoch
        Steps taken in the epoch at hand.
    step
        Steps taken in all.
    best_epoch, best_score
        The best epoch so far by what early stopping watches, and its score.
    seconds
        Time spent so far.
    """

    epoch: int
    step_in_epoch: int
    step: int
    best_epoch: int | None
    best_score: float | None
    seconds: float


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes
    ----------
    state
        Parameters, buffers and optimizer state, by key.
    best
        The best parameters and buffers so far, by key; empty where none are kept.
    history
        The columns of the history.
    partial
        What the epoch at hand has added up: the loss times its weight, and the weights.
    position
        Where the run stands.
    settings
        What must be the same for the run to go on.
    metadata
        What the caller wants kept beside it.
    """

    state: dict[str, Array]
    best: dict[str, Array]
    history: dict[str, list[float]]
    partial: Array
    position: Position
    settings: dict[str, Any]
    metadata: dict[str, Any]

    def check(self, state: Mapping[str, Array], kept: Sequence[str]) -> None:
        """Refuse arrays that are not those of a run with this state, of which the kept ones can be the best.

        Raises
        ------
        ModelFileError
            Where a name, a shape or a dtype differs.
        """
        expected = {key: (a.shape, a.dtype) for key, a in state.items()}
        best = {key: expected[key] for key in kept} if self.best else {}
        for found, wanted in ((self.state, expected), (self.best, best)):
            given = {key: (a.shape, a.dtype) for key, a in found.items()}
            for key in sorted({*given, *wanted}):
                if given.get(key) != wanted.get(key):
                    raise ModelFileError(
                        f"The checkpoint's array {key!r} does not fit this run.\nTake another one, or start anew."
                    )


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises
    ------
    ModelFileError
        Where it cannot be written; a file that was there is as it was.
    """
    arrays: dict[str, Array] = {f"state.{k}": v for k, v in checkpoint.state.items()}
    arrays |= {f"best.{k}": v for k, v in checkpoint.best.items()}
    arrays |= {f"history.{k}": np.asarray(v, np.float64) for k, v in checkpoint.history.items()}
    arrays["partial"] = checkpoint.partial
    metadata = {
        "position": msgspec.to_builtins(checkpoint.position),
        "settings": checkpoint.settings,
        "metadata": checkpoint.metadata,
    }
    save_file(path, arrays, metadata, kind="checkpoint")


def load_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint; a folder stands for the newest one in it.

    Raises
    ------
    ModelFileError
        Where there is none, or it is damaged or lies about what it holds.
    """
    if Path(path).is_dir():
        found = newest_checkpoint(path)
        if found is None:
            raise ModelFileError(f"There is no checkpoint (step-*.safetensors) in the folder '{path}'.")
        path = found
    arrays, metadata = load_file(path, kind="checkpoint")

    def part(prefix: str) -> dict[str, Array]:
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

    try:
        position = msgspec.convert(metadata["position"], Position)
        settings = msgspec.convert(metadata["settings"], dict[str, Any])
        extra = msgspec.convert(metadata["metadata"], dict[str, Any])
        partial = arrays["partial"]
        if partial.shape != (2,) or min(position.epoch, position.step, position.step_in_epoch) < 0:
            raise ValueError("impossible position")
    except (KeyError, ValueError, msgspec.ValidationError) as error:
        raise ModelFileError(f"'{path}' is no checkpoint of a training run: {error}.") from None
    history = {k: [float(x) for x in v] for k, v in part("history.").items()}
    return Checkpoint(part("state."), part("best."), history, partial, position, settings, extra)


def checkpoint_path(folder: str | Path, step: int) -> Path:
    """Return the name of the checkpoint after `step` steps."""
    return Path(folder) / f"step-{step:010d}.safetensors"


def newest_checkpoint(folder: str | os.PathLike[str]) -> Path | None:
    """Return the checkpoint of the latest step in a folder, None where there is none."""
    numbered = [p for p in Path(folder).glob("step-*.safetensors") if re.fullmatch(r"step-\d+", p.stem)]
    return max(numbered, key=lambda p: int(p.stem[5:]), default=None)


def remove_older(folder: str | Path, keep: int) -> None:
    """Remove all but the `keep` newest checkpoints of a folder."""
    numbered = [p for p in Path(folder).glob("step-*.safetensors") if re.fullmatch(r"step-\d+", p.stem)]
    for path in sorted(numbered, key=lambda p: int(p.stem[5:]))[:-keep]:
        path.unlink(missing_ok=True)


def claim_folder(folder: str | os.PathLike[str], resume: str | os.PathLike[str] | None) -> None:
    """Make sure that a folder is free for the checkpoints of a run, and remove what a killed one left half written.

    Raises
    ------
    OptionError
        Where it holds the checkpoints of a run other than the one to `resume`: the two would be mixed up.
    """
    own = resume is not None and Path(folder).resolve() in (
        Path(resume).resolve(),
        Path(resume).resolve().parent,
    )
    newest = newest_checkpoint(folder)
    if newest is not None and not own:
        raise OptionError(
            f"'{folder}' holds checkpoints of another run already ({newest.name}).\n"
            "Resume that run, name another folder, or remove them."
        )
    for path in Path(folder).glob(f".*{TEMPORARY}"):
        path.unlink(missing_ok=True)


def differences(saved: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in which settings a saved run and the one at hand differ."""
    return [
        f"{name} was {saved.get(name)!r} and is {now.get(name)!r}"
        for name in sorted({*saved, *now})
        if saved.get(name) != now.get(name)
    ]
