"""`gradsuite merge`: several runs as one, with one report."""

import click

from gradsuite.commands._completion import runs as of_runs
from gradsuite.commands._options import PATH


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN RUN...", shell_complete=of_runs)
@click.option("--out", metavar="DIR", required=True, type=PATH, help="Folder of the merged run, a new one.")
def merge(runs: tuple[str, ...], out: str) -> int:
    """Put runs together, of one machine or several, and write one report.

    Each trial keeps the machine and the run that it is of. Claims, figures, tables and findings are made of each
    machine's rows by themselves: no ratio is taken over two machines. Runs are of one machine if all facts that a time
    depends on are the same. Of one trial that was measured twice on one machine, a result that is ok counts before one
    that is not, then the one of the run that was started last. The last line printed is the merged run's folder; exit
    status 1 if claims cannot be judged.
    """
    from gradsuite.commands.report import sections
    from gradsuite.plugins import load
    from gradsuite.runs.export import write_measurements
    from gradsuite.runs.merge import merge as merged
    from gradsuite.runs.store import Run

    made, replaced = merged([Run.open(run) for run in runs], out)
    for machine in made.merged:
        names = [name for name, one in made.meta["runs"].items() if one["machine"] == machine]
        click.echo(f"{machine}: {', '.join(names)}", err=True)
    if replaced:
        trials = "1 trial was" if replaced == 1 else f"{replaced} trials were"
        click.echo(f"{trials} measured more than once on one machine: the last that is ok counts", err=True)
    plugins = load(made.blocked())
    drawn = sections(made, plugins)
    write_measurements(made)
    from gradsuite.report.page import write_page  # slow to import, and not needed to refuse a misspelled run

    click.echo(f"report: {write_page(made, drawn)}", err=True)
    click.echo(made.path)
    return 0 if all(section.judged for section in drawn) else 1
