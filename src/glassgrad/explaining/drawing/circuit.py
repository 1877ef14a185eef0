"""A circuit as SVG: gates, wires, the value above each wire and the gradient below it."""

from __future__ import annotations

from glassgrad.explaining.drawing.figures import Box, Circuit, Wire
from glassgrad.explaining.drawing.layout import (
    BOX_TEXT,
    Placed,
    PlacedBox,
    PlacedWire,
    place,
    text_width,
    written,
)
from glassgrad.explaining.drawing.paper import at, frame, tip, whole, words
from glassgrad.language import Lang, Text

__all__ = ["draw_circuit"]

_KEY = Text("above the wire: value · below it: ∇ gradient", "선 위: 값 · 선 아래: ∇ 기울기")
_KEY_HEIGHT = 20.0
_ARROW = "m-6-3.5l6 3.5l-6 3.5"


def draw_circuit(circuit: Circuit, lang: Lang, places: Placed | None = None) -> str:
    """Return a circuit as SVG, at places that are known or at those of `layout.place`."""
    placed = places or place(circuit)
    boxes = dict(zip((box.key for box in circuit.boxes), placed.boxes, strict=True))
    chosen, wires, numbers = [], [], []
    for wire, way in zip(circuit.wires, placed.wires, strict=True):
        line = _path(way)
        if {wire.source, wire.target} <= circuit.highlight:
            chosen.append(f'<path class="ggf-chosen" d="{line}"/>')
        wires.append(f'<path class="ggf-wire" d="{line}{_ARROW}"/>')
        numbers.append(_numbers(wire, way, lang))
    for key in sorted(circuit.highlight & boxes.keys()):
        chosen.append(_shape(boxes[key], "ggf-chosen", next(b.kind for b in circuit.boxes if b.key == key)))
    drawn = [_box(box, boxes[box.key], lang) for box in circuit.boxes]
    key = _KEY.to(lang) if any(wire.gradient is not None for wire in circuit.wires) else ""
    width = max(placed.width, text_width(key, 11) + 28) if key else placed.width
    height = placed.height + (_KEY_HEIGHT if key else 0)
    if key:
        drawn.append(f'<text class="ggf-quiet ggf-small" x="14" y="{at(height - 12)}">{words(key)}</text>')
    title = Text("circuit of {n} boxes", "상자 {n}개의 회로").fill(n=len(boxes)).to(lang)
    return frame("".join([*chosen, *wires, *drawn, *numbers]), width, height, title, lang)


def _path(way: PlacedWire) -> str:
    (x, y), *rest = way.points
    line = [f"M{at(x)} {at(y)}"]
    for nx, ny in rest:
        middle = at((x + nx) / 2)
        line.append(f"H{at(nx)}" if ny == y else f"C{middle} {at(y)} {middle} {at(ny)} {at(nx)} {at(ny)}")
        x, y = nx, ny
    return "".join(line)


def _numbers(wire: Wire, way: PlacedWire, lang: Lang) -> str:
    x, y = way.label
    parts = []
    told = []
    for number, kind, name, sign, below in (
        (wire.value, "value", Text("value", "값"), "", -5.0),
        (wire.gradient, "gradient", Text("gradient", "기울기"), "∇", 13.5),
    ):
        if number is None:
            continue
        full = number if isinstance(number, str) else whole(number)
        told.append(f"{name.to(lang)} {sign}{full}")
        parts.append(
            f'<text class="ggf-{kind} ggf-number ggf-middle ggf-halo" x="{at(x)}" y="{at(y + below)}">'
            f"{words(sign + written(number))}</text>"
        )
    return f"<g>{tip(chr(10).join(told), lang)}{''.join(parts)}</g>" if parts else ""


def _box(box: Box, spot: PlacedBox, lang: Lang) -> str:
    kind = box.kind if box.kind in ("input", "parameter", "layer", "loss", "folded") else "box"
    shape = _shape(spot, f"ggf-shape ggf-{kind}", box.kind)
    x, y = spot.x + spot.width / 2, spot.y + spot.height / 2 + BOX_TEXT * 0.35
    label = f'<text class="ggf-ink ggf-name ggf-middle" x="{at(x)}" y="{at(y)}">{words(box.label)}</text>'
    return f"<g>{tip(box.note, lang)}{shape}{label}</g>"


def _shape(spot: PlacedBox, style: str, kind: str) -> str:
    """Return a box's outline: inputs end round, parameters have the sharpest corners, gates lie between."""
    round_ = {"input": spot.height / 2, "parameter": 2.0, "layer": 4.0, "loss": 10.0}.get(kind, 8.0)
    return (
        f'<rect class="{style}" x="{at(spot.x)}" y="{at(spot.y)}" width="{at(spot.width)}" '
        f'height="{at(spot.height)}" rx="{at(min(round_, 16.0))}"/>'
    )
