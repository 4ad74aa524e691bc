"""What `gradsuite run` can be asked: the flags that a study file and a project have as keys."""

from collections.abc import Callable
from functools import reduce
from typing import TypeVar

import click

from gradsuite.commands._completion import plugins, registered, runs, settings, studies, words
from gradsuite.commands._options import PATH, several

Decorated = TypeVar("Decorated", bound=Callable[..., object])

OPTIONS = (
    click.argument("experiment", nargs=-1, metavar="[EXPERIMENT... | FILE.toml]", shell_complete=studies),
    several(
        "--backend",
        complete=registered("backend"),
        help="Backend to measure (default: all that are installed, except peers).",
    ),
    click.option(
        "--preset",
        metavar="NAME",
        shell_complete=words("quick", "standard", "full"),
        help="Amount to measure: quick, standard (default) or full.",
    ),
    click.option(
        "--set",
        multiple=True,
        metavar="KEY=V1,V2",
        shell_complete=settings,
        help="Setting and its values, in place of the preset's.",
    ),
    click.option(
        "-k",
        "--select",
        multiple=True,
        metavar="GLOB",
        shell_complete=registered("experiment"),
        help="Experiments, backends or trials to run, of those asked for (default: all).",
    ),
    click.option(
        "--exclude",
        multiple=True,
        metavar="GLOB",
        shell_complete=registered("experiment"),
        help="Experiments, backends or trials to leave out.",
    ),
    click.option(
        "--device",
        metavar="NAME",
        shell_complete=words("cpu", "cuda", "mps"),
        help="Device to compute on, any that a backend claims (default: cpu).",
    ),
    click.option("--out", metavar="DIR", type=PATH, help="Folder to make the run's folder in (default: results)."),
    click.option(
        "--name", metavar="NAME", help="Name of the run, and of its folder (default: date, preset and a number)."
    ),
    click.option(
        "--resume", metavar="RUN", shell_complete=runs, help="Run whose missing and failed trials are measured."
    ),
    click.option("--threads", type=int, metavar="N", help="Threads per worker (default: the number of cores)."),
    click.option(
        "--tuned",
        is_flag=True,
        default=None,
        help="Settings that are faster here than the defaults, such as other kernels.",
    ),
    click.option(
        "--timeout", type=float, metavar="SECONDS", help="Time limit for one round of a trial (default: 600)."
    ),
    click.option(
        "--memory-limit",
        metavar="SIZE",
        help="Memory that a worker may take, such as 8G, 512MiB or 50% (default: 75% of the machine's).",
    ),
    click.option(
        "--jobs",
        type=int,
        metavar="N",
        help="Untimed trials measured side by side, a thread each (default: one of each backend, the threads shared).",
    ),
    click.option(
        "--shard",
        metavar="I/N",
        help="Part of the trials, one of N equal ones, such as 3/16; gradsuite merge puts them together.",
    ),
    click.option(
        "--log-level",
        metavar="LEVEL",
        shell_complete=words("debug", "info", "warning", "error"),
        help="Events that log.jsonl in the run's folder holds: debug, info (default), warning or error.",
    ),
    click.option(
        "--no-preflight",
        is_flag=True,
        default=None,
        help="Trials of a backend whose gradients are wrong measured too, instead of marked as invalid.",
    ),
    several("--no-plugin", complete=plugins, help="Plugin to block."),
    click.option(
        "--executor",
        metavar="local|dask",
        shell_complete=words("local", "dask"),
        help="Place where trials run (default: local).",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Address of the Dask scheduler, such as tcp://host:8786."),
)


def run_options(command: Decorated) -> Decorated:
    """Give a command all of these, in this order."""
    return reduce(lambda decorated, option: option(decorated), reversed(OPTIONS), command)
