"""A run as MLflow has it: one run of MLflow's for all of it, with its files, and one below it for each trial."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from gradsuite.errors import UserError
from gradsuite.runs.store import Run

try:
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient
except ImportError as error:
    raise UserError('GRADSUITE_MLFLOW needs MLflow: python -m pip install "gradsuite[mlflow]"') from error

EXPERIMENT = "gradsuite"  # of MLflow: what runs are grouped by there
FILES = ("report.html", "measurements.csv", "run.sqlite")
KEY, PARENT = "gradsuite.key", "mlflow.parentRunId"
NOT_ALLOWED = re.compile(r"[^\w\-. /]", re.ASCII)  # in MLflow's names
LONGEST = 250  # characters of a name of MLflow's
TOLD = 5000  # of a value
PAGE = 1000  # runs of one search


def export(run: Run, address: str) -> str:
    """Store a run under this tracking URI, in place of what it had there, and return its id in MLflow."""
    client = MlflowClient(tracking_uri=address)
    group = client.get_experiment_by_name(EXPERIMENT)
    experiment = group.experiment_id if group else client.create_experiment(EXPERIMENT)
    key = f"{run.path.resolve().name} {run.meta.get('started', '')}".encode("utf-8", "backslashreplace").decode()
    former = [one for one in found(client, experiment) if one.data.tags.get(KEY) == key]
    whole = create(client, experiment, run.path.name, {KEY: key, **about(run)})
    client.log_batch(whole, metrics=metrics(totals(run)), params=params(asked(run)))
    rows = run.measurements()
    by_trial = dict(list(rows[rows["metric"].notna()].groupby(["key", "machine"], sort=False)))
    for trial in run.trials().to_dict("records"):
        measured = by_trial.get((trial["key"], trial["machine"]), rows.iloc[:0])
        store_trial(client, experiment, trial, measured, {KEY: key, PARENT: whole})
    for name in FILES:
        if (run.path / name).exists():
            client.log_artifact(whole, str(run.path / name))
    client.set_terminated(whole, "FINISHED")
    for one in former:  # only now: an export that fails costs nothing that was there
        client.delete_run(one.info.run_id)
    return whole


def store_trial(
    client: MlflowClient, experiment: str, trial: Mapping[Any, Any], rows: pd.DataFrame, tags: Mapping[str, str]
) -> None:
    """Store one trial: its settings are parameters, the median of each of its metrics is a metric."""
    medians = rows.groupby("metric", sort=False)["value"].median()
    told = {"status": trial["status"], "reason": trial["reason"], "machine": trial["machine"], "run": trial["run"]}
    told["units"] = ", ".join(
        f"{name}: {unit}" for name, unit in dict(zip(rows["metric"], rows["unit"], strict=True)).items() if unit
    )
    told["not finite"] = ", ".join(str(name) for name, value in medians.items() if not math.isfinite(value))
    made = create(client, experiment, f"{trial['experiment']} {trial['backend']}", {**tags, **prefixed(told)})
    settings = {name: trial[name] for name in ("experiment", "backend", "device")} | json.loads(trial["settings"])
    client.log_batch(made, metrics=metrics(medians.to_dict()), params=params(settings))
    client.set_terminated(made, "FINISHED" if trial["status"] == "ok" else "FAILED")


def found(client: MlflowClient, experiment: str) -> Iterator[Any]:
    """Yield every run of MLflow's that was exported before."""
    token = None
    while True:
        runs = client.search_runs([experiment], max_results=PAGE, page_token=token)
        yield from runs
        token = runs.token
        if not token:
            return


def create(client: MlflowClient, experiment: str, name: str, tags: Mapping[str, str]) -> str:
    """Make a run of MLflow's and return its id."""
    texts = {key: str(value)[:TOLD] for key, value in tags.items() if value}
    name = name.encode("utf-8", "backslashreplace").decode()[:LONGEST]
    return str(client.create_run(experiment, run_name=name, tags=texts).info.run_id)


def about(run: Run) -> dict[str, str]:
    """Return what is to be said of a run in words."""
    machines = "; ".join(dict.fromkeys(run.trials()["machine"]))
    return prefixed({"machine": machines, "version": run.meta.get("gradsuite", "")})


def asked(run: Run) -> dict[str, Any]:
    """Return what a run was asked for, and the versions that it was measured with."""
    meta = run.meta
    versions = {name: info.get("versions", {}) for name, info in meta.get("backends", {}).items()}
    named = {f"{name} {package}": version for name, its in versions.items() for package, version in its.items()}
    return {"preset": meta.get("preset", ""), "device": meta.get("device", ""), **meta.get("settings", {}), **named}


def totals(run: Run) -> dict[str, float]:
    """Return how many trials have each status, and how many claims each verdict."""
    trials = run.trials()["status"].value_counts()
    claims = run.claims()["verdict"].value_counts()
    return {f"trials {name}": float(n) for name, n in trials.items()} | {
        f"claims {name}": float(n) for name, n in claims.items()
    }


def prefixed(texts: Mapping[str, str]) -> dict[str, str]:
    """Return tags under the suite's own names."""
    return {f"gradsuite.{name.replace(' ', '_')}": text for name, text in texts.items()}


def metrics(values: Mapping[Any, float]) -> list[Metric]:
    """Return the numbers that are finite: MLflow has no infinity."""
    return [Metric(allowed(name), float(value), 0, 0) for name, value in values.items() if math.isfinite(value)]


def params(values: Mapping[str, Any]) -> list[Param]:
    """Return parameters; MLflow keeps them as text."""
    return [Param(allowed(name), str(value)[:TOLD]) for name, value in values.items()]


def allowed(name: str) -> str:
    """Return a name as MLflow takes one."""
    return NOT_ALLOWED.sub("_", str(name))[:LONGEST]
