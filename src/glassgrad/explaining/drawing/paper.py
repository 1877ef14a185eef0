"""What every figure is drawn on: the frame, the style, words and numbers.

A figure carries its own style and its own ground, so that it can be read alone: in a page, in a notebook whose colours
differ from the system's, on a slide. It has no script, no link and no identifier, and its classes all begin with
``ggf-``; several figures therefore stand in one page without noticing each other.
"""

from __future__ import annotations

import re
from html import escape

from glassgrad.language import Lang, Text, short

__all__ = [
    "BLUES",
    "COLOURS",
    "NOT_A_NUMBER",
    "ORANGES",
    "at",
    "frame",
    "number",
    "shade",
    "tip",
    "whole",
    "words",
]

COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#b15e00", "#e69f00"),
    ("#007a5a", "#2fc9a0"),
    ("#a8437f", "#e58fc0"),
    ("#4d4d4d", "#c8c8c8"),
    ("#8a7a00", "#f0e442"),
)
"""After Okabe and Ito, for light and dark grounds: people with any kind of colour vision can tell them apart."""

BLUES = ((255, 255, 255), (118, 183, 227), (3, 78, 133))
ORANGES = ((255, 255, 255), (244, 170, 84), (163, 66, 0))
NOT_A_NUMBER = "#cc79a7"

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_FONT = (
    "system-ui,'Segoe UI','Noto Sans','Apple SD Gothic Neo','Malgun Gothic','Noto Sans KR',"
    "'Noto Sans CJK KR',sans-serif"
)

_LIGHT = {
    "ground": "fill:#ffffff",
    "box": "fill:#ffffff;stroke:#43474f",
    "input": "fill:#eef0f3;stroke:#6b7280",
    "parameter": "fill:#e3f1fb;stroke:#0072b2",
    "layer": "fill:#e3f1fb;stroke:#0072b2",
    "loss": "fill:#fdeee2;stroke:#b15e00",
    "folded": "fill:#f6f7f9;stroke:#8b919c",
    "ink": "fill:#16181d",
    "quiet": "fill:#5b616b",
    "wire": "stroke:#8b919c",
    "value": "fill:#006b4d",
    "gradient": "fill:#b3261e",
    "chosen": "stroke:#f0b429",
    "halo": "stroke:#ffffff",
    "axis": "stroke:#6b7280",
    "grid": "stroke:#e3e5ea",
    "up": "fill:#d17a1f",
    "down": "fill:#2f86c1",
    **{f"line{n}": f"stroke:{light}" for n, (light, _) in enumerate(COLOURS)},
    **{f"dot{n}": f"fill:{light}" for n, (light, _) in enumerate(COLOURS)},
}
_DARK = {
    "ground": "fill:#15171c",
    "box": "fill:#1f222a;stroke:#aab0bb",
    "input": "fill:#2a2e37;stroke:#9aa1ad",
    "parameter": "fill:#12324a;stroke:#56b4e9",
    "layer": "fill:#12324a;stroke:#56b4e9",
    "loss": "fill:#40280f;stroke:#e69f00",
    "folded": "fill:#1b1e24;stroke:#7d8490",
    "ink": "fill:#eceef2",
    "quiet": "fill:#a3a9b4",
    "wire": "stroke:#6d7480",
    "value": "fill:#4fd6a8",
    "gradient": "fill:#ff8f7d",
    "chosen": "stroke:#c98a00",
    "halo": "stroke:#15171c",
    "axis": "stroke:#9aa1ad",
    "grid": "stroke:#2b2f38",
    "up": "fill:#e8963c",
    "down": "fill:#56a8e0",
    **{f"line{n}": f"stroke:{dark}" for n, (_, dark) in enumerate(COLOURS)},
    **{f"dot{n}": f"fill:{dark}" for n, (_, dark) in enumerate(COLOURS)},
}


def _rules(colours: dict[str, str]) -> str:
    return "".join(f".ggf-{name}{{{rule}}}" for name, rule in colours.items())


STYLE = (
    f".ggf{{font-family:{_FONT};font-variant-numeric:tabular-nums;font-size:12px}}"
    f"{_rules(_LIGHT)}"
    ".ggf-wire,.ggf-axis,.ggf-grid{fill:none;stroke-width:1.3}"
    ".ggf-grid{stroke-width:1}"
    ".ggf-chosen{fill:none;stroke-width:5.5;stroke-linecap:round;stroke-linejoin:round}"
    ".ggf-halo{stroke-width:3;paint-order:stroke;stroke-linejoin:round}"
    ".ggf-line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
    ".ggf-shape{stroke-width:1.4}.ggf-folded{stroke-dasharray:4 3}"
    ".ggf-plain{font-weight:400;font-size:11px;opacity:.7}.ggf-middle{text-anchor:middle}.ggf-end{text-anchor:end}.ggf-strong{font-weight:600}"
    ".ggf-name{font-size:14px}.ggf-number{font-size:11.5px}.ggf-small{font-size:11px}"
    f"@media screen and (prefers-color-scheme:dark){{{_rules(_DARK)}}}"
)


def frame(body: str, width: float, height: float, title: str, lang: Lang) -> str:
    """Return a whole SVG document of a size, with its style and its ground."""
    size = f'width="{at(width)}" height="{at(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ggf" viewBox="0 0 {at(width)} {at(height)}" {size} '
        f'role="img" lang="{lang}" aria-label="{words(title)}"><style>{STYLE}</style>'
        f'<rect class="ggf-ground" {size} rx="6"/>{body}</svg>'
    )


def at(place: float) -> str:
    """Return a coordinate, as short as it can be written."""
    return f"{place:.1f}".removesuffix(".0")


def words(text: str) -> str:
    """Return a text that is safe inside an element or an attribute; what XML cannot hold is left out."""
    return escape(_NOT_XML.sub("", text))


def tip(text: Text | str | None, lang: Lang) -> str:
    """Return what shows on pointing at an element, or nothing."""
    if text is None:
        return ""
    return f"<title>{words(text if isinstance(text, str) else text.to(lang))}</title>"


def number(value: float) -> str:
    """Return a number as figures write it: four significant digits, and a minus as long as a plus.

    Examples
    --------
    >>> number(-0.000123456)
    '−0.0001235'
    """
    return short(value)


def whole(value: float) -> str:
    """Return every digit of a number.

    Examples
    --------
    >>> whole(0.1 + 0.2)
    '0.30000000000000004'
    """
    return repr(float(value))


def shade(share: float) -> str:
    """Return the colour of a share of the largest size: −1 is blue, 0 white, 1 orange.

    Examples
    --------
    >>> shade(0.0), shade(1.0), shade(-1.0)
    ('#ffffff', '#a34200', '#034e85')
    """
    scale = ORANGES if share >= 0 else BLUES
    way = min(abs(share), 1.0) * 2
    low, high = (scale[0], scale[1]) if way <= 1 else (scale[1], scale[2])
    part = way if way <= 1 else way - 1
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(low, high, strict=True))
