"""`gradsuite repair`: what can be read of a damaged run, in a new one."""

import click

from gradsuite.commands._completion import runs


@click.command()
@click.argument("run", shell_complete=runs)
@click.option("--out", metavar="DIR", type=click.Path(), help="Folder of the new run (default: RUN-repaired).")
def repair(run: str, out: str | None) -> None:
    """Save what can be read of a damaged run into a new one.

    The damaged run stays as it is. A trial that may lack some of its measurements becomes an error, which
    `gradsuite run --resume` measures again. What was lost is said; the last line printed is the new run's folder.
    """
    from gradsuite.runs.repairing.recovered import counted
    from gradsuite.runs.repairing.repair import repair as repaired

    done = repaired(run, out)
    kinds = {"trial": done.trials, "measurement": done.measurements, "claim": done.claims}
    click.echo(f"saved: {', '.join(counted(number, noun) for noun, number in kinds.items())}", err=True)
    for line in done.lost:
        click.echo(f"lost: {line}", err=True)
    click.echo(done.run.path)
