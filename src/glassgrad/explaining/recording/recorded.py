"""A recording: rows of numbers by step, whole states now and then, in a bounded amount of memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import ModelFileError, OptionError, did_you_mean
from glassgrad.explaining.changes.taken import TakenStep
from glassgrad.explaining.document import Document, Drawing, Paragraph, Section, Table
from glassgrad.explaining.drawing.figures import Curve, Curves
from glassgrad.explaining.recording.recordfile import (
    Header,
    Numbers,
    Snapshot,
    read_records,
    rows_of,
    state_of,
)
from glassgrad.language import Text

if TYPE_CHECKING:
    from glassgrad.training.rerun import Rerun

__all__ = ["Recording", "Series", "Snapshots", "load_recording", "read_recording", "recording_of"]

Array = np.ndarray[Any, Any]


class Series:
    """Rows of numbers by step, at most `capacity` of them, evenly spaced; and the last row, whatever its step."""

    def __init__(self, width: int, capacity: int) -> None:
        self.stride = 1
        self._capacity, self._count = capacity, 0
        self._steps = np.empty(min(capacity, 64), np.int64)
        self._rows = np.empty((len(self._steps), width))
        self._last: tuple[Array, Array] | None = None

    def add(self, steps: Array, rows: Array) -> tuple[Array, Array]:
        """Take rows in, and return those that were kept. Steps that were there are recorded anew from the first on."""
        if not len(steps):
            return steps, rows
        self._last = (steps[-1:].copy(), rows[-1:].copy())
        self._count = int(np.searchsorted(self._steps[: self._count], steps[0]))
        chosen = steps % self.stride == 0
        while self._count + np.count_nonzero(chosen) > self._capacity:
            self.stride *= 2
            old = np.flatnonzero(self._steps[: self._count] % self.stride == 0)
            self._count = len(old)
            self._steps[: len(old)], self._rows[: len(old)] = self._steps[old], self._rows[old]
            chosen = steps % self.stride == 0
        steps, rows = steps[chosen], rows[chosen]
        self._make_room(self._count + len(steps))
        place = slice(self._count, self._count + len(steps))
        self._steps[place], self._rows[place] = steps, rows
        self._count += len(steps)
        return steps, rows

    def _make_room(self, count: int) -> None:
        size = len(self._steps)
        if count > size:
            more = min(self._capacity, max(count, 2 * size)) - size
            self._steps = np.concatenate([self._steps, np.empty(more, np.int64)])
            self._rows = np.concatenate([self._rows, np.empty((more, self._rows.shape[1]))])

    def arrays(self) -> tuple[Array, Array]:
        """Return copies of the steps and the rows."""
        steps, rows = self._steps[: self._count], self._rows[: self._count]
        if self._last is None or (len(steps) and steps[-1] == self._last[0][0]):
            return steps.copy(), rows.copy()
        return np.concatenate([steps, self._last[0]]), np.concatenate([rows, self._last[1]])


_MOST = 64
"""The most states kept, however small they are: copying one takes longer than some steps."""


class Snapshots:
    """States by the step that follows: the first one and some later ones, at most `limit` bytes but at least two."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._apart = 1
        self.states: dict[int, list[Array]] = {}

    def offer(self, step: int, state: Sequence[Array]) -> bool:
        """Keep a copy of a state where it is due, and say whether it was."""
        for later in [s for s in self.states if s >= step]:
            del self.states[later]
        if self.states and step - max(self.states) < self._apart:
            return False
        self.states[step] = [np.array(a) for a in state]
        size = sum(a.nbytes for a in state)
        if len(self.states) > max(2, min(self._limit // max(size, 1), _MOST)):
            kept = sorted(self.states)
            self._apart = 2 * (kept[-1] - kept[0]) // (len(kept) - 1)
            for passed in kept[1:-1:2]:
                del self.states[passed]
        return True


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded of a run.

    Attributes
    ----------
    steps
        (n,) the steps, counted from 0, of which there are numbers.
    columns
        (n,) float64 by name: ``"loss"``; for each parameter ``"0.weight.gradient_norm"``, ``"0.weight.weight_norm"``
        and ``"0.weight.update_ratio"`` (‖Δw‖ / ‖w‖); for each activation function ``"1.mean"``, ``"1.std"`` and
        ``"1.flat"`` (the share of its inputs at which its slope is below 0.01: off, or saturated); for each chosen
        weight ``"0.weight[1,2]"`` and ``"0.weight[1,2].gradient"``.
    states
        The whole state by the step before which it was.
    keys
        The names of a state's arrays.
    settings
        What the run was asked for.
    note
        What is missing, where something is.

    Examples
    --------
    >>> from glassgrad import examples
    >>> from glassgrad.explaining.recording.recorder import Recorder
    >>> recorder = Recorder(weights=["0.weight[0,1]"])
    >>> _ = examples.get("xor").train(steps=500, callbacks=[recorder])
    >>> recording = recorder.recording
    >>> len(recording), int(recording["loss"].argmin())
    (500, 499)
    >>> recording["0.weight[0,1]"].shape
    (500,)
    """

    steps: Array
    columns: Mapping[str, Array]
    states: Mapping[int, list[Array]]
    keys: Sequence[str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    note: Text | None = None

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise OptionError(f"{name!r} was not recorded. {did_you_mean(name, self.columns)}")
        return self.columns[name]

    def state_before(self, step: int, rerun: Rerun) -> list[Array]:
        """Return the whole state before a step: the nearest one that was kept, and the steps from there taken again.

        Raises
        ------
        OptionError
            Where the step was not part of the run.
        """
        last = int(self.steps[-1]) if len(self) else -1
        if not self.states or not min(self.states) <= step <= last:
            first = min(self.states, default=0)
            raise OptionError(
                f"step {step} was not recorded; there are the steps {first} to {last}, counted from 0"
            )
        nearest = max(s for s in self.states if s <= step)
        return rerun.advance(self.states[nearest], nearest, step)

    def at(self, step: int, rerun: Rerun) -> TakenStep:
        """Return a step of the run, held still.

        Parameters
        ----------
        step
            Which one, counted from 0; it need not be among `steps`.
        rerun
            What can take its steps again (`Run.rerun`).

        Raises
        ------
        OptionError
            Where the step was not part of the run.
        """
        return TakenStep(rerun.built, rerun.inputs(step, self.state_before(step, rerun)))

    def path(self, parameters: int) -> Array:
        """Return the states as points, (states, numbers): their first arrays, `parameters` of them, end to end."""
        points = [
            np.concatenate([a.reshape(-1) for a in s[:parameters]]) for _, s in sorted(self.states.items())
        ]
        return np.stack(points).astype(np.float64)

    def document(self) -> Document:
        """Return curves of all that was recorded."""
        told = Text(
            "{n} of {total} steps are kept, evenly spaced.",
            "{total}단계 가운데 고른 간격의 {n}단계가 남아 있다.",
        ).fill(n=len(self), total=int(self.steps[-1]) + 1 if len(self) else 0)
        blocks = [Paragraph(told), *([Paragraph(self.note, "warning")] if self.note else [])]
        sections = [
            Section(
                "loss",
                Text("Loss", "손실"),
                [*blocks, self._curves(["loss"], Text("loss", "손실"), log=True)],
            )
        ]
        for key, title, axis, log in _PARTS:
            names = [name for name in self.columns if name.endswith(f".{key}")]
            chosen = [name for name in self.columns if name.endswith("]")]
            names = chosen if key == "weight" else names
            if names:
                sections.append(Section(key, title, [self._curves(names, axis, log=log), self._table(names)]))
        return Document(Text("A training run, step by step", "학습 과정, 한 단계씩"), sections)

    def _curves(self, names: Sequence[str], axis: Text, *, log: bool) -> Drawing:
        drawn = []
        for i, name in enumerate(names[:_DRAWN]):
            y = self.columns[name]
            shown = np.isfinite(y) & ((y > 0) | (not log))
            drawn.append(Curve(name, self.steps[shown], y[shown], dashed=bool(i % 2)))
        return Drawing(Curves(drawn, Text("step", "단계"), axis, log_y=log), axis)

    def _table(self, names: Sequence[str]) -> Table:
        header = [
            Text("quantity", "값"),
            Text("first", "처음"),
            Text("last", "마지막"),
            Text("largest", "최댓값"),
        ]
        header.append(Text("at step", "그 단계"))
        rows = []
        for name in names:
            y = self.columns[name]
            if np.isfinite(y).any():
                top = int(np.nanargmax(np.where(np.isfinite(y), y, np.nan)))
                rows.append((name, float(y[0]), float(y[-1]), float(y[top]), int(self.steps[top])))
        return Table(header, rows)


_DRAWN = 8
"""The most curves of one figure; the table has all."""

_PARTS = (
    ("gradient_norm", Text("Gradients", "기울기"), Text("‖gradient‖", "‖기울기‖"), True),
    ("update_ratio", Text("Updates", "갱신"), Text("‖Δw‖ / ‖w‖", "‖Δw‖ / ‖w‖"), True),
    (
        "flat",
        Text("Activations that let nothing through", "기울기를 막는 활성화"),
        Text("share with a local derivative below 0.01", "국소적 미분이 0.01보다 작은 비율"),
        False,
    ),
    ("std", Text("Activations", "활성화"), Text("standard deviation", "표준편차"), False),
    ("weight", Text("Chosen weights", "고른 가중치"), Text("value", "값"), False),
)


def load_recording(path: str | os.PathLike[str], *, capacity: int = 10_000) -> Recording:
    """Read a recording from disk; what a killed run left of its last record is left out, with a note.

    Raises
    ------
    ModelFileError
        Where it cannot be read or is none.
    """
    header, series, snapshots, _, lost = read_recording(path, capacity, 1 << 40)
    return recording_of(header, series, snapshots, _lost(lost))


def read_recording(
    path: str | os.PathLike[str], capacity: int, limit: int
) -> tuple[Header, Series, Snapshots, int, int]:
    """Return what a file holds, where its last whole record ends, and how many bytes follow.

    Raises
    ------
    ModelFileError
        Where it cannot be read or is no recording.
    """
    records, size, lost = read_records(path)
    header, *rest = records
    assert isinstance(header, Header)
    series, snapshots = Series(len(header.names), capacity), Snapshots(limit)
    try:
        for record in rest:
            if isinstance(record, Numbers):
                series.add(*rows_of(record, len(header.names)))
            elif isinstance(record, Snapshot):
                snapshots.offer(record.step, state_of(record, header))
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"'{path}' has a record that does not fit its header: {error}.") from None
    return header, series, snapshots, size, lost


def _lost(bytes_lost: int) -> Text | None:
    if not bytes_lost:
        return None
    return Text(
        "The last {n} bytes of the file are no whole record and were left out: the run was killed, or the disk full.",
        "파일 끝의 {n}바이트는 온전한 기록이 아니어서 뺐다. 실행이 강제로 끝났거나 디스크가 가득 찼다.",
    ).fill(n=bytes_lost)


def recording_of(header: Header, series: Series, snapshots: Snapshots, note: Text | None) -> Recording:
    """Return what has been kept so far as a recording."""
    steps, rows = series.arrays()
    sums = {name: rows[:, i] for i, name in enumerate(header.names)}
    columns = {name: _finished(name, sums) for name in sums}
    keys = [key for key, _, _ in header.state]
    return Recording(steps, columns, dict(snapshots.states), keys, header.settings, note)


def _finished(name: str, sums: Mapping[str, Array]) -> Array:
    """Return a column from the sums that the steps reported."""
    with np.errstate(all="ignore"):
        if name.endswith(("_norm", ".update_ratio")):
            found = np.sqrt(sums[name])
            if name.endswith(".update_ratio"):
                found = found / np.sqrt(sums[f"{name.removesuffix('.update_ratio')}.weight_norm"])
            return np.asarray(found)
        if name.endswith(".std"):
            mean = sums[f"{name.removesuffix('.std')}.mean"]
            return np.asarray(np.sqrt(np.maximum(sums[name] - mean**2, 0.0)))
        return sums[name]
