"""What a reader does with the page, by mouse and by keyboard: sort, filter, hide, read off, save, go on."""

import numpy as np
import pandas as pd
import pytest

from tests.suite.report.browser.conftest import BACKENDS, COUNTS


def column(page, number):
    cells = page.locator("section#growth table").first.locator(f"tbody tr:visible td:nth-child({number})")
    return [text.strip() for text in cells.all_inner_texts()]


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
