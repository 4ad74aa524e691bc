"""A run in MLflow's own stores, read back with MLflow: in a file of SQLite's, and in a folder."""

import math
import subprocess
import sys

import gradsuite_mlflow
import pytest
from gradsuite.claims import Claim, Resolution, Source
from gradsuite.errors import UserError
from gradsuite.experiment import Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.store import Run

HOSTILE = "<script>'\n\x1b[31m" + "x" * 500
INFO = {"versions": {"numpy": "2.4.6"}}


@pytest.fixture
def run(tmp_path):
    meta = {"preset": "quick", "device": "cpu", "started": "2026-01-01T00:00:00+00:00", "backends": {"numpy": INFO}}
    made = Run.create(tmp_path / "mine", meta | {"machine": {"cpu": "Box", "cores": 2, "threads": 2, "mark": "0a1b"}})
    times = [Measurement("gradient", value, "s", index=k) for k, value in enumerate((1.0, 5.0, 2.0))]
    odd = [Measurement("a/b c%", math.inf), Measurement("n", math.nan)]
    made.add(Trial("speed", "numpy", "cpu", {"hidden_size": 32}), "k1", Result("ok", (*times, *odd)))
    made.add(Trial("speed", "torch", "cpu", {HOSTILE: HOSTILE}), "k2", Result("error", reason=HOSTILE))
    claim = Claim(
        name="speed/so", backend="numpy", sentence="So.", source=Source("s"), expected=1.0, measured=1.0, tolerance=0.1,
        resolution=Resolution(0.2, "it"),
    )  # fmt: skip
    made.keep_claims("speed", [claim])
    (made.path / "report.html").write_text("the report", encoding="utf-8")
    return made


@pytest.fixture(params=["database", "folder"])
def address(request, tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)  # MLflow keeps files beside a database in the working folder
    if request.param == "folder":
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        return (tmp_path / "mlruns").as_uri()
    return f"sqlite:///{tmp_path}/mlflow.db"


def stored(address):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=address)
    group = client.get_experiment_by_name("gradsuite")
    runs = list(client.search_runs([group.experiment_id]))
    whole = [one for one in runs if "mlflow.parentRunId" not in one.data.tags]
    return client, whole, [one for one in runs if one not in whole]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # MLflow's, of its own folder store
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # and what it leaves open
def test_a_finished_run_is_in_the_store(run, address, monkeypatch, tmp_path):
    monkeypatch.setenv("GRADSUITE_MLFLOW", address)
    gradsuite_mlflow.run_finished(run)
    client, (whole,), trials = stored(address)
    assert (whole.info.run_name, whole.info.status) == ("mine", "FINISHED")
    assert whole.data.metrics == {"trials ok": 1.0, "trials error": 1.0, "claims holds": 1.0}
    assert whole.data.params == {"preset": "quick", "device": "cpu", "numpy numpy": "2.4.6"}
    assert whole.data.tags["gradsuite.machine"] == "Box, 2 cores (0a1b)"
    report = client.download_artifacts(whole.info.run_id, "report.html", str(tmp_path))
    assert open(report, encoding="utf-8").read() == "the report"  # noqa: PTH123, SIM115  MLflow gives a text
    good, bad = sorted(trials, key=lambda one: one.data.params["backend"])
    assert {one.data.tags["mlflow.parentRunId"] for one in trials} == {whole.info.run_id}
    assert good.data.metrics == {"gradient": 2.0}
    assert good.data.params == {"experiment": "speed", "backend": "numpy", "device": "cpu", "hidden_size": "32"}
    assert good.data.tags["gradsuite.not_finite"] == "a/b c%, n"
    assert good.data.tags["gradsuite.units"] == "gradient: s"
    assert (bad.info.status, bad.data.tags["gradsuite.reason"]) == ("FAILED", HOSTILE)
    assert HOSTILE in bad.data.params.values()

    gradsuite_mlflow.run_finished(run)  # as after --resume
    _, again, trials = stored(address)
    assert len(again) == 1
    assert again[0].info.run_id != whole.info.run_id
    assert len(trials) == 2


def test_it_is_off_unless_asked_for(run, monkeypatch, tmp_path):
    monkeypatch.delenv("GRADSUITE_MLFLOW", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    gradsuite_mlflow.run_finished(run)
    assert not (tmp_path / "mlflow.db").exists()


def test_having_the_plugin_imports_nothing():
    code = "import sys, gradsuite_mlflow; print(sorted({'mlflow', 'pandas', 'numpy', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_without_mlflow_it_says_what_to_install(run, monkeypatch):
    monkeypatch.setenv("GRADSUITE_MLFLOW", "sqlite:///mlflow.db")
    monkeypatch.setitem(sys.modules, "mlflow.entities", None)
    monkeypatch.delitem(sys.modules, "gradsuite_mlflow.export", raising=False)
    with pytest.raises(UserError, match=r'GRADSUITE_MLFLOW needs MLflow: python -m pip install "gradsuite\[mlflow\]"'):
        gradsuite_mlflow.run_finished(run)
