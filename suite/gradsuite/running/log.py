"""The log of a run: in its folder, a line of JSON for each thing that happens, by the logging of Python.

Whoever runs something says so to LOGGER, with `event`; while a run is `logged`, its folder keeps it.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from gradsuite.experiment import FAILED, Result, Trial

FILE = "log.jsonl"
OLDER = 1  # files kept of what was written before
LARGEST = 8 * 2**20  # bytes of each file
LEVELS = ("debug", "info", "warning", "error")
LOGGER = logging.getLogger("gradsuite")
LOGGER.addHandler(logging.NullHandler())  # where no run is measured, as in `best`, Python would print warnings
Event = dict[str, Any]


class Lines(logging.Formatter):
    """A record as one line: when, how grave, what happened, and all that is known of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields: Mapping[str, Any] = getattr(record, "fields", {})
        return json.dumps({"time": moment, "level": record.levelname.lower(), "event": record.getMessage(), **fields})


class Kept(RotatingFileHandler):
    """A file of bounded size; one that can no longer be written costs the log alone, and nobody hears of it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name in `logging`
        """Do nothing: a full disk ends the run where a trial is stored, with a line that says so."""


def event(level: int, name: str, **fields: Any) -> None:
    """Say that something happened."""
    LOGGER.log(level, name, extra={"fields": fields})


def of_trial(trial: Trial) -> Event:
    """Return what tells a trial from all others."""
    return {
        "experiment": trial.experiment,
        "backend": trial.backend,
        "device": trial.device,
        "settings": dict(trial.settings),
    }


def trial_ended(trial: Trial, result: Result, **more: Any) -> None:
    """Say what became of a trial: a warning where something went wrong."""
    outcome = {"status": result.status, "reason": result.reason, "seconds": result.seconds}
    level = logging.WARNING if result.status in FAILED else logging.INFO
    event(level, "trial ended", **of_trial(trial), **outcome, **more)


@contextmanager
def logged(folder: Path, level: str) -> Iterator[None]:
    """Keep in this folder what happens meanwhile, down to this level."""
    handler = Kept(folder / FILE, maxBytes=LARGEST, backupCount=OLDER, encoding="utf-8", delay=True)
    handler.setFormatter(Lines())
    handler.setLevel(level.upper())
    before = LOGGER.level
    LOGGER.addHandler(handler)
    LOGGER.setLevel(level.upper())
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(before)
        handler.close()


def events(folder: Path) -> Iterator[Event]:
    """Yield what the log of a run holds, the oldest first; a line that was being written is none."""
    for path in (folder / f"{FILE}.{OLDER}", folder / FILE):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and isinstance(found.get("event"), str):
                yield found
