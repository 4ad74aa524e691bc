"""`gradsuite report`: judge a run's claims and draw its report again."""

from typing import TYPE_CHECKING

import click

from gradsuite.commands._completion import plugins, runs
from gradsuite.commands._options import several

if TYPE_CHECKING:
    from gradsuite.plugins import Plugins
    from gradsuite.runs.store import Run


@click.command()
@click.argument("run", shell_complete=runs)
@several("--no-plugin", complete=plugins, help="Plugin to block (default: those blocked in the run).")
def report(run: str, no_plugin: tuple[str, ...]) -> int:
    """Judge the claims of a run anew, and write its report and measurements.csv.

    The last line printed is the report's path. Exit status 1 if the claims of an experiment cannot be judged.
    """
    from gradsuite.plugins import load
    from gradsuite.runs.export import write_measurements
    from gradsuite.runs.store import Run

    opened = Run.open(run)
    opened.require_current("reported on anew")
    plugins = load(no_plugin or opened.blocked())
    judged = judge_all(opened, plugins)
    write_measurements(opened)
    from gradsuite.report.page import write_report  # slow to import, and not needed to refuse a misspelled run

    click.echo(write_report(opened, plugins))
    return 0 if judged else 1


def judge_all(run: "Run", plugins: "Plugins") -> bool:
    """Judge the claims of every experiment that is installed here; return whether all of them could be judged."""
    from gradsuite.errors import one_line
    from gradsuite.running.judge import judge

    judged = True
    for name in dict.fromkeys(run.trials()["experiment"]):
        if name not in plugins.experiments:
            click.echo(f"{name} is not installed here: its claims stay as they were judged", err=True)
            judged = False
            continue
        try:
            judge(run, plugins.experiment(name))
        except Exception as error:  # noqa: BLE001  an experiment is anyone's code: a fault costs its own claims alone
            click.echo(f"the claims of {name} could not be judged: {one_line(error)}", err=True)
            judged = False
    return judged
