"""Repair: what can be read of a damaged run, in a new one. What was damaged stays as it is."""

import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradsuite.claims import Claim
from gradsuite.errors import UserError
from gradsuite.runs.damage import require_sound, version_of
from gradsuite.runs.database import FILE
from gradsuite.runs.names import located
from gradsuite.runs.outcome import Stored
from gradsuite.runs.repairing.recovered import claims_of, meta_of, trials_of
from gradsuite.runs.repairing.salvage import Salvaged, indexed, opened, salvaged, tables
from gradsuite.runs.store import Run


@dataclass(slots=True)
class Repair:
    """What was saved: the new run, how many trials, measurements and claims it has, and what was lost, in words."""

    run: Run
    trials: int
    measurements: int
    claims: int
    lost: list[str]


@dataclass(slots=True)
class Found:
    """What can be read of a damaged file, in the form of now."""

    meta: dict[str, Any] = field(default_factory=dict)
    trials: list[Stored] = field(default_factory=list)
    claims: dict[tuple[str, str], list[Claim]] = field(default_factory=dict)  # by experiment and machine
    lost: list[str] = field(default_factory=list)


def damage_of(folder: Path) -> str:
    """Return what is wrong with a run, or nothing. Raises UserError where there is no file of a run's."""
    if not (folder / FILE).is_file():
        raise UserError(f"{str(folder)!r} is no run: it has no {FILE}")
    try:
        version = version_of(folder)
        require_sound(folder, version, up_to=math.inf)
        run = Run(folder, version)
        run.trials(), run.measurements(), run.claims()  # a text may be none that can be read
    except UserError as error:
        return str(error)
    return ""


def repair(path: str | Path, out: str | Path | None = None) -> Repair:
    """Put what can be read of a run into a new one, by default beside it, with `-repaired` to its name.

    A trial whose measurements may be incomplete becomes an `error`, which --resume measures again. Raises UserError if
    the run is not damaged, if nothing can be read, or if the new folder has something in it.
    """
    folder = located(path)
    if not damage_of(folder):
        raise UserError(f"{str(folder)!r} is not damaged: there is nothing to repair")
    target = Path(out) if out else folder.with_name(f"{folder.resolve().name}-repaired")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{str(target)!r} is there already: choose another folder with --out")
    with opened(folder) as connection:
        found = read(connection)
    if not found.trials:
        raise UserError(f"nothing can be saved of {str(folder)!r}: no trial in its {FILE} can be read")
    run = Run.create(target, found.meta)
    run.take(found.trials)
    for (experiment, machine), claims in found.claims.items():
        run.part(machine or None).keep_claims(experiment, claims)
    counted = sum(len(list(trial.rows)) for trial in found.trials)
    return Repair(run, len(found.trials), counted, sum(map(len, found.claims.values())), found.lost)


def read(connection: sqlite3.Connection) -> Found:
    """Return what can be read, of any format."""
    known, found = tables(connection), Found()
    old = "cells" if "cells" in known else "trials"  # as format 1 called them
    found.meta = meta_of(_salvaged(connection, known, "meta"), found.lost)
    trials = _salvaged(connection, known, old)
    rows = _salvaged(connection, known, "measurements")
    kind = old.removesuffix("s")
    found.trials = list(trials_of(trials, rows, kind, indexed(connection, kind), found.lost))
    claims = _salvaged(connection, known, "claims")
    for claim, machine in claims_of(claims, found.lost):
        found.claims.setdefault((claim.experiment, machine), []).append(claim)
    return found


def _salvaged(connection: sqlite3.Connection, known: Mapping[str, Sequence[str]], table: str) -> Salvaged:
    return salvaged(connection, table, known[table]) if table in known else Salvaged((), gaps=[0])
