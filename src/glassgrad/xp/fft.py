"""Fourier transforms: ``xp.fft``."""

from __future__ import annotations

from typing import Any

from glassgrad.xp.members import member, names


def __getattr__(name: str) -> Any:
    return member(globals(), "fft", name, __dir__)


def __dir__() -> list[str]:
    return sorted(names("fft"))
