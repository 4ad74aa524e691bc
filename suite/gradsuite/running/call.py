"""`gradsuite.run`: the main job, called from Python."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gradsuite.errors import UserError, unknown
from gradsuite.hosting.points import blocking
from gradsuite.machine.facts import available_cores
from gradsuite.plain import plain_lines
from gradsuite.plugins import load as load_plugins
from gradsuite.report.processes import Processes
from gradsuite.running.configuration import KEYS, Configuration, read_options
from gradsuite.running.job import Job
from gradsuite.running.progress import Progress, Silent
from gradsuite.runs.load import LoadedRun
from gradsuite.runs.store import Run


def run(
    experiment: str | Sequence[str] = (),
    *,
    backend: str | Sequence[str] = (),
    set: Mapping[str, Any] | None = None,  # noqa: A002  the flag's name
    no_plugin: str | Sequence[str] = (),
    resume: str | Path | None = None,
    progress: bool = False,
    **options: Any,
) -> LoadedRun:
    """Run experiments over backends, write the report, and return the run with its rows.

    The keywords are the flags of `gradsuite run` with underscores: `preset`, `device`, `out`, `name`, `threads`,
    `tuned`, `timeout`, `memory_limit`, `jobs`, `shard`, `log_level`, `executor`, `scheduler`, `no_preflight`; `set`
    maps a setting to its value or values. No experiment means all of the preset, no backend all that are installed; an
    experiment may be a FILE.toml with the same keys. `resume` is a run whose missing and failed trials are measured.
    With `progress`, standard error shows how far the run is, and what `gradsuite run` would say.

    Raises UserError for what cannot be run, and once all is measured if the claims or the report could not be made:
    the message names the run's folder, where nothing that was measured is lost.
    """
    for name in options:
        if name.replace("_", "-") not in KEYS:
            raise unknown("option of gradsuite.run", name, (key.replace("-", "_") for key in KEYS))
    flags = {"experiment": listed(experiment), "backend": listed(backend), "no_plugin": listed(no_plugin), "set": ()}
    given = read_options(flags | options | {"resume": resume})
    if set:
        given["set"] = {**given.get("set", {}), **{name: listed(values) for name, values in set.items()}}
    unfinished = Run.open(given.pop("resume")) if "resume" in given else None
    if unfinished:
        unfinished.require_resumable()
    configuration = Configuration.resumed(unfinished.meta, given) if unfinished else Configuration.make(given)
    messages: list[str] = []

    def say(line: str) -> None:
        messages.append(line)
        if progress:
            print(plain_lines(line), file=sys.stderr)

    plugins = load_plugins(configuration.no_plugin)
    with blocking(plugins.blocked):
        job = Job(configuration, plugins, say, Progress if progress else Silent)
        with closing(Processes(job.plugins.blocked, available_cores())) as processes:
            stored, complete = job.run(unfinished, processes)
            if not complete:
                advice = f"gradsuite.run(resume={str(stored.path)!r})"
                raise KeyboardInterrupt(f"what was measured is kept; go on with: {advice}")
            before = len(messages)
            if not job.publication(stored, processes).make():
                raise UserError(f"{stored.path}: {'; '.join(messages[before:])}")
        return LoadedRun(stored, job.plugins)


def listed(values: Any) -> list[Any]:
    """Return one value, or several in anything that can be iterated, as a list of Python's own numbers and texts."""
    several = [values] if isinstance(values, str) or not hasattr(values, "__iter__") else values
    return [value.item() if hasattr(value, "item") else value for value in several]
