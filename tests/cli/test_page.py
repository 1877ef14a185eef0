"""How wide commands write, and when in colour."""

from __future__ import annotations

import os
import sys

import pytest

from glassgrad.cli.output import page


def test_a_file_gets_plain_text_of_a_fixed_width() -> None:
    assert page() == {"width": 100, "colour": False}


def test_a_terminal_is_filled_and_coloured_unless_the_reader_wants_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: os.terminal_size((72, 20)))
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert page() == {"width": 72, "colour": True}
    monkeypatch.setenv("NO_COLOR", "1")
    assert page() == {"width": 72, "colour": False}
