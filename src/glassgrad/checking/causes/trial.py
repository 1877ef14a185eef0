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

from glassgrad.checking.causes.edits import Edit, substituted
from glassgrad.checking.causes.evaluating import evaluation, part_of, reads_itself, safe_names
from glassgrad.checking.causes.scope import Scope
from glassgrad.checking.causes.sites import Site
from glassgrad.checking.judging.matching import Match, match
from glassgrad.checking.judging.replay import At, Replay, Unplayable, writers
from glassgrad.checking.recording.tape import Enough, Tape
from glassgrad.checking.recording.traced import Session, is_traced, plain

__all__ = ["Tried", "tried"]

Array = np.ndarray[Any, Any]

_EDITED = "__edited__"
"""The name of an edited function in the statement that calls it."""
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
        """What evaluates the edited statement, or the site's with the edited function."""
        called = self.edit.called
        if called is None:
            return evaluation(self.site, self.node)
        evaluate = evaluation(self.site, self.node)
        return lambda names, shadow: evaluate({**names, _EDITED: called.function}, shadow)

    @functools.cached_property
    def node(self) -> Any:
        """What is evaluated."""
        called = self.edit.called
        if called is None:
            return self.edit.node
        changes = {id(name): ast.Name(_EDITED, ast.Load()) for name in called.names}
        return ast.fix_missing_locations(substituted(self.site.statement.node, changes))


def tried(site: Site, edits_in: Callable[[Scope], list[Edit]], adding: Sequence[Edit]) -> list[Tried]:
    """Return the edits that give the exact value.

    Parameters
    ----------
    site
        Where.
    edits_in
        Gives the edits to be tried, once the names in scope are known.
    adding
        Edits that make a sum of the statement, which are tried from its first turn on.
    """
    work = _Work(site, edits_in, adding)
    site.program.execute(probe=(site.index, work.before), numbers=site.run.numbers)
    if work.error is not None:
        raise work.error
    return _exact(site, work)


class _Work:
    """What is done each time the program is before the statement."""

    def __init__(self, site: Site, edits_in: Callable[[Scope], list[Edit]], adding: Sequence[Edit]) -> None:
        self.site, self._edits_in = site, edits_in
        bindings = site.run.tape.bindings
        own = [i for i, b in enumerate(bindings) if b.statement == site.index]
        self._last = own[0] if not own else max(i for i in own if i <= site.binding)
        self._own = own
        self._node = site.statement.node
        self._name = bindings[site.binding].name
        self.attempts = [] if _adds_up(self._node) else [_Attempt(e, site) for e in adding]
        self._complete = False
        self.tape: Tape | None = None
        self._extra = 0
        self.moved: list[tuple[int, int]] = []
        self._was: dict[str, Any] = {}
        turns = len({bindings[i].time for i in own if i <= self._last}) if _adds_up(self._node) else 1
        self._seconds = _SECONDS * (2 if site.expected is not None else 1) / (1 + 0.2 * turns)
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
        first = not self._complete and (final or _adds_up(self._node))
        if first:
            scope = self._scope(names)
            begun = {id(a.edit) for a in self.attempts}
            self.attempts += [_Attempt(e, self.site) for e in self._edits_in(scope) if id(e) not in begun]
            self._complete = True
        deadline = time.thread_time() + self._seconds
        for i, attempt in enumerate(self.attempts):
            if attempt.broken:
                continue
            if first and not i % 16 and time.thread_time() > deadline:
                self.attempts = self.attempts[:i]
                break
            self._try(attempt, names, final)
        self._extra += len(tape.bindings) - bindings
        offset = self.moved[-1][1] if self.moved else 0
        self.moved.append((events - offset, offset + len(tape.events) - events))
        if final:
            tape.stop("probe")

    def _scope(self, names: dict[str, Any]) -> Scope:
        site = self.site
        return Scope(site.source, names, functools.partial(safe_names, site), site.targets)

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
    while isinstance(current, (list, tuple)) and current:
        current = current[0]
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
    return isinstance(node, ast.AugAssign) or isinstance(target, ast.Subscript) or reads_itself(node)


# --- comparing -------------------------------------------------------------------------------------------------------


def _exact(site: Site, work: _Work) -> list[Tried]:
    """Return the attempts that mend the fault."""
    made = [a for a in work.attempts if a.at is not None]
    if site.expected is None:
        return _mending(site, work, made)
    expected = site.expected
    near = made if site.earlier else [a for a in made if _near(a.value, expected[0])]
    played = _Played(site, work, near)
    found = []
    for attempt in played.attempts:
        how = _same_on(played, attempt, expected)
        if how is not None and not how.transposed and how.factor > 0:
            found.append(Tried(attempt.edit, how.factor))
    return found or _mending(site, work, made)


def _same_on(played: _Played, attempt: _Attempt, expected: Sequence[Array]) -> Match | None:
    """Return how an attempt's value is what is expected; two draws first, for a number is any other's multiple."""
    how = None
    for draws in ((0, 1), range(len(expected))):
        values = played.values(attempt, draws)
        if values is None or values[0].size != expected[0].size:
            return None
        how = match(values, [expected[d] for d in draws])
        if how is None:
            return None
    return how


def _mending(site: Site, work: _Work, attempts: list[_Attempt]) -> list[Tried]:
    """Return the attempts whose value, put in the place of the statement's own, makes parameters right."""
    bound = site.run.tape.bindings[site.binding]
    at = At(bound.time, bound.cell)
    event = max(writers(site.run.tape, at))
    in_place = site.run.tape.events[event].target is not None
    known = site.judgement.values[0].get(at)
    own = None if known is None else np.asarray(known, dtype=np.float64)
    alike: list[list[_Attempt]] = []
    for attempt in attempts:
        if own is not None and (
            _equal(attempt.value, own) or (in_place and attempt.value.shape != own.shape)
        ):
            continue
        group = next((others for others in alike if _equal(others[0].value, attempt.value)), None)
        if group is None:
            alike.append([attempt])
        else:
            group.append(attempt)
    played = _Played(site, work, [group[0] for group in alike])
    mending = site.mending
    for mends in (mending.mends, mending.right) if mending.reaches(event) else (mending.right,):
        found = _found(site, played, event, mends)
        if found:  # what is the same in this turn of a loop may be another in the next
            edits = {id(t.edit) for t in found}
            return [
                Tried(a.edit, 1.0) for group in alike if id(group[0].edit) in edits for a in group[:_ENOUGH]
            ]
    return []


def _equal(one: Array, other: Array) -> bool:
    return one.shape == other.shape and np.array_equal(one, other)


def _found(site: Site, played: _Played, event: int, mends: Callable[..., bool]) -> list[Tried]:
    """Return the attempts whose values mend, as results of an event: on one draw first, for most fail at once."""
    found: list[Tried] = []
    deadline = time.thread_time() + _SECONDS
    every = range(len(site.judgement.draws.given))
    for i, attempt in enumerate(played.attempts):
        if len(found) == _ENOUGH or (not i % 8 and time.thread_time() > deadline):
            break
        for draws in ((1,), every):
            values = played.values(attempt, draws)
            if values is None or not mends(event, values, draws):
                break
        else:
            found.append(Tried(attempt.edit, 1.0))
    return found


class _Played:
    """What attempts give on other draws: all of them are played at once, for what they are made of is the same."""

    def __init__(self, site: Site, work: _Work, attempts: list[_Attempt]) -> None:
        self.site, self.work, self.attempts = site, work, attempts
        self._starts = [at for at, _ in work.moved]
        self._known: dict[int, dict[At, Array]] = {}

    def values(self, attempt: _Attempt, draws: Sequence[int]) -> list[Array] | None:
        """Return an attempt's value on some draws."""
        assert attempt.at is not None
        found = [self._on(draw).get(attempt.at) for draw in draws]
        return None if any(v is None for v in found) else [v for v in found if v is not None]

    def _on(self, draw: int) -> dict[At, Array]:
        if draw not in self._known:
            given = dict(self.site.judgement.draws.given[draw])
            for fault in self.site.earlier:
                given |= fault.given(self.site.judgement, draw)
            given = {self._moved(e): v for e, v in given.items()}
            wanted = [a.at for a in self.attempts if a.at is not None]
            self._known[draw] = self._play(wanted, given)
        return self._known[draw]

    def _play(self, wanted: list[At], given: dict[int, Any]) -> dict[At, Array]:
        """Return those of some values that can be played; where one cannot, each half is played apart."""
        assert self.work.tape is not None
        try:
            return Replay(self.work.tape, wanted).run(given)
        except (Unplayable, ValueError, KeyError, IndexError):
            if len(wanted) == 1:
                return {}
            half = len(wanted) // 2
            return {**self._play(wanted[:half], given), **self._play(wanted[half:], given)}

    def _moved(self, event: int) -> int:
        before = bisect.bisect_right(self._starts, event) - 1
        return event + (self.work.moved[before][1] if before >= 0 else 0)


def _near(value: Array, expected: Array) -> bool:
    """Say whether a value may be a positive multiple of what is expected."""
    if value.size != expected.size or not np.any(expected) or not np.all(np.isfinite(value)):
        return False
    a, b = value.ravel(), np.asarray(expected, dtype=np.float64).ravel()
    factor = float(a @ b) / float(b @ b)
    return factor > 0 and float(np.max(np.abs(a - factor * b))) <= _CLOSE * float(np.max(np.abs(a)))
