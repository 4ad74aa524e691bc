"""A library of runs as a site: every run is in its index, nothing is fetched from elsewhere, hostile names are text."""

import re
from types import MappingProxyType

import pandas as pd
import pytest
import yaml
from gradsuite.errors import UserError
from gradsuite.experiment import Answer, Experiment, Result, Table, Trial
from gradsuite.hookspecs import hookimpl
from gradsuite.plugins import Plugins
from gradsuite.report.site import publish
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run
from gradsuite.settings import Setting
from gradsuite.topic import Topic

BOX = {"cpu": "Box <i>", "cores": 2, "threads": 2, "mark": "0a1b2c3d"}
INFO = {"versions": {"numpy": "2.4.6"}, "devices": ["cpu"], "dtypes": ["float64"], "features": ["stack"]}


def run(folder, name, **more):
    made = Run.create(folder / name, {"machine": BOX, "backends": {"numpy": INFO}, **more})
    made.add(Trial("gone", "numpy", "cpu", {}), "key", Result("error", reason="no"))
    return made


@pytest.fixture
def runs(tmp_path):
    return [run(tmp_path / "a", "<b>Mine"), run(tmp_path / "b", "<b>Mine")]


def test_every_run_is_listed_and_its_report_is_there(runs, tmp_path):
    page = publish(runs, tmp_path / "site", Plugins()).read_text("utf-8")
    links = re.findall(r'<a href="([^"#]+)"', page)
    assert set(links) == {"runs/b-mine/report.html", "runs/b-mine-2/report.html"}
    assert all((tmp_path / "site" / link).is_file() for link in links)
    assert "&lt;b&gt;Mine" in page
    assert "<b>Mine" not in page
    assert "Box &lt;i&gt;, 2 cores (0a1b2c3d)" in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_github_pages_serve_the_folder_by_the_workflow_in_it(runs, tmp_path):
    root = publish(runs, tmp_path / "site", Plugins()).parent
    steps = yaml.safe_load((root / ".github/workflows/pages.yml").read_text("utf-8"))["jobs"]["publish"]["steps"]
    assert [step["uses"].partition("@")[0] for step in steps] == [
        "actions/checkout", "actions/upload-pages-artifact", "actions/deploy-pages"
    ]  # fmt: skip
    assert steps[1]["with"]["path"] == "."
    assert (root / ".nojekyll").exists()


class Answering(Experiment):
    """Answers two questions that the index shows, and one that it leaves to the report."""

    name, question, topic = "answering", "Who wins?", Topic.SPEED
    settings = (Setting("number", float, "what is said"),)
    presets = MappingProxyType({"quick": {"number": [1.5]}})

    def measure(self, backend, device, settings):
        yield []

    def answers(self, rows, claims):
        """Return one answer to each, with what was measured in it."""
        values = pd.DataFrame({"backend": rows["backend"], "seconds": rows["value"]})
        yield Answer(Topic.SPEED, "numpy is <fastest>.", Table("Seconds", "", values))
        yield Answer(Topic.AGREEMENT, "They agree.")
        yield Answer(Topic.MEMORY, "Nobody asks this here.")


class Boards:
    @hookimpl
    def register_experiments(self, register):
        register(Answering)


def test_scoreboards_say_what_each_run_answers_and_lead_to_its_report(tmp_path):
    made = Run.create(tmp_path / "one", {"machine": BOX, "backends": {"numpy": INFO}})
    for seconds in (1.5, 2.5):
        made.add(Trial("answering", "numpy", "cpu", {"number": seconds}), str(seconds), Result("ok", (row(seconds),)))
    page = publish([made], tmp_path / "site", Plugins({"boards": Boards()})).read_text("utf-8")
    agreement, speed = (page.index(f'<section id="topic/{name}">') for name in ("agreement", "speed"))
    assert agreement < page.index("They agree.") < speed < page.index("numpy is &lt;fastest&gt;.")
    assert 'href="runs/one/report.html#answering"' in page
    assert re.findall(r'class="number">([\d.]+)<', page[speed:])[:2] == ["1.5", "2.5"]
    assert "Nobody asks" not in page


def row(value):
    return Measurement("seconds", value, "s")


def test_a_site_is_made_anew_but_nothing_else_is_overwritten(runs, tmp_path):
    site = tmp_path / "site"
    publish(runs, site, Plugins())
    publish(runs[:1], site, Plugins())
    assert [path.name for path in (site / "runs").iterdir()] == ["b-mine"]
    with pytest.raises(UserError, match="no site of runs"):
        publish(runs, tmp_path / "a", Plugins())
