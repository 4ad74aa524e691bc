"""`gradsuite doctor`: what a timing here would be worth, and what would make it better."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from gradsuite.commands._completion import registered
from gradsuite.commands._options import several

if TYPE_CHECKING:
    from gradsuite.running.doctor import Diagnosis

FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")  # that decide about kernels


@click.command()
@several("--backend", complete=registered("backend"), help="Backend to examine (default: all that run by default).")
@click.option("--threads", type=int, metavar="N", help="Threads per worker (default: the number of cores).")
@click.option("--json", "as_json", is_flag=True, help="JSON object on standard output.")
def doctor(backend: tuple[str, ...], threads: int | None, as_json: bool) -> None:
    """Examine this machine: processor, BLAS of every backend, rates, noise.

    Takes about half a minute, and says what to change if something would pay.
    """
    from gradsuite.plugins import load
    from gradsuite.running.configuration import Configuration
    from gradsuite.running.doctor import examine

    diagnosis = examine(load(), backend, Configuration(threads=threads).threads)
    if as_json:
        click.echo(json.dumps(diagnosis.as_json(), indent=2))
    else:
        click.echo("\n\n".join(report(diagnosis)))


def report(diagnosis: "Diagnosis") -> Iterator[str]:
    """Yield the paragraphs of a diagnosis."""
    from gradsuite.commands._columns import columns

    about = diagnosis.machine
    features = [name for name in FEATURES if name in about["features"]]
    yield (
        f"{about['cpu']}: {about['cores']} cores, {about['threads']} threads per worker, {' '.join(features)}, "
        f"{about['memory'] / 2**30:.1f} GiB, {about['platform']}, {about['python']}"
    )
    rows: list[tuple[str, ...]] = [("backend", "GFLOP/s", "95% interval", "of the best", "cores busy")]
    for rate in sorted(diagnosis.rates, key=lambda rate: -rate.share):
        median, low, high = (f"{value / 1e9:.0f}" for value in (rate.rate.median, rate.rate.low, rate.rate.high))
        rows.append((rate.backend, median, f"{low} to {high}", f"{rate.share:.0%}", f"{rate.cores:.1f}"))
    failed = [f"{name}: not measured: {reason}" for name, reason in diagnosis.failures.items()]
    lost = [f"not available: {broken}" for broken in diagnosis.unavailable]
    yield "\n".join(["Matrix products, through the interface:", columns(rows), *failed, *lost])
    used = [(name, info.libraries or ("nothing that could be found",)) for name, info in diagnosis.backends.items()]
    lines = [(name if k == 0 else "", line) for name, libraries in used for k, line in enumerate(libraries)]
    yield f"What each worker computes with:\n{columns(lines)}"
    noise, conditions = diagnosis.noise, diagnosis.noise.conditions
    yield (
        f"Noise: half of the times of a fixed computation lie within {noise.spread:.1%} of their median, the slowest "
        f"is {noise.worst:.0%} above it; beside {noise.slow:.0%} of them the core ran far below its pace; load "
        f"{conditions.load:.1f}; other processes kept {conditions.neighbours / conditions.wall:.1f} cores busy; the "
        f"hypervisor took {conditions.steal / conditions.wall:.0%} of the time"
    )
    advice = list(diagnosis.advice()) or ["nothing to gain: no plugin knows of anything faster here, and it is quiet"]
    yield "Advice:\n" + "\n".join(f"- {line}" for line in advice)
