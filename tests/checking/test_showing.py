"""Reports of programs: for a terminal of any width, as a page without a script, as plain values; in both languages."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

from glassgrad.checking.report import ProgramReport, Quantity
from glassgrad.checking.showing import page, plain, terminal, verdict
from glassgrad.checking.showing.arrays import copied, furthest, window
from glassgrad.checking.showing.changes import change
from glassgrad.checking.showing.wording import off
from glassgrad.language import LANGUAGES, Lang
from sample_reports import HOSTILE, MENDED, REPORTS, SOURCE, both

# --- the terminal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [40, 72, 80, 100, 160])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", REPORTS)
def test_no_line_is_wider_than_the_terminal(name: str, lang: Lang, width: int) -> None:
    text = terminal(REPORTS[name](), lang, width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "\n\n\n" not in text


def test_what_matters_comes_first() -> None:
    lines = terminal(REPORTS["wrong"]()).splitlines()
    assert lines[0] == "✗ Wrong: the first thing that is not right is delta_h, two_two_two.py:36."
    text = "\n".join(lines)
    order = [
        "The first thing wrong",
        "off by 0.35",
        "Cause: The error of hidden unit j must be summed over the outputs",
        f"    - {SOURCE[36].strip()}\n    + {MENDED.strip()}",
        "Run again with this line",
        "Wrong only because of it: dE_dw1, self.w1",
        "delta_h[1]   0.00462   0.007101",
        "The parameters",
        "The loss",
        "Line by line",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["right", "notice"])
def test_a_program_that_is_right_is_not_complained_of(name: str) -> None:
    text = terminal(REPORTS[name]())
    assert text.startswith(
        "✓ Right: every gradient" if name == "right" else "! Right, with something to know"
    )
    assert ("2 times the exact ones, which your learning rate absorbs" in text) == (name == "notice")
    for word in ("✗", "↳", "Cause", "wrong"):
        assert word not in text


def test_the_listing_has_every_line_with_its_number_its_mark_and_what_it_is() -> None:
    report = REPORTS["wrong"]()
    listing = terminal(report).split("Line by line\n")[1]
    marks = {"right": "✓", "wrong": "✗", "follows": "↳", "plain": " "}
    for line in report.lines:
        assert f"  {line.number} {marks[line.state]} " in listing
        assert line.source.strip() in listing
        assert line.quantities[0].meaning.en in listing
    assert "should be ∂E/∂z1; off by 0.35 at [1]" in listing
    assert re.search(r"self\.learning_rate \* dE_dw2 +w2 − η·∂E/∂w2", listing)
    begins = {
        cell_len(found[1]) for found in re.finditer(r"(?m)^(.*?(?:\S  +|^ +))(?:should be|the |∂E)", listing)
    }
    assert len(begins) == 1  # what the lines are stands in one column


def test_gradient_and_update_are_judged_apart() -> None:
    table, below = (" ".join(terminal(REPORTS["update"](), width=width).split()) for width in (140, 72))
    assert re.search("w 784×128 ✓ exact ✗ The update overwrites w", table)
    assert "w (784×128) ✓ gradient: exact ✗ update: The update overwrites w" in below


def test_a_line_of_many_quantities_names_the_gravest_and_counts_the_others() -> None:
    text = terminal(REPORTS["update"]())
    assert "unit3.w: ∂E/∂w3" in text
    assert "unit4.w" not in text
    assert "… 5 more" in text


def test_what_is_not_known_is_not_claimed() -> None:
    text = terminal(REPORTS["update"]())
    assert "This line gives the exact value wherever it was tried." in text  # an edit that was not run again
    assert "Run again" not in text
    assert (
        text.count("No edit of this line that was tried") == 1
    )  # of the unknown cause, not of the known one
    assert "It has shape (32, 10); the exact gradient has shape (10,)." in text
    assert "numeric differentiation" in text


def test_markup_and_code_are_text() -> None:
    text = terminal(REPORTS["hostile"](), width=140)
    assert f"    + {HOSTILE}[bold]x[/bold]" in text


def test_colours_are_asked_for() -> None:
    text = terminal(REPORTS["wrong"](), colour=True)
    assert "\x1b[1;31m✗" in text
    assert "\x1b[32m✓" in text
    assert re.search("\x1b\\[32m\\+", text)


@pytest.mark.parametrize("name", ["right", "notice", "wrong", "update"])
def test_each_language_is_itself(name: str) -> None:
    report = REPORTS[name]()
    for shown in (terminal, page):
        english, korean = (shown(report, lang) for lang in LANGUAGES)
        assert not re.search("[가-힣]", english)
        assert korean.count("다.") > 1
        assert re.search("[가-힣]", verdict(report).ko)
    assert not re.search(r"\{\w*\}", terminal(report) + terminal(report, "ko"))


# --- the page ---------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """What a page is made of; tags that are not closed in order are an error."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_whole_and_asks_for_nothing(name: str, lang: Lang) -> None:
    text = page(REPORTS[name](), lang)
    reader = Reader(text)
    assert reader.of("script") == []
    assert reader.of("html") == [{"lang": lang}]
    assert [
        a for a in reader.of("link") + reader.of("a") if not (a["href"] or "").startswith(("#", "data:"))
    ] == []
    assert "http" not in re.sub("http-equiv", "", text)
    assert "default-src 'none'" in text
    ids = [a["id"] for _, a in reader.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    assert {(a["href"] or "")[1:] for a in reader.of("a")} <= set(ids)
    assert "".join(reader.words).count(HOSTILE) > 10 or name != "hostile"


def test_the_wrong_line_leads_to_the_listing_and_is_marked() -> None:
    reader = Reader(page(REPORTS["wrong"]()))
    assert [a["href"] for a in reader.of("a")] == ["#L1-36", "#L1-36"]
    rows = {a["id"]: (a["class"] or "").split()[0] for a in reader.of("tr") if a.get("id")}
    assert rows["L1-36"] == "wrong"
    assert rows["L1-37"] == rows["L1-40"] == "follows"
    assert list(rows.values()).count("wrong") == 1
    assert (len(reader.of("del")), len(reader.of("ins"))) == (1, 1)


def test_numbers_are_copied_whole() -> None:
    report = REPORTS["wrong"]()
    exact, text = report.findings[0].quantity.exact, page(report)
    assert exact is not None
    assert f'data-n="0.007101" title="{float(exact[1])!r}">{float(exact[1])!r}<' in text
    assert copied(exact) in "".join(Reader(text).words)


def test_a_large_array_is_shown_in_part_and_not_written_whole() -> None:
    report = REPORTS["update"]()
    text = page(report)
    assert "64 of 100352 elements" in text
    assert len(text) < 200_000


# --- plain values -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REPORTS)
def test_plain_values_are_json(name: str) -> None:
    report = REPORTS[name]()
    document = json.loads(json.dumps(plain(report), allow_nan=False))
    assert (document["file"], document["verdict"]) == (report.file, report.verdict)
    assert len(document["lines"]) == len(report.lines)
    assert [set(n) for n in document["notices"]] == [{"en", "ko"}] * len(report.notices)
    assert report.to_dict() == plain(report)


def test_plain_numbers_are_full() -> None:
    report = REPORTS["wrong"]()
    document = plain(report)
    exact = report.parameters[1].exact
    assert exact is not None
    given = document["parameters"][1]["exact"]
    assert (given["shape"], given["dtype"]) == ([2, 2], "float64")
    np.testing.assert_array_equal(np.array(given["values"]), exact)
    np.testing.assert_allclose(exact, [[0.00080888, 0.00161775], [0.00071009, 0.00142017]], atol=5e-9)
    finding = document["findings"][0]
    assert finding["quantity"]["place"] == [1]
    assert finding["cause"]["after"] == MENDED
    assert document["lines"][7]["state"] == "wrong"


def test_what_json_cannot_say_is_null() -> None:
    large, strange = plain(REPORTS["update"]()), plain(REPORTS["hostile"]())
    assert large["parameters"][0]["exact"] == {"shape": [784, 128], "dtype": "float64", "values": None}
    assert large["parameters"][1]["error"] is None
    assert large["findings"][1]["cause"]["after"] is None
    assert strange["parameters"][0]["found"]["values"] == [None]


# --- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "middles"),
    [
        ("a = b", "a = b", ("", "")),
        ("d = e @ W", "d = e @ W.T", ("", ".T")),
        ("d = e * h * (1 - h)", "d = e * z * (1 - z)", ("h * (1 - h", "z * (1 - z")),
        ("aa", "aaa", ("aa", "aaa")),
        ("x x", "x", (" x", "")),
        ("", "new", ("", "new")),
    ],
)
def test_a_change_is_found_and_nothing_is_lost(before: str, after: str, middles: tuple[str, str]) -> None:
    old, new = change(before, after)
    assert ("".join(old), "".join(new)) == (before, after)
    assert (old[1], new[1]) == middles
    assert (old[0], old[2]) == (new[0], new[2])


@pytest.mark.parametrize("shape", [(), (1,), (20,), (3, 4), (9, 30), (2, 3, 20, 5)])
def test_a_window_holds_the_place_and_its_indices(shape: tuple[int, ...]) -> None:
    array = np.arange(float(np.prod(shape))).reshape(shape)
    for place in np.ndindex(*shape):
        part = window(array, place)
        assert part.numbers.shape == (len(part.rows) or 1, len(part.columns) or 1)
        assert max(part.numbers.shape) <= 8
        row = part.rows.index(place[-2]) if len(shape) > 1 else 0
        column = part.columns.index(place[-1]) if shape else 0
        assert part.numbers[row, column] == array[place]


def test_the_furthest_elements_are_listed_in_their_order() -> None:
    exact = np.zeros((3, 3))
    found = np.array([[0.0, 5.0, 0.0], [np.nan, 0.0, 0.0], [0.0, 0.0, -9.0]])
    assert furthest(found, exact, 3) == [(0, 1), (1, 0), (2, 2)]


@pytest.mark.parametrize("array", [np.array(0.1), np.array([1.0, -np.inf, np.nan]), np.full((50, 40), 1 / 3)])
def test_what_is_copied_is_the_array(array: np.ndarray[Any, Any]) -> None:
    np.testing.assert_array_equal(eval(copied(array), {"np": np}), array)


def test_arrays_of_one_size_and_two_shapes_are_compared() -> None:
    q = Quantity(
        "d", "f.py", 1, both("∂E/∂z"), "wrong", 0.5, (1, 0), np.array([1.0, 3.0]), np.array([[1.0], [2.0]])
    )
    told = off(q)
    assert told is not None
    assert told.en.startswith("At d[1, 0] it is 3 and should be 2: off by 0.5")


# --- in a browser -----------------------------------------------------------------------------------------------------

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright to test pages")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("Chromium is not installed: pages cannot be looked at")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=found, args=QUIET)
        yield opened
        opened.close()


def contrast(first: str, second: str) -> float:
    """Return how well a colour can be read on another, as the WCAG define it."""

    def light(colour: str) -> float:
        parts = [int(c) / 255 for c in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    low, high = sorted((light(first), light(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", REPORTS)
def test_a_page_can_be_read(
    browser: Any, tmp_path: Path, name: str, lang: Lang, width: int, scheme: str
) -> None:
    (tmp_path / "o.html").write_text(page(REPORTS[name](), lang), encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    opened.on("console", lambda message: wrong.append(message.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((tmp_path / "o.html").as_uri())
    seen = opened.evaluate(
        """() => {
            const style = e => getComputedStyle(e);
            const row = [...document.querySelectorAll('.gg-listing tbody tr')].map(r => {
                const code = r.querySelector('code').getBoundingClientRect();
                const what = r.querySelector('.gg-what').getBoundingClientRect();
                return what.left >= code.right - 1 || what.top >= code.bottom - 1;
            });
            const verdict = document.querySelector('.gg-verdict');
            const bad = document.querySelector('tr.wrong td:nth-child(2)');
            return {
                over: document.documentElement.scrollWidth - innerWidth,
                row,
                verdict: [style(verdict).color, style(verdict).backgroundColor],
                bad: bad && [style(bad.querySelector('.gg-mark')).color, style(bad).backgroundColor],
                ground: style(document.documentElement).backgroundColor,
            };
        }"""
    )
    context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert seen["over"] <= 0
    assert all(seen["row"])  # what a line is stands beside its code, or below it
    assert contrast(*seen["verdict"]) > 7
    assert seen["bad"] is None or contrast(*seen["bad"]) > 4.5
    assert (contrast(seen["ground"], "rgb(0, 0, 0)") < 3) == (scheme == "dark")


def test_a_report_shows_itself() -> None:
    report: ProgramReport = REPORTS["wrong"]()
    assert str(report) == report.text() == terminal(report)
    assert report.html("ko") == page(report, "ko")
