"""`gradsuite claims`: what a run proved and disproved."""

from typing import TYPE_CHECKING

import click

from gradsuite.commands._completion import runs

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("run", shell_complete=runs)
@click.option("--failed", is_flag=True, help="Claims that fail, and no others.")
@click.option("--strict", is_flag=True, help="Exit status 1 if a claim fails, or if there is none.")
@click.option(
    "--json", "as_json", is_flag=True, help="JSON array on standard output; numbers that are not finite are null."
)
def claims(run: str, failed: bool, strict: bool, as_json: bool) -> int:
    """List a run's claims and their verdicts.

    Each has a name, a sentence, a source, the expected value, what every backend measured, the tolerance, and the
    smallest fault that it is sure to notice.
    """
    from gradsuite.runs.store import Run

    judged = Run.open(run).claims()
    fails = judged["verdict"] == "fails"
    shown = judged[fails] if failed else judged
    if as_json:
        click.echo(claims_json(shown))
    else:
        click.echo("\n".join([*([claims_table(shown)] if len(shown) else []), count(judged)]))
    if strict and judged.empty:
        click.echo("no success: nothing was claimed", err=True)
    return 1 if strict and (judged.empty or fails.any()) else 0


def count(judged: "pd.DataFrame") -> str:
    """Return how many claims hold, in words."""
    return f"{int((judged['verdict'] == 'holds').sum())} of {len(judged)} claims hold"


def claims_json(judged: "pd.DataFrame") -> str:
    """Return claims as a JSON array, every number exact; JSON has none that are not finite: those are null."""
    import json
    import math

    def finite(value: object) -> object:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    records = [{name: finite(value) for name, value in claim.items()} for claim in judged.to_dict("records")]
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False)


def claims_table(judged: "pd.DataFrame") -> str:
    """Return claims as text: one line each, and a note on sources that could not be read."""
    from gradsuite.claims import Resolution
    from gradsuite.commands._columns import columns

    rows: list[tuple[str, ...]] = [
        ("verdict", "claim", "backend", "expected", "measured", "tolerance", "notices", "sentence", "source")
    ]
    for claim in judged.to_dict("records"):
        relation = "" if claim["relation"] == "=" else f"{claim['relation']} "
        numbers = (f"{relation}{claim['expected']:.6g}", f"{claim['measured']:.6g}", f"{claim['tolerance']:.2g}")
        source = claim["source"] + ("" if claim["checked"] else " [*]")
        notices = str(Resolution(claim["resolution"], claim["quantity"]))
        rows.append((claim["verdict"], claim["name"], claim["backend"], *numbers, notices, claim["sentence"], source))
    note = [] if judged["checked"].all() else ["[*] known from other texts: the source itself could not be read"]
    return "\n".join([columns(rows), *note])
