"""Names that the shell completes, as the plugins register them: no framework is imported."""

from collections.abc import Callable

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def registered(kind: str) -> Complete:
    """Return a completer for the names of `backend`, `experiment` or `task`."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from gradsuite.plugins import load

        return [name for name in sorted(load().registrations[kind]) if name.startswith(incomplete)]

    return complete


def words(*allowed: str) -> Complete:
    """Return a completer for these words; any other word is refused where it is used, with a better message."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in allowed if word.startswith(incomplete)]

    return complete
