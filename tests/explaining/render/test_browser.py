"""Pages in a real browser: on a phone and a desktop, light and dark, in both languages.

These tests need Chromium and Playwright's Python package (no browser of its own), and are skipped where one is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad as gg
from glassgrad import examples
from glassgrad.data import read
from glassgrad.explaining.document import Document, Drawing
from glassgrad.explaining.drawing.svg import svg
from glassgrad.explaining.render.html import html
from glassgrad.explaining.subjects import explain
from glassgrad.language import LANGUAGES, Lang
from glassgrad.learner.learner import Learner
from glassgrad.learner.recipe import Recipe
from sample_documents import digits, two_two_two

PageOf = Callable[[str, Lang], Path]

pytestmark = pytest.mark.browser

WIDTHS = {"phone": 390, "desktop": 1280}
HOUSING = Path(__file__).parents[3].parent / "shared" / "data" / "california_housing" / "housing.csv"


def housing() -> Document:
    """A weight of a small network on houses; without the data it is skipped."""
    if not HOUSING.exists():
        pytest.skip("the real data sets (../shared/data) are absent")
    rows = read(HOUSING)
    recipe = Recipe(hidden=(32, 16), epochs=1)
    learner = Learner.train(rows, target="median_house_value", recipe=recipe, progress=False)
    told = explain(learner, rows.take(np.arange(64)))
    return told.document(told.largest())


def kinks(x: Any, y: Any) -> Any:
    """Stand on many places without a derivative at once."""
    inner = gg.hardtanh(x) + gg.maximum(x, y) + gg.where(x > 0, gg.log(x), 0.0)
    return gg.sum(inner) + gg.std(gg.abs(y)) + gg.linalg.vector_norm(y - 1.0)


DOCUMENTS = {
    "gates": two_two_two,
    "fields": digits,
    "two-two-two": lambda: explain(examples.get("two-two-two")).document(),
    "a derivation": lambda: explain(examples.get("two-two-two")).document("0.weight[0,0]"),
    "digits": lambda: explain(examples.get("digits")).document(),
    "housing": housing,
    "kinks": lambda: explain(kinks, np.array([-1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0])).document(),
}
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
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


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> PageOf:
    folder = tmp_path_factory.mktemp("pages")
    made = cache(lambda name: DOCUMENTS[name]())

    def write(name: str, lang: Lang) -> Path:
        path = folder / f"{name}-{lang}.html"
        if not path.exists():
            path.write_text(html(made(name), lang), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_page_can_be_read(
    browser: Any, page_of: PageOf, name: str, lang: Lang, width: str, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": WIDTHS[width], "height": 800}, color_scheme=scheme, java_script_enabled=True
    )
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_of(name, lang).as_uri())
    seen = page.evaluate(
        """() => ({
            lang: document.documentElement.lang,
            over: document.documentElement.scrollWidth - innerWidth,
            ground: getComputedStyle(document.documentElement).backgroundColor,
            ink: getComputedStyle(document.querySelector('h1')).color,
            scales: [...document.querySelectorAll('figure svg[viewBox]')].map(
                s => s.getBoundingClientRect().width / s.viewBox.baseVal.width),
            outside: [...document.querySelectorAll('svg[viewBox]')].flatMap(s => {
                const frame = s.getBoundingClientRect();
                return [...s.querySelectorAll('text')].filter(t => {
                    const r = t.getBoundingClientRect();
                    return r.left < frame.left - 1 || r.right > frame.right + 1
                        || r.top < frame.top - 1 || r.bottom > frame.bottom + 1;
                }).map(t => t.textContent);
            }),
        })"""
    )
    context.close()
    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert seen["lang"] == lang
    assert seen["over"] <= 0
    assert seen["outside"] == []
    assert seen["scales"]
    assert min(seen["scales"]) > 0.75  # letters of 11 pixels stay above 8
    dark = [sum(map(int, seen[k][4:-1].split(", "))) < 300 for k in ("ground", "ink")]
    assert dark == ([True, False] if scheme == "dark" else [False, True])


def test_a_number_is_copied_with_all_its_digits(browser: Any, page_of: PageOf) -> None:
    page = browser.new_page()
    page.goto(page_of("two-two-two", "en").as_uri())
    shown, copied = page.evaluate(
        """() => {
            const number = document.querySelector('.gg-n');
            getSelection().selectAllChildren(number.closest('tr'));
            return [getComputedStyle(number, '::before').content, getSelection().toString()];
        }"""
    )
    whole = page.locator(".gg-n").first.get_attribute("title")
    page.close()
    assert len(whole) > 12
    assert whole in copied
    assert 2 < len(shown.strip('"')) <= 10


def test_sections_fold_without_a_script(browser: Any, page_of: PageOf) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_of("gates", "en").as_uri())
    table = page.locator("#paths table").first
    assert table.is_visible()
    page.locator("#paths summary").click()
    assert not table.is_visible()
    context.close()


def test_paper_shows_what_is_folded_and_needs_no_scrolling(browser: Any, page_of: PageOf) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 1000}, color_scheme="dark")
    page = context.new_page()
    page.goto(page_of("gates", "en").as_uri())
    page.locator("#circuit summary").click()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("#circuit figure svg").is_visible()
    wide, ground = page.evaluate(
        "() => [document.querySelector('#circuit svg').getBoundingClientRect().width, "
        "getComputedStyle(document.documentElement).backgroundColor]"
    )
    context.close()
    assert 300 < wide <= 700
    assert ground == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["two-two-two", "digits"])
def test_a_picture_can_be_looked_at_alone(browser: Any, tmp_path: Path, name: str, scheme: str) -> None:
    blocks = [block for section in DOCUMENTS[name]().sections for block in section.blocks]
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    for number, drawing in enumerate(block for block in blocks if isinstance(block, Drawing)):
        path = tmp_path / f"{number}.svg"
        path.write_text(svg(drawing.figure, "ko"), encoding="utf-8")
        page.goto(path.as_uri())
        ground = page.evaluate("() => getComputedStyle(document.querySelector('.ggf-ground')).fill")
        assert ground == ("rgb(21, 23, 28)" if scheme == "dark" else "rgb(255, 255, 255)")
    context.close()
    assert wrong == []
