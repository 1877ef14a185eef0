"""The corpus of hand-written backward passes: which programs there are, and which bugs are planted in them.

`corpus/README.md` says what the words in the `cases.toml` of a family mean. A case is a right program as it is, or
with one replacement of a piece of its text.
"""

from __future__ import annotations

import ast
import difflib
import json
import random
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parent / "corpus"
FAMILIES = ("scripts", "classes", "architectures", "styles")
CAUSES = frozenset(
    {
        "missing-derivative",
        "doubled-derivative",
        "derivative-place",
        "wrong-derivative",
        "transposed",
        "wrong-operand",
        "wrong-axis",
        "factor",
        "sign",
        "overwritten",
        "updated-weight",
        "bias-not-summed",
        "softmax-twice",
        "broadcast",
        "precision",
        "never-updated",
        "update",
        "missing-term",
    }
)


@dataclass(frozen=True)
class Case:
    """A program of the corpus, right or with a bug planted.

    Attributes
    ----------
    family, file
        Where the right program is.
    number
        0 for the right program, else the number of the mutant among those of this program.
    expect
        ``"right"``, ``"notice"`` or ``"wrong"``.
    causes
        The names that are true of the bug; none for the right program.
    first
        The names of the first wrong quantity in backward order.
    old, new
        The replacement.
    """

    family: str
    file: str
    number: int
    expect: str
    causes: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    old: str = ""
    new: str = ""

    @property
    def name(self) -> str:
        """``scripts/parity_globals.py#3``: one name for each case."""
        return f"{self.family}/{self.file}#{self.number}"

    @property
    def path(self) -> Path:
        """The right program."""
        return CORPUS / self.family / self.file

    @cached_property
    def content(self) -> str:
        """What is in the file of this case.

        Raises
        ------
        ValueError
            Where `old` does not occur exactly once (in a notebook: in one of its code cells).
        """
        text = self.path.read_text(encoding="utf-8")
        if not self.number:
            return text
        if not self.file.endswith(".ipynb"):
            return self._replaced(text, text.count(self.old))
        notebook = json.loads(text)
        cells = _code_cells(notebook)
        times = sum("".join(cell["source"]).count(self.old) for cell in cells)
        for cell in cells:
            if self.old in "".join(cell["source"]):
                cell["source"] = self._replaced("".join(cell["source"]), times).splitlines(keepends=True)
        return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"

    def _replaced(self, text: str, times: int) -> str:
        if times != 1 or self.old == self.new:
            raise ValueError(f"{self.name}: 'old' occurs {times} times, not once, or is the same as 'new'")
        return text.replace(self.old, self.new)

    def write(self, folder: Path) -> Path:
        """Write the file of this case into a folder."""
        path = folder / self.file
        path.write_text(self.content, encoding="utf-8")
        return path

    @cached_property
    def code(self) -> str:
        """The Python of this case: of a notebook the code cells, joined by a newline."""
        return _code(self.content, self.file)

    @cached_property
    def _changes(self) -> tuple[set[int], set[int]]:
        """The lines of the right and of this program that belong to statements that differ."""
        right = _code(self.path.read_text(encoding="utf-8"), self.file)
        before, after = right.splitlines(), self.code.splitlines()
        old: set[int] = set()
        new: set[int] = set()
        for how, *span in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
            if how != "equal":
                old |= _statement_lines(right, *span[:2])
                new |= _statement_lines(self.code, *span[2:])
        return old, new

    @property
    def changed_lines(self) -> set[int]:
        """The lines of this program that the planted bug is on; none where a whole statement was taken away."""
        return self._changes[1]

    @cached_property
    def changed_names(self) -> set[str]:
        """What the changed statements, of the right program too, give a value."""
        right = _code(self.path.read_text(encoding="utf-8"), self.file)
        return {
            ast.unparse(target)
            for code, lines in zip((right, self.code), self._changes, strict=True)
            for node in ast.walk(ast.parse(code))
            if isinstance(node, (ast.Assign, ast.AugAssign)) and node.lineno in lines
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        }


def _code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def _code(content: str, file: str) -> str:
    if not file.endswith(".ipynb"):
        return content
    return "\n".join("".join(cell["source"]) for cell in _code_cells(json.loads(content))) + "\n"


def _statement_lines(code: str, start: int, stop: int) -> set[int]:
    """Return the lines, from 1, of the statements that the lines [start, stop), from 0, belong to.

    Of a statement over several lines these are its first and those in the range: it is known by its first line. An
    empty range lies between two lines, and belongs to the statement that it is inside of. Of a statement with a body
    only the head counts.
    """
    lines = set(range(start + 1, stop + 1))
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            if start < end and stop >= node.lineno and (start < stop or node.lineno <= start):
                lines.add(node.lineno)
    return lines


def read_cases(families: Sequence[str] = FAMILIES) -> list[Case]:
    """Return every right program of some families, each followed by its mutants."""
    return [case for family in families for case in _family(family)]


def _family(family: str) -> Iterator[Case]:
    listed = tomllib.loads((CORPUS / family / "cases.toml").read_text(encoding="utf-8"))
    for program in listed["program"]:
        yield Case(family, program["file"], 0, program["expect"])
        mutants = [mutant for mutant in listed["mutant"] if mutant["file"] == program["file"]]
        for number, mutant in enumerate(mutants, 1):
            yield Case(
                family,
                program["file"],
                number,
                mutant["expect"],
                _several(mutant["cause"]),
                (mutant["first"], *_several(mutant.get("also", []))),
                mutant["old"],
                mutant["new"],
            )


def _several(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def sample(cases: Sequence[Case], size: int, seed: int) -> list[Case]:
    """Return some of the cases, spread over the programs, and over the causes in each family.

    Examples
    --------
    >>> cases = read_cases(["scripts"])
    >>> sample(cases, 5, seed=1) == sample(cases, 5, seed=1)
    True
    """
    left = list(cases)
    random.Random(seed).shuffle(left)
    programs: Counter[str] = Counter()
    causes: Counter[tuple[str, tuple[str, ...]]] = Counter()
    chosen = []
    for _ in range(min(size, len(left))):
        case = min(left, key=lambda c: (programs[f"{c.family}/{c.file}"], causes[c.family, c.causes]))
        left.remove(case)
        programs[f"{case.family}/{case.file}"] += 1
        causes[case.family, case.causes] += 1
        chosen.append(case)
    return sorted(chosen, key=cases.index)
