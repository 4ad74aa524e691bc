"""`gradsuite tasks`: the sources of batches."""

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def tasks(as_json: bool) -> None:
    """List the tasks, the sources of batches."""
    from gradsuite.commands._columns import columns
    from gradsuite.plugins import load
    from gradsuite.tasks.task import Task

    plugins = load()
    tasks: list[type[Task]] = plugins.get_all("task")
    if as_json:
        fields = ("name", "form", "summary", "source", "input_size", "output_size", "loss", "readout")
        click.echo(json.dumps([{field: getattr(task, field, None) for field in fields} for task in tasks], indent=2))
        return
    rows: list[tuple[str, ...]] = [("task", "inputs", "outputs", "loss", "readout", "what")]
    rows += [
        (
            f"{task.name}:{task.form}" if task.form else task.name,
            *(str(getattr(task, fact, "by data")) for fact in ("input_size", "output_size", "loss", "readout")),
            str(task.summary),
        )
        for task in tasks
    ]
    click.echo(columns(rows))
    for lost in plugins.broken:
        click.echo(f"not available: {lost}")
