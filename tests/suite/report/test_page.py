"""The page: whatever a run holds, one file that needs nothing else and says what was found and what went wrong."""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from gradsuite import plugins
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure, Result, Table, Trial
from gradsuite.report import style
from gradsuite.report.page import write_report
from gradsuite.report.palette import INK, backend_colour
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run
from gradsuite.settings import Setting

from tests.stored import judge, run_of

VOID = {"meta", "br"}


class Fake(Experiment):
    name = "fake"
    question = "Does 1 < 2?"
    settings = (Setting("size", int, "a size"),)
    presets = {"quick": {"size": [1]}}  # noqa: RUF012

    def measure(self, backend, device, settings):
        yield [Measurement("norm", 1.0)]

    def findings(self, rows, claims):
        if len(rows[rows["status"] == "ok"]):
            yield f"The largest is {rows['value'].max():g} <b>."

    def figures(self, rows, claims):
        canvas, panels = style.figure(1, 1)
        style.points(panels[0, 0], rows[rows["status"] == "ok"], "index", "value")
        style.title(canvas, "It is 1 & no more")
        yield Figure("fake-sizes", "Sizes <of> things.", canvas)

    def tables(self, rows, claims):
        table = {"backend": ["numpy"], "verdict": ["vanishing, 7"], "rate": [np.nan], "count": [3], "x": [0.123456]}
        yield Table("Sizes", "All of them.", pd.DataFrame(table))

    def claims(self, rows):
        for backend in rows["backend"].unique():
            for expected in (1.0, 2.0):
                yield Claim(
                    name=f"{self.name}/{expected:g}",
                    backend=backend,
                    sentence=f"it is {expected:g}",
                    source=Source("A & B 1999", checked=expected == 1.0),
                    expected=expected,
                    measured=1.0,
                    tolerance=0.1,
                    resolution=Resolution(0.2, "the norm"),
                )


class Broken(Fake):
    name = "broken"

    def figures(self, rows, claims):
        yield from super().figures(rows, claims)
        raise KeyError("no such <column>")


class Plugin:
    @staticmethod
    @plugins.hookspecs.hookimpl
    def register_experiments(register):
        register(Fake)
        register(Broken)


class Page(HTMLParser):
    """What a page holds: tags in balance, ids, links, text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.text = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found[name] for name in ("href", "xlink:href", "src") if name in found]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


FAKES = plugins.Plugins({"fakes": Plugin})


def trial(backend="numpy", experiment="fake", size=1):
    return Trial(experiment, backend, "cpu", {"size": size})


def ok(*values):
    return Result("ok", tuple(Measurement("norm", value, index=k) for k, value in enumerate(values)))


def page(folder, *results, **meta):
    run = run_of(folder, results, **meta)
    for experiment in FAKES.all_experiments():
        if experiment.name in set(run.trials()["experiment"]):
            judge(run, experiment)
    text = write_report(run, FAKES).read_text(encoding="utf-8")
    return Page(text), text


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


def test_what_failed_is_grouped_counted_and_shown_with_settings_and_messages(tmp_path):
    lost = [(trial("jax", size=k), Result("error", reason="it fell over", stderr="last words")) for k in range(2, 9)]
    other = (trial("torch"), Result("unsupported", reason="torch has no cell 'x'"))
    read, _ = page(tmp_path, other, *lost, (trial(), ok(1.0)))
    problems = read.text[read.text.index("Not measured, and why") :]
    assert problems.count("it fell over") == 1
    assert re.search(r"error\s*7\s*fake\s*jax\s*it fell over", problems)
    assert re.search(r"unsupported\s*1\s*fake\s*torch\s*torch has no cell 'x'", problems)
    assert problems.index("it fell over") < problems.index("torch has no cell")
    assert "size=2" in problems
    assert "and 4 more" in problems
    assert "last words" in problems
    assert "1 ok, 1 unsupported, 7 error" in " ".join(read.text.split())


def test_an_experiment_that_fails_to_draw_costs_that_part_of_its_section(tmp_path):
    read, _ = page(tmp_path, (trial(experiment="broken"), ok(1.0)))
    assert "Its figures could not be made: KeyError: 'no such <column>'" in read.text
    assert (tmp_path / "figures" / "broken-fake-sizes.png").exists()  # what came before is kept
    assert "The largest is 1" in read.text
    assert "vanishing, 7" in read.text


def test_an_experiment_that_measured_nothing_is_not_asked_what_it_shows(tmp_path):
    read, _ = page(tmp_path, (trial(experiment="broken"), Result("error", reason="it fell over")))
    assert "could not be made" not in read.text
    assert "it fell over" in read.text
    assert not list((tmp_path / "figures").iterdir())


def test_an_experiment_that_is_not_installed_has_a_section_that_says_so(tmp_path):
    read, _ = page(tmp_path, (trial(experiment="fakes"), ok(1.0)))
    assert "This experiment cannot be loaded here: unknown experiment 'fakes'; did you mean 'fake'?" in read.text


def test_claims_are_counted_and_those_that_fail_come_first(tmp_path):
    read, text = page(tmp_path, (trial(), ok(1.0)), (trial("jax"), ok(1.0)))
    assert "2 of 4 claims hold" in read.text
    assert "2 of 4 claims hold." in read.text
    assert read.text.index("it is 2") < read.text.index("it is 1")
    assert text.index("it is 2") < text.index('<details class="holding">') < text.index("it is 1")
    assert {"fake/1", "fake/2"} <= set(read.ids)  # claims have permalinks
    assert "#fake/2" in read.links
    assert "A & B 1999" in read.text
    assert text.count('class="number fails"') == 2


def test_the_run_is_described(tmp_path):
    read, _ = page(
        tmp_path,
        (trial(), ok(1.0)),
        preset="quick",
        started="2026-01-02T03:04:05+00:00",
        finished="2026-01-02T03:06:05+00:00",
        settings={"size": [1, 2]},
        backends={"numpy": {"versions": {"numpy": "9.9"}, "devices": ["cpu"], "dtypes": ["float64"]}},
        unavailable=[{"name": "torch", "reason": "torch not installed", "install": "pip install torch"}],
        machine={"cpu": "A Fast One", "cores": 2, "memory": 2**34, "features": ["avx"] * 90, "git": None},
    )
    told = " ".join(read.text.split())
    for fact in ("quick · 2.0 minutes", "2026-01-02 03:04:05 UTC", "numpy 9.9", "A Fast One", "16.0 GiB", "size1, 2"):
        assert fact in told
    assert "torchtorch not installedpip install torch" in told
    assert "did not come to its end" not in told
    assert "None" not in told


def test_a_run_that_was_stopped_says_how_to_go_on(tmp_path):
    read, _ = page(tmp_path, (trial(), ok(1.0)), started="2026-01-02T03:04:05+00:00")
    assert f"gradsuite run --resume {tmp_path}" in read.text


def test_nothing_at_all_is_a_page_too(tmp_path):
    read, _ = page(tmp_path)
    assert "nothing was measured" in read.text
    assert "Nothing was measured that could answer a question" in read.text


def test_all_failed_is_a_page_that_says_why(tmp_path):
    read, _ = page(tmp_path, (trial(), Result("timeout", reason="no answer within 5 s")), experiments=["fake"])
    assert "no answer within 5 s" in read.text
    assert "1 timeout" in read.text


def test_numbers_that_are_not_finite(tmp_path):
    read, _ = page(tmp_path, (trial(), ok(np.nan, np.inf, -np.inf, 1e300, 5e-324, 1.0)))
    assert "The largest is inf" in read.text


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


def test_a_source_that_was_not_read_is_said_so_once(tmp_path):
    read, text = page(tmp_path, (trial(), ok(1.0)), (trial("jax"), ok(1.0)))
    assert text.count('id="page/unchecked"') == 1
    assert read.links.count("#page/unchecked") == 1  # of two claims one was read
    assert "fake/1" in read.text


def test_an_experiment_called_like_a_part_of_the_page_or_like_a_method_has_a_place_of_its_own(tmp_path):
    for name in ("answers", "facts", "problems", "contents", "content", "groups", "copy"):
        read, _ = page(tmp_path / name, (trial(experiment=name), Result("error", reason="gone")))
        assert len(set(read.ids)) == len(read.ids)
        assert name in read.ids
