import pytest
from gradsuite.errors import UserError
from gradsuite.runs.names import check_name, located, make_latest
from gradsuite.runs.store import Run


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("first", "second"):
        Run.create(tmp_path / "results" / name, {"name": name})
    return tmp_path / "results"


def test_a_name_is_a_run_in_results_unless_there_is_such_a_folder_here(results):
    assert Run.open("second").meta == {"name": "second"}
    assert Run.open("results/first").meta == {"name": "first"}
    Run.create("second", {"name": "here"})
    assert Run.open("second").meta == {"name": "here"}


def test_latest_is_what_was_made_so_last_and_has_its_own_name(results):
    for name in ("first", "second", "first"):
        make_latest(results / name)
        for typed in ("latest", "results/latest", results / "latest"):
            assert Run.open(typed).path.name == name
    assert (results / "latest").readlink().as_posix() == "first"  # relative: the folder may move
    assert sorted(path.name for path in results.iterdir()) == ["first", "latest", "second"]


def test_a_latest_run_that_is_gone_is_said_to_be(results):
    make_latest(results / "gone")
    with pytest.raises(UserError, match=r"the run that 'results/latest' stands for is gone: 'results/gone'"):
        Run.open("latest")


def test_a_folder_called_latest_is_left_alone(results):
    Run.create(results / "latest", {"name": "mine"})
    with pytest.raises(UserError, match="is no link"):
        make_latest(results / "first")
    assert Run.open("latest").meta == {"name": "mine"}


def test_what_is_nowhere_is_returned_as_typed(results):
    assert located("nowhere").as_posix() == "nowhere"
    with pytest.raises(UserError, match="unknown run 'nowhere'"):
        Run.open("nowhere")


@pytest.mark.parametrize("name", ["a", "2026-11-27-Box_2.1", "x" * 100])
def test_a_slug_is_a_name(name):
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-x", ".hidden", "a b", "a/b", "<script>", "a\n", "é", "\x1b[31m", "x" * 101, "latest"]
)
def test_anything_else_is_refused_in_one_line(name):
    with pytest.raises(UserError) as refused:
        check_name(name)
    assert len(str(refused.value).splitlines()) == 1
