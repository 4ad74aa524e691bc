"""What a watch over a training sees, as metrics of a run of MLflow's."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from gradsuite.errors import UserError

try:
    import mlflow
except ImportError as error:
    raise UserError('mlflow is not installed: python -m pip install "gradsuite[mlflow]"') from error

from gradsuite_mlflow.export import allowed


@contextmanager
def writing(run_id: str | None) -> Iterator[Callable[[int, Mapping[str, float]], None]]:
    """Yield what writes to the run of this id, or to the active one. Raises UserError if there is none."""
    if run_id is None:
        active = mlflow.active_run()
        if active is None:
            raise UserError("no run of MLflow's is active: begin one with mlflow.start_run(), or give its id")
        run_id = active.info.run_id

    def write(step: int, values: Mapping[str, float]) -> None:
        finite = {allowed(name): value for name, value in values.items() if math.isfinite(value)}
        mlflow.log_metrics(finite, step=step, run_id=run_id)  # MLflow has no infinity

    yield write
