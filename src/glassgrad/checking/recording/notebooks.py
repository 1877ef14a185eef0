"""The Python in a notebook: its cells one after the other, without what only a notebook understands."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from glassgrad.errors import CheckError

__all__ = ["code_of"]


def code_of(path: Path, text: str) -> str:
    """Return the code of a notebook's cells, one after the other."""
    try:
        book = json.loads(text)
        cells = book["cells"] if "cells" in book else book["worksheets"][0]["cells"]
        code = [cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise CheckError(f"{path} is no notebook: it has no cells in JSON.") from None
    language = book.get("metadata", {}).get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise CheckError(f"{path} is a notebook in {language}, not in Python.")
    return "".join(_plain_cell(c if isinstance(c, str) else "".join(c)) + "\n" for c in code)


def _plain_cell(code: str) -> str:
    """Return a cell without what only a notebook understands: magics, shell commands and questions."""
    try:
        ast.parse(code)
    except SyntaxError:
        pass
    else:
        return code
    if re.match(r"\s*%%(?!time|capture|prun)", code):
        return "\n".join(f"# {line}" for line in code.splitlines())
    return "\n".join(map(_plain_line, code.splitlines()))


def _plain_line(line: str) -> str:
    timed = re.match(r"(\s*)%(?:time|timeit|prun)\s+(?!-)(.*)", line)
    if timed:
        return timed[1] + timed[2]
    if re.match(r"\s*(%%?[a-zA-Z]|!\S|\?)", line) or re.match(r"\s*[\w.]+\?+\s*$", line):
        return f"{line[: len(line) - len(line.lstrip())]}pass  # {line.strip()}"
    return re.sub(r"=\s*[%!].*$", "= None", line) if re.match(r"\s*\w+\s*=\s*[%!]", line) else line
