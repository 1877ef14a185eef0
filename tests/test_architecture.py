"""The rooms import downwards only, the types hold, and the code is in the house style."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent

CHECKS = {
    "lint-imports": ["lint-imports", "--config", "pyproject.toml", "--no-cache"],
    "ruff check": ["ruff", "check", "--no-cache", "src", "tests"],
    "ruff format": ["ruff", "format", "--no-cache", "--check", "src", "tests"],
    "mypy": ["mypy", "src"],
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_house_is_in_order(name: str) -> None:
    command, *arguments = CHECKS[name]
    program = TOOLS / command
    if not program.exists():
        pytest.skip(f"{command} is not installed beside Python: pip install -e '.[test]'")
    run = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"


def test_nothing_below_the_command_line_prints_unless_told_where() -> None:
    found = []
    for path in sorted((ROOT / "src" / "glassgrad").rglob("*.py")):
        if path.relative_to(ROOT / "src" / "glassgrad").parts[0] in ("cli", "studio"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            if named and not any(k.arg == "file" for k in node.keywords):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found
