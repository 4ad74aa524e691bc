"""`gradsuite compare`: what differs between runs."""

from pathlib import Path

import click

from gradsuite.commands._completion import words
from gradsuite.commands._options import FILE, PATH

FORMATS = ("table", "md", "json", "html")
EXCEEDED = 1


@click.command()
@click.argument("base", type=PATH)
@click.argument("new", type=PATH, nargs=-1, required=True)
@click.option(
    "--fail-above",
    metavar="SHARE",
    help="Slowdown, such as 5%, from which on the exit status is 1 if an interval lies above it.",
)
@click.option(
    "--format",
    "kind",
    metavar="table|md|json|html",
    shell_complete=words(*FORMATS),
    help="Output format (default: the file's ending, or table).",
)
@click.option("--all", "everything", is_flag=True, help="Workloads without a difference too.")
@click.option("--out", type=FILE, metavar="FILE", help="File to write (default: standard output).")
def compare(
    base: str, new: tuple[str, ...], fail_above: str | None, kind: str | None, everything: bool, out: Path | None
) -> int:
    """Compare runs with BASE: timings, claims, digits of agreement and horizons.

    Trials are the same if experiment, backend, device and settings are, whatever the versions. Of each workload there
    is the ratio of its times with a 95% interval, in which the noise of the machine is included; p-values are corrected
    for how many ratios there are. The exit status is 1 only if --fail-above is given and an interval lies above it, and
    2 if there is nothing to compare.
    """
    from gradsuite.commands._ending import format_of
    from gradsuite.commands._percent import percent
    from gradsuite.commands._written import write
    from gradsuite.errors import UserError
    from gradsuite.plugins import load
    from gradsuite.report.comparison import shown
    from gradsuite.runs.compare import compare as compared
    from gradsuite.runs.store import Run

    threshold = None if fail_above is None else percent(fail_above, "--fail-above")
    endings = {"txt": "table", "md": "md", "json": "json", "html": "html"}
    chosen = format_of(kind, out, endings, default="table")
    before = Run.open(base)
    runs = [Run.open(path) for path in new]
    plugins = load(before.blocked())
    comparisons = [compared(before, after, plugins, threshold=threshold or 0.0) for after in runs]
    for one in comparisons:
        if threshold is not None and not one.ratios.workloads:
            raise UserError(
                f"--fail-above has nothing to judge: no timing of {one.base!r} and {one.new!r} can be compared: "
                f"{'; '.join(one.obstacles) or 'they have none in common'}"
            )
    write(shown(comparisons, chosen, everything=everything), out)
    return EXCEEDED if threshold is not None and any(one.ratios.exceeding for one in comparisons) else 0
