"""Runs of two machines in one: nothing is lost, and an experiment never sees the rows of both."""

import math
import re
from base64 import b64decode
from gzip import decompress
from io import BytesIO

import pandas as pd
import pytest
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.errors import UserError
from gradsuite.experiment import Experiment, Figure, Result, Table, Trial
from gradsuite.plugins import Plugins, Registration
from gradsuite.report.page import write_report
from gradsuite.report.piece import Piece
from gradsuite.rows import Measurement
from gradsuite.runs.load import LoadedRun
from gradsuite.runs.merge import merge
from gradsuite.runs.store import Run
from matplotlib.figure import Figure as MatplotlibFigure

from tests.stored import judge

BOX = {"cpu": "Box", "cores": 2, "threads": 2, "mark": "0a1b2c3d"}
HUT = {"cpu": "Hut", "cores": 4, "threads": 4, "mark": "4e5f6a7b"}
A, B = "Box, 2 cores (0a1b2c3d)", "Hut, 4 cores (4e5f6a7b)"


class Pace(Experiment):
    """Divides times of backends by each other, as a stranger's experiment may."""

    name, question, settings, presets = "pace", "How fast?", (), {"quick": {}}

    def measure(self, backend, device, settings):
        yield []

    def ratio(self, rows):
        times = rows.groupby("backend")["value"].median()
        return times["torch"] / times["numpy"]

    def claims(self, rows):
        yield Claim(
            name="pace/ratio", backend="torch", sentence="It is twice as slow.", source=Source("here"), expected=2.0,
            measured=self.ratio(rows), tolerance=0.1, resolution=Resolution.linear(2.0, 0.1, "a time"),
        )  # fmt: skip

    def findings(self, rows, claims):
        yield f"{self.ratio(rows):g} times"

    def figures(self, rows, claims):
        yield Figure("pace", f"{self.ratio(rows):g}", MatplotlibFigure())

    def tables(self, rows, claims):
        yield Table("Ratios", "of medians", pd.DataFrame({"ratio": [self.ratio(rows)]}))


def measured(folder, machine, day, times, experiment="pace", **more):
    run = Run.create(
        folder, {"machine": machine, "started": f"2026-01-{day:02}T00:00:00+00:00", "experiments": [experiment], **more}
    )
    for backend, value in times.items():
        result = (
            Result("ok", (Measurement("gradient", value, "s", index=0),)) if value else Result("error", reason="no")
        )
        run.add(Trial(experiment, backend, "cpu", {"n": 1}), f"key-{backend}", result)
    return run


def plugins():
    found = Plugins()
    found.experiments["pace"] = Registration("experiment", "pace", Pace, "here")
    return found


@pytest.fixture
def both(tmp_path):
    one = measured(tmp_path / "one", BOX, 1, {"numpy": 1.0, "torch": 2.0})
    other = measured(tmp_path / "other", HUT, 2, {"numpy": 10.0, "torch": 20.0})
    return merge([one, other], tmp_path / "both")[0]


def test_nothing_is_lost_and_each_trial_keeps_its_machine_and_run(both):
    rows = both.measurements()
    assert rows[["backend", "value", "machine"]].to_numpy().tolist() == [
        ["numpy", 1.0, A], ["torch", 2.0, A], ["numpy", 10.0, B], ["torch", 20.0, B],
    ]  # fmt: skip
    assert both.trials()["run"].tolist() == ["one", "one", "other", "other"]
    assert both.merged == {A: BOX, B: HUT}
    assert {name: run["machine"] for name, run in both.meta["runs"].items()} == {"one": A, "other": B}


def test_no_ratio_is_taken_over_two_machines(both):
    judge(both, Pace())  # over both machines the medians are 5.5 and 11 s: so is every ratio of 10 or 20 a mixed one
    claims = both.claims()
    assert claims[["measured", "machine"]].to_numpy().tolist() == [[2.0, A], [2.0, B]]
    made = [Piece(both.path, "pace", machine, both.path).section(plugins()) for machine in both.merged]
    assert [section.findings for section in made] == [["2 times"], ["2 times"]]
    assert [section.name for section in made] == ["pace-machine-1", "pace-machine-2"]
    assert [section.question for section in made] == [f"{A}: How fast?", f"{B}: How fast?"]
    assert [picture.name for section in made for picture in section.pictures] == ["pace-machine-1", "pace-machine-2"]
    assert not any(section.troubles for section in made)
    assert LoadedRun(both, plugins()).figures == ["pace-machine-1", "pace-machine-2"]


def test_the_page_has_each_machines_data_in_its_section_and_says_how_to_have_each_run_again(tmp_path):
    asked = {"configuration": {"experiment": ["pace"], "preset": "quick"}}
    one = measured(tmp_path / "one", BOX, 1, {"numpy": 1.0, "torch": 2.0}, **asked)
    other = measured(tmp_path / "other", HUT, 2, {"numpy": 10.0, "torch": 20.0})
    both, _ = merge([one, other], tmp_path / "both")
    text = write_report(both, plugins()).read_text()
    links = re.findall(r'download="(pace-machine-.)\.csv\.gz" href="data:application/gzip;base64,([^"]*)"', text)
    values = {name: pd.read_csv(BytesIO(decompress(b64decode(data))))["value"].tolist() for name, data in links}
    assert values == {"pace-machine-1": [1.0, 2.0], "pace-machine-2": [10.0, 20.0]}
    assert "<code>gradsuite run pace --preset quick</code>" in text


def test_a_backend_of_one_machine_is_not_compared_with_one_of_another(tmp_path):
    one = measured(tmp_path / "one", BOX, 1, {"numpy": 1.0})
    other = measured(tmp_path / "other", HUT, 2, {"torch": 20.0})
    both, _ = merge([one, other], tmp_path / "both")
    with pytest.raises(KeyError):
        judge(both, Pace())
    section = Piece(both.path, "pace", A, both.path).section(plugins())
    assert section.findings == []
    assert [trouble.split()[1] for trouble in section.troubles] == ["answers", "findings", "figures", "tables"]


def test_the_last_of_two_trials_that_are_ok_counts(tmp_path):
    early = measured(tmp_path / "early", BOX, 1, {"numpy": 1.0, "torch": 2.0})
    late = measured(tmp_path / "late", BOX, 2, {"numpy": 3.0, "torch": None, "jax": None})
    for runs in ([early, late], [late, early]):
        made, replaced = merge(runs, tmp_path / f"merged-{runs[0].path.name}")
        trials = made.trials().set_index("backend")
        assert replaced == 2
        assert trials.loc[["numpy", "torch", "jax"], "run"].tolist() == ["late", "early", "late"]
        assert trials.loc["jax", "status"] == "error"
        assert made.measurements().set_index("backend").loc[["numpy", "torch"], "value"].tolist() == [3.0, 2.0]
        assert [part.tag for part in made.parts()] == ["-machine-1"]


def test_machines_that_nothing_tells_from_each_other_stay_apart(tmp_path):
    unmarked = {name: value for name, value in BOX.items() if name != "mark"}
    runs = [measured(tmp_path / place / "same", unmarked, 1, {"numpy": 1.0}) for place in ("x", "y")]
    made, replaced = merge(runs, tmp_path / "made")
    assert (replaced, list(made.merged)) == (0, ["Box, 2 cores (of same)", "Box, 2 cores (of same #2)"])
    assert made.trials()["run"].tolist() == ["same", "same #2"]


def test_what_is_not_finite_and_what_has_no_number_come_through(tmp_path):
    run = Run.create(tmp_path / "odd", {"machine": BOX})
    odd = [Measurement("a", math.nan, layer=2), Measurement("b", -math.inf, member=3, note="<b>\n")]
    run.add(Trial("e", "numpy", "cpu", {"text": "<script>"}), "k", Result("ok", tuple(odd)))
    other = measured(tmp_path / "other", HUT, 1, {"numpy": None}, "f")
    made, _ = merge([run, other], tmp_path / "made")
    before, after = run.measurements(), made.measurements()
    columns = [name for name in before if name != "machine"]
    pd.testing.assert_frame_equal(after.loc[after["experiment"] == "e", columns], before[columns])
    assert after["status"].tolist() == ["ok", "ok", "error"]


def test_claims_that_cannot_be_judged_here_stay_as_they_were(tmp_path):
    runs = [
        measured(tmp_path / name, facts, 1, {"numpy": 1.0, "torch": 2.0}) for name, facts in (("x", BOX), ("y", HUT))
    ]
    judge(runs[0], Pace())
    made, _ = merge(runs, tmp_path / "made")
    assert made.claims()[["measured", "machine"]].to_numpy().tolist() == [[2.0, A]]


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_two_runs_are_refused(tmp_path, count):
    run = measured(tmp_path / "x", BOX, 1, {"numpy": 1.0})
    with pytest.raises(UserError, match="two runs or more, each once"):
        merge([run] * count, tmp_path / "made")


def test_a_merged_run_is_neither_merged_again_nor_resumed_nor_overwritten(both, tmp_path):
    another = measured(tmp_path / "another", BOX, 3, {"numpy": 1.0})
    with pytest.raises(UserError, match="type the runs instead, one, other"):
        merge([both, another], tmp_path / "more")
    with pytest.raises(UserError, match="resume those"):
        both.require_resumable()
    with pytest.raises(UserError, match="has a run already"):
        merge([another, measured(tmp_path / "fourth", BOX, 4, {"numpy": 1.0})], both.path)
