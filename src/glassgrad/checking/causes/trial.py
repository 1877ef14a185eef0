"""Edits tried in the program itself: it is run again up to the statement, and each edited statement is evaluated there.

All edits are tried in one run, on the same names; what they calculate is recorded behind what the program has
calculated, so it can be played again on other parameters and inputs. A statement that adds up in a loop is tried
from its first turn on, each edit with a copy of its own to add to.
"""

from __future__ import annotations

import ast
import bisect
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.checking.causes.edits import Edit
from glassgrad.checking.causes.evaluating import evaluation, part_of, safe_names
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.judging.matching import match
from glassgrad.checking.judging.replay import At, Replay, Unplayable, writers
from glassgrad.checking.recording.tape import Enough, Tape
from glassgrad.checking.recording.traced import Session, is_traced, plain

__all__ = ["Tried", "tried"]

Array = np.ndarray[Any, Any]

_SECONDS = 1.0
_ENOUGH = 4
_CLOSE = 1e-3
"""How near the program's own value must be before other draws are asked; the program may calculate in float32."""


@dataclass(frozen=True, eq=False)
class Tried:
    """An edit that gives the exact value on all draws, up to a constant."""

    edit: Edit
    factor: float


@dataclass(eq=False)
class _Attempt:
    edit: Edit
    site: Site
    shadows: dict[str, Any] = field(default_factory=dict)
    at: At | None = None
    value: Any = None
    broken: bool = False

    @functools.cached_property
    def run(self) -> Callable[[dict[str, Any], Any], Any]:
        """What evaluates the edited statement."""
        return evaluation(self.site, self.edit.node)


def tried(site: Site, edits_in: Callable[[Scope], list[Edit]]) -> list[Tried]:
    """Return the edits that give the exact value.

    Parameters
    ----------
    site
        Where.
    edits_in
        Gives the edits to be tried, once the names in scope are known.
    """
    work = _Work(site, edits_in)
    site.program.execute(probe=(site.index, work.before), numbers=site.run.numbers)
    if work.error is not None:
        raise work.error
    return _exact(site, work)


class _Work:
    """What is done each time the program is before the statement."""

    def __init__(self, site: Site, edits_in: Callable[[Scope], list[Edit]]) -> None:
        self.site, self._edits_in = site, edits_in
        bindings = site.run.tape.bindings
        own = [i for i, b in enumerate(bindings) if b.statement == site.index]
        self._last = own[0] if not own else max(i for i in own if i <= site.binding)
        self._own = own
        self._node = site.statement.node
        self._name = bindings[site.binding].name
        self.attempts: list[_Attempt] | None = None
        self.tape: Tape | None = None
        self._extra = 0
        self.moved: list[tuple[int, int]] = []
        self._was: dict[str, Any] = {}
        turns = len({bindings[i].time for i in own if i <= self._last}) if _adds_up(self._node) else 1
        self._seconds, self._timed = (
            _SECONDS * (2 if site.expected is not None else 1) / (1 + 0.2 * turns),
            False,
        )
        self.error: Exception | None = None
        self._busy = False

    def before(self, global_names: dict[str, Any], local_names: dict[str, Any]) -> None:
        """Try the edits in these names, and end the program where the value is made."""
        if self._busy:  # an edit calls the function that the statement is in
            return
        self._busy = True
        try:
            self._before(global_names, local_names)
        except Exception as error:  # the program would take it for its own
            self.error = error
            raise
        finally:
            self._busy = False

    def _before(self, global_names: dict[str, Any], local_names: dict[str, Any]) -> None:
        tape = Session.tape
        if tape is None or tape.ended:
            return
        self.tape = tape
        bound = len(tape.bindings) - self._extra
        following = bisect.bisect_left(self._own, bound)
        if following == len(self._own) or self._own[following] > self._last:
            return
        final = self._final(following)
        names = {**local_names, **{k: v for k, v in global_names.items() if k not in local_names}}
        events = len(tape.events)
        bindings = len(tape.bindings)
        if self.attempts is None and (final or _adds_up(self._node) or self._own[following] == self._own[0]):
            self.attempts = [
                _Attempt(e, self.site)
                for e in self._edits_in(
                    Scope(self.site.source, names, functools.partial(safe_names, self.site))
                )
            ]
        deadline = time.thread_time() + self._seconds
        for i, attempt in enumerate(self.attempts or ()):
            if attempt.broken or not (final or _adds_up(self._node) or _adds_up(attempt.edit.node)):
                continue
            if not self._timed and not i % 16 and time.thread_time() > deadline:
                self.attempts = (self.attempts or [])[:i]
                break
            self._try(attempt, names, final)
        self._timed = True
        self._extra += len(tape.bindings) - bindings
        offset = self.moved[-1][1] if self.moved else 0
        self.moved.append((events - offset, offset + len(tape.events) - events))
        if final:
            tape.stop("probe")

    def _final(self, following: int) -> bool:
        """Say whether this is the time at which the wanted value is made."""
        bindings = self.site.run.tape.bindings
        stack = bindings[self._own[following]].time
        last = bindings[self._last].time
        return self._own[following] == self._last or (
            last == stack and bindings[self._own[following]].name != bindings[self._last].name
        )

    def _try(self, attempt: _Attempt, names: dict[str, Any], final: bool) -> None:
        tape = self.tape
        assert tape is not None
        try:
            value = attempt.run(names, self._shadow(attempt))
        except Enough:
            raise
        except Exception:
            attempt.broken = True
            return
        if final:
            try:
                value = part_of(self._node, self._name, value)
            except (SyntaxError, NameError, KeyError, IndexError, TypeError):
                return
            if is_traced(value) and value._tape is tape:
                attempt.at = At(len(tape.events), value._cell.index)
                attempt.value = np.array(plain(value), dtype=np.float64)

    def _shadow(self, attempt: _Attempt) -> Callable[[str, Any], Any]:
        """Return what gives an attempt its own copy of what is added to, while the program goes on adding."""
        tape = self.tape
        bindings = tape.bindings if tape is not None else []

        def shadow(key: str, current: Any, value: Any = None) -> Any:
            if value is not None:
                attempt.shadows[key] = (value, len(bindings))
                return value
            kept = attempt.shadows.get(key)
            if kept is not None and _goes_on(tape, self.site.index, current, kept[1]):
                return kept[0]
            return np.copy(current) if isinstance(current, np.ndarray) else current

        return shadow


def _goes_on(tape: Any, statement: int, current: Any, since: int) -> bool:
    """Say whether a value is still what the statement left there the last time."""
    if not is_traced(current):
        return False
    cell = current._cell
    for b in reversed(tape.bindings[since:] if since < len(tape.bindings) else []):
        if b.statement == statement and b.cell == cell.index:
            return bool(cell.buffer.writer < b.time)
    return False


def _adds_up(node: ast.stmt) -> bool:
    """Say whether what a statement leaves depends on what it left before."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return isinstance(node, ast.AugAssign) or isinstance(target, ast.Subscript)


# --- comparing -------------------------------------------------------------------------------------------------------


def _exact(site: Site, work: _Work) -> list[Tried]:
    """Return the attempts that mend the fault."""
    made = [a for a in work.attempts or () if a.at is not None]
    if site.expected is None:
        return _mending(site, work, made)
    expected = site.expected
    close = [a for a in made if _near(a.value, expected[0])]
    found = []
    for attempt in close:
        values = _played(site, work, attempt, range(len(site.judgement.draws.given)))
        if values is None or values[0].size != expected[0].size:
            continue
        how = match(values, expected)
        if how is not None and not how.transposed and how.factor > 0:
            found.append(Tried(attempt.edit, how.factor))
    return found or _mending(site, work, made)


def _mending(site: Site, work: _Work, attempts: list[_Attempt]) -> list[Tried]:
    """Return the attempts whose value, put in the place of the statement's own, makes parameters right."""
    bound = site.run.tape.bindings[site.binding]
    at = At(bound.time, bound.cell)
    event = max(writers(site.run.tape, at))
    in_place = site.run.tape.events[event].target is not None
    known = site.judgement.values[0].get(at)
    seen = [] if known is None else [np.asarray(known, dtype=np.float64)]
    found: list[Tried] = []
    deadline = time.thread_time() + _SECONDS
    every = range(len(site.judgement.draws.given))
    for attempt in attempts:
        if len(found) == _ENOUGH or (not len(seen) % 8 and time.thread_time() > deadline):
            break
        if in_place and seen and attempt.value.shape != seen[0].shape:
            continue
        if any(v.shape == attempt.value.shape and np.array_equal(v, attempt.value) for v in seen):
            continue
        seen.append(attempt.value)
        for draws in ((1,), every):
            values = _played(site, work, attempt, draws)
            if values is None or not site.mending.right([{event: v} for v in values], draws):
                break
        else:
            found.append(Tried(attempt.edit, 1.0))
    return found


def _played(site: Site, work: _Work, attempt: _Attempt, draws: Sequence[int]) -> list[Array] | None:
    """Return an attempt's value on some draws."""
    assert work.tape is not None
    assert attempt.at is not None
    starts = [at for at, _ in work.moved]

    def moved(event: int) -> int:
        before = bisect.bisect_right(starts, event) - 1
        return event + (work.moved[before][1] if before >= 0 else 0)

    values = []
    for draw in draws:
        both = dict(site.judgement.draws.given[draw])
        for fault in site.earlier:
            both |= fault.given(site.judgement, draw)
        try:
            replay = Replay(work.tape, [attempt.at])
            values.append(replay.run({moved(e): v for e, v in both.items()})[attempt.at])
        except (Unplayable, ValueError, KeyError, IndexError):
            return None
    return values


def _near(value: Array, expected: Array) -> bool:
    """Say whether a value may be a positive multiple of what is expected."""
    if value.size != expected.size or not np.any(expected) or not np.all(np.isfinite(value)):
        return False
    a, b = value.ravel(), np.asarray(expected, dtype=np.float64).ravel()
    factor = float(a @ b) / float(b @ b)
    return factor > 0 and float(np.max(np.abs(a - factor * b))) <= _CLOSE * float(np.max(np.abs(a)))
