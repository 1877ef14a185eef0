"""Which exact gradients results may be meant to be, by the values of the forward pass that they are made with.

A neuron's error is multiplied by the derivative at that neuron's output, an error at a moment with the gates of that
moment: what a statement takes from the forward pass says whose gradient each of its results is.
"""

from __future__ import annotations

import bisect
import functools

from glassgrad.checking.judging.faults import Named, writer
from glassgrad.checking.judging.judge import Judgement
from glassgrad.checking.judging.replay import At, event_of

__all__ = ["Beside"]


class Beside:
    """Finds the forward values that results are made with.

    Parameters
    ----------
    judgement
        What was found of the program.
    """

    def __init__(self, judgement: Judgement) -> None:
        self._judgement = judgement
        self._forward = set(judgement.draws.forward)
        self._starts = {p.parameter.start for p in judgement.parameters}
        self._newest: dict[int, int | None] = {}

    @functools.cached_property
    def _bound(self) -> set[int]:
        """The events whose results have names."""
        return {writer(self._judgement, At(b.time, b.cell)) for b in self._judgement.bindings}

    def newest(self, named: Named) -> int | None:
        """Return the last event of the forward pass that a result is made with; None where there is none.

        Where a result is made of gradients and weights alone, it is that of what is made of it next.
        """
        own = self._made_with(named.event)
        following = self._users.get(named.event) if own is None else None
        return own if following is None else self._made_with(following)

    @functools.cached_property
    def _users(self) -> dict[int, int]:
        """For each event of the backward pass, the first that reads its result."""
        users: dict[int, int] = {}
        for i in sorted(self._judgement.backward):
            for r in self._judgement.step.tape.events[i].reads:
                users.setdefault(r, i)
        return users

    def _made_with(self, event: int) -> int | None:
        if event not in self._newest:
            self._newest[event] = self._found(event)
        return self._newest[event]

    def _found(self, event: int) -> int | None:
        tape, depends, after = self._judgement.step.tape, self._judgement.step.depends, self._judgement.after
        waiting, seen, found = [event], {event}, -1
        while waiting:
            for r in tape.events[waiting.pop()].reads:
                if r in seen or r in self._starts or not depends.get(r):
                    continue
                seen.add(r)
                if r in self._forward:
                    found = max(found, r)
                elif r not in after or r not in self._bound:
                    waiting.append(r)
        return found if found >= 0 else None

    def pairs(self, keys: list[int], members: list[Named], later: bool) -> list[int] | None:
        """Pair each result with the gradient in the value nearest to those it is made with.

        Parameters
        ----------
        keys
            The gradients.
        members
            The results.
        later
            Whether that value is the first one after those, else the last one before, which may be one of them.
        """
        ordered = sorted(keys, key=event_of)
        places = [event_of(k) for k in ordered]
        pairs = []
        for named in members:
            newest = self.newest(named)
            if newest is None:
                return None
            at = bisect.bisect_right(places, newest) - (0 if later else 1)
            if not 0 <= at < len(ordered):
                return None
            pairs.append(ordered[at])
        return pairs if len(set(pairs)) == len(pairs) else None
