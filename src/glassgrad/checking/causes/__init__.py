"""Why a gradient is wrong: the line is edited in every likely way, until one edit gives the exact value."""

from glassgrad.checking.causes.cause import Causes, find_cause

__all__ = ["Causes", "find_cause"]
