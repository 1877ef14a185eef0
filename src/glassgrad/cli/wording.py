"""Messages from below in the words of the command line.

The rooms below speak to whoever calls them from Python, and name their settings as Python does: ``header=False``.
Whoever reads the same message in a terminal needs the option, ``--no-header``. One rule turns the one into the other,
so that no message need exist twice.
"""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import fields

from glassgrad.cli.options import TrainOptions

__all__ = ["in_options"]

_NAMES = "|".join([*(field.name for field in fields(TrainOptions)), "wrt"])
_VALUE = r"""\[[^\]]*\]|'[^']*'|"[^"]*"|True|False|\d+(?:\.\d+)?"""
_SETTING = rf"(?P<name{{0}}>{_NAMES})=(?P<value{{0}}>{_VALUE})"
_PYTHON = re.compile(rf"(?<![\w'\"`.-])(?:\w+\((?:[^()=]*, )?{_SETTING.format(1)}\)|{_SETTING.format(2)})")
_TWICE = re.compile(r"(--[^()]+) \((?:on the command line )?\1\)")
_ONLY_IN_PYTHON = re.compile(r"\bclip_(?:norm|value)=[\d.]+, ")


def in_options(message: str) -> str:
    """Return a message in which settings of Python are options.

    Examples
    --------
    >>> in_options("Or use it as text: infer(table, text=['a b']).")
    "Or use it as text: --text 'a b'."
    >>> in_options("Name the column: target='price' (on the command line --target price).")
    'Name the column: --target price.'
    """
    text = _PYTHON.sub(lambda found: _option(found[1] or found[3], found[2] or found[4]), message)
    return _ONLY_IN_PYTHON.sub("", _TWICE.sub(r"\1", text))


def _option(name: str, value: str) -> str:
    option, given = f"--{name.replace('_', '-')}", ast.literal_eval(value)
    if isinstance(given, bool):
        return option if given else option.replace("--", "--no-")
    values = given if isinstance(given, list) else [given]
    return " ".join(f"{option} {shlex.quote(str(each))}" for each in values)
