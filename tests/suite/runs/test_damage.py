"""Damaged runs in every command that opens one: a line that names the run and the damage, and nothing written over."""

import shutil
from types import ModuleType

import gradsuite
import pytest
from click.testing import CliRunner
from gradsuite import commands
from gradsuite.errors import UserError
from gradsuite.plugins import load
from gradsuite.running.job import Job
from gradsuite.runs.store import Run

from tests import throwaway
from tests.damaged import damages, of_meta, sound
from tests.tiny import TINY

SIZE = 15 * 4096  # bytes of a sound run's file, or a little more
DAMAGES = damages(SIZE)
TOLD = dict(of_meta())
COMMANDS = (
    "claims RUN",
    "claims RUN --json --strict",
    "export RUN --format csv",
    "export RUN --format json --wide",
    "compare RUN sound",
    "compare sound RUN",
    "history RUN sound sound",
    "merge RUN sound --out merged",
    "publish RUN --to site",
    "plot RUN tiny --x index --y number --out x.png",
    "report RUN",
    "run --resume RUN",
    "runs .",
)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return sound(tmp_path_factory.mktemp("runs") / "sound").path


@pytest.fixture(scope="module")
def plugins():
    tiny = ModuleType("tiny")
    exec(TINY, vars(tiny))
    found = load()
    found.add("tiny", tiny)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch, original, plugins):
    """A folder with a sound run and one that is to be damaged; nothing in it is drawn, and nothing measured."""
    monkeypatch.chdir(tmp_path)
    for name in ("sound", "broken"):
        shutil.copytree(original, tmp_path / name)
    monkeypatch.setattr("gradsuite.report.page.sections", lambda *_, **__: [])
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)
    monkeypatch.setattr("gradsuite.plugins.load", lambda *arguments, **options: plugins)

    def would_run(job, unfinished, processes):
        raise UserError("nothing is measured here")

    monkeypatch.setattr(Job, "run", would_run)
    return tmp_path


def typed(command):
    """Return what a command said was wrong, or nothing; any other end than a line fails the test."""
    result = CliRunner().invoke(commands.gradsuite, command.replace("RUN", "broken").split())
    if result.exception is None or isinstance(result.exception, SystemExit):
        return ""
    assert isinstance(result.exception, UserError), repr(result.exception)
    line = str(result.exception)
    assert "\n" not in line
    assert len(line) <= 300
    return line


def page(run, plugins):
    """Read what a page is made of."""
    assert len(run.trials()) <= len(run.measurements())
    (run.path / "report.html").write_text("")
    return run.path / "report.html"


def content(folder):
    file = folder / "broken" / "run.sqlite"
    return file.read_bytes() if file.is_file() else None


def test_there_are_enough_and_the_run_has_many_pages(original):
    assert len(DAMAGES) >= 250
    assert (original / "run.sqlite").stat().st_size >= SIZE
    assert Run.open(original).trials()["status"].tolist() == ["ok"] * 40


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_named_in_one_line_and_never_written_over(folder, monkeypatch, damage):
    if damage not in TOLD:  # a page takes its time, and is about what a run says of itself
        for module in ("page", "site"):
            monkeypatch.setattr(f"gradsuite.report.{module}.write_report", page)
    file = folder / "broken" / "run.sqlite"
    DAMAGES[damage](file)
    before = content(folder)
    try:
        Run.open("broken")
        noticed = ""
    except UserError as error:
        noticed = str(error)
        assert "'broken'" in noticed
    read = ""  # what is noticed only where it is read: half a character in a text
    for command in COMMANDS:
        line = typed(command)
        read = read or (line if "'broken' is damaged" in line else "")
        if command == "runs .":
            assert line == ""
        elif noticed:
            assert line == noticed, command
    try:
        loaded = gradsuite.load("broken")
        assert not noticed
        assert repr(loaded)
        _ = loaded.trials, loaded.measurements, loaded.claims, loaded.frame("tiny")
    except UserError as error:
        assert not noticed or str(error) == noticed  # noqa: PT017  a run may be sound and have no such experiment
    if noticed:
        assert content(folder) == before
    repaired(folder, noticed or read)
    if noticed:
        assert content(folder) == before


def repaired(folder, noticed):
    """Repair the run: what is saved is a run like any other, and one that is not damaged is left alone."""
    line = typed("repair RUN --out saved")
    assert noticed or "is not damaged" in line
    assert (folder / "saved" / "run.sqlite").exists() == (line == "")
    if not line:
        saved = Run.open("saved")
        assert set(saved.trials()["status"]) <= {"ok", "error"}
        assert typed("claims saved") == typed("export saved --format csv --wide") == ""


def test_over_real_processes_too(folder):
    file = folder / "broken" / "run.sqlite"
    commands = ("report broken", "run --resume broken", "claims broken")
    for damage, command in zip(("cut off at 4096", "no column note in measurements", "a text"), commands, strict=True):
        shutil.copyfile(folder / "sound" / "run.sqlite", file)
        DAMAGES[damage](file)
        before = file.read_bytes()
        ended = throwaway.gradsuite(folder, *command.split())
        assert (ended.returncode, ended.stdout) == (2, "")
        assert ended.stderr.startswith("gradsuite: 'broken' is ")
        assert ended.stderr.count("\n") == 1
        assert file.read_bytes() == before
