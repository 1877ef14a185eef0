"""The layout: nothing overlaps, everything runs rightwards, equal circuits get equal places."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.errors import GraphError, OptionError
from glassgrad.explaining.drawing.figures import MOST_ELEMENTS, Box, Circuit, Wire
from glassgrad.explaining.drawing.layout import NUMBER_TEXT, Placed, place, text_width, written
from sample_documents import two_two_two_gates

Rect = tuple[float, float, float, float]


@st.composite
def circuits(draw: st.DrawFn) -> Circuit:
    """Circuits whose wires lead from earlier to later boxes, several of them perhaps between the same two."""
    count = draw(st.integers(1, 16))
    boxes = [Box(str(n), draw(st.sampled_from(["×", "W1[0,1]", "가중치", "softmax"]))) for n in range(count)]
    wires = []
    for _ in range(draw(st.integers(0, 24)) if count > 1 else 0):
        start = draw(st.integers(0, count - 2))
        end = draw(st.integers(start + 1, count - 1))
        number = draw(st.sampled_from([0.1, -1.23456e-300, None, "64 × 10"]))
        wires.append(Wire(str(start), str(end), number, number))
    order = draw(st.permutations(range(count)))
    return Circuit([boxes[n] for n in order], wires)


def apart(one: Rect, other: Rect) -> bool:
    return (
        one[2] <= other[0] + 0.11
        or other[2] <= one[0] + 0.11
        or one[3] <= other[1] + 0.11
        or other[3] <= one[1] + 0.11
    )


def rectangles(placed: Placed) -> list[Rect]:
    return [(b.x, b.y, b.x + b.width, b.y + b.height) for b in placed.boxes]


@given(circuits())
def test_nothing_overlaps_and_nothing_leaves_the_picture(circuit: Circuit) -> None:
    placed = place(circuit)
    numbers = []
    for wire, way in zip(circuit.wires, placed.wires, strict=True):
        wide = max(
            text_width(written(wire.value), NUMBER_TEXT), text_width(written(wire.gradient), NUMBER_TEXT)
        )
        x, y = way.label
        numbers.append((x - wide / 2, y - 15, x + wide / 2, y + 14))
    for one, other in combinations([*rectangles(placed), *numbers], 2):
        assert apart(one, other)
    for left, top, right, bottom in [*rectangles(placed), *numbers]:
        assert 0 <= left <= right <= placed.width
        assert 0 <= top <= bottom <= placed.height


@given(circuits())
def test_wires_run_rightwards_from_box_to_box(circuit: Circuit) -> None:
    placed = place(circuit)
    boxes = dict(zip((b.key for b in circuit.boxes), placed.boxes, strict=True))
    for wire, way in zip(circuit.wires, placed.wires, strict=True):
        start, end = boxes[wire.source], boxes[wire.target]
        (x, y), *_, (last_x, last_y) = way.points
        assert start.x + start.width < end.x
        assert x == pytest.approx(start.x + start.width, abs=0.11)
        assert start.y < y < start.y + start.height
        assert last_x == pytest.approx(end.x, abs=0.11)
        assert end.y < last_y < end.y + end.height
        assert [p[0] for p in way.points] == sorted(p[0] for p in way.points)


@given(circuits())
def test_a_wire_bends_only_where_no_box_stands(circuit: Circuit) -> None:
    placed = place(circuit)
    for way in placed.wires:
        for (x, y), (next_x, next_y) in zip(way.points, way.points[1:], strict=False):
            band = (x, min(y, next_y), next_x, max(y, next_y))
            if y != next_y:
                assert all(
                    right <= x + 0.11 or left >= next_x - 0.11 for left, _, right, _ in rectangles(placed)
                )
            else:
                ends = {way.source, way.target}
                assert all(
                    apart(band, box)
                    for b, box in zip(placed.boxes, rectangles(placed), strict=True)
                    if b.key not in ends
                )


@given(circuits())
def test_equal_circuits_get_equal_places(circuit: Circuit) -> None:
    again = Circuit(list(circuit.boxes), list(circuit.wires), circuit.highlight)
    assert place(circuit) == place(again)


def test_a_chain_is_a_straight_line() -> None:
    boxes = [Box(str(n), "+1") for n in range(6)]
    placed = place(Circuit(boxes, [Wire(str(n), str(n + 1), 1.0, 1.0) for n in range(5)]))
    assert len({b.y for b in placed.boxes}) == 1
    assert all(len(w.points) == 2 for w in placed.wires)


def test_a_signal_passes_straight_through_its_weights() -> None:
    boxes, wires = [Box("x", "x")], []
    for n in range(6):
        boxes += [Box(f"w{n}", f"w{n}"), Box(f"b{n}", f"b{n}"), Box(f"h{n}", "linear")]
        wires += [Wire(k, f"h{n}", 1.0, 1.0) for k in (f"w{n}", f"h{n - 1}" if n else "x", f"b{n}")]
    ways = place(Circuit(boxes, wires)).wires
    signal = [w for w in ways if w.source[0] == "h"]
    assert len({y for w in signal for _, y in w.points}) == 1


def test_wires_that_need_not_cross_do_not() -> None:
    """Two trees whose boxes are given in turns come apart."""
    boxes, wires = [], []
    for level in range(4):
        for n in range(2**level):
            for tree in "ab":
                boxes.append(Box(f"{tree}{level}.{n}", "σ"))
                if level:
                    wires.append(Wire(f"{tree}{level}.{n}", f"{tree}{level - 1}.{n // 2}", 1.0))
    placed = place(Circuit(boxes, wires))
    ends = [(w.points[0], w.points[-1]) for w in placed.wires]
    for ((x, y), (_, end_y)), ((other_x, other_y), (_, other_end)) in combinations(ends, 2):
        if x == other_x:
            assert (y - other_y) * (end_y - other_end) >= 0


def test_a_weight_stands_beside_the_gate_that_uses_it() -> None:
    circuit = two_two_two_gates()
    at = {b.key: b for b in place(circuit).boxes}
    assert at["W2[0,0]"].x == at["h0"].x > at["1+0"].x


def test_the_gates_of_a_book_fit_a_page() -> None:
    placed = place(two_two_two_gates())
    assert placed.width < 1600
    assert placed.height < 500


@pytest.mark.parametrize(
    ("circuit", "error", "words"),
    [
        (Circuit([Box("a", "a")], [Wire("a", "b")]), GraphError, "no box 'b'"),
        (Circuit([Box("a", "a"), Box("a", "b")], []), GraphError, "the key 'a'"),
        (
            Circuit([Box("a", "a"), Box("b", "b")], [Wire("a", "b"), Wire("b", "a")]),
            GraphError,
            "run in a circle",
        ),
        (
            Circuit([Box(str(n), "") for n in range(MOST_ELEMENTS + 1)], []),
            OptionError,
            "at most 300 are drawn",
        ),
    ],
)
def test_what_is_no_circuit_is_refused(circuit: Circuit, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        place(circuit)


def test_hangul_is_as_wide_as_it_is_high() -> None:
    assert text_width("가중치", 10) == 30 > text_width("abc", 10)
