"""Rows of a damaged run as trials, measurements, claims and meta data: those that are whole, and what was lost."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from gradsuite.claims import Claim, Resolution, Source
from gradsuite.experiment import STATUSES, Result, Trial
from gradsuite.rows import Measurement
from gradsuite.runs.formats import MEASURED, TRIAL_COLUMNS
from gradsuite.runs.meta import misshapen
from gradsuite.runs.outcome import Stored, measured, outcome
from gradsuite.runs.repairing.salvage import LOST, Salvaged

DAMAGED = "its measurements were damaged: gradsuite run --resume measures it again"
Record = Mapping[str, Any]
DEFAULTS: Record = {**dict.fromkeys(MEASURED), "unit": "", "note": ""}  # of what older formats had no column for


def meta_of(stored: Salvaged, lost: list[str]) -> dict[str, Any]:
    """Return the meta data that have their form."""
    meta: dict[str, Any] = {}
    for record in stored.records():
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            meta[str(record["name"])] = json.loads(record["value"])
    while name := misshapen(meta):
        del meta[name]
        lost.append(f"what the run says of its {name!r}")
    if "configuration" not in meta:
        lost.append("what the run was asked for, without which it cannot be resumed")
    return meta


def trials_of(
    stored: Salvaged, rows: Salvaged, kind: str, indexed: Mapping[int, int], lost: list[str]
) -> Iterator[Stored]:
    """Yield the trials with their measurements; those that may lack some as errors.

    `indexed` is how many each has, as the index says, which lies on other pages than they do.
    """
    by_trial, doubtful = measurements_of(rows, kind)
    doubtful |= {trial for trial, count in indexed.items() if len(by_trial.get(trial, ())) < count}
    lacking = bool(rows.gaps) or not by_trial
    damaged, incomplete, taken = 0, 0, set()
    for record in stored.records():
        trial = trial_of(record)
        identity = (record.get("key"), record.get("machine", ""))
        if trial is None or identity in taken:
            damaged += 1
            continue
        taken.add(identity)
        measurements = by_trial.pop(record["rowid"], [])
        result = Result(record["status"], tuple(measurements), record["reason"], record["stderr"], record["seconds"])
        missing = result.status == "ok" and not measurements and lacking
        if record["rowid"] in doubtful or missing:
            incomplete += 1
            result = Result("error", reason=DAMAGED, seconds=record["seconds"])
        whose = (str(record.get("machine", "")), str(record.get("run", "")))
        whole = outcome(trial, record["key"], result)
        yield Stored((*whole.trial[: -len(whose)], *whose), whole.rows)
    if incomplete:
        lost.append(f"measurements of {counted(incomplete, 'trial')}, which gradsuite run --resume measures again")
    if gone := max(len(by_trial), damaged + len(stored.gaps)):
        lost.append(f"{counted(gone, 'trial')} or more")


def measurements_of(rows: Salvaged, kind: str) -> tuple[dict[int, list[Measurement]], set[int]]:
    """Return measurements by trial, and the trials that may lack some: those beside a gap, or with a damaged row."""
    by_trial: dict[int, list[Measurement]] = {}
    doubtful: set[int] = set()
    for record in rows.records():
        trial = record.get(f"{kind}_id")
        if not isinstance(trial, int):
            continue
        fields: dict[str, Any] = {name: record.get(name, DEFAULTS[name]) for name in MEASURED}
        made = Measurement(**fields | {"value": _number(fields["value"])})
        by_trial.setdefault(trial, []).append(made)
        try:
            measured([made])
            sound = LOST not in made.metric + made.unit
        except ValueError:
            sound = False
        if not sound:
            doubtful.add(trial)
    if f"{kind}_id" in rows.columns:
        whose = rows.columns.index(f"{kind}_id")
        beside = {place for gap in rows.gaps for place in (gap - 1, gap) if 0 <= place < len(rows.rows)}
        doubtful |= {rows.rows[place][1][whose] for place in beside}
    return by_trial, doubtful


def trial_of(record: Record) -> Trial | None:
    """Return the trial in a row, or None if it is not whole."""
    texts = [record.get(name) for name in TRIAL_COLUMNS[:5]]
    if not all(isinstance(text, str) and LOST not in text for text in texts) or record.get("status") not in STATUSES:
        return None
    try:
        settings = json.loads(record["settings"])
    except (ValueError, RecursionError):
        return None
    said = all(isinstance(record.get(name), str) for name in ("reason", "stderr"))
    if not isinstance(settings, dict) or any(isinstance(value, dict | list) for value in settings.values()):
        return None
    if not said or not isinstance(record.get("seconds"), int | float):
        return None
    return Trial(record["experiment"], record["backend"], record["device"], settings)


def claims_of(stored: Salvaged, lost: list[str]) -> Iterator[tuple[Claim, str]]:
    """Yield the claims that are whole, with the machine that they are of; a run is judged anew by gradsuite report."""
    damaged, taken = len(stored.gaps), set()
    for record in stored.records():
        claim = claim_of(record)
        machine = str(record.get("machine", ""))
        if claim is None or (claim.name, claim.backend, machine) in taken:
            damaged += 1
            continue
        taken.add((claim.name, claim.backend, machine))
        yield claim, machine
    if damaged:
        lost.append(f"{counted(damaged, 'claim')} or more, which gradsuite report judges again")


def claim_of(record: Record) -> Claim | None:
    """Return the claim in a row, or None if it is not whole."""
    texts = [record.get(name) for name in ("name", "backend", "sentence", "source", "relation")]
    if not all(isinstance(text, str) and LOST not in text for text in texts):
        return None
    try:
        claim = Claim(
            name=record["name"],
            backend=record["backend"],
            sentence=record["sentence"],
            source=Source(record["source"], bool(record.get("checked", True))),
            expected=_number(record.get("expected")),
            measured=_number(record.get("measured")),
            tolerance=_number(record.get("tolerance")),
            resolution=Resolution(_number(record.get("resolution")), str(record.get("quantity") or "")),
            relation=record["relation"],
        )
        claim.row()  # it has a verdict, and numbers where they belong
    except (ValueError, TypeError, KeyError):
        return None
    return claim


def counted(number: int, noun: str) -> str:
    """Return how many there are, in words."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _number(value: Any) -> Any:
    """Return a stored number: NaN is stored as null."""
    return float("nan") if value is None else value
