"""The page in a browser: nothing is fetched, all is reached by mouse and by keyboard, on a phone and on paper."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from gradsuite import plugins
from gradsuite.experiment import Experiment, Figure, Result, Table, Trial
from gradsuite.report import style
from gradsuite.report.page import printable, render, write_report
from gradsuite.report.sections import sections
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run
from gradsuite.settings import Setting

from tests.stored import judge, run_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None and not os.environ.get("GRADSUITE_NEEDS_CHROMIUM"):
    pytest.skip("no Chromium on the PATH: apt install chromium", allow_module_level=True)

REFERENCE = Path(__file__).parents[3] / "results" / "reference"
BACKENDS = ("numpy", "torch", "jax")
COUNTS = (3, 10, 200, 7, 1000, 25, 9, 80)  # neither in order nor in the order of their letters
HOSTILE = "<script>document.title = 'taken'</script> \"quoted\"\n\x1b[31mred\x1b[0m " + 500 * "x" + "\ud800"


class Growth(Experiment):
    name = "growth"
    question = "Does it grow?"
    settings = (Setting("size", int, "a size"),)
    presets = {"quick": {"size": [1]}}  # noqa: RUF012

    def measure(self, backend, device, settings):
        yield [Measurement("norm", 1.0)]

    def findings(self, rows, claims):
        yield HOSTILE

    def figures(self, rows, claims):
        for name, scale in (("growth", "log"), ("growth-again", "linear")):
            canvas, panels = style.figure(1, 2)
            for axes in panels.flat:
                style.points(axes, rows[rows["status"] == "ok"], "index", "value")
                axes.set(yscale=scale, xlabel="step", ylabel="norm")
            style.title(canvas, f"It grows on a {scale} axis")
            yield Figure(name, HOSTILE, canvas)

    def tables(self, rows, claims):
        table = {"backend": [BACKENDS[k % 3] for k in range(8)], "count": COUNTS, "share": np.array(COUNTS) / 7}
        yield Table(
            "Counts",
            "All of them.",
            pd.DataFrame(
                {
                    **table,
                    "said": [HOSTILE[:-1], *("b" * 7)],
                    "": [*("stable", "exploding", "vanishing, 3") * 2, "holds", "fails"],
                }
            ),
        )


class Plugin:
    @staticmethod
    @plugins.hookspecs.hookimpl
    def register_experiments(register):
        register(Growth)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    known = plugins.Plugins({"growth": Plugin})
    results = [
        (
            Trial("growth", name, "cpu", {"size": 1}),
            Result("ok", tuple(Measurement("norm", 2.0**k, index=k) for k in range(8))),
        )
        for name in BACKENDS
    ]
    lost = (Trial("growth", "torch", "cpu", {"size": 2}), Result("error", reason=HOSTILE, stderr=HOSTILE))
    run = run_of(tmp_path_factory.mktemp("run"), [*results, lost], preset="quick")
    judge(run, Growth())
    return write_report(run, known).as_uri()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def tab(browser):
    """One tab for all tests, with what it asked for and complained of."""
    opened = browser.new_page()
    opened.set_default_timeout(10_000)
    opened.asked, opened.complaints = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("console", lambda message: opened.complaints.append(message.text))
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    return opened


@pytest.fixture
def page(tab, address):
    """The page as one opens it, wide; a test that made it complain fails."""
    tab.emulate_media(media="screen", color_scheme="light")
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.asked.clear()
    tab.complaints.clear()
    tab.goto("about:blank")
    tab.goto(address)
    yield tab
    assert tab.complaints == []
    assert {url for url in tab.asked if not url.startswith(("data:", "blob:", "about:"))} == {address}


def column(page, number):
    cells = page.locator("section#growth table").first.locator(f"tbody tr:visible td:nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


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


def test_a_table_is_sorted_as_numbers_by_a_click(page):
    head = page.get_by_role("columnheader", name="count")
    ordered = [str(count) for count in sorted(COUNTS)]
    head.get_by_role("button").click()
    assert column(page, 2) == ordered
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").click()
    assert column(page, 2) == ordered[::-1]
    head.get_by_role("button").click()
    assert column(page, 2) == [str(count) for count in COUNTS]


def test_a_table_is_sorted_and_filtered_from_the_keyboard(page):
    head = page.get_by_role("columnheader", name="share")
    head.get_by_role("button").focus()
    page.keyboard.press("Enter")
    assert column(page, 2) == [str(count) for count in sorted(COUNTS)]
    page.get_by_role("searchbox").first.focus()
    page.keyboard.type("torch")
    assert column(page, 1) == ["torch"] * 3
    assert page.get_by_role("status").first.inner_text() == "3 of 8"


def test_numbers_stand_to_the_right(page):
    for cell in page.locator("td.number, th.number").all():
        assert cell.evaluate("e => getComputedStyle(e).textAlign") == "right"


def test_a_backend_is_hidden_everywhere_and_shown_again(page):
    toggle = page.locator("header").get_by_role("button", name="torch")
    marks = page.locator("figure svg .axes use:visible")
    before, rows = marks.count(), column(page, 1)
    toggle.click()
    assert marks.count() == before * 2 // 3
    assert column(page, 1) == [name for name in rows if name != "torch"]
    toggle.press("Space")
    assert marks.count() == before
    assert column(page, 1) == rows


def test_values_are_told_under_the_pointer(page):
    point = page.locator("figure svg .axes use").nth(3)
    point.scroll_into_view_if_needed()
    point.hover(force=True)  # backends agree: another's point lies upon it
    name, *values = page.locator(".told").inner_text().splitlines()
    assert name in BACKENDS
    assert values == ["step: 3", "norm: 8"]


def test_a_logarithmic_axis_becomes_linear_and_back(page):
    figure = page.locator("figure").first
    places = "marks => marks.map(mark => Number(mark.getAttribute('y')))"
    points = figure.locator("svg .axes use.b0")
    before = points.evaluate_all(places)[:8]
    figure.get_by_role("button", name="Linear axis").click()
    after = points.evaluate_all(places)[:8]
    # Values are 1, 2, 4, ..., 128: on a linear axis each gap is twice the last, to two decimals at both of its ends.
    gaps = -np.diff(after)
    np.testing.assert_allclose(gaps[1:], 2 * gaps[:-1], atol=0.06)
    np.testing.assert_allclose(np.diff(before), np.diff(before)[0], atol=0.03)
    figure.get_by_role("button", name="Linear axis").click()
    assert points.evaluate_all(places)[:8] == before
    assert page.locator("figure").nth(1).get_by_role("button", name="Linear axis").count() == 0


@pytest.mark.parametrize(("kind", "start"), [("SVG", b"<svg"), ("PNG", b"\x89PNG")])
def test_a_figure_is_saved_from_the_page(page, tmp_path, kind, start):
    with page.expect_download() as waited:
        page.locator("figure").first.get_by_role("button", name=kind).click()
    assert waited.value.suggested_filename == f"growth.{kind.lower()}"
    waited.value.save_as(tmp_path / "figure")
    content = (tmp_path / "figure").read_bytes()
    assert content.startswith(start)
    if kind == "SVG":
        assert b"rgb(23, 128, 196)" in content  # the colour of numpy, in the file itself


def test_data_are_saved_from_the_page(page, tmp_path):
    with page.expect_download() as waited:
        page.locator("a[download]").click()
    waited.value.save_as(tmp_path / waited.value.suggested_filename)
    assert len(pd.read_csv(tmp_path / "growth.csv.gz")) == 3 * 8


def test_contents_follow_and_back_and_forward_work(page):
    from playwright.sync_api import expect

    contents = page.get_by_role("navigation", name="Contents")
    current = contents.locator("[aria-current]")
    contents.get_by_role("link", name="growth").click()
    expect(current).to_have_text("growth")
    contents.get_by_role("link", name="The run").click()
    expect(current).to_have_text("The run")
    page.go_back()
    assert page.evaluate("location.hash") == "#growth"
    expect(current).to_have_text("growth")
    page.go_forward()
    assert page.evaluate("location.hash") == "#page/facts"


def test_a_heading_links_to_itself(page):
    from playwright.sync_api import expect

    heading = page.get_by_role("heading", name="It grows on a linear axis")
    heading.hover()
    heading.get_by_role("link").click()
    assert page.evaluate("decodeURIComponent(location.hash)") == "#figure:growth-again"
    page.reload()
    expect(heading).to_be_in_viewport()


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
