"""Formulas for pages: LaTeX as MathML, which browsers set without a script."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING
from xml.etree.ElementTree import tostring

from glassgrad.explaining.drawing.paper import words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["formula"]


def formula(latex: str, plain: str) -> str:
    """Return a formula as HTML: as MathML, or in Unicode where it cannot be had.

    It cannot where ``latex2mathml`` is not installed, which comes with ``glassgrad[explain]``, or does not know what
    is written.

    Examples
    --------
    >>> formula(r"\\frac{", "a < b")
    '<code class="gg-plain">a &lt; b</code>'
    """
    found = _mathml(latex)
    if found is None:
        return f'<code class="gg-plain">{words(plain)}</code>'
    found.set("alttext", plain)
    return tostring(found, encoding="unicode")


def _mathml(latex: str) -> Element | None:
    try:
        from latex2mathml.converter import convert_to_element
    except ImportError:
        return None
    try:
        tree: Element = convert_to_element(latex.replace("{aligned}", "{align*}"), display="block")
    except Exception:  # the library raises errors of many kinds on what it does not know
        return None
    for part in tree.iter():
        part.text, part.tail = (text and unescape(text) for text in (part.text, part.tail))
    return tree
