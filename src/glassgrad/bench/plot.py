"""A log-log plot as SVG, with no library: lines, the range of each point, axes, a legend.

The picture has a ground of its own and follows the colour scheme of whoever looks at it, so that it can be read on a
light page and on a dark one. Lines differ in colour, in mark and in dashes: no colour need be told from another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Point", "loglog"]

_WIDTH, _HEIGHT = 860, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 170, 74, 62
_LEGEND_STEP = 26
_SPARE = 0.03
"""Share of an axis that is left free at either end; an axis has a decade at least."""

# Colours of Okabe and Ito, which people with any kind of colour vision can tell apart, for light and dark grounds.
_STYLES = (
    ("#0072b2", "#56b4e9", "", "circle"),
    ("#b15e00", "#e69f00", "7 4", "square"),
    ("#007a5a", "#2fc9a0", "2 4", "diamond"),
    ("#a8437f", "#e58fc0", "10 4 2 4", "triangle"),
    ("#4d4d4d", "#c8c8c8", "4 2", "circle"),
    ("#8a7a00", "#f0e442", "12 5", "square"),
)


@dataclass(frozen=True)
class Point:
    """A point of a line: where, how high, and from where to where it was found."""

    x: float
    y: float
    low: float
    high: float


def loglog(
    title: str, x_label: str, y_label: str, lines: Mapping[str, Sequence[Point]], notes: Sequence[str] = ()
) -> str:
    """Return a plot as the text of an SVG file.

    Parameters
    ----------
    title, x_label, y_label
        What stands above the plot and at its axes.
    lines
        Points of each line, by its name; all numbers are positive.
    notes
        Up to two lines of small text below the title.

    Returns
    -------
    str
        A whole SVG document.

    Examples
    --------
    >>> svg = loglog("Time", "rows", "µs", {"glassgrad": [Point(1, 2.0, 1.9, 2.2), Point(10, 3.0, 3.0, 3.1)]})
    >>> svg.startswith("<svg"), "glassgrad</text>" in svg
    (True, True)
    """
    points = [point for line in lines.values() for point in line]
    across = _Axis([p.x for p in points], _LEFT, _WIDTH - _RIGHT)
    up = _Axis([y for p in points for y in (p.low, p.high)], _HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_LEFT, 24, title, "title")]
    parts += [_text(_LEFT, 43 + 16 * k, note, "note") for k, note in enumerate(notes)]
    parts += _frame(across, up, x_label, y_label)
    for number, line in reversed(list(enumerate(lines.values()))):  # the first line lies on top
        parts += _line(number, line, across, up)
    for number, name in enumerate(lines):
        parts += _legend(number, name)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img" aria-label="{escape(title)}">\n<style>\n{_css(len(lines))}</style>\n'
        f'<rect class="ground" width="{_WIDTH}" height="{_HEIGHT}"/>\n{body}\n</svg>\n'
    )


class _Axis:
    """Where numbers lie on a logarithmic axis, and at which of them it is marked."""

    def __init__(self, numbers: Sequence[float], start: float, end: float) -> None:
        low, high = math.log10(min(numbers)), math.log10(max(numbers))
        spare = max(_SPARE * (high - low), 0.5 - (high - low) / 2)
        self.start, self.end = start, end
        self._low, self._high = low - spare, high + spare

    def place(self, number: float) -> float:
        """Return the coordinate of a number."""
        share = (math.log10(number) - self._low) / (self._high - self._low)
        return self.start + share * (self.end - self.start)

    def decades(self) -> list[int]:
        """Return the powers of ten within the axis."""
        return list(range(math.ceil(self._low - 1e-9), math.floor(self._high + 1e-9) + 1))

    def between(self) -> list[float]:
        """Return 2, 3, … 9 times each power of ten, as far as they are within the axis."""
        first, last = math.floor(self._low), math.ceil(self._high)
        numbers = [m * 10.0**k for k in range(first, last + 1) for m in range(2, 10)]
        return [n for n in numbers if self._low <= math.log10(n) <= self._high]


def _frame(across: _Axis, up: _Axis, x_label: str, y_label: str) -> list[str]:
    """Return the grid, the axes and what stands at them."""
    bottom, top, left, right = _HEIGHT - _BOTTOM, _TOP, _LEFT, _WIDTH - _RIGHT
    parts = []
    for number in across.between():
        x = across.place(number)
        parts.append(f'<line class="minor" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{top}"/>')
    for number in up.between():
        y = up.place(number)
        parts.append(f'<line class="minor" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
    for power in across.decades():
        x = across.place(10.0**power)
        parts.append(f'<line class="major" x1="{x:.1f}" y1="{bottom}" x2="{x:.1f}" y2="{top}"/>')
        parts.append(_text(x, bottom + 20, _power(power), "tick", "middle"))
    for power in up.decades():
        y = up.place(10.0**power)
        parts.append(f'<line class="major" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y + 4.5, _power(power), "tick", "end"))
    parts.append(f'<path class="axis" d="M{left} {top}V{bottom}H{right}"/>')
    parts.append(_text((left + right) / 2, _HEIGHT - 18, x_label, "label", "middle"))
    turned = f' transform="rotate(-90 22 {(top + bottom) / 2})"'
    parts.append(_text(22, (top + bottom) / 2, y_label, "label", "middle", turned))
    return parts


def _line(number: int, points: Sequence[Point], across: _Axis, up: _Axis) -> list[str]:
    """Return a line with its marks and the range of each."""
    style = f"s{number % len(_STYLES)}"
    at = [(across.place(p.x), up.place(p.y), up.place(p.low), up.place(p.high)) for p in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in at)
    parts = [f'<polyline class="{style}" points="{path}"/>']
    for x, y, low, high in at:
        parts.append(
            f'<line class="{style} range" x1="{x:.1f}" y1="{low:.1f}" x2="{x:.1f}" y2="{high:.1f}"/>'
        )
        parts.append(_mark(number, x, y))
    return parts


def _legend(number: int, name: str) -> list[str]:
    style, x, y = f"s{number % len(_STYLES)}", _WIDTH - _RIGHT + 18, _TOP + 14 + number * _LEGEND_STEP
    return [
        f'<polyline class="{style}" points="{x},{y} {x + 34},{y}"/>',
        _mark(number, x + 17, y),
        _text(x + 42, y + 4.5, name, "name"),
    ]


def _mark(number: int, x: float, y: float) -> str:
    kind = f'class="f{number % len(_STYLES)}"'
    match _STYLES[number % len(_STYLES)][3]:
        case "square":
            return f'<rect {kind} x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
        case "diamond":
            return f'<path {kind} d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5-5.5z"/>'
        case "triangle":
            return f'<path {kind} d="M{x:.1f} {y - 5.5:.1f}l5.5 9.5h-11z"/>'
        case _:
            return f'<circle {kind} cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start", more: str = "") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _power(power: int) -> str:
    """Return a power of ten as people write it: 0.1, 10, 1,000; from a million on as 10⁶."""
    if -3 <= power < 0:
        return f"{10.0**power:.{-power}f}"
    if 0 <= power < 6:
        return f"{10**power:,}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _css(lines: int) -> str:
    """Return the styles, for a light ground and for a dark one."""
    base = (
        "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:13px}"
        "text.title{font-size:16px;font-weight:600}text.note{font-size:12px}"
        "polyline{fill:none;stroke-width:2.2;stroke-linejoin:round}.range{stroke-width:5;opacity:.35}"
        ".axis{fill:none;stroke-width:1.2}.minor{stroke-width:.5}.major{stroke-width:1}\n"
    )
    grounds = (("#ffffff", "#1b1f24", "#57606a", "#e4e8ec"), ("#0d1117", "#e6edf3", "#9da7b3", "#2a3038"))
    schemes = []
    for dark, (ground, text, soft, grid) in enumerate(grounds):
        rules = [
            f".ground{{fill:{ground}}}text{{fill:{text}}}text.note,text.tick{{fill:{soft}}}"
            f".axis{{stroke:{soft}}}.minor,.major{{stroke:{grid}}}"
        ]
        for number in range(min(lines, len(_STYLES))):
            colour, dashes = _STYLES[number][dark], _STYLES[number][2]
            rules.append(f"polyline.s{number}{{stroke:{colour};stroke-dasharray:{dashes or 'none'}}}")
            rules.append(f".range.s{number}{{stroke:{colour}}}.f{number}{{fill:{colour}}}")
        schemes.append("".join(rules))
    return f"{base}{schemes[0]}\n@media (prefers-color-scheme:dark){{{schemes[1]}}}\n"
