"""The A/A test, on times made by hand: it holds for noise alone, and each claim fails where it should."""

import numpy as np
import pandas as pd
import pytest
from gradsuite.claims import decisive
from gradsuite.measuring import timing
from gradsuite.report import style
from gradsuite_experiments.speed.aa import COVERS, NARROW, SpeedAa
from gradsuite_numpy.backend import NumpyBackend

EXPERIMENT = SpeedAa()


def rows(noise=0.01, slower=1.0, backend="numpy"):
    """Return the rows of 100 trials of a backend: log-normal times, the second worker slower by a factor."""
    (settings,) = EXPERIMENT.cells(EXPERIMENT.grid("standard", {}))
    count = settings["trials"] * settings["rounds"]
    rng = np.random.default_rng(0)
    drift = np.exp(rng.standard_normal(count))  # what slows a whole round must not matter
    found = []
    for name, factor in ((backend, 1.0), (f"{backend}@2", slower)):
        times = drift * factor * np.exp(noise * rng.standard_normal(count))
        found.append(pd.DataFrame({"index": range(count), "value": times}).assign(backend=name, key=name))
    common = {**settings, "metric": "gradient", "unit": "s", "status": "ok", "layer": None, "device": "cpu"}
    return pd.concat(found, ignore_index=True).assign(**common)


def verdicts(rows):
    return {claim.sentence: claim.verdict for claim in decisive(EXPERIMENT.claims(rows))}


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


def test_figure_and_findings_say_what_came_out():
    with style.context():
        (figure,) = EXPERIMENT.figures(rows())
    assert figure.figure.get_suptitle() == "What is equal comes out equal: 2 of 2 claims hold"
    (finding,) = EXPERIMENT.findings(rows())
    assert finding.startswith("numpy against itself (lstm T20 B16 H128): 9")
    assert "of 100 intervals cover 1" in finding
    nothing = rows().assign(status="error", metric=None)
    assert not [*EXPERIMENT.figures(nothing), *EXPERIMENT.findings(nothing), *EXPERIMENT.claims(nothing)]


def test_disturbed_rounds_are_left_out_where_enough_are_left():
    found = rows()
    slowed = found[(found["index"] % 9 < 3) & (found["backend"] == "numpy")]
    found.loc[slowed.index, "value"] *= 2
    marks = slowed.assign(metric="gradient_disturbed", unit="a neighbour")
    assert verdicts(found)[COVERS] == "fails"
    assert verdicts(pd.concat([found, marks])) == {COVERS: "holds", NARROW: "holds"}
    # All but five rounds of each trial: these have no interval of 95% by themselves, and so all count again.
    most = found[(found["index"] % 9 < 4) & (found["backend"] == "numpy")]
    marks = most.assign(metric="gradient_disturbed", unit="a neighbour")
    assert verdicts(pd.concat([found, marks])) == verdicts(found)


def test_a_difference_that_lasts_is_told():
    assert len(list(EXPERIMENT.findings(rows()))) == 1
    _, told = EXPERIMENT.findings(rows(slower=1.01))
    assert "over all trials one worker takes 0.99" in told


def test_a_round_is_one_sample_of_loss_and_gradients(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    (settings,) = EXPERIMENT.cells(EXPERIMENT.grid("quick", {"trials": [2], "rounds": [3]}))
    warm, *samples = EXPERIMENT.measure(NumpyBackend(), "cpu", settings)
    assert warm == []
    assert [one[0].metric for one in samples] == ["gradient"] * 6
    assert [one[0].index for one in samples] == list(range(6))
