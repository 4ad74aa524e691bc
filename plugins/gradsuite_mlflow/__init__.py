"""MLflow: every finished run goes to a store of MLflow's too, if GRADSUITE_MLFLOW says which.

Without that variable nothing happens and nothing is imported. MLflow's own MLFLOW_TRACKING_URI does not count: it may
be set for other programs, and a run must not be sent to a server that nobody named for it.
"""

import os
from typing import Any

from gradsuite import hookimpl

VARIABLE = "GRADSUITE_MLFLOW"


@hookimpl
def run_finished(run: Any) -> None:
    """Export the run. Raises UserError if it is asked for and MLflow is not installed."""
    if address := os.environ.get(VARIABLE, "").strip():
        from gradsuite_mlflow.export import export

        export(run, address)


@hookimpl
def scalar_writer(kind: str, target: Any) -> Any:
    """Write what a watch sees to a run of MLflow's. Raises UserError if there is no MLflow, or no run is active."""
    if kind != "mlflow":
        return None
    from gradsuite_mlflow.watched import writing

    return writing(target)
