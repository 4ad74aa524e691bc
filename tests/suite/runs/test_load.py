"""`gradsuite.load`: a run as DataFrames and figures."""

import gradsuite
import pytest
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.plugins import load
from gradsuite.rows import COLUMNS
from matplotlib.figure import Figure

from tests.stored import judge, run_of


def stored(folder, *sizes):
    """Return the folder of a run of `tiny` with a trial of each of these sizes, judged."""
    experiment = load().experiment("tiny")
    trials = (Trial("tiny", "numpy", "cpu", {"number": 0.5 + size, "size": size}) for size in sizes)
    results = ((trial, Result("ok", tuple(next(experiment.measure(None, "cpu", trial.settings))))) for trial in trials)
    run = run_of(folder / "run", results)
    judge(run, experiment)
    return run.path


@pytest.fixture
def run(tiny):
    return gradsuite.load(stored(tiny, 1, 3))


def test_rows_are_tidy_and_settings_are_columns(run):
    assert list(run.measurements.columns) == list(COLUMNS)
    assert run.measurements["value"].tolist() == [1.5, 3.5, 3.5, 3.5]
    assert run.frame("tiny")[["number", "size"]].values.tolist() == [[1.5, 1], *[[3.5, 3]] * 3]
    assert run.trials[["experiment", "backend", "status"]].values.tolist() == [["tiny", "numpy", "ok"]] * 2
    assert run.claims[["name", "verdict"]].values.tolist() == [["tiny/least", "holds"], ["tiny/wrong", "fails"]]


def test_figures_are_named_as_their_files_and_drawn_in_the_report_s_style(run):
    assert run.figures == ["tiny-points"]
    figure = run.figure("tiny-points")
    assert isinstance(figure, Figure)
    assert figure.get_suptitle() == "1 of 2 claims hold"
    assert figure._repr_png_().startswith(b"\x89PNG")  # what a notebook shows
    assert not figure.axes[0].spines["top"].get_visible()  # as in the report, not Matplotlib's default


def test_unknown_names_are_refused_with_the_nearest(run):
    with pytest.raises(UserError, match="unknown figure of this run 'tiny-pionts'; did you mean 'tiny-points'"):
        run.figure("tiny-pionts")
    with pytest.raises(UserError, match=r"unknown experiment of this run 'gates' \(allowed: tiny\)"):
        run.frame("gates")


def test_a_run_says_in_a_line_what_it_holds(run):
    assert repr(run) == f"<gradsuite run {str(run.path)!r}: 2 ok; 1 of 2 claims hold>"


def test_a_figure_that_cannot_be_drawn_costs_itself_alone_and_is_warned_of(tiny):
    run = gradsuite.load(stored(tiny, 4))
    with pytest.warns(UserWarning, match="the figures of tiny cannot be drawn: ZeroDivisionError: a fault of its auth"):
        assert run.figures == ["tiny-points"]
    assert isinstance(run.figure("tiny-points"), Figure)
    with pytest.raises(UserError, match="the figures of tiny cannot be drawn: ZeroDivisionError"):
        run.figure("tiny-lines")


def test_an_experiment_that_is_not_installed_here_has_rows_and_no_figures(tiny):
    run_of(tiny / "other", [(Trial("gone", "numpy", "cpu", {"size": 2}), Result("ok"))])
    run = gradsuite.load(tiny / "other")
    assert run.frame("gone")["size"].tolist() == [2]
    assert run.figures == []
    with pytest.raises(UserError, match=r"unknown figure of this run 'gone' \(allowed: none\)"):
        run.figure("gone")


def test_a_run_that_is_not_there_is_refused_with_the_one_beside_it(run):
    with pytest.raises(UserError, match=r"unknown run '.*nothing'.*allowed: .*run"):
        gradsuite.load(run.path.parent / "nothing")
