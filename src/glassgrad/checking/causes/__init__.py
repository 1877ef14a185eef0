"""Why a gradient is wrong: the line is edited in every likely way, until one edit gives the exact value."""

from glassgrad.checking.causes.cause import find_cause

__all__ = ["find_cause"]
