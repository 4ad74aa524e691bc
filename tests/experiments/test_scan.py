"""Loop against scans: what is measured, claims with a fault that turns each red, sentences of rows made by hand."""

from dataclasses import replace

import pandas as pd
import pytest
from gradsuite.backend import BackendInfo
from gradsuite.errors import Unsupported
from gradsuite.measuring import timing
from gradsuite.report import style
from gradsuite_experiments.scan import laws
from gradsuite_experiments.scan.experiment import Scan
from gradsuite_experiments.scan.findings import against_rivals, sentences
from gradsuite_numpy.backend import NumpyBackend

from tests.experiments.laboratory import blind, measured, not_biting, parameter_gradients

SMALL = {"linear_cell": ["lru"], "length": [40], "hidden_size": [4], "rounds": [1]}
SECONDS = {  # milliseconds over 512 steps by backend, and over 4,096 eight times as long
    "torch": {"loop": 40.0, "serial": 8.0, "parallel": 4.0, "rival": 30.0},
    "jax": {"loop": 16.0, "serial": 4.0, "parallel": 8.0, "rival": 24.0},
    "torch-nn": {"rival": 20.0},
}


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(timing.Timer, "warm_up", lambda self: 0)
    monkeypatch.setattr(timing, "SAMPLE_SECONDS", 0.0)


def of_scan(kind):
    """Return wrong gradients of one scan."""
    return lambda factor: replace(
        parameter_gradients(factor), name=f"{kind} x {factor}", when=lambda options: options["schedule"].scan == kind
    )


def test_every_claim_has_a_fault_that_it_catches():
    faults = {f"scan/same/{kind}": of_scan(kind)(1.001) for kind in laws.FAST}
    assert not not_biting(Scan(), faults, **SMALL)


def test_every_claim_notices_a_fault_of_the_size_that_it_states():
    assert not blind(Scan(), {f"scan/same/{kind}": of_scan(kind) for kind in laws.FAST}, **SMALL)


def test_each_trial_measures_every_scan_and_the_rival():
    rows = measured(Scan(), **{**SMALL, "linear_cell": ["mingru"], "rounds": [2]})
    counts = rows["metric"].value_counts()
    assert {metric: counts[metric] for metric in (*laws.SECONDS.values(), laws.RIVAL)} == dict.fromkeys(
        (*laws.SECONDS.values(), laws.RIVAL), 2
    )
    assert set(laws.DIFFERENCE.values()) <= set(counts.index)
    assert rows[rows["metric"] == laws.DIFFERENCE["parallel"]]["value"].max() < 1e-4


def test_beyond_the_longest_loop_scans_are_compared_with_each_other():
    rows = measured(Scan(), **SMALL, longest_loop=[39])
    assert laws.SECONDS["loop"] not in set(rows["metric"])
    assert set(laws.DIFFERENCE.values()) & set(rows["metric"]) == {laws.DIFFERENCE["parallel"]}
    assert [claim.name for claim in Scan().claims(rows)] == ["scan/same/parallel"]


class Plain(NumpyBackend):
    def describe(self):
        info = super().describe()
        return BackendInfo(info.name, info.versions, info.devices, info.dtypes, ("gru",))


def test_a_backend_without_scans_is_timed_as_a_rival_or_not_at_all():
    for cell in ("lru", "mingru"):
        changes = {**SMALL, "linear_cell": [cell]}
        (settings,) = Scan().trials(Scan().grid("quick", changes))
        if cell == "lru":
            with pytest.raises(Unsupported, match="numpy has no scan, and no rival of lru"):
                next(Scan().measure(Plain(), "cpu", settings))
        else:
            rows = [row for one in Scan().measure(Plain(), "cpu", settings) for row in one]
            assert {row.metric for row in rows} == {laws.RIVAL}


def frame():
    lines = []
    for steps in (512, 4096):
        for cell in ("lru", "mingru"):
            for backend, seconds in SECONDS.items():
                for kind, ms in seconds.items():
                    if kind == "rival" and cell == "lru":
                        continue
                    metric = laws.RIVAL if kind == "rival" else laws.SECONDS[kind]
                    lines += [
                        {"linear_cell": cell, "readout": "all", "length": steps, "batch_size": 8, "hidden_size": 64,
                         "dtype": "float32", "seed": 0, "key": f"{cell} {steps} {backend}", "backend": backend,
                         "status": "ok", "metric": metric,
                         "index": index, "value": 1e-3 * ms * steps / 512 * (1 + index / 50)}
                        for index in range(7)
                    ]  # fmt: skip
    return pd.DataFrame(lines)


def test_minimal_cells_are_held_against_the_fastest_rival_round_by_round():
    lines = against_rivals(frame())
    assert set(lines["rival"]) == {"torch-nn"}
    torch = lines[(lines["backend"] == "torch") & (lines["length"] == 512)].set_index("kind")["median"]
    assert torch.to_dict() == pytest.approx({"loop": 0.5, "serial": 2.5, "parallel": 5.0})


def test_sentences_say_what_is_gained_whether_the_target_is_met_and_who_is_right():
    found = list(sentences(frame()))
    assert any(
        s.startswith("For a gradient over 4,096 steps torch's loop takes 10 [10, 10] times as long as its ")
        for s in found
    )
    (target,) = [s for s in found if s.startswith("Target")]
    assert target.endswith("4 [4, 4] times, met.")
    (settled,) = [s for s in found if "published" in s]
    fast, slow = "5 [5, 5] times as fast by torch's parallel scan", "0.5 [0.5, 0.5] times as fast by torch's loop"
    assert f"{fast}, {slow}" in settled
    assert "published: 175" in settled


def test_figures_and_tables():
    rows = frame()
    with style.context():
        assert [figure.name for figure in Scan().figures(rows, [])] == ["scan", "scan-rivals"]
    (table,) = Scan().tables(rows, [])
    assert len(table.rows) == 10
    empty = rows.assign(status="error", metric=None)
    assert not [*Scan().figures(empty, []), *Scan().tables(empty, []), *Scan().claims(empty), *sentences(empty)]
