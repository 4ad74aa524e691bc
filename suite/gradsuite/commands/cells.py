"""`gradsuite cells`: the cells that networks can have."""

import json

import click

from gradsuite.commands._say import say


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def cells(as_json: bool) -> None:
    """List the cells, and where each comes from."""
    from gradsuite.cells import Cell
    from gradsuite.commands._columns import columns
    from gradsuite.plugins import load

    plugins = load()
    classes: list[type[Cell]] = plugins.get_all("cell")
    if as_json:
        fields = ("name", "states", "recurrent", "activations", "source")
        say(json.dumps([{field: getattr(cell, field) for field in fields} for cell in classes], indent=2))
        return
    rows = [("cell", "states", "activations", "source")]
    rows += [(cell.name, " ".join(cell.states), " ".join(cell.activations), cell.source) for cell in classes]
    say(columns(rows))
    for lost in plugins.broken:
        say(f"not available: {lost}")
