"""`gradsuite tasks`: the sources of batches."""

import json
from typing import TYPE_CHECKING, Any

import click

from gradsuite.commands._say import say

if TYPE_CHECKING:
    from gradsuite.tasks.task import Task

BY_DATA = "by data"  # of a file that has not been named


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def tasks(as_json: bool) -> None:
    """List the tasks, the sources of batches, and what a network that learns them is judged by."""
    from gradsuite.commands._columns import columns
    from gradsuite.plugins import load

    plugins = load()
    listed = [facts(task) for task in plugins.get_all("task")]
    if as_json:
        say(json.dumps(listed, indent=2))
        return
    shown = ("input_size", "output_size", "readout", "score", "supply")
    rows: list[tuple[str, ...]] = [("task", "inputs", "outputs", "readout", "score", "supply", "what")]
    rows += [
        (
            ":".join(filter(None, (of_task["name"], of_task["form"]))),
            *(BY_DATA if of_task[fact] is None else str(of_task[fact]) for fact in shown),
            of_task["summary"],
        )
        for of_task in listed
    ]
    say(columns(rows))
    for lost in plugins.broken:
        say(f"not available: {lost}")


def facts(task: "type[Task]") -> dict[str, Any]:
    """Return what is known of a task before its data are read; None for what only they tell."""
    fields = ("name", "form", "summary", "source", "input_size", "output_size", "loss", "readout", "supply", "solved")
    known = {field: getattr(task, field, None) for field in fields}
    return known | {"score": None if task.form else task().score.name}
