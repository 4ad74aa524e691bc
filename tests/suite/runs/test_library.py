import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.runs.library import library
from gradsuite.runs.names import make_latest
from gradsuite.runs.store import Run

BOX = {"cpu": "Box", "cores": 2, "threads": 2, "mark": "0a1b2c3d"}
STATUSES = ("ok", "error", "timeout", "unsupported")


@pytest.fixture
def results(tmp_path):
    older = Run.create(tmp_path / "older", {"started": "2026-01-01T00:00:00+00:00", "machine": BOX})
    for number, status in enumerate(STATUSES):
        older.add(Trial("e", "numpy", "cpu", {"n": number}), str(number), Result(status))
    nested = Run.create(
        tmp_path / "older" / "part", {"started": "2026-01-02T00:00:00+00:00", "finished": "2026-01-02T00:01:00+00:00"}
    )
    (nested.path / "big").write_bytes(bytes(2**20))
    return tmp_path


def test_every_run_is_told_of_once_the_newest_first(results):
    make_latest(results / "older")
    newer, older = library(results)
    assert (newer.name, newer.finished, newer.machines, newer.trials) == ("older/part", True, (), 0)
    assert (older.name, older.finished, older.machines) == ("older", False, ("Box, 2 cores (0a1b2c3d)",))
    assert (older.trials, older.failed, older.backends) == (4, 2, ("numpy",))
    assert (newer.latest, older.latest) == (False, True)


def test_the_size_is_that_of_a_runs_own_files(results):
    newer, older = library(results)
    assert newer.size == 2**20 + (results / "older/part/run.sqlite").stat().st_size
    assert older.size == (results / "older/run.sqlite").stat().st_size


def test_what_cannot_be_read_costs_only_itself(results):
    (results / "torn").mkdir()
    (results / "torn" / "run.sqlite").write_bytes(b"no database, and long enough to be taken for one" * 20)
    found = {entry.name: entry for entry in library(results)}
    assert "is no run" in found["torn"].trouble
    assert not found["older"].trouble


def test_a_folder_that_is_not_there_is_refused(results):
    with pytest.raises(UserError, match="no folder 'nowhere'"):
        library("nowhere")
