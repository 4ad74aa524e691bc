"""The A/A test, on times made by hand: it holds for noise alone, and each claim fails where it should."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.claims import decisive
from gradsuite.measuring import timing
from gradsuite.report import style
from gradsuite.report.palette import INK
from gradsuite_experiments.speed.aa.experiment import SpeedAa
from gradsuite_experiments.speed.aa.findings import comparisons
from gradsuite_numpy.backend import NumpyBackend
from matplotlib.colors import to_hex

EXPERIMENT = SpeedAa()
COVERS, NARROW = "speed-aa/covers", "speed-aa/narrow"


def rows(noise=0.01, slower=1.0, backend="numpy"):
    """Return the rows of 100 comparisons of a backend: log-normal times, the second worker slower by a factor."""
    (settings,) = EXPERIMENT.trials(EXPERIMENT.grid("standard", {}))
    count = settings["comparisons"] * settings["rounds"]
    rng = np.random.default_rng(0)
    drift = np.exp(rng.standard_normal(count))  # what slows a whole round must not matter
    frames = []
    for name, factor in ((backend, 1.0), (f"{backend}@2", slower)):
        times = drift * factor * np.exp(noise * rng.standard_normal(count))
        frames.append(pd.DataFrame({"index": range(count), "value": times}).assign(backend=name, key=name))
    common = {**settings, "metric": "gradient", "unit": "s", "note": "", "status": "ok", "layer": None, "device": "cpu"}
    return pd.concat(frames, ignore_index=True).assign(**common)


def claims(rows):
    return decisive(EXPERIMENT.claims(rows))


def verdicts(rows):
    return {claim.name: claim.verdict for claim in claims(rows)}


def test_every_backend_has_a_twin():
    assert EXPERIMENT.backends(["numpy", "mine@tuned", "numpy@2"]) == [
        "numpy", "numpy@2", "mine@tuned", "mine@tuned@2",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({}, {COVERS: "holds", NARROW: "holds"}),
        # Slower by three times the half-width of an interval: few intervals still reach 1.
        ({"slower": 1.03}, {COVERS: "fails", NARROW: "holds"}),
        ({"noise": 0.1}, {COVERS: "holds", NARROW: "fails"}),
    ],
)
def test_claims_hold_for_noise_alone_and_each_has_a_fault_that_turns_it(faults, expected):
    assert verdicts(rows(**faults)) == expected


def test_each_claim_notices_a_fault_of_the_size_that_it_states():
    sizes = {claim.name: claim.resolution.size for claim in claims(rows())}
    for factor in (1 + sizes[COVERS], 1 / (1 + sizes[COVERS])):
        assert verdicts(rows(slower=factor))[COVERS] == "fails"
    assert verdicts(rows(slower=1 + sizes[COVERS] / 10))[COVERS] == "holds"
    assert verdicts(rows(noise=0.01 * (1 + sizes[NARROW])))[NARROW] == "fails"
    assert verdicts(rows(noise=0.01 * (1 + sizes[NARROW] / 10)))[NARROW] == "holds"


def test_figure_and_findings_say_what_came_out():
    with style.context():
        (figure,) = EXPERIMENT.figures(rows(), claims(rows()))
    assert figure.figure.get_suptitle() == "Equal code takes equal time: 2 of 2 claims hold"
    (finding,) = EXPERIMENT.findings(rows(), [])
    assert finding.startswith("numpy against itself (lstm T20 B16 H128): 9")
    assert "of 100 intervals cover 1" in finding
    nothing = rows().assign(status="error", metric=None)
    assert not [*EXPERIMENT.figures(nothing, []), *EXPERIMENT.findings(nothing, []), *EXPERIMENT.claims(nothing)]


def noted(rows, which):
    """Return the rows with a neighbour noted where it is said."""
    return rows.assign(note=which.map({True: "a neighbour", False: ""}))


def test_disturbed_rounds_are_left_out_where_enough_are_left():
    slow = rows()
    slowed = (slow["index"] % 9 < 3) & (slow["backend"] == "numpy")
    slow.loc[slowed, "value"] *= 2
    assert verdicts(slow)[COVERS] == "fails"
    assert verdicts(noted(slow, slowed)) == {COVERS: "holds", NARROW: "holds"}
    # All but five rounds of each comparison: these have no interval of 95% by themselves, and so all count again.
    most = (slow["index"] % 9 < 4) & (slow["backend"] == "numpy")
    assert verdicts(noted(slow, most)) == verdicts(slow)


def test_intervals_that_miss_one_are_drawn_in_ink():
    with style.context():
        (figure,) = EXPERIMENT.figures(rows(slower=1.03), [])
    _, bars, missed = figure.figure.axes[0].collections
    ((_, _, intervals),) = comparisons(rows(slower=1.03))
    assert len(bars.get_segments()) == 100
    assert len(missed.get_segments()) == sum(not interval.covers(1.0) for interval in intervals) > 50
    assert to_hex(missed.get_edgecolor()[0]) == INK


def test_a_difference_that_lasts_is_told():
    assert len(list(EXPERIMENT.findings(rows(), []))) == 1
    _, sentence = EXPERIMENT.findings(rows(slower=1.01), [])
    assert "over all comparisons one worker takes 0.99" in sentence


def test_a_round_is_one_sample_of_loss_and_gradients(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    (settings,) = EXPERIMENT.trials(EXPERIMENT.grid("quick", {"comparisons": [2], "rounds": [3]}))
    warm, *samples = EXPERIMENT.measure(NumpyBackend(), "cpu", settings)
    assert warm == []
    assert [rows[0].metric for rows in samples] == ["gradient"] * 6
    assert [rows[0].index for rows in samples] == list(range(6))
