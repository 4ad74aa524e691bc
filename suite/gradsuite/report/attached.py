"""The data that a page brings along: each section's measurements as compressed CSV, as far as there is room."""

import gzip
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO

from gradsuite.runs.export import write_csv
from gradsuite.runs.store import Run

ROOM = 600_000  # bytes of a page of 2 MB that its data may take, as they are written in it
DIGITS = 5  # of a value: what a reader checks a figure with; the run's own file has them all
ROWS = 50_000  # of one experiment: more are not compressed to see whether there is room
LEFT_OUT = ("experiment", "settings", "key")  # the name of the file; columns of their own; of use in the run alone


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file in a page: its name, the address that holds it, its size in bytes; no address where there is no room."""

    name: str
    rows: int
    size: int = 0
    address: str = ""


def attachments(run: Run, experiments: Iterable[str]) -> dict[str, Attachment]:
    """Return the data of each section of an experiment that measured something; small files first find room.

    An experiment of a merged run has a section, and a file, for each machine.
    """
    parts = {name + part.tag: (part, name) for name in experiments for part in run.parts(name)}
    counts = {section: count for section, (part, name) in parts.items() if (count := part.count(name))}
    packed = {section: _packed(*parts[section]) if count <= ROWS else b"" for section, count in counts.items()}
    room, made = ROOM, {}
    for name, content in sorted(packed.items(), key=lambda entry: len(entry[1]) or ROOM):
        address = f"data:application/gzip;base64,{b64encode(content).decode()}" if content else ""
        if not content or len(address) > room:
            made[name] = Attachment(f"{name}.csv.gz", counts[name])
            continue
        room -= len(address)
        made[name] = Attachment(f"{name}.csv.gz", counts[name], len(content), address)
    return made


def _packed(run: Run, experiment: str) -> bytes:
    """Return the file of an experiment's measurements."""
    frame = run.frame(experiment)
    rows = frame[frame["metric"].notna()]
    shown = rows.drop(columns=[name for name in LEFT_OUT if name in rows]).dropna(axis="columns", how="all")
    values = rows["value"].map(lambda value: float(f"{value:.{DIGITS}g}"))
    text = BytesIO()
    write_csv(shown.assign(value=values), text)
    return gzip.compress(text.getvalue(), mtime=0)
