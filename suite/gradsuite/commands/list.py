"""`gradsuite list`: one entry to the listings."""

import json

import click

from gradsuite.commands._completion import words
from gradsuite.commands._say import say
from gradsuite.errors import unknown

LISTINGS = ("backends", "cells", "experiments", "runs", "tasks")


@click.command("list")
@click.argument("kind", required=False, metavar=f"[{'|'.join(LISTINGS)}]", shell_complete=words(*LISTINGS))
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.pass_context
def list(ctx: click.Context, kind: str | None, as_json: bool) -> None:  # noqa: A001  the command's name
    """List what is installed, by name; of one kind, as the command of its name does.

    `gradsuite show NAME` tells all of one of them.
    """
    if kind is not None:
        if kind not in LISTINGS:
            raise unknown("listing", kind, LISTINGS)
        (command,) = [ctx.find_root().command.get_command(ctx, kind)]  # type: ignore[attr-defined]
        ctx.invoke(command, as_json=as_json)
        return
    from gradsuite.commands._columns import columns
    from gradsuite.commands._shown import summaries
    from gradsuite.plugins import load

    plugins = load()
    found = {kind: summaries(plugins, kind) for kind in plugins.registrations}
    if as_json:
        say(json.dumps(found, indent=2))
        return
    for kind, entries in found.items():
        say(f"{kind}s\n{columns([(f'  {name}', what) for name, what in entries.items()])}\n")
    for lost in plugins.broken:
        say(f"not available: {lost}")
