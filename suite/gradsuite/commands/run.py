"""`gradsuite run`: the main job."""

from typing import Any

import click

from gradsuite.commands._completion import registered, words

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


@click.command()
@click.argument("experiment", nargs=-1, metavar="[EXPERIMENT... | FILE.toml]", shell_complete=registered("experiment"))
@click.option(
    "--backend",
    multiple=True,
    metavar="NAME",
    shell_complete=registered("backend"),
    help="Backend to measure (default: all that are installed, except peers).",
)
@click.option(
    "--preset",
    metavar="NAME",
    shell_complete=words("quick", "standard", "full"),
    help="Amount to measure: quick, standard (default) or full.",
)
@click.option("--set", multiple=True, metavar="KEY=V1,V2", help="Setting and its values, in place of the preset's.")
@click.option(
    "--device",
    metavar="NAME",
    shell_complete=words("cpu", "cuda", "mps"),
    help="Device to compute on, any that a backend claims (default: cpu).",
)
@click.option("--out", metavar="DIR", type=click.Path(), help="Folder to make the run's folder in (default: results).")
@click.option("--resume", metavar="RUN", type=click.Path(), help="Run whose missing and failed trials are measured.")
@click.option("--threads", type=int, metavar="N", help="Threads per worker (default: the number of cores).")
@click.option(
    "--tuned",
    is_flag=True,
    default=None,
    help="Settings that are faster here than the defaults, such as other kernels.",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Time limit for one round of a trial (default: 600).")
@click.option(
    "--no-preflight",
    is_flag=True,
    default=None,
    help="Trials of a backend whose gradients are wrong measured too, instead of marked as invalid.",
)
@click.option("--no-plugin", multiple=True, metavar="NAME", help="Plugin to block.")
@click.option(
    "--executor",
    metavar="local|dask",
    shell_complete=words("local", "dask"),
    help="Place where trials run (default: local).",
)
@click.option("--scheduler", metavar="ADDRESS", help="Address of the Dask scheduler, such as tcp://host:8786.")
@click.option("--strict", is_flag=True, help="Exit status 1 if a claim fails or gradients are wrong.")
def run(strict: bool, **flags: Any) -> int:
    """Run experiments over backends and write a report.

    Without a name, all experiments of the preset run on all available backends. A FILE.toml holds the same flags
    under the same names (`experiment`, `backend`, `preset`, `[set]`, ...); flags on the command line override it. The
    last line printed is the run's folder.
    """
    from gradsuite.commands._columns import table_text
    from gradsuite.commands._answers import ending
    from gradsuite.plugins import load
    from gradsuite.running.configuration import Configuration, read_options
    from gradsuite.running.job import Job, resuming
    from gradsuite.runs.store import Run

    options = read_options(flags)
    unfinished = Run.open(options.pop("resume")) if "resume" in options else None
    if unfinished:
        unfinished.require_current("resumed")
    configuration = Configuration.resumed(unfinished.meta, options) if unfinished else Configuration.make(options)
    job = Job(configuration, load(configuration.no_plugin), lambda line: click.echo(line, err=True))
    done, complete = job.run(unfinished)
    if not complete:
        click.echo(f"interrupted; {resuming(done)}", err=True)
    published = complete and job.publish(done)
    for table in job.tables(done) if complete else ():
        click.echo(f"{table.title}\n{table_text(table)}\n")
    judged = done.claims()
    if complete:
        click.echo(ending(done, job.plugins))
    click.echo(done.path)
    failed = strict and ((judged["verdict"] == "fails").any() or done.meta.get("preflight"))
    return INTERRUPTED if not complete else 0 if published and not failed else 1
