"""What the checker says of the cases of the corpus, and how much of it is true.

A case may hang or take its process with it; each is therefore judged in a worker process under a time limit, and
one that did not end counts as not judged.
"""

from __future__ import annotations

import ast
import multiprocessing
import os
import re
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from corpus_cases import Case

LIMIT = 60.0
"""Seconds for one case."""


@dataclass(frozen=True)
class Said:
    """What was said of a case.

    Attributes
    ----------
    verdict
        That of the report; or ``"refused"`` (a `CheckError`), ``"failed"`` (another exception), ``"crashed"``,
        ``"timeout"``.
    name, line, cause
        The first finding: the quantity, where it is made, and the name of the cause.
    mended
        Whether the program was run again with the corrected line and then was right.
    says
        The finding's sentence, or the error.
    seconds
        How long it took.
    """

    verdict: str
    name: str = ""
    line: int = 0
    cause: str = ""
    mended: bool = False
    says: str = ""
    seconds: float = 0.0


def judge(case: Case) -> Said:
    """Let the checker judge a case, in this process."""
    from glassgrad.checking.programs import check_program
    from glassgrad.errors import CheckError

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder))
        try:
            report = check_program(path)
        except CheckError as error:
            return Said("refused", says=str(error).replace(folder, ""), seconds=time.perf_counter() - start)
        except Exception as error:
            at = error.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at is not None else ""
            says = f"{type(error).__name__} at {where}: {error}"
            return Said("failed", says=says, seconds=time.perf_counter() - start)
    seconds = time.perf_counter() - start
    if not report.findings:
        return Said(report.verdict, seconds=seconds)
    finding = report.findings[0]
    return Said(
        report.verdict,
        finding.quantity.name,
        finding.quantity.line,
        finding.cause.key,
        finding.cause.confirmed,
        finding.sentence.en,
        seconds,
    )


@dataclass(frozen=True)
class Judged:
    """A case with what was said of it."""

    case: Case
    said: Said

    @property
    def was_judged(self) -> bool:
        """Whether there was a verdict at all."""
        return self.said.verdict in ("right", "notice", "wrong")

    @property
    def false_alarm(self) -> bool:
        """Whether something right was called wrong."""
        return self.case.expect != "wrong" and self.said.verdict == "wrong"

    @property
    def found(self) -> bool:
        """Whether the bug was found."""
        return self.case.expect == "wrong" and self.said.verdict == "wrong"

    @property
    def first_right(self) -> bool:
        """Whether the first wrong quantity was found: by its name, or by the line that was changed.

        A weight that is updated too early is right where it is updated: of that bug only the name counts.
        """
        names = set(self.case.first)
        if {"update", "never-updated"} & set(self.case.causes):
            names |= self.case.changed_names
        at_its_place = self.said.line in self.case.changed_lines and "updated-weight" not in self.case.causes
        return self.found and (at_its_place or any(same_name(self.said.name, name) for name in names))

    @property
    def cause_right(self) -> bool:
        """Whether the cause was named rightly."""
        return self.found and self.said.cause in self.case.causes

    @property
    def good(self) -> bool:
        """Whether everything said is true."""
        return self.was_judged and (
            self.first_right and self.cause_right if self.case.expect == "wrong" else not self.false_alarm
        )

    def __str__(self) -> str:
        case, said = self.case, self.said
        about = f"{' or '.join(case.causes)} of {case.first[0]}, " if case.number else ""
        what = (
            f"{said.verdict}: {said.cause} of {said.name} (line {said.line})" if said.name else said.verdict
        )
        says = f": {' '.join(said.says.split())}" if said.says and not self.was_judged else ""
        return f"{case.name}: {about}expected {case.expect}; said {what}{says}"


def same_name(one: str, other: str) -> bool:
    """Return whether two spellings may be the same quantity.

    An object may have several names (``self``, a loop's variable, an entry of a list), a subscript with a name in it
    may be any that fits, and none may be any. Spaces and quotes do not matter.

    Examples
    --------
    >>> same_name("grads['W1']", 'grads["W1"]'), same_name("grads['W1']", "grads['W2']")
    (True, False)
    >>> same_name("p['W' + str(l)]", "p['W1']"), same_name("p['W' + str(l)]", "p['b1']")
    (True, False)
    >>> same_name("delta[j]", "delta"), same_name("W[l]", "W[0]"), same_name("W[1]", "W[0]")
    (True, True, False)
    >>> same_name("self.W", "net.W"), same_name("layer.W", "net.layers[0].W"), same_name("a.W", "b.W")
    (True, True, False)
    >>> same_name("'W1'", "grads['W1']")
    True
    """
    try:
        mine, its = _Name.of(one), _Name.of(other)
    except SyntaxError:
        return "".join(one.split()) == "".join(other.split())
    if not mine.dotted or not its.dotted:
        return bool(mine.keys and its.keys) and mine.keys[-1] == its.keys[-1]
    short = min(len(mine.dotted), len(its.dotted))
    anyone = mine.anyone or its.anyone
    return mine.dotted[-1 if anyone else -short :] == its.dotted[-1 if anyone else -short :] and all(
        bool(re.fullmatch(k, o) or re.fullmatch(o, k)) for k, o in zip(mine.keys, its.keys, strict=False)
    )


@dataclass(frozen=True)
class _Name:
    """How a quantity is spelt: the dotted names, whether its object may be any, and patterns of its subscripts."""

    dotted: list[str]
    anyone: bool
    keys: list[str]

    @classmethod
    def of(cls, text: str) -> _Name:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Constant):
            return cls([], False, [_pattern(node)])
        dotted: list[str] = []
        keys: list[str] = []
        anyone = False
        while isinstance(node, (ast.Attribute, ast.Subscript)):
            if isinstance(node, ast.Attribute):
                dotted.insert(0, node.attr)
            elif dotted:
                anyone = True
            else:
                keys.insert(0, _pattern(node.slice))
            node = node.value
        root = ast.unparse(node)
        return cls([root, *dotted], anyone or (root == "self" and bool(dotted)), keys)


def _pattern(key: ast.expr) -> str:
    if isinstance(key, ast.Constant):
        return re.escape(str(key.value))
    if isinstance(key, ast.BinOp) and isinstance(key.op, ast.Add):
        return _pattern(key.left) + _pattern(key.right)
    return ".*"


@dataclass(frozen=True)
class Figures:
    """How much of what was said is true, in numbers of cases.

    Attributes
    ----------
    right, right_alarms, right_unjudged
        Programs that are right, with or without a notice: how many, how many of them called wrong, how many without
        a verdict.
    wrong, found, first, cause, mended
        Planted bugs: how many, how many found, the first wrong quantity right, the cause named rightly, and the
        corrected line tried and right.
    notices, notice_alarms, notice_unjudged
        Changes that are right for another loss or up to a factor, as for `right`.
    """

    right: int
    right_alarms: int
    right_unjudged: int
    wrong: int
    found: int
    first: int
    cause: int
    mended: int
    notices: int
    notice_alarms: int
    notice_unjudged: int

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> Figures:
        """Count."""
        programs = [j for j in judged if not j.case.number]
        wrong = [j for j in judged if j.case.expect == "wrong"]
        notices = [j for j in judged if j.case.number and j.case.expect != "wrong"]
        return cls(
            len(programs),
            sum(j.false_alarm for j in programs),
            sum(not j.was_judged for j in programs),
            len(wrong),
            sum(j.found for j in wrong),
            sum(j.first_right for j in wrong),
            sum(j.cause_right for j in wrong),
            sum(j.found and j.said.mended for j in wrong),
            len(notices),
            sum(j.false_alarm for j in notices),
            sum(not j.was_judged for j in notices),
        )

    def shortcomings(self) -> list[str]:
        """Return what the figures fall short in: all bugs found, 98 % placed, 90 % named, and no false alarm."""
        wants = {
            f"{self.right_alarms} of {self.right} right programs called wrong": self.right_alarms == 0,
            f"{self.right_unjudged} of {self.right} right programs not judged": self.right_unjudged == 0,
            f"{self.notice_alarms} of {self.notices} harmless changes called wrong": self.notice_alarms == 0,
            f"{self.notice_unjudged} of {self.notices} harmless changes not judged": self.notice_unjudged
            == 0,
            f"{self.found} of {self.wrong} bugs found": self.found == self.wrong,
            f"the first wrong quantity of {self.first} of {self.wrong}": self.first >= 0.98 * self.wrong,
            f"the cause of {self.cause} of {self.wrong}": self.cause >= 0.90 * self.wrong,
        }
        return [text for text, reached in wants.items() if not reached]


def confusions(judged: Iterable[Judged]) -> Counter[tuple[str, str]]:
    """Return how often a cause was taken for another: pairs of what it is and what was said."""
    return Counter(
        (" or ".join(j.case.causes), j.said.cause if j.found else j.said.verdict)
        for j in judged
        if j.case.expect == "wrong" and not j.cause_right
    )


# -- workers -------------------------------------------------------------------------------------------------


def judge_all(
    cases: Sequence[Case], *, jobs: int, limit: float = LIMIT, judging: Callable[[Case], Said] = judge
) -> Iterator[Judged]:
    """Judge cases in worker processes; they come as they are done, those that hang or crash as such.

    `judging` must be importable by name.
    """
    waiting = deque(cases)
    folder = tempfile.TemporaryDirectory()
    workers = [_Worker(judging, folder.name) for _ in range(min(jobs, len(cases)))]
    try:
        busy = {w.give(waiting.popleft(), limit): w for w in workers}
        while busy:
            first_deadline = min(w.deadline for w in busy.values())
            ready = wait(list(busy), timeout=max(0.0, first_deadline - time.monotonic()))
            late = [c for c, w in busy.items() if c not in ready and w.deadline <= time.monotonic()]
            for connection in [*ready, *late]:
                worker = busy.pop(connection)
                yield Judged(worker.case, worker.answer(late=connection in late))
                if waiting:
                    busy[worker.give(waiting.popleft(), limit)] = worker
    finally:
        for worker in workers:
            worker.stop()
        folder.cleanup()


class _Worker:
    """A process that judges one case after another; a new one after one that did not end."""

    def __init__(self, judging: Callable[[Case], Said], folder: str) -> None:
        self.judging, self.folder = judging, folder
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, end = context.Pipe()
        self.process = context.Process(target=_work, args=(end, self.judging, self.folder), daemon=True)
        self.process.start()
        end.close()

    def give(self, case: Case, limit: float) -> Connection:
        """Give it a case, and return where the answer will come."""
        self.case, self.begun, self.deadline = case, time.monotonic(), time.monotonic() + limit
        self.connection.send(case)
        return self.connection

    def answer(self, *, late: bool) -> Said:
        """Return the answer, or how the process failed to give one."""
        if not late:
            try:
                said: Said = self.connection.recv()
                return said
            except EOFError:
                pass
        self.stop()
        says = "" if late else f"the process ended with {self.process.exitcode}"
        self._start()
        return Said("timeout" if late else "crashed", says=says, seconds=time.monotonic() - self.begun)

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join(1.0)
        self.process.kill()
        self.process.join()


def _work(connection: Connection, judging: Callable[[Case], Said], folder: str) -> None:
    from threadpoolctl import threadpool_limits

    tempfile.tempdir = folder
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    with threadpool_limits(1):
        while True:
            try:
                case = connection.recv()
            except EOFError:
                return
            connection.send(judging(case))
