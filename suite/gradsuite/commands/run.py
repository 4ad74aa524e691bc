"""`gradsuite run`: the main job."""

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradsuite.commands._run_options import run_options

if TYPE_CHECKING:
    from gradsuite.running.job import Job
    from gradsuite.runs.store import Run


@click.command()
@run_options
@click.option("-v", "--verbose", is_flag=True, help="Line for every trial, and what a failed one printed.")
@click.option("-q", "--quiet", is_flag=True, help="Silence but for what went wrong, what failed, and the run's folder.")
@click.option("--dry-run", is_flag=True, help="Trials that would run and how long they take, with nothing measured.")
@click.option("--json", "as_json", is_flag=True, help="JSON object on standard output, of --dry-run.")
@click.option("--strict", is_flag=True, help="Exit status 1 for a failed claim, an error, a timeout, wrong gradients.")
def run(strict: bool, verbose: bool, quiet: bool, dry_run: bool, as_json: bool, **flags: Any) -> int:
    """Run experiments over backends and write a report.

    Without a name, all experiments of the preset run on all available backends. A FILE.toml holds the same flags
    under the same names (`experiment`, `backend`, `preset`, `[set]`, ...), and so does `[tool.gradsuite]` in
    pyproject.toml; flags on the command line override them. A GLOB matches an experiment, a backend, one
    `setting=value`, or a trial in one line: 'gates numpy * gain=2 *'. The last line printed is the run's folder.

    The exit status is 0 if something was measured and the report is written, with --strict only if nothing failed.
    """
    from gradsuite.errors import UserError
    from gradsuite.hosting.points import blocking
    from gradsuite.plugins import load
    from gradsuite.running.configuration import Configuration, read_options
    from gradsuite.running.job import Job
    from gradsuite.running.progress import Progress, Silent, Thorough
    from gradsuite.running.project import project_options
    from gradsuite.runs.store import Run

    if verbose and quiet:
        raise UserError("give --verbose or --quiet, not both")
    if as_json and not dry_run:
        raise UserError("--json is for --dry-run; of a run that is there: gradsuite claims RUN --json")
    project, path = project_options(Path())
    options = read_options(flags, project)
    unfinished = Run.open(options.pop("resume")) if "resume" in options else None
    if unfinished:
        unfinished.require_resumable()
    configuration = Configuration.resumed(unfinished.meta, options) if unfinished else Configuration.make(options)
    news = _mute if quiet or as_json else _say
    if project:
        news(f"{path} asks for: {', '.join(project)}")
    progress = Silent if quiet else Thorough if verbose else Progress
    plugins = load(configuration.no_plugin)
    with blocking(plugins.blocked):
        job = Job(configuration, plugins, _say, progress, news)
        return _forecast(job, unfinished, as_json) if dry_run else _measure(job, unfinished, strict=strict, quiet=quiet)


def _forecast(job: "Job", unfinished: "Run | None", as_json: bool) -> int:
    """Print what would run, and how long."""
    from gradsuite.commands._forecast import forecast_json, forecast_text
    from gradsuite.running.forecast import forecast

    found = forecast(job, unfinished)
    click.echo(json.dumps(forecast_json(found), indent=2) if as_json else forecast_text(found))
    return 0


def _measure(job: "Job", unfinished: "Run | None", *, strict: bool, quiet: bool) -> int:
    """Measure, publish, and say what came out; return the exit status."""
    from gradsuite.commands._columns import table_text
    from gradsuite.machine.facts import available_cores
    from gradsuite.plain import plain
    from gradsuite.report.forms.answers import answers
    from gradsuite.report.parts import as_text
    from gradsuite.report.processes import Processes
    from gradsuite.running.failures import failures, shortcomings
    from gradsuite.running.interruption import exit_status, resuming

    with closing(Processes(job.plugins.blocked, available_cores())) as processes:
        done, complete = job.run(unfinished, processes)
        if not complete:
            _say(f"interrupted; {resuming(done.path)}")
        publication = job.publication(done, processes)
        try:
            published = complete and publication.make()
        except KeyboardInterrupt as stop:
            _say(f"interrupted; nothing measured is lost, and the page is drawn by: gradsuite report {done.path}")
            click.echo(done.path)
            return exit_status(stop)
    for table in publication.tables() if complete and not quiet else ():
        click.echo(f"{plain(table.title)}\n{table_text(table)}\n")
    if complete and not quiet:
        click.echo(as_text("", answers(done, publication.sections)))
    for line in failures(done.trials()):
        _say(line)
    short = list(shortcomings(done, strict=strict)) if complete else []
    if short:
        _say(f"no success: {', '.join(short)}")
    click.echo(done.path)
    return exit_status(job.stop) if not complete else 0 if published and not short else 1


def _say(line: str) -> None:
    from gradsuite.plain import plain_lines

    click.echo(plain_lines(line), err=True)


def _mute(line: str) -> None:
    """Say nothing."""
