"""`gradsuite backends`: which backends are available here, and how to install the others."""

import json

import click

from gradsuite.commands._say import say


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def backends(as_json: bool) -> None:
    """List the backends, and how to install the missing ones.

    Each backend reports its versions, devices, dtypes and cells in a process of its own. A peer is there for
    comparison: it runs only when it is named.
    """
    from dataclasses import asdict

    from gradsuite.commands._columns import columns
    from gradsuite.machine.facts import machine
    from gradsuite.plugins import load
    from gradsuite.running.availability import survey
    from gradsuite.running.configuration import Configuration
    from gradsuite.running.executors import open_executor

    plugins = load()
    with open_executor(Configuration(), plugins, machine()) as executor:
        surveyed = survey(plugins, executor, sorted(plugins.backends))
    if as_json:
        there = [
            {"name": name, "available": True, "peer": plugins.backends[name].peer}
            | asdict(info)
            | {"cells_by_autodiff": list(filter(info.differentiates, sorted(plugins.cells)))}
            for name, info in surveyed.available.items()
        ]
        lost = [{"available": False} | asdict(one) for one in surveyed.unavailable]
        say(json.dumps(there + lost, indent=2))
        return
    rows: list[tuple[str, ...]] = [("backend", "", "versions", "devices", "dtypes", "cells", "features")]
    for name, info in surveyed.available.items():
        versions = ", ".join(f"{package} {version}" for package, version in info.versions.items())
        kind = "peer" if plugins.backends[name].peer else ""
        cells = (*info.cells, *(f"{cell}*" for cell in sorted(plugins.cells) if info.differentiates(cell)))
        rows.append((name, kind, versions, *map(" ".join, (info.devices, info.dtypes, cells, info.features))))
    say(columns(rows))
    if any(cell.endswith("*") for row in rows for cell in row[5].split()):
        say("* by autodiff, from the equations of the cell: gradsuite cells")
    for one in surveyed.unavailable:
        say(f"not available: {one}")
    for fault in plugins.hooks.faults:
        say(fault)
