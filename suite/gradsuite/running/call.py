"""`gradsuite.run`: the main job, called from Python."""

from collections.abc import Mapping, Sequence
from typing import Any

from gradsuite.errors import UserError
from gradsuite.plugins import load as load_plugins
from gradsuite.running.configuration import Configuration
from gradsuite.running.job import Job
from gradsuite.running.progress import Progress, Silent
from gradsuite.runs.load import LoadedRun


def run(
    experiment: str | Sequence[str] = (),
    *,
    backend: str | Sequence[str] = (),
    set: Mapping[str, Any] | None = None,  # noqa: A002  the flag's name
    no_plugin: str | Sequence[str] = (),
    progress: bool = False,
    **options: Any,
) -> LoadedRun:
    """Run experiments over backends, write the report, and return the run with its rows.

    The keywords are the flags of `gradsuite run` with underscores: `preset`, `device`, `out`, `threads`, `tuned`,
    `timeout`, `executor`, `scheduler`; `set` maps a setting to its value or values. No experiment means all of the
    preset, no backend all that are installed. With `progress` it shows on standard error how far it is.

    Raises UserError for what cannot be run, and once all is measured if the claims or the report could not be made:
    the message names the run's folder, where nothing that was measured is lost.
    """
    try:
        configuration = Configuration(
            experiment=listed(experiment),
            backend=listed(backend),
            set={name: listed(values) for name, values in (set or {}).items()},
            no_plugin=listed(no_plugin),
            **options,
        )
    except TypeError as error:  # an option that does not exist
        raise UserError(f"gradsuite.run: {error}") from error
    messages: list[str] = []
    job = Job(configuration, load_plugins(configuration.no_plugin), messages.append, Progress if progress else Silent)
    stored, complete = job.run()
    if not complete:
        raise KeyboardInterrupt(f"what was measured is in {stored.path}")
    before = len(messages)
    if not job.publish(stored):
        raise UserError(f"{stored.path}: {'; '.join(messages[before:])}")
    return LoadedRun(stored, job.plugins)


def listed(values: Any) -> list[Any]:
    """Return one value, or several, as a list."""
    return list(values) if isinstance(values, Sequence) and not isinstance(values, str) else [values]
