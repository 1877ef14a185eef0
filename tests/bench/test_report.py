"""Tables, JSON and pictures, from figures that are known."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from glassgrad.bench import report, scaling
from glassgrad.bench.contest import Measured, Result
from glassgrad.bench.plot import Point, loglog
from glassgrad.bench.startup import Startup
from glassgrad.bench.workloads import Workload, find

SVG = "{http://www.w3.org/2000/svg}"
PEAKS = {("float32", 1): 100e9, ("float32", 2): 200e9}


def result(name: str, threads: int, *microseconds: float, checked: bool = True) -> Result:
    return Result(name, threads, checked, 0.25, 3, tuple(1e-6 * m for m in microseconds))


@pytest.fixture
def measured() -> Measured:
    return Measured(
        find("W6"),
        (
            result("glassgrad", 1, 2.0, 4.0, 3.0),
            result("glassgrad", 2, 2.4, 2.6, 2.5),
            result("numpy", 1, 25.0, 30.0, 20.0),
            result("scikit-learn", 2, 1234.5, 1000.0, 2000.0, checked=False),
        ),
        notes=("JAX is left out: it is not installed.",),
    )


def test_the_table(measured: Measured) -> None:
    # 2·32·(3·(10·32 + 32·32 + 32·1) − 10·32) operations a step
    assert measured.workload.flops == 243_712
    assert report.rows(measured, PEAKS) == [
        ("glassgrad", "2", "2.5", "2.4 – 2.6", "1.00", "97.5", "48.7 %"),
        ("numpy", "1", "25", "20 – 30", "10", "9.75", "9.75 %"),
        ("scikit-learn", "2", "1,234", "1,000 – 2,000", "494", "0.197", "0.0987 %"),
    ]
    assert len(report.HEADER) == 7
    assert report.agreement(measured) == (
        "Loss after 50 steps: 0.25 for glassgrad and numpy; scikit-learn not compared."
    )


def test_without_glassgrad_there_is_no_ratio_and_without_a_peak_no_share(measured: Measured) -> None:
    alone = replace(measured, results=measured.results[2:3])
    assert report.rows(alone, {}) == [("numpy", "1", "25", "20 – 30", "–", "9.75", "–")]
    assert report.agreement(replace(measured, results=())) == "No losses were compared."


def test_the_json_holds_every_round(measured: Measured) -> None:
    lost = replace(measured.results[2], loss=math.nan)
    document = json.loads(
        json.dumps(
            report.document(replace(measured, results=(*measured.results[:2], lost)), PEAKS), allow_nan=False
        )
    )
    assert Workload.of(document["workload"]) == measured.workload
    assert document["notes"] == ["JAX is left out: it is not installed."]
    first, second, third = document["results"]
    assert (first["contestant"], first["threads"], first["loss"]) == ("glassgrad", 1, 0.25)
    assert first["seconds"] == [2e-6, 4e-6, 3e-6]
    assert second["gflops"] == pytest.approx(243_712 / 2.5e-6 / 1e9)
    assert second["of_peak"] == pytest.approx(243_712 / 2.5e-6 / 200e9)
    assert third["loss"] is None


@pytest.fixture
def scaled() -> dict[int, Measured]:
    workloads = scaling.find("batch").workloads()
    return {
        1: Measured(
            workloads[1], (result("glassgrad", 1, 1.0, 2.0, 1.5), result("numpy", 1, 20.0, 21.0, 19.0))
        ),
        10: Measured(workloads[10], (result("glassgrad", 2, 4.0, 5.0, 3.0),)),
        100: Measured(workloads[100], (result("glassgrad", 2, 16.0), result("numpy", 2, 60.0))),
    }


def test_the_table_of_sizes_has_a_dash_where_nobody_was_timed(scaled: dict[int, Measured]) -> None:
    scale = scaling.find("batch")
    assert scaling.header(scale, scaled) == ("rows in a mini-batch", "glassgrad", "numpy")
    assert scaling.rows(scaled) == [("1", "1.5", "20"), ("10", "4", "–"), ("100", "16", "60")]
    document = scaling.document(scale, scaled, PEAKS)
    assert [point["value"] for point in document["points"]] == [1, 10, 100]
    assert document["points"][1]["results"][0]["seconds"] == pytest.approx([4e-6, 5e-6, 3e-6])


def test_the_picture_of_sizes_has_a_line_for_each_contestant(scaled: dict[int, Measured]) -> None:
    root = ElementTree.fromstring(scaling.picture(scaling.find("batch"), scaled, "7 rounds"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for text in (
        "Time of a training step by rows in a mini-batch",
        "7 rounds",
        "µs a step",
        "glassgrad",
        "numpy",
    ):
        assert text in texts
    lengths = [len(line.attrib["points"].split()) for line in root.iter(f"{SVG}polyline")]
    assert sorted(lengths) == [2, 2, 2, 3]  # a line and a piece of the legend for each


def test_distances_are_logarithmic_and_larger_is_higher() -> None:
    points = [Point(x, y, y / 2, y * 2) for x, y in ((1, 10.0), (10, 1000.0), (100, 100_000.0))]
    root = ElementTree.fromstring(loglog("title", "x", "y", {"a line": points}))
    longest = max((line.attrib["points"] for line in root.iter(f"{SVG}polyline")), key=len)
    at = [tuple(map(float, pair.split(","))) for pair in longest.split()]
    (x0, y0), (x1, y1), (x2, y2) = at
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y0 > y1 > y2
    below = [e for e in root.iter(f"{SVG}text") if e.attrib["text-anchor"] == "middle"]
    ticks = {e.text: float(e.attrib["x"]) for e in below}
    assert [ticks["1"], ticks["10"], ticks["100"]] == pytest.approx([x0, x1, x2], abs=0.2)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    assert all(0 < x < width and 0 < y < height for x, y in at)


def test_the_picture_is_well_formed_whatever_the_words_and_follows_the_colour_scheme() -> None:
    text = loglog(
        '<&">', "a < b", "c & d", {f"line <{k}>": [Point(1, 1 + k, 1, 9)] for k in range(8)}, ["x > y"]
    )
    root = ElementTree.fromstring(text)
    assert {'<&">', "a < b", "c & d", "line <7>", "x > y"} <= {e.text for e in root.iter(f"{SVG}text")}
    style = root.find(f"{SVG}style")
    assert style is not None
    assert "prefers-color-scheme:dark" in (style.text or "")
    assert root.find(f"{SVG}rect[@class='ground']") is not None


def test_the_table_of_waits_and_memory() -> None:
    found = Startup(
        {"import: glassgrad": [0.010, 0.008, 0.0125], "first step of W5, cold cache": [1.5, 2.0, 1.75]},
        {
            "W3, cold cache": {"bytes": 3 << 20, "parts": 1 << 20},
            "W5, cold cache": {"bytes": None, "parts": 5 << 19},
        },
        [],
    )
    assert found.rows() == [
        ("import: glassgrad", "10", "8 – 12.5"),
        ("first step of W5, cold cache", "1,750", "1,500 – 2,000"),
    ]
    assert found.memory_rows() == [("W3, cold cache", "3.0", "1.0"), ("W5, cold cache", "–", "2.5")]
