"""`gradsuite claims`: what a run proved and disproved."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("run", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array; what is not finite is null.")
def claims(run: str, as_json: bool) -> None:
    """List a run's claims and their verdicts.

    Each has a sentence, a source, the expected value, what every backend measured, and the tolerance.
    """
    from gradsuite.runs.store import Run

    judged = Run.open(run).claims()
    click.echo(judged.to_json(orient="records", indent=2, double_precision=15) if as_json else claims_table(judged))


def claims_table(judged: "pd.DataFrame") -> str:
    """Return claims as text: one line each, and how many hold."""
    from gradsuite.commands._columns import columns

    header = ("verdict", "experiment", "backend", "expected", "measured", "tolerance", "claim", "source")
    rows: list[tuple[str, ...]] = [header]
    for claim in judged.to_dict("records"):
        relation = "" if claim["relation"] == "=" else f"{claim['relation']} "
        numbers = (f"{relation}{claim['expected']:.6g}", f"{claim['measured']:.6g}", f"{claim['tolerance']:.2g}")
        first, last = ("verdict", "experiment", "backend"), ("sentence", "source")
        rows.append((*(claim[name] for name in first), *numbers, *(claim[name] for name in last)))
    held = int((judged["verdict"] == "holds").sum())
    return f"{columns(rows)}\n{held} of {len(judged)} claims hold"
