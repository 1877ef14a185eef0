"""Showing what is said of a program: in a terminal, as a page, as plain values; one report, three ways to read it."""

from glassgrad.checking.showing.page import page
from glassgrad.checking.showing.plain import plain
from glassgrad.checking.showing.terminal import terminal
from glassgrad.checking.showing.wording import verdict

__all__ = ["page", "plain", "terminal", "verdict"]
