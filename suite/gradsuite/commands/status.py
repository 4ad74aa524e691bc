"""`gradsuite status`: how far a run is."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gradsuite.commands._completion import runs as of_runs

if TYPE_CHECKING:
    from gradsuite.running.status import Failure, Going, Status


@click.command()
@click.argument("run", required=False, default="latest", metavar="[RUN]", shell_complete=of_runs)
@click.option("--json", "as_json", is_flag=True, help="JSON object on standard output.")
def status(run: str, as_json: bool) -> None:
    """Tell how far a run is (default: the latest), from another terminal too while it is being measured.

    It tells how many trials are stored of those planned, and by status; what is being measured and for how long; the
    time left, at the pace so far; the last failure; and whether a host is measuring. Nothing is written.
    """
    from gradsuite.running.status import status as status_of
    from gradsuite.runs.store import Run

    found = status_of(Run.open(run))
    click.echo(json.dumps(asdict(found) | {"done": found.done}, indent=2) if as_json else "\n".join(lines(found)))


def lines(found: "Status") -> Iterator[str]:
    """Yield what there is to say, one thing a line."""
    from gradsuite.commands._forecast import spell
    from gradsuite.plain import printable

    yield f"{printable(found.run)}: {state(found)}"
    counted = ", ".join(f"{count} {name}" for name, count in found.statuses.items())
    planned = "" if found.planned is None else f" of {found.planned}"
    yield f"{found.done}{planned} trials stored" + (f": {counted}" if counted else "")
    yield from (f"now: {printable(label(one))}, for {spell(one.seconds)}" for one in found.now)
    if found.left is not None:
        yield f"about {spell(found.left)} left"
    if found.failure:
        yield printable(f"last failure: {found.failure.status}: {label(found.failure)}: {found.failure.reason}")


def state(found: "Status") -> str:
    """Return whether a run is going on."""
    started = f"begun {found.started}"
    if found.alive:
        return f"being measured by process {found.pid}, {started}" if found.pid else f"being measured, {started}"
    if found.finished:
        return f"finished {found.finished}"
    return f"not finished, and no host is measuring: gradsuite run --resume {found.run}"


def label(one: "Going | Failure") -> str:
    """Return a trial in one line."""
    from gradsuite.settings import settings_label

    return f"{one.experiment} on {one.backend} {settings_label(one.settings)}".rstrip()
