"""Options that several commands have: of one meaning, one name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gradsuite.commands._completion import Complete
from gradsuite.errors import UserError, quoted
from gradsuite.paths import require_path

Decorated = TypeVar("Decorated", bound=Callable[..., object])


class Typed(click.Path):
    """A path that a file system can have, whether there is such a file or not. Raises UserError for another."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path that was typed."""
        require_path(value)
        return super().convert(value, param, ctx)


PATH = Typed()
FILE = Typed(path_type=Path)


def several(name: str, *, complete: Complete, help: str) -> Callable[[Decorated], Decorated]:  # noqa: A002  click's word
    """Return an option that takes names: `--backend a,b` is `--backend a --backend b`."""

    def complete_last(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [f"{before}{comma}{word}" for word in complete(ctx, parameter, last)]

    return click.option(
        name, multiple=True, metavar="NAME,...", callback=_split, shell_complete=complete_last, help=help
    )


def _split(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names between the commas. Raises UserError where there is none."""
    names = tuple(name.strip() for value in values for name in value.split(","))
    if not all(names):
        raise UserError(f"{parameter.opts[0]} takes NAME or NAME,NAME, not {quoted(','.join(values))}")
    return names
