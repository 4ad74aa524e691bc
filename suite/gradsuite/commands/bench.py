"""`gradsuite bench`: a backend against another state of its own code."""

from typing import Any

import click

from gradsuite.commands._completion import registered, words
from gradsuite.commands._options import PATH

FORMATS = ("table", "md", "json", "html")
EXCEEDED = 1


@click.command()
@click.argument("backend", shell_complete=registered("backend"))
@click.argument("experiment", nargs=-1, metavar="[EXPERIMENT]...", shell_complete=registered("experiment"))
@click.option(
    "--against",
    metavar="REF",
    required=True,
    help="Other state of the code: a git revision, a wheel, a folder to import from, or a virtual environment.",
)
@click.option("--preset", metavar="NAME", shell_complete=words("quick", "standard", "full"), help="Amount to measure.")
@click.option("--set", multiple=True, metavar="KEY=V1,V2", help="Setting and its values, in place of the preset's.")
@click.option("--device", metavar="NAME", shell_complete=words("cpu", "cuda", "mps"), help="Device to compute on.")
@click.option("--threads", type=int, metavar="N", help="Threads per worker (default: the number of cores).")
@click.option("--timeout", type=float, metavar="SECONDS", help="Time limit for one round of a trial (default: 600).")
@click.option("--fail-above", metavar="SHARE", help="Slowdown, such as 5%, above which the exit status is 1.")
@click.option(
    "--format",
    "kind",
    metavar="table|md|json|html",
    shell_complete=words(*FORMATS),
    help="Output format (default: table).",
)
@click.option("--out", metavar="DIR", type=PATH, help="Folder to make the run's folder in (default: results).")
def bench(
    backend: str, experiment: tuple[str, ...], against: str, fail_above: str | None, kind: str | None, **flags: Any
) -> int:
    """Compare BACKEND with another state of its code, measured in turn in one job.

    The other state is called BACKEND@REF; BACKEND@2, which is BACKEND in another worker, shows the noise. Without a
    name, all experiments that time a workload run in their quick preset, with 15 rounds. The exit status is 1 if
    --fail-above is given and an interval lies above it, and 2 if nothing could be compared.
    """
    from gradsuite.commands._ending import format_of
    from gradsuite.commands._percent import percent
    from gradsuite.plugins import load
    from gradsuite.report.comparison import shown_bench
    from gradsuite.running.bench import bench as benched
    from gradsuite.running.configuration import read_options

    threshold = None if fail_above is None else percent(fail_above, "--fail-above")
    chosen = format_of(kind, None, {name: name for name in FORMATS}, default="table")
    options = read_options({**flags, "experiment": list(experiment)})
    found = benched(
        backend, against, options, load(), lambda line: click.echo(line, err=True), threshold=threshold or 0.0
    )
    click.echo(shown_bench(found, chosen))
    return EXCEEDED if threshold is not None and found.ratios.exceeding else 0
