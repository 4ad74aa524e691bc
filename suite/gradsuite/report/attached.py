"""The data that a page brings along: each section's measurements as compressed CSV, as far as there is room."""

import gzip
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from gradsuite.report.section import Data, Section
from gradsuite.runs.export import write_csv
from gradsuite.runs.store import Run

if TYPE_CHECKING:
    import pandas as pd

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


def attachments(sections: Iterable[Section]) -> dict[str, Attachment]:
    """Return the data of each section of an experiment that measured something; small files first find room."""
    data = {section.name: section.data for section in sections if section.data.rows}
    room, made = ROOM, {}
    for name, one in sorted(data.items(), key=lambda entry: len(entry[1].packed) or ROOM):
        address = f"data:application/gzip;base64,{b64encode(one.packed).decode()}" if one.packed else ""
        if not one.packed or len(address) > room:
            made[name] = Attachment(f"{name}.csv.gz", one.rows)
            continue
        room -= len(address)
        made[name] = Attachment(f"{name}.csv.gz", one.rows, len(one.packed), address)
    return made


def data(frame: "pd.DataFrame") -> Data:
    """Return an experiment's measurements as a file, if they are not too many."""
    rows = frame[frame["metric"].notna()]
    if not 0 < len(rows) <= ROWS:
        return Data(len(rows))
    shown = rows.drop(columns=[name for name in LEFT_OUT if name in rows]).dropna(axis="columns", how="all")
    values = rows["value"].map(lambda value: float(f"{value:.{DIGITS}g}"))
    text = BytesIO()
    write_csv(shown.assign(value=values), text)
    return Data(len(rows), gzip.compress(text.getvalue(), mtime=0))


def stored_data(run: Run, experiment: str) -> Data:
    """Return the same of what a run holds: more rows than that are not even read."""
    count = run.count(experiment)
    return data(run.frame(experiment)) if count <= ROWS else Data(count)
