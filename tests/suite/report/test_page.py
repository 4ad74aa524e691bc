"""The page as a file: it needs nothing else, holds its data, takes what plugins say for text, and is written whole."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html import unescape

import numpy as np
import pandas as pd
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result
from gradsuite.report.page import write_report
from gradsuite.report.palette import INK, backend_colour
from gradsuite.runs.store import Run

from tests.stored import run_of
from tests.suite.report.fakes import FAKES, ok, page, trial


def test_a_page_needs_nothing_but_itself_and_its_ids_are_its_own(tmp_path):
    read, text = page(tmp_path, (trial(), ok(1.0, 2.0)), (trial("jax", "broken"), ok(1.0)))
    assert len(set(read.ids)) == len(read.ids)
    for link in read.links:
        assert link.removeprefix("#") in read.ids if link.startswith("#") else link.startswith("data:")
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert " style=" not in text  # which the page's own policy forbids


def test_the_page_allows_its_own_style_and_script_and_nothing_else(tmp_path):
    _, text = page(tmp_path, (trial(), ok(1.0)))
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        allowed = b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{allowed}';" in policy
    assert "unsafe" not in policy


def test_the_data_travel_with_the_page(tmp_path):
    read, _ = page(tmp_path, (trial(), ok(1.25, 2.0)), (trial("jax"), ok(np.nan)))
    (link,) = [link for link in read.links if link.startswith("data:application/gzip;base64,")]
    (tmp_path / "fake.csv.gz").write_bytes(b64decode(link.partition(",")[2]))
    rows = pd.read_csv(tmp_path / "fake.csv.gz")
    assert list(rows["backend"]) == ["numpy", "numpy", "jax"]
    np.testing.assert_array_equal(rows["value"], [1.25, 2.0, np.nan])
    assert list(rows["size"]) == [1, 1, 1]


def test_data_that_do_not_fit_are_said_to_be_in_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("gradsuite.report.attached.ROOM", 10)
    read, _ = page(tmp_path, (trial(), ok(1.0, 2.0)))
    assert not [link for link in read.links if link.startswith("data:")]
    assert "Its 2 measurements are too many to travel with this page" in " ".join(read.text.split())


def test_what_plugins_say_is_text_and_not_markup(tmp_path):
    broken = Result("error", reason="<script>alert(1)</script>", stderr="</pre><b>&amp;")
    read, text = page(tmp_path, (trial(), ok(1.0)), (trial("<i>jax", size=2), broken))
    assert "The largest is 1 <b>." in read.text
    assert "It is 1 & no more" in read.text
    assert "<script>alert(1)</script>" in read.text
    assert "</pre><b>&amp;" in read.text
    assert "<script>alert" not in text
    assert "<i>jax" not in text


def test_figures_lie_beside_the_page_and_in_it_in_the_colours_of_the_mode(tmp_path):
    _, text = page(tmp_path, (trial(), ok(1.0, 2.0)))
    assert (tmp_path / "figures" / "fake-sizes.png").read_bytes().startswith(b"\x89PNG")
    alone = (tmp_path / "figures" / "fake-sizes.svg").read_text()
    assert INK in alone
    drawing = text[text.index("<svg") : text.index("</svg>")]
    looks = dict(re.findall(r"^\.(s\d+){(.*?)}", text, re.MULTILINE))
    used = " ".join(looks[name] for name in re.findall(r'class="(s\d+)', drawing))
    assert "var(--ink)" in used
    assert INK not in used
    assert backend_colour("numpy") in used


def test_the_title_is_text_and_cut_off_the_drawing(tmp_path):
    read, text = page(tmp_path, (trial(), ok(1.0)))
    assert read.text.count("It is 1 & no more") == 1
    _, top, width, height = map(float, re.search(r'viewBox="([^"]*)"', text)[1].split())
    # One line of 13.5 points with its margin above: between 1 and 3 lines of it, of a figure 72 x 3.6 points high.
    assert 13.5 < top < 3 * 13.5
    assert (width, top + height) == pytest.approx((720, 259.2), abs=0.1)


def test_written_again_it_is_the_same(tmp_path):
    _, first = page(tmp_path, (trial(), ok(1.0, 2.0)))
    assert write_report(Run.open(tmp_path), FAKES).read_text(encoding="utf-8") == first


def test_a_folder_that_cannot_be_written_is_an_error_of_one_line(tmp_path):
    run = run_of(tmp_path, [(trial(), ok(1.0))])
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write the report into .*: "):
        write_report(run, FAKES)


def test_a_page_that_cannot_be_written_leaves_the_one_that_was(tmp_path, monkeypatch):
    page(tmp_path, (trial(), ok(1.0, 2.0)))
    before = (tmp_path / "report.html").read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda path, to: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(UserError, match="No space left"):
        write_report(Run.open(tmp_path), FAKES)
    assert (tmp_path / "report.html").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_an_experiment_called_like_a_part_of_the_page_or_like_a_method_has_a_place_of_its_own(tmp_path):
    for name in ("answers", "facts", "problems", "contents", "content", "groups", "copy"):
        read, _ = page(tmp_path / name, (trial(experiment=name), Result("error", reason="gone")))
        assert len(set(read.ids)) == len(read.ids)
        assert name in read.ids
