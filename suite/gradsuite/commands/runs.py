"""`gradsuite runs`: what was measured, where and when."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gradsuite.commands._options import PATH
from gradsuite.plain import printable

if TYPE_CHECKING:
    from gradsuite.runs.library import Entry

HEADER = ("", "run", "started (UTC)", "preset", "trials", "failed", "claims", "size", "machine")


@click.command()
@click.argument("folder", required=False, metavar="[DIR]", type=PATH)
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def runs(folder: str | None, as_json: bool) -> None:
    """List the runs in a folder (default: results), the newest first.

    Failed trials are errors and timeouts. Where a RUN is asked for, the name of one in results is enough, and `latest`
    stands for the one begun or finished last, which is marked with a star.
    """
    from gradsuite.runs.library import library
    from gradsuite.runs.names import RESULTS

    found = library(folder or RESULTS)
    click.echo(json.dumps([asdict(one) for one in found], indent=2) if as_json else runs_table(found))


def runs_table(found: "list[Entry]") -> str:
    """Return runs as text: one line each, then those that cannot be read."""
    from gradsuite.commands._columns import columns

    if not found:
        return "no run here yet: type gradsuite run"
    read = [one for one in found if not one.trouble]
    lost = [f"not read: {printable(one.trouble)}" for one in found if one.trouble]
    return "\n".join([*([columns([HEADER, *map(line, read)])] if read else []), *lost])


def line(one: "Entry") -> tuple[str, ...]:
    """Return a run as a line of the table; its folder may have any name."""
    started = one.started[:16].replace("T", " ") + ("" if one.finished else " (unfinished)")
    claims = f"{one.claims - one.claims_failed} of {one.claims}" if one.claims else ""
    size = f"{one.size / 2**20:.1f} MiB"
    numbers = (str(one.trials), str(one.failed or ""), claims, size)
    star = "*" if one.latest else ""
    return (star, *map(printable, (one.name, started, one.preset)), *numbers, printable("; ".join(one.machines)))
