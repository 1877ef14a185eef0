"""Recording: what happened inside a run, step by step, in a bounded amount of memory and, if wanted, on disk.

Weights, gradients, updates and activations are summed up by the step itself: a `Recorder` asks for their norms and
means while the step is traced, and the engine computes them on the way. Every step is recorded; when the memory is
full, every other row goes, and from then on every second, fourth, eighth step is kept. Now and then the whole state is
kept as well. Since everything random follows from seed and step, the state before any step follows from it, and `at`
holds any step of the run still so that it can be explained.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad import xp
from glassgrad.errors import ModelFileError, OptionError, did_you_mean
from glassgrad.explaining.changes.taken import TakenStep
from glassgrad.explaining.names import split_index
from glassgrad.explaining.recording.recorded import (
    Recording,
    Series,
    Snapshots,
    load_recording,
    read_recording,
    recording_of,
)
from glassgrad.explaining.recording.recordfile import (
    Header,
    Numbers,
    RecordFile,
    Snapshot,
    header_of,
    packed,
    read_records,
)
from glassgrad.language import Text
from glassgrad.options import require
from glassgrad.tensors import Tensor, asarray
from glassgrad.training import Callback, Run

if TYPE_CHECKING:
    from glassgrad.training.history import History
    from glassgrad.training.inside import Inside

__all__ = ["Recorder", "Recording", "load_recording"]

Array = np.ndarray[Any, Any]


_FLAT = 0.01
"""A slope below which an activation function lets next to nothing through: a ReLU that is off, a sigmoid that is
saturated."""

_LARGE = 1 << 13
"""Numbers from which a matrix is summed up in another shape; see `_squares`."""


class Recorder(Callback):
    """Keeps what happens inside a run; see `Recording` for what that is.

    Parameters
    ----------
    weights
        Single weights to follow, such as ``"0.weight[1,2]"``, with their gradients.
    capacity
        The most steps kept; beyond it every other one goes.
    memory
        Bytes for whole states, from which any step is worked out; there are at least two.
    path
        A file that all of it is written to as well. A run that is resumed goes on with its file.

    Notes
    -----
    Matrices that are summed up are laid out anew by the engine, so that a recorded run can differ from one that is not
    in the last digits. Gradients in float32 whose elements are all below 1e-19 have the norm 0 here.

    Examples
    --------
    >>> import glassgrad as gg, numpy as np
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> recorder = Recorder()
    >>> model = gg.nn.mlp(1, [16], 1, activation="tanh", seed=0)
    >>> _ = gg.fit(model, X, X**2, epochs=5, callbacks=[recorder], progress=False)
    >>> recorder.recording["0.weight.update_ratio"].shape
    (10,)
    >>> recorder.at(7).number
    8
    """

    def __init__(
        self,
        *,
        weights: Sequence[str] = (),
        capacity: int = 10_000,
        memory: int = 64 << 20,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        require("Recorder", "capacity", capacity, least=2, whole=True)
        require("Recorder", "memory", memory, least=0, whole=True)
        self._weights, self._capacity, self._memory, self._path = tuple(weights), capacity, memory, path
        self._header: Header | None = None
        self._series, self._snapshots = Series(0, capacity), Snapshots(memory)
        self._file: RecordFile | None = None
        self._run: Run | None = None
        self._note: Text | None = None

    @property
    def recording(self) -> Recording:
        """What has been recorded so far.

        Raises
        ------
        OptionError
            Where no training has begun with this recorder.
        """
        if self._header is None:
            raise OptionError("nothing was recorded yet: pass callbacks=[recorder] to gg.fit")
        return recording_of(self._header, self._series, self._snapshots, self._note)

    def at(self, step: int) -> TakenStep:
        """Return a step of the run, held still; see `Recording.at`."""
        recording = self.recording
        assert self._run is not None
        return recording.at(step, self._run.rerun())

    # --- what the run calls ---

    def watch(self, inside: Inside) -> dict[str, Tensor]:
        """Return the sums that a step is to report."""
        asked: dict[str, Tensor] = {}
        for name, weight in inside.parameters.items():
            asked[f"{name}.gradient_norm"] = _squares(inside.gradients[name])
            asked[f"{name}.weight_norm"] = _squares(weight)
            asked[f"{name}.update_ratio"] = _squares(inside.updated[name] - weight)
        for name, activation in inside.activations.items():
            asked[f"{name}.mean"] = xp.mean(activation.value)
            asked[f"{name}.std"] = xp.mean(xp.square(activation.value))
            slope = activation.slope()
            if slope is not None:
                small = xp.abs(slope) < _FLAT
                asked[f"{name}.flat"] = xp.mean(xp.where(small, xp.ones_like(slope), xp.zeros_like(slope)))
        for weight_name in self._weights:
            parameter, index = _element(weight_name, inside.parameters)
            asked[weight_name] = inside.parameters[parameter][index]
            asked[f"{weight_name}.gradient"] = inside.gradients[parameter][index]
        return asked

    def on_start(self, run: Run) -> None:
        """Begin, or go on with what the file has."""
        self._run = run
        (names,) = (n for c, n in zip(run.watching, run.built.watched, strict=True) if c is self)
        state = run.optimizer_state()
        keys = run.built.slots.keys()
        header = header_of(["loss", *names], keys, [state[k] for k in keys], run.settings.fingerprint)
        self._header = header
        self._series, self._snapshots = Series(len(header.names), self._capacity), Snapshots(self._memory)
        if self._path is not None:
            self._open(self._path, header, resumed=run.step > 0)
        if not self._snapshots.states:
            self._keep(run)

    def on_numbers(self, run: Run, first: int, numbers: Mapping[str, Array]) -> None:
        """Take in the numbers of some steps."""
        assert self._header is not None
        rows = np.stack([numbers[name] for name in self._header.names], 1)
        kept = self._series.add(np.arange(first, first + len(rows)), rows)
        if len(kept[0]):
            self._write(Numbers(packed(kept[0]), packed(kept[1])))
        if np.isfinite(rows[-1, 0]):
            self._keep(run)

    def on_end(self, run: Run, history: History) -> None:
        """Write the last row, and close the file."""
        steps, rows = self._series.arrays()
        if len(steps) and steps[-1] % self._series.stride:
            self._write(Numbers(packed(steps[-1:]), packed(rows[-1:])))
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, run: Run) -> None:
        state = run.arrays()
        if self._snapshots.offer(run.step, state):
            self._write(Snapshot(run.step, [packed(a) for a in state]))

    # --- the file ---

    def _open(self, path: str | os.PathLike[str], header: Header, *, resumed: bool) -> None:
        exists = os.path.exists(path) and os.path.getsize(path) > 0
        if exists and not resumed:
            read_records(path)
            raise OptionError(f"'{path}' holds a recording already: name another file, or remove it")
        try:
            if exists:
                found, series, snapshots, size, _ = read_recording(path, self._capacity, self._memory)
                if (found.names, found.state) != (header.names, header.state):
                    raise OptionError(f"'{path}' is the recording of another run: name another file")
                self._series, self._snapshots = series, snapshots
                self._file = RecordFile(path, size)
            else:
                self._file = RecordFile(path)
        except OSError as error:
            if isinstance(error, ModelFileError):
                raise
            self._without(error)
            return
        if not exists:
            self._write(header)

    def _write(self, record: Header | Numbers | Snapshot) -> None:
        if self._file is None:
            return
        try:
            self._file.add(record)
        except OSError as error:
            self._file = None
            self._without(error)

    def _without(self, error: OSError) -> None:
        """Go on in memory alone, and say so."""
        reason = error.strerror or str(error)
        self._note = Text(
            "The file '{path}' lacks the end of the run: {reason}.",
            "파일 '{path}'에는 끝부분이 없다: {reason}.",
        ).fill(path=str(self._path), reason=reason)
        warnings.warn(
            f"Cannot record to '{self._path}': {reason}. Training goes on; recorded in memory.", stacklevel=2
        )


def _squares(x: Tensor) -> Tensor:
    """Return the sum of squares.

    A large matrix is summed up in another shape. An engine may compute what is summed up within the kernel that sums;
    for an update that would keep it from writing the new weights over the old ones. A sum over other indices than the
    matrix has makes it store the update instead, which costs far less; and sums by rows can be shared among threads.
    """
    if len(x.shape) != 2 or x.size < _LARGE:
        return asarray(xp.sum(xp.square(x)))
    rows, columns = (int(d) for d in x.shape)
    shape = (2 * rows, columns // 2) if columns % 2 == 0 else (-1, 2 * columns) if rows % 2 == 0 else (1, -1)
    return asarray(xp.sum(xp.sum(xp.square(xp.reshape(x, shape)), axis=1)))


def _element(name: str, parameters: Mapping[str, Tensor]) -> tuple[str, tuple[int, ...]]:
    """Return the parameter and the index that a name such as ``"0.weight[1,2]"`` stands for."""
    base, given = split_index(name)
    if base not in parameters:
        raise OptionError(f"there is no parameter {base!r} to record. {did_you_mean(base, parameters)}")
    shape = tuple(int(d) for d in parameters[base].shape)
    index = given or ()
    if len(index) != len(shape) or not all(i < d for i, d in zip(index, shape, strict=True)):
        ranges = ",".join(f"0…{d - 1}" for d in shape)
        raise OptionError(f"{base} has shape {shape}; one of its numbers is {base}[{ranges}], not {name}")
    return base, index
