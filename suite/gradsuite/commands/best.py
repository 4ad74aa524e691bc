"""`gradsuite best`: which backend is fastest for given sizes, here and now."""

import time
from typing import Any

import click

from gradsuite.commands._completion import registered, words
from gradsuite.commands._options import several

FORMATS = ("table", "md", "json", "html")


@click.command()
@click.option("--cell", metavar="NAME", shell_complete=registered("cell"), help="Cell of the network, such as lstm.")
@click.option("--hidden-size", metavar="N", help="Units per layer.")
@click.option("--length", metavar="N", help="Time steps.")
@click.option("--batch-size", metavar="N", help="Sequences or examples per batch.")
@click.option("--set", multiple=True, metavar="KEY=VALUE", help="Any other setting of the experiment that times.")
@several("--backend", complete=registered("backend"), help="Backend to time.")
@click.option("--device", default="cpu", metavar="NAME", shell_complete=words("cpu", "cuda", "mps"), help="Device.")
@click.option("--threads", type=int, metavar="N", help="Threads per worker (default: the number of cores).")
@click.option(
    "--budget", type=float, default=30.0, metavar="SECONDS", help="Time to answer in, starts included (default: 30)."
)
@click.option("--format", "kind", metavar="table|md|json|html", shell_complete=words(*FORMATS), help="Output format.")
def best(
    set: tuple[str, ...],  # noqa: A002  the flag's name
    backend: tuple[str, ...],
    device: str,
    threads: int | None,
    budget: float,
    kind: str | None,
    **sizes: Any,
) -> None:
    """Find the backend that is fastest for a network of these sizes, measured now.

    All backends that are installed, or those named, are timed in turn, round by round, until one is seen to be the
    fastest or the budget is spent. Where it is too small for the length, a shorter one is measured, and one that is far
    behind leaves after a sample. Gradients are not checked: gradsuite check.
    """
    began = time.monotonic()  # before NumPy and pandas are imported
    from gradsuite.commands._ending import format_of
    from gradsuite.errors import UserError
    from gradsuite.machine.facts import machine
    from gradsuite.plugins import load
    from gradsuite.report.ranking import shown
    from gradsuite.running.best import BUDGET
    from gradsuite.running.best import best as found
    from gradsuite.running.configuration import THREADS, parse_changes

    chosen = format_of(kind, None, {name: name for name in FORMATS}, default="table")
    BUDGET.parse(budget)
    if threads is not None:
        THREADS.parse(threads)
    asked = {name: value for name, value in sizes.items() if value is not None}
    for name, values in parse_changes(set).items():
        if len(values) != 1:
            raise UserError(f"gradsuite best times one workload: --set {name}=VALUE, not {len(values)} values")
        asked[name] = values[0]
    result = found(asked, load(), machine(threads), backends=backend, device=device, budget=budget, began=began)
    click.echo(shown(result, chosen))
