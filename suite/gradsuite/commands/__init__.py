"""The commands of the command line, one per file: each module has a click command of its own name.

A module is imported only when its command is run or listed, and imports heavy modules only when it is called.
"""

from importlib import import_module
from pkgutil import iter_modules

import click

from gradsuite import __version__
from gradsuite.errors import unknown


class Commands(click.Group):
    """The commands that the modules of this package hold."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(m.name.replace("_", "-") for m in iter_modules(__path__) if not m.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of this name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant. Raises UserError, with the nearest name, if there is none."""
        if args[0] not in self.list_commands(ctx) and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise unknown("command", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="gradsuite %(version)s")
@click.pass_context
def gradsuite(ctx: click.Context) -> None:
    """Run one set of gradient, learning and speed experiments over every backend, and compare them.

    Start with `gradsuite run`.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
