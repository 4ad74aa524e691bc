"""`gradsuite show`: all that there is to say of one name."""

import json
from collections.abc import Iterator
from typing import Any

import click

from gradsuite.commands._columns import columns
from gradsuite.commands._completion import registered
from gradsuite.commands._say import say

INDENT = "  "


@click.command()
@click.argument("name", shell_complete=registered("backend", "cell", "experiment", "task"))
@click.option("--json", "as_json", is_flag=True, help="JSON object on standard output, by kind.")
def show(name: str, as_json: bool) -> None:
    """Show one backend, cell, experiment or task in full.

    A name that several kinds have is shown once for each. A backend reports what it is in a process of its own.
    """
    from gradsuite.commands._shown import full
    from gradsuite.errors import NotAvailable, unknown
    from gradsuite.plugins import load

    plugins = load()
    known = {kind: plugins.registrations[kind] for kind in plugins.registrations}
    kinds = [kind for kind, names in known.items() if name.partition(":")[0] in names]
    if not kinds:
        for lost in plugins.broken:
            if lost.name == name:
                raise NotAvailable(f"not available: {lost}")
        raise unknown("name", name, {one for names in known.values() for one in names})
    found = {kind: full(plugins, kind, name) for kind in kinds}
    if as_json:
        say(json.dumps(found, indent=2))
        return
    for kind, facts in found.items():
        say(f"{kind} {name}")
        for line in paragraphs(facts):
            say(f"{INDENT}{line}".rstrip())


def paragraphs(facts: dict[str, Any]) -> Iterator[str]:
    """Yield facts as lines, each after its name; those of no value are left out."""
    for name, value in facts.items():
        if value is None or value in ("", [], (), {}):
            continue
        text = list(spelled(value))
        if len(text) == 1:
            yield f"{name}: {text[0]}"
        else:
            yield f"{name}:"
            yield from (f"{INDENT}{line}" for line in text)


def spelled(value: Any) -> Iterator[str]:
    """Yield a value as text, in one line where it is short."""
    if isinstance(value, bool):
        yield "yes" if value else "no"
    elif isinstance(value, dict):
        yield from paragraphs(value)
    elif isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
        yield from columns([[cell(part) for part in one.values()] for one in value]).splitlines()
    elif isinstance(value, list | tuple):
        yield " ".join(map(str, value))
    else:
        yield from str(value).splitlines()


def cell(value: Any) -> str:
    """Return a value for one column of a table."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
