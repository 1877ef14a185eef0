"""Figures as SVG: well-formed, self-contained, true to the numbers, in both languages."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.explaining.document import Drawing
from glassgrad.explaining.drawing.axes import axis
from glassgrad.explaining.drawing.fields import shrunk
from glassgrad.explaining.drawing.figures import (
    Bar,
    Bars,
    Box,
    Circuit,
    Curve,
    Curves,
    Figure,
    Matrices,
    Matrix,
    Surface,
    Wire,
)
from glassgrad.explaining.drawing.paper import number, shade
from glassgrad.explaining.drawing.svg import svg
from glassgrad.language import LANGUAGES, Lang, Text
from sample_documents import HOSTILE, both, digits, two_two_two, two_two_two_gates

NS = "{http://www.w3.org/2000/svg}"
NOTHING = np.array([])
WILD = np.array([[np.nan, np.inf], [-np.inf, 1e308]])
PLANE = np.linspace(0.0, 1.0, 9)


def curves(*given: Curve, log: bool = False) -> Curves:
    return Curves(given, both("x"), both("y"), log_x=log, log_y=log)


def surface(z: np.ndarray, *paths: Curve) -> Surface:  # type: ignore[type-arg]
    return Surface(
        np.linspace(0, 1, z.shape[1]), np.linspace(0, 1, z.shape[0]), z, paths, both("a"), both("b")
    )


def samples() -> dict[str, Figure]:
    figures: dict[str, Figure] = {
        f"{doc.title.en[:6]}-{n}": block.figure
        for doc in (two_two_two(), digits())
        for n, block in enumerate(b for s in doc.sections for b in s.blocks if isinstance(b, Drawing))
    }
    step = np.arange(1.0, 5.0)
    return figures | {
        "four gates of a sigmoid": two_two_two_gates(folded=False),
        "no circuit": Circuit([], []),
        "one box": Circuit([Box("a", "a", "folded")], []),
        "hostile circuit": Circuit(
            [Box(HOSTILE, HOSTILE, "gate", both(HOSTILE)), Box("b", "b\x00\x1b")],
            [Wire(HOSTILE, "b", HOSTILE, float("nan"))],
            frozenset({HOSTILE, "b"}),
        ),
        "hostile bars": Bars([Bar(HOSTILE * 9, float("-inf")), Bar("", 1e-300), Bar("large", -1.7e308)]),
        "no bars": Bars([]),
        "hostile matrix": Matrices([Matrix(HOSTILE, WILD), Matrix("0", np.zeros((1, 1)))]),
        "large and wild": Matrices([Matrix("w", np.where(np.eye(500, 30) > 0, np.nan, 1e-9))]),
        "vector": Matrices([Matrix("bias", np.arange(300.0)[None])]),
        "hostile curve": curves(Curve(HOSTILE, step, np.array([1.0, np.nan, -np.inf, 2.0]))),
        "nothing on a log axis": curves(Curve("negative", -step, -step), log=True),
        "no curve": curves(),
        "empty curve": curves(Curve("none", NOTHING, NOTHING)),
        "from end to end": curves(Curve("wide", step, np.array([5e-324, 1e-300, 1e300, 1.7e308])), log=True),
        "both ends": curves(Curve("wide", step, np.array([-1.7e308, -1.0, 1.0, 1.7e308]))),
        "constant": curves(Curve("same", step, np.full(4, 3.0))),
        "hostile surface": surface(WILD, Curve(HOSTILE, PLANE, np.full(9, np.nan)), Curve("", PLANE, PLANE)),
        "flat surface": surface(np.ones((3, 4))),
        "surface without a number": surface(np.full((3, 4), np.nan)),
    }


SAMPLES = samples()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_figure_is_whole_and_asks_for_nothing(name: str, lang: Lang) -> None:
    drawn = svg(SAMPLES[name], lang)
    root = ElementTree.fromstring(drawn)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width > 0
    assert height > 0
    assert root.attrib["lang"] == lang
    assert drawn.replace('xmlns="http://www.w3.org/2000/svg"', "").find("http") == -1
    assert not re.search(r"\b(?:id|href|src|on\w+)=|url\(|@import", re.sub(r">[^<]*<|=\"[^\"]*\"", "", drawn))
    for part in root.iter():
        assert part.tag.removeprefix(NS) in {
            "svg", "style", "rect", "g", "title", "text", "tspan", "path", "circle"
        }  # fmt: skip
        assert all(each.startswith("ggf") for each in part.attrib.get("class", "").split())
        places = [part.attrib.get(k, "") for k in ("x", "y", "width", "height", "d", "transform", "viewBox")]
        assert not re.search("nan|inf", " ".join(places))


def test_what_a_figure_writes_is_in_the_language_asked_for() -> None:
    circuit, large = two_two_two_gates(), Matrices([Matrix("W", np.ones((100, 70)))])
    for figure, en, ko in (
        (circuit, "above the wire", "선 위"),
        (large, "each cell is the mean of up to 2 × 2", "칸 하나는 최대 2 × 2개"),
        (curves(Curve("c", NOTHING, NOTHING)), "no value can be drawn", "그릴 수 있는 값이 없다"),
    ):
        assert en in svg(figure, "en")
        assert not re.search("[가-힣]", svg(figure, "en"))
        assert ko in svg(figure, "ko")
        assert en not in svg(figure, "ko")


def test_a_wire_shows_four_digits_and_tells_all_of_them() -> None:
    wire = Wire("x", "f", 0.123456789012345, -1 / 3)
    root = ElementTree.fromstring(svg(Circuit([Box("x", "x"), Box("f", "f")], [wire]), "en"))
    texts = {t.text: t for t in root.iter(f"{NS}text")}
    above, below = texts["0.1235"], texts["∇−0.3333"]
    assert "ggf-value" in above.attrib["class"]
    assert "ggf-gradient" in below.attrib["class"]
    y = float(above.attrib["y"])
    (line,) = (p for p in root.iter(f"{NS}path") if p.attrib["class"] == "ggf-wire")
    height = float(re.match(r"M[\d.]+ ([\d.]+)", line.attrib["d"])[1])  # type: ignore[index]
    assert y < height < float(below.attrib["y"])
    titles = [t.text for t in root.iter(f"{NS}title")]
    assert "value 0.123456789012345\ngradient ∇-0.3333333333333333" in titles


def test_a_path_that_stands_out_is_drawn_from_its_first_box_to_its_last() -> None:
    boxes = [Box(k, k) for k in "abcd"]
    wires = [Wire("a", "b", 1.0), Wire("b", "c", 1.0), Wire("d", "b", 1.0)]
    drawn = svg(Circuit(boxes, wires, frozenset("abc")), "en")
    assert drawn.count('<path class="ggf-chosen"') == 2
    assert drawn.count('<rect class="ggf-chosen"') == 3


def test_small_matrices_are_written_in_and_others_tell_their_cells() -> None:
    small = svg(Matrices([Matrix("W", np.array([[0.25, -1 / 3]]))]), "en")
    assert ">0.25</text>" in small
    assert ">−0.3333</text>" in small
    assert "<title>[0, 1] -0.3333333333333333</title>" in small
    middle = svg(Matrices([Matrix("W", np.full((16, 16), 1 / 3))]), "en")
    assert "<title>[15, 15] 0.3333333333333333</title>" in middle


def test_large_matrices_stay_small_pictures() -> None:
    rng = np.random.default_rng(0)
    pair = [Matrix("W", rng.normal(size=(128, 784))), Matrix("∇W", rng.normal(size=(128, 784)))]
    assert len(svg(Matrices(pair), "en")) < 110_000


@given(st.integers(1, 200), st.integers(1, 200))
def test_shrinking_keeps_the_mean_of_each_block(rows: int, columns: int) -> None:
    array = np.random.default_rng(rows * 201 + columns).normal(size=(rows, columns))
    small, (high, wide) = shrunk(array)
    assert max(small.shape) <= 64
    for i, j in ((0, 0), (small.shape[0] - 1, small.shape[1] - 1)):
        block = array[i * high : (i + 1) * high, j * wide : (j + 1) * wide]
        assert small[i, j] == pytest.approx(block.mean())


def test_a_number_that_is_not_finite_is_not_averaged_away() -> None:
    array = np.ones((100, 100))
    array[37, 41] = np.nan
    small, block = shrunk(array)
    assert np.isnan(small[37 // block[0], 41 // block[1]])
    assert np.isnan(small).sum() == 1
    assert "1 not finite (pink)" in svg(Matrices([Matrix("W", array)]), "en")


def test_colours_grow_darker_with_size_and_differ_by_sign() -> None:
    def light(colour: str) -> int:
        return sum(int(colour[k : k + 2], 16) for k in (1, 3, 5))

    for sign in (-1, 1):
        shades = [light(shade(sign * k / 10)) for k in range(11)]
        assert shades == sorted(shades, reverse=True)
    red, _, blue = (int(shade(0.5)[k : k + 2], 16) for k in (1, 3, 5))
    assert red > blue
    red, _, blue = (int(shade(-0.5)[k : k + 2], 16) for k in (1, 3, 5))
    assert blue > red


def test_bars_are_as_long_as_their_numbers_and_lie_on_their_side() -> None:
    root = ElementTree.fromstring(svg(Bars([Bar("a", 4.0), Bar("b", -2.0), Bar("c", 1.0)]), "en"))
    up, down, short = (r for r in root.iter(f"{NS}rect") if "ggf-ground" not in r.attrib["class"])
    zero = float(up.attrib["x"])
    assert float(short.attrib["x"]) == zero
    assert float(down.attrib["x"]) + float(down.attrib["width"]) == pytest.approx(zero, abs=0.2)
    wide = [float(r.attrib["width"]) for r in (up, down, short)]
    assert wide[0] == pytest.approx(2 * wide[1], abs=0.3)
    assert wide[0] == pytest.approx(4 * wide[2], abs=0.5)
    assert "ggf-down" in down.attrib["class"]


def test_long_labels_of_bars_stand_above_them_and_can_be_read_whole() -> None:
    label = " → ".join(f"layer{n}[{n},{n}]" for n in range(20))
    root = ElementTree.fromstring(svg(Bars([Bar(label, 1.0)]), "en"))
    assert any(t.text == f"{label}: 1.0" for t in root.iter(f"{NS}title"))
    assert any("…" in (t.text or "") for t in root.iter(f"{NS}text"))


def lines(figure: Figure) -> list[str]:
    root = ElementTree.fromstring(svg(figure, "en"))
    return [p.attrib["d"] for p in root.iter(f"{NS}path") if "ggf-line" in p.attrib.get("class", "")]


def test_a_curve_breaks_where_it_has_no_value() -> None:
    y = np.array([1.0, 2.0, np.nan, 3.0, 4.0])
    assert lines(curves(Curve("c", np.arange(5.0), y)))[-1].count("M") == 2
    assert (
        lines(curves(Curve("c", np.arange(1.0, 6.0), np.array([1, 1, 0, 1, 1.0])), log=True))[-1].count("M")
        == 2
    )


def test_a_power_law_is_a_straight_line_on_logarithmic_axes() -> None:
    x = np.logspace(-6, 0, 7)
    points = np.array(
        [
            tuple(map(float, p.split()))
            for p in re.split("[ML]", lines(curves(Curve("c", x, x**2), log=True))[-1])[1:]
        ]
    )
    slopes = np.diff(points[:, 1]) / np.diff(points[:, 0])
    assert slopes == pytest.approx(np.full(6, slopes[0]), rel=0.01)
    assert slopes[0] < 0  # upwards


def test_a_long_curve_keeps_its_peaks() -> None:
    y = np.zeros(100_000)
    y[54_321] = 1.0
    drawn = lines(curves(Curve("c", np.arange(1e5), y)))[-1]
    heights = [float(h) for h in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn)]
    assert len(heights) <= 802
    assert min(heights) < max(heights) - 200


def test_a_way_down_that_slows_down_is_drawn_along_its_curve() -> None:
    """Most of its steps lie where it ends; the few at its beginning are what there is to see."""
    x = 2.0 * 0.8 ** np.arange(5000)
    ground, way = lines(
        curves(Curve("f", np.linspace(0, 2, 500), np.linspace(0, 2, 500) ** 2), Curve("d", x, x**2))
    )[2:]

    def points(line: str) -> list[tuple[float, float]]:
        return [(float(a), float(b)) for a, b in re.findall(r"[ML]([\d.]+) ([\d.]+)", line)]

    xs, ys = zip(*points(ground), strict=True)
    assert 15 < len(points(way)) < 60
    assert all(abs(np.interp(a, xs, ys) - b) < 1 for a, b in points(way))


def test_noise_of_any_length_stays_a_small_picture() -> None:
    noise = np.random.default_rng(0).normal(size=50_000)
    assert len(svg(curves(Curve("loss", np.arange(5e4), noise)), "en")) < 30_000


def test_curves_differ_in_more_than_colour() -> None:
    x = np.arange(3.0)
    drawn = svg(curves(Curve("a", x, x), Curve("b", x, x + 1), Curve("c", x, x + 2, dashed=True)), "en")
    root = ElementTree.fromstring(drawn)
    marks = {
        p.attrib["class"]: p.attrib["d"].split("m", 1)[1]
        for p in root.iter(f"{NS}path")
        if "ggf-dot" in p.attrib.get("class", "")
    }
    assert len(set(marks.values())) == 3
    assert drawn.count('stroke-dasharray="5 4"') == 2


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12))
def test_marks_lie_on_their_axis_and_are_few(low: float, width: float) -> None:
    scale = axis([low, low + width], 0.0, 300.0)
    marks = scale.marks()
    assert len(marks) <= 8
    assert all(-0.5 <= scale(v) <= 300.5 for v, _ in marks)
    assert len({text for _, text in marks}) == len(marks)


@given(st.integers(-280, 280), st.integers(0, 560))
def test_marks_of_a_logarithmic_axis_lie_on_it(low: int, decades: int) -> None:
    high = min(low + decades, 280)
    scale = axis([10.0**low, 10.0**high], 0.0, 300.0, log=True)
    assert 1 <= len(scale.marks()) <= 8
    assert all(-0.5 <= scale(v) <= 300.5 for v, _ in scale.marks())


def test_contour_lines_of_a_slope_are_straight() -> None:
    z = np.broadcast_to(PLANE, (9, 9))
    root = ElementTree.fromstring(svg(surface(z), "en"))
    (contour,) = (p.attrib["d"] for p in root.iter(f"{NS}path") if p.attrib.get("stroke-opacity") == ".35")
    pieces = re.findall(r"M([\d.]+) [\d.]+L([\d.]+) [\d.]+", contour)
    assert len(pieces) == 8 * len({a for a, _ in pieces})
    assert all(a == b for a, b in pieces)


def test_a_path_on_a_surface_runs_where_its_numbers_say() -> None:
    path = Curve("down", np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    drawn = svg(surface(np.add.outer(PLANE, PLANE), path), "en")
    inner = next(ElementTree.fromstring(drawn).iter(f"{NS}g")).find(f".//{NS}svg")
    inner = (
        inner
        if inner is not None
        else next(s for s in ElementTree.fromstring(drawn).iter(f"{NS}svg") if "overflow" in s.attrib)
    )
    wide, high = float(inner.attrib["width"]), float(inner.attrib["height"])
    line = next(p.attrib["d"] for p in inner.iter(f"{NS}path"))
    assert [tuple(map(float, p.split())) for p in re.split("[ML]", line)[1:]] == [(0.0, high), (wide, 0.0)]


def test_numbers_have_four_digits_and_a_true_minus() -> None:
    assert number(-1234567.0) == "−1.235e+06"


def test_texts_of_boxes_are_in_both_languages() -> None:
    box = Box("x", "x", "gate", Text("swaps", "맞바꾼다"))
    assert "<title>swaps</title>" in svg(Circuit([box], []), "en")
    assert "<title>맞바꾼다</title>" in svg(Circuit([box], []), "ko")


def luminance(colour: str) -> float:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True])
def test_letters_stand_out_from_their_ground(dark: bool) -> None:
    """The contrast that WCAG 2 asks for: 4.5 for letters, 3 for lines."""
    light, night = svg(Bars([]), "en").split("@media screen and (prefers-color-scheme:dark){")
    rules = dict(re.findall(r"\.ggf-(\w+)\{(?:fill|stroke):(#\w{6})", night if dark else light))

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(rules[one]), luminance(rules[other])))
        return (high + 0.05) / (low + 0.05)

    for letters in ("ink", "quiet", "value", "gradient"):
        assert contrast(letters, "ground") >= 4.5
    for ground in ("box", "input", "parameter", "layer", "loss", "folded"):
        assert contrast("ink", ground) >= 4.5
    for line in ("wire", "axis", "up", "down", *(f"line{n}" for n in range(6))):
        assert contrast(line, "ground") >= 3
