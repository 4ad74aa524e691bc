"""The folder of a new run."""

from collections.abc import Mapping
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from gradsuite.errors import UserError, cause
from gradsuite.runs.database import FILE
from gradsuite.runs.store import Run


def new_run(folder: str, preset: str, name: str | None, meta: Mapping[str, Any]) -> Run:
    """Make a run with this name, or one of its own even when two start at once: date, preset, first free number.

    It is there with its meta data or not at all, whenever this process ends. Raises UserError.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        if name is not None:
            return Run.create(named(Path(folder) / name), meta)
        for number in count(1):
            path = Path(folder) / f"{date.today().isoformat()}-{preset}-{number}"
            if not path.exists():
                try:
                    path.mkdir()
                    break
                except FileExistsError:
                    continue
    except OSError as error:
        raise UserError(f"cannot write into {folder!r}: {cause(error)}; choose another folder with --out") from error
    return Run.create(path, meta)


def named(path: Path) -> Path:
    """Make the folder of a run whose name was chosen. Raises UserError if there is one.

    One without anything is taken: it is of a run that was stopped before it was there.
    """
    try:
        path.mkdir()
    except FileExistsError as error:
        if not path.is_dir() or not all(one.name.startswith(f".{FILE}") for one in path.iterdir()):
            raise UserError(
                f"{str(path)!r} is there already: choose another --name, or type --resume {path}"
            ) from error
    return path
