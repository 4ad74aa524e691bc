"""`gradsuite plot`: a picture of any rows, the code that draws it, and one line for what the run does not have."""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement

from tests.stored import run_of

GAINS, LAGS, BACKENDS = (0.5, 2.0), range(5), ("numpy", "torch")


def norm(backend, gain, seed, lag):
    return gain**lag * (1 + seed) * (1 if backend == "numpy" else 1 + 1e-9)


def rows(backend, gain, seed):
    yield from (Measurement("norm_mean", norm(backend, gain, seed, lag), "", index=lag) for lag in LAGS)
    yield from (Measurement("angle", lag - gain, "rad", index=lag) for lag in LAGS)
    yield Measurement("rate", np.log(gain), "1/step")
    yield Measurement("other", 1.0, layer=0)


@pytest.fixture
def stored(tmp_path):
    trials = [(name, gain, seed) for name in BACKENDS for gain in GAINS for seed in range(3)]
    results = [
        (
            Trial("flow", name, "cpu", {"cell": "rnn", "gain": gain, "seed": seed}),
            Result("ok", tuple(rows(name, gain, seed))),
        )
        for name, gain, seed in trials
    ]
    bad = tuple(Measurement("norm_mean", value, index=0) for value in (np.nan, np.inf, 0.0))
    failed = [(Trial("flow", "jax", "cpu", {"cell": "rnn", "gain": 1.0, "seed": 0}), Result("error"))]
    failed += [(Trial("flow", "numpy", "cpu", {"cell": "gru", "gain": 4.0, "seed": 0}), Result("ok", bad))]
    return run_of(tmp_path / "run", results + failed)


@pytest.fixture
def plot(stored, type_line):
    """Return a function that types `plot run` with this and returns exit status, output and errors."""
    return lambda line: type_line(f"plot run {line}")


def drawn(script):
    """Return the grid that a script draws, run as a reader would."""
    with mpl.rc_context({"backend": "agg"}):
        namespace = {}
        exec(script, namespace)
    return namespace["grid"]


def test_the_code_draws_the_median_of_what_was_measured_and_says_what_is_folded(plot):
    status, script, errors = plot("flow --x lag --y norm_mean --hue backend --col gain --where cell=rnn")
    assert (status, errors) == (0, "flow-norm_mean.png\n")
    assert 'median and range over seed"' in script
    picture = Path("flow-norm_mean.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    Path("flow-norm_mean.png").unlink()
    grid = drawn(script)
    assert Path("flow-norm_mean.png").read_bytes() == picture
    for axes, gain in zip(grid.axes.flat, GAINS, strict=True):
        curves = [line.get_xydata() for line in axes.lines if len(line.get_xydata())]
        for curve, name in zip(curves, BACKENDS, strict=True):
            assert curve[:, 0].tolist() == [*LAGS]
            assert curve[:, 1] == pytest.approx([norm(name, gain, 1, lag) for lag in LAGS], rel=1e-12)


def test_the_printed_code_is_a_program(plot, monkeypatch):
    _, script, _ = plot("flow --x gain --y norm_mean --where cell=rnn --where lag=4 --out by-gain.svg")
    Path("by-gain.svg").unlink()
    Path("plot.py").write_text(script)
    subprocess.run([sys.executable, "plot.py"], check=True, env=dict(os.environ, MPLBACKEND="agg"))
    assert "<svg" in Path("by-gain.svg").read_text()


def test_a_metric_is_drawn_over_another_where_both_were_measured(plot):
    status, script, _ = plot("flow --x angle --y norm_mean --hue gain --out pairs.pdf")
    assert status == 0
    assert Path("pairs.pdf").read_bytes().startswith(b"%PDF")
    points = np.concatenate([part.get_offsets() for axes in drawn(script).axes.flat for part in axes.collections])
    found = sorted(map(tuple, np.asarray(points).round(12).tolist()))
    expected = [
        (lag - gain, norm(name, gain, seed, lag))
        for name in BACKENDS
        for gain in GAINS
        for seed in range(3)
        for lag in LAGS
    ]
    assert found == sorted(map(tuple, np.round(expected, 12).tolist()))


def test_what_a_trial_has_once_stands_beside_each_of_its_rows(plot):
    status, script, _ = plot("flow --x lag --y norm_mean --hue rate --where cell=rnn")
    assert status == 0
    assert 'rows.merge(other[["key", "rate"]], on=["key"])' in script


def test_words_have_a_point_each(plot):
    status, script, _ = plot("flow --x backend --y rate --where gain=2")
    assert status == 0
    axes = drawn(script).ax
    assert axes.lines[0].get_ydata() == pytest.approx([np.log(2.0)] * 2)
    assert [label.get_text() for label in axes.get_xticklabels()] == [*BACKENDS]


def test_all_metrics_together_have_panels(plot):
    status, script, _ = plot("flow --x lag --y value --col metric --where cell=rnn --where metric=norm_mean,angle")
    assert status == 0
    assert [axes.get_title() for axes in drawn(script).axes.flat] == ["metric = norm_mean", "metric = angle"]


def test_what_is_not_drawn_is_said(plot):
    status, _, errors = plot("flow --x lag --y norm_mean --col cell")
    assert status == 0
    assert "2 of 63 rows are not drawn: they have no finite norm_mean, or no place here\n" in errors
    status, _, errors = plot("flow --x lag --y norm_mean --where gain=0.5,2,4 --hue seed")
    assert "1 values of norm_mean are 0: a logarithmic axis has no 0\n" in errors


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("flwo --x lag --y norm_mean", "unknown experiment of this run 'flwo'; did you mean 'flow'?"),
        (
            "flow --x lag --y norm",
            "unknown metric of flow 'norm'; did you mean 'norm_mean'? (allowed: angle, norm_mean, ",
        ),
        ("flow --x lga --y rate", "unknown column or metric of flow 'lga'; did you mean 'lag'?"),
        ("flow --x lag --y rate --hue bakcend", "did you mean 'backend'?"),
        ("flow --x lag --y rate --where gian=2", "unknown column of flow 'gian'; did you mean 'gain'?"),
        ("flow --x lag --y rate --where gain=3", "no row has gain=3 (there are: 0.5, 2, 4)"),
        ("flow --x lag --y rate --where gain", "--where takes KEY=V1,V2 (such as gain=0.5,2), not 'gain'"),
        ("flow --x lag --y rate", "flow has no row with a finite rate and a value of lag here"),
        ("flow --x other --y norm_mean", "norm_mean is measured by index, other by layer: no point has both"),
        ("flow --x lag --y value", "--y value is that of every metric"),
        ("flow --x rate --y value --col metric", "'rate' is a metric: beside it, --y has to be one metric"),
        (
            "flow --x lag --y norm_mean --out x.gif",
            "'x.gif' does not end like a format: name it *.png or *.svg or *.pdf",
        ),
        ("flow --x lag --y norm_mean --out none/x.png", "cannot write 'none/x.png': No such file or directory"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(plot, line, fault):
    status, output, errors = plot(line)
    assert (status, output, errors.count("\n")) == (2, "", 1)
    assert fault in errors


def test_hostile_names_are_text_in_the_code(tmp_path, type_line):
    hostile = """x"); raise SystemExit(7) #'\\"""
    trial = Trial("flow", "numpy", "cpu", {"cell": hostile})
    run_of(
        tmp_path / "run",
        [(trial, Result("ok", (Measurement("norm", 1.0, index=0), Measurement("norm", 2.0, index=1))))],
    )
    status, script, _ = type_line("plot run flow --x lag --y norm --hue cell --out x.svg")
    assert status == 0
    drawn(script)
