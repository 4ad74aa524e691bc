"""`gradsuite check`: every gradient of a backend against an independent oracle."""

import click

from gradsuite.commands._completion import registered, words


@click.command()
@click.argument("backend", shell_complete=registered("backend"))
@click.option(
    "--dtype",
    multiple=True,
    metavar="NAME",
    shell_complete=words("float64", "float32", "bfloat16", "float16"),
    help="Dtype to check (default: all that the backend claims).",
)
@click.option(
    "--device",
    multiple=True,
    metavar="NAME",
    shell_complete=words("cpu", "cuda", "mps"),
    help="Device to check, any that the backend claims (default: all of them).",
)
@click.option("--json", "as_json", is_flag=True, help="JSON array on standard output.")
def check(backend: str, dtype: tuple[str, ...], device: tuple[str, ...], as_json: bool) -> int:
    """Check BACKEND against every promise of the interface, in every dtype and on every device that it claims.

    Prints one line per check: verdict, measured error, its bound, and what was measured. Exit status 1 if any fails.
    """
    import json
    from collections import Counter

    from gradsuite.worker.loading import load_backend, require

    subject = load_backend(backend)
    from gradsuite.conformance import VERDICTS, examine, row  # imports NumPy: only now

    require(subject.describe(), device, dtype)
    results = []
    for result in examine(subject, device, dtype):
        results.append(result)
        if not as_json:
            click.echo(result)
    if as_json:
        click.echo(json.dumps([row(result) for result in results], indent=2, allow_nan=False))
    else:
        count = Counter(result.verdict for result in results)
        click.echo(", ".join(f"{count[verdict]} {verdict}" for verdict in VERDICTS))
    return 1 if any(result.verdict == "failed" for result in results) else 0
