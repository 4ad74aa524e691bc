"""How the page looks: nothing is fetched, text is text; on a phone, in the dark, on paper, to a screen reader."""

from pathlib import Path

import pytest
from gradsuite import plugins
from gradsuite.report.page import printable, render
from gradsuite.report.sections import sections
from gradsuite.runs.store import Run

from tests.suite.report.browser.conftest import BACKENDS

REFERENCE = Path(__file__).parents[4] / "results" / "reference"


def test_it_loads_nothing_but_itself_without_a_complaint(page):
    assert page.locator("h1").count() == 1


def test_hostile_text_is_text(page):
    assert page.title() != "taken"
    assert "<script>document.title = 'taken'</script> \"quoted\"" in page.locator("figcaption").first.inner_text()
    assert "\x1b" not in page.content()


def test_ids_are_unique(page):
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_every_figure_shows_its_points(page):
    for figure in page.locator("figure svg").all():
        points = figure.locator(".axes use:visible")
        assert points.count() == 2 * len(BACKENDS) * 8
        box = figure.bounding_box()
        assert box["width"] > 300
        assert box["height"] > 100


def test_numbers_stand_to_the_right(page):
    for cell in page.locator("td.number, th.number").all():
        assert cell.evaluate("e => getComputedStyle(e).textAlign") == "right"


def test_a_phone_never_scrolls_sideways(page):
    page.set_viewport_size({"width": 375, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_dark_mode_is_the_readers_and_the_buttons(page):
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(paper)
    assert dark != light
    theme = page.get_by_role("button", name="Theme")
    theme.click()
    assert page.evaluate(paper) == light
    theme.click()
    page.emulate_media(color_scheme="light")
    assert page.evaluate(paper) == dark


def test_on_paper_it_is_light_and_has_its_contents(page):
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(254, 254, 254)"
    assert page.get_by_role("navigation", name="Contents").is_visible()
    assert not page.get_by_role("button", name="Theme").is_visible()
    for figure in page.locator("figure").all():
        assert figure.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    assert page.pdf().startswith(b"%PDF")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_axe_finds_nothing_serious(page, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    found = Axe().run(page).response["violations"]
    assert [finding["id"] for finding in found if finding["impact"] in ("serious", "critical")] == []


def test_it_is_read_without_its_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(address)
    assert opened.locator("figure svg").first.is_visible()
    assert "Does it grow?" in opened.locator("main").inner_text()
    assert opened.get_by_role("button").count() == 0
    context.close()


def test_the_answers_of_the_reference_run_fit_on_one_screen_and_its_claims_on_paper(tab, tmp_path, monkeypatch):
    known, run = plugins.load(), Run.open(REFERENCE, rows=False)
    monkeypatch.setattr(known, "found", False)  # asked in this process
    monkeypatch.setattr("gradsuite.report.page.attachments", lambda *about: {})
    (tmp_path / "report.html").write_text(printable(render(run, sections(run, known))), encoding="utf-8")
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": 1280, "height": 1000})
    tab.goto((tmp_path / "report.html").as_uri())
    box = tab.locator("[id='page/answers']").bounding_box()
    assert box["y"] + box["height"] <= 1000
    command, claims = tab.locator(".answers .recipe pre").first, tab.locator(".holding").first
    assert not command.is_visible()  # folded until it is asked for
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert command.is_visible()
    assert claims.get_attribute("open") is None
    claims.evaluate("e => { e.open = true }")
    sentence, table = claims.locator("td").first.bounding_box(), claims.locator("table").bounding_box()
    assert sentence["width"] > 0.35 * table["width"]  # else a claim takes a page
