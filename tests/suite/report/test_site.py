"""A library of runs as a site: every run is in its index, nothing is fetched from elsewhere, hostile names are text."""

import re

import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.plugins import Plugins
from gradsuite.report.site import publish
from gradsuite.runs.store import Run

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


def test_a_site_is_made_anew_but_nothing_else_is_overwritten(runs, tmp_path):
    site = tmp_path / "site"
    publish(runs, site, Plugins())
    publish(runs[:1], site, Plugins())
    assert [path.name for path in (site / "runs").iterdir()] == ["b-mine"]
    with pytest.raises(UserError, match="no site of runs"):
        publish(runs, tmp_path / "a", Plugins())
