"""`gradsuite completion`: the script by which a shell completes names."""

import click

from gradsuite.commands._completion import words
from gradsuite.errors import unknown

SHELLS = ("bash", "fish", "zsh")


@click.command()
@click.argument("shell", metavar="bash|fish|zsh", shell_complete=words(*SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    For bash: eval "$(gradsuite completion bash)"
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell) if shell in SHELLS else None
    if complete is None:
        raise unknown("shell", shell, SHELLS)
    click.echo(complete(ctx.find_root().command, {}, "gradsuite", "_GRADSUITE_COMPLETE").source())
