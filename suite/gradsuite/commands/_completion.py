"""Names that the shell completes: asked of the plugins, which import no framework for it."""

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
    """Return a completer for these words; what else is typed is refused, with a better message, where it is used."""

    def complete(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in allowed if word.startswith(incomplete)]

    return complete
